package sampler

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// steering is what a draw takes from a [Config] beside the temperature. The zero
// value leaves the probabilities alone.
type steering struct {
	greedy     bool
	topK       int
	topP, minP float64
}

// rank orders the levels by d.weights, which hold logits: the likeliest first, equal
// ones by level.
func (d *drawer) rank() {
	for k := range d.order {
		d.order[k] = k
	}
	w := d.weights
	slices.SortFunc(d.order, func(a, b int) int { return cmp.Or(cmp.Compare(w[b], w[a]), a-b) })
}

// filter zeroes the weights that the filters leave out, and returns the sum of the
// others. The largest weight is 1 and stays.
//
// They apply one after the other: the topK likeliest; of those, renormalised, the
// fewest likeliest that have a probability of topP together (Holtzman et al., "The
// Curious Case of Neural Text Degeneration", 2020); of those, the ones with at least
// minP times the probability of the likeliest (Nguyen et al., "Turning Up the Heat:
// Min-p Sampling", 2024).
//
// The result is a tie where logits that are off by delta could have left out others.
func (d *drawer) filter(delta float64) (sum float64, tie bool) {
	s, w := d.steering, d.weights
	reach := d.reach(delta) // a ratio of weights moves by no more
	keep := len(w)
	if s.topK > 0 {
		keep = min(keep, s.topK)
	}
	if s.topP > 0 && s.topP < 1 {
		mass := 0.0
		for _, k := range d.order[:keep] {
			mass += w[k]
		}
		have := 0.0
		for i, k := range d.order[:keep] {
			have += w[k]
			c := have / mass
			tie = tie || math.Abs(c-s.topP) <= reach*c*(1-c)
			if c >= s.topP {
				keep = i + 1
				break
			}
		}
	}
	// Two levels of about the same rank, one on either side of the cut.
	if keep < len(w) {
		in, out := w[d.order[keep-1]], w[d.order[keep]]
		tie = tie || in > 0 && out >= in/(1+reach)
	}
	if s.minP > 0 {
		for keep > 1 && w[d.order[keep-1]] < s.minP {
			keep--
			tie = tie || w[d.order[keep]] >= s.minP/(1+reach)
		}
		tie = tie || keep > 1 && w[d.order[keep-1]]/(1+reach) <= s.minP
	}
	for i, k := range d.order {
		if i >= keep {
			w[k] = 0
		}
		sum += w[k]
	}
	return sum, tie
}

// temperatures is the temperature of each pixel, row-major: by row in equal steps
// from that of the first row to that of the last. It is nil where all are alike.
func (c Config) temperatures(height, width int) []float64 {
	if c.TemperatureEnd == 0 || c.TemperatureEnd == c.Temperature || height == 1 {
		return nil
	}
	t := make([]float64, 0, height*width)
	least, greatest := min(c.Temperature, c.TemperatureEnd), max(c.Temperature, c.TemperatureEnd)
	for y := range height {
		share := float64(y) / float64(height-1)
		row := float64(c.Temperature*(1-share)) + float64(c.TemperatureEnd*share)
		row = min(max(row, least), greatest) // rounding could make it 0 or infinite
		for range width {
			t = append(t, row)
		}
	}
	return t
}

// checkSteering validates the settings that choose a level, but for those that need
// the model.
func (c Config) checkSteering() error {
	for _, t := range []struct {
		name  string
		value float64
	}{{"temperature", c.Temperature}, {"temperature end", c.TemperatureEnd}} {
		if t.value < 0 || math.IsNaN(t.value) || math.IsInf(t.value, 0) {
			return fmt.Errorf("%w: %s is %g, must be a positive number", ErrConfig, t.name, t.value)
		}
	}
	if c.TopK < 0 {
		return fmt.Errorf("%w: top-k is %d, must not be negative", ErrConfig, c.TopK)
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"top-p", c.TopP}, {"min-p", c.MinP}} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("%w: %s is %g, must be from 0 to 1", ErrConfig, p.name, p.value)
		}
	}
	if c.Greedy {
		for _, f := range []struct {
			name string
			set  bool
		}{
			{"temperature", c.Temperature != 0},
			{"temperature end", c.TemperatureEnd != 0},
			{"top-k", c.TopK != 0},
			{"top-p", c.TopP != 0},
			{"min-p", c.MinP != 0},
		} {
			if f.set {
				return fmt.Errorf("%w: greedy and %s exclude each other: greedy takes the likeliest level", ErrConfig, f.name)
			}
		}
	}
	return nil
}

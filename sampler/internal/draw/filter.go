package draw

import (
	"cmp"
	"math"
	"slices"
)

// rank orders the levels: the likeliest first, equal ones by level.
func (d *Drawer) rank() {
	for k := range d.order {
		d.order[k] = k
	}
	slices.SortFunc(d.order, func(a, b int) int { return cmp.Or(cmp.Compare(d.logs[b], d.logs[a]), a-b) })
}

// filter zeroes the weights that the filters leave out, and returns the sum of the
// others. The largest weight is 1 and stays.
//
// They apply one after the other: the TopK likeliest; of those, renormalised, the
// fewest likeliest that have a probability of TopP together (Holtzman et al., "The
// Curious Case of Neural Text Degeneration", 2020); of those, the ones with at least
// MinP times the probability of the likeliest (Nguyen et al., "Turning Up the Heat:
// Min-p Sampling", 2024).
//
// The result is a tie where log-probabilities that are off by delta could have left out
// others.
func (d *Drawer) filter(delta float64) (sum float64, tie bool) {
	p, w := &d.how.Parameters, d.weights
	reach := d.reach(delta) // a ratio of weights moves by no more
	keep := len(w)
	if p.TopK > 0 {
		keep = min(keep, p.TopK)
	}
	if p.TopP > 0 && p.TopP < 1 {
		mass := 0.0
		for _, k := range d.order[:keep] {
			mass += w[k]
		}
		have := 0.0
		for i, k := range d.order[:keep] {
			have += w[k]
			c := have / mass
			tie = tie || math.Abs(c-p.TopP) <= reach*c*(1-c)
			if c >= p.TopP {
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
	if p.MinP > 0 {
		for keep > 1 && w[d.order[keep-1]] < p.MinP {
			keep--
			tie = tie || w[d.order[keep]] >= p.MinP/(1+reach)
		}
		tie = tie || keep > 1 && w[d.order[keep-1]]/(1+reach) <= p.MinP
	}
	for i, k := range d.order {
		if i >= keep {
			w[k] = 0
		}
		sum += w[k]
	}
	return sum, tie
}

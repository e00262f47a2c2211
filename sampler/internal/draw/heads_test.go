package draw

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

// mixtureOutputs are random ones: means about the levels, scales from sharp to broad.
func mixtureOutputs(rng *rand.Rand, m likelihood.Mixture) []float64 {
	o := make([]float64, m.Outputs())
	k := m.Components
	for i := range o {
		o[i] = rng.NormFloat64()
	}
	for c := range m.Symbols() {
		own := o[k+c*(len(o)-k)/m.Symbols():]
		for i := range k {
			own[i] = rng.NormFloat64() / 2
			own[k+i] = -8 * rng.Float64()
		}
	}
	return o
}

// TestHeadTies: where outputs within the rounding of an engine would have drawn another
// level, the draw is a near tie, for every head and whatever the parameters.
func TestHeadTies(t *testing.T) {
	for _, c := range []struct {
		name string
		head likelihood.Head
	}{
		{"Bernoulli", likelihood.Bernoulli{Channels: 3}},
		{"categorical", likelihood.Categorical{Depth: 6, Channels: 3}},
		{"mixture", likelihood.Mixture{Depth: 256, Components: 3}},
		{"mixture of few levels", likelihood.Mixture{Depth: 4, Channels: 3, Components: 2}},
		{"RGB mixture", likelihood.Mixture{Depth: 256, Channels: 3, Components: 5}},
	} {
		levels := c.head.Levels()
		for _, p := range []Parameters{
			{}, {Temperature: 0.7}, {Temperature: 3}, {Temperature: 1e-4}, {Greedy: true},
			{TopK: 2}, {TopK: 2, Temperature: 0.9}, {TopP: 0.8}, {MinP: 0.3}, {TopK: levels - 1, TopP: 0.9, MinP: 0.01},
		} {
			how, err := p.For(c.head, 1)
			if err != nil {
				continue // as many levels there are not
			}
			rng := rand.New(rand.NewPCG(6, 0))
			d, other := NewDrawer(c.head), NewDrawer(c.head)
			ties, changed := 0, 0
			n := 300 + 10000/levels
			for i := range n {
				o := make([]float64, c.head.Outputs())
				for k := range o {
					o[k] = 2 * rng.NormFloat64()
				}
				if m, ok := c.head.(likelihood.Mixture); ok {
					o = mixtureOutputs(rng, m)
				}
				off := make([]float64, len(o))
				for k, x := range o {
					// As far apart as two engines may be, most of the time.
					off[k] = x + likelihood.Rounding*(1+math.Abs(x))*max(-1, min(1, 2*rng.NormFloat64()))
				}
				earlier := make([]uint16, i%c.head.Symbols())
				for k := range earlier {
					earlier[k] = uint16(rng.IntN(levels))
				}
				u := rng.Float64()
				if !how.Greedy && i%2 == 0 { // next to a boundary
					u = boundary(d, how, o, earlier, u)
					u = max(0, min(u+1e-5*rng.NormFloat64(), math.Nextafter(1, 0)))
				}
				level := d.Level(how, how.Temperature, o, earlier, u)
				again := other.Level(how, how.Temperature, off, earlier, u)
				if d.tie && i%2 == 1 {
					ties++
				}
				if again != level {
					changed++
					if !d.tie && !other.tie {
						t.Fatalf("%s, %+v: u = %v: level %d, of outputs that are off %d, and no near tie: %v after %v", c.name, p, u, level, again, o, earlier)
					}
				}
			}
			t.Logf("%-22s %+v: %d other levels, near ties are %.2f %%", c.name, p, changed, 200*float64(ties)/float64(n))
		}
	}
}

// boundary is the upper end of the level that u draws.
func boundary(d *Drawer, how *How, o []float64, earlier []uint16, u float64) float64 {
	level := d.Level(how, how.Temperature, o, earlier, u)
	sum := 0.0
	if d.logs == nil {
		for _, l := range d.head.LogProbs(o, earlier, make([]float64, d.head.Scratch()))[:level+1] {
			sum += math.Exp(l)
		}
		return sum
	}
	for _, w := range d.weights[:level+1] {
		sum += w / d.sum
	}
	return sum
}

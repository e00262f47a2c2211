package draw

import (
	"cmp"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
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
			{},
			{Temperature: 0.7},
			{Temperature: 3},
			{Temperature: 1e-4},
			{Greedy: true},
			{TopK: 2},
			{TopK: 2, Temperature: 0.9},
			{TopP: 0.8},
			{MinP: 0.3},
			{TopK: levels - 1, TopP: 0.9, MinP: 0.01},
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
					u = boundaryOf(d, how, o, earlier, u)
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

// boundaryOf is the upper end of the level that u draws.
func boundaryOf(d *Drawer, how *How, o []float64, earlier []uint16, u float64) float64 {
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

// TestHeadFrequencies draws 20,000 times from each head and compares with its probabilities
// by chi-square, at its 99.9 % point.
func TestHeadFrequencies(t *testing.T) {
	for _, c := range []struct {
		name    string
		head    likelihood.Head
		earlier []uint16
	}{
		{"Bernoulli", likelihood.Bernoulli{Channels: 2}, []uint16{1}},
		{"categorical", likelihood.Categorical{Depth: 9, Channels: 2}, []uint16{1}},
		{"mixture", likelihood.Mixture{Depth: 64, Components: 3}, nil},
		{"green of an RGB mixture", likelihood.Mixture{Depth: 32, Channels: 3, Components: 4}, []uint16{7}},
		{"blue", likelihood.Mixture{Depth: 32, Channels: 3, Components: 4}, []uint16{7, 30}},
	} {
		for _, temperature := range []float64{1, 0.6, 2} {
			rng := rand.New(rand.NewPCG(8, 0))
			o := make([]float64, c.head.Outputs())
			for k := range o {
				o[k] = rng.NormFloat64()
			}
			if m, ok := c.head.(likelihood.Mixture); ok {
				o = mixtureOutputs(rng, m)
			}
			how, err := Parameters{Temperature: temperature}.For(c.head, 1)
			if err != nil {
				t.Fatal(err)
			}
			levels := c.head.Levels()
			p, sum := make([]float64, levels), 0.0
			logs := c.head.LogProbs(o, c.earlier, make([]float64, c.head.Scratch()))
			top, _ := likelihood.Top(logs)
			for k, l := range logs {
				p[k] = math.Exp((l - top) / temperature)
				sum += p[k]
			}
			const n = 20_000
			d := NewDrawer(c.head)
			count := make([]float64, levels)
			for i := range n {
				level := d.Level(how, temperature, o, c.earlier, rng.Float64())
				count[level]++
				if i > 100 {
					continue
				}
				if got, want := d.LogProb(level), math.Log(p[level]/sum); math.Abs(got-want) > 1e-9 {
					t.Fatalf("%s: level %d has log-probability %v, want %v", c.name, level, got, want)
				}
			}
			// Levels that are too rare count as one.
			chi2, freedom, rare, rarely := 0.0, -1.0, 0.0, 0.0
			add := func(got, want float64) {
				chi2 += (got - want) * (got - want) / want
				freedom++
			}
			for k := range p {
				if want := n * p[k] / sum; want >= 10 {
					add(count[k], want)
				} else {
					rare, rarely = rare+want, rarely+count[k]
				}
			}
			if rare >= 10 {
				add(rarely, rare)
			} else if rarely > rare+5*math.Sqrt(rare)+5 {
				t.Errorf("%s, T = %g: %v draws of levels with %.2f together", c.name, temperature, rarely, rare)
			}
			// Wilson and Hilferty, "The distribution of chi-square", 1931; 3.09 is the normal distribution's point.
			q := 2 / (9 * max(freedom, 1))
			if most := max(freedom, 1) * math.Pow(1-q+3.09*math.Sqrt(q), 3); chi2 > most {
				t.Errorf("%s, T = %g: chi-square %.1f, at most %.1f of %v degrees of freedom", c.name, temperature, chi2, most, freedom)
			}
		}
	}
}

// TestManyLevels: of 65,536 levels the draw is the one of sums without rounding, but for
// near ties, and the filters leave the likeliest.
func TestManyLevels(t *testing.T) {
	const levels, draws = 1 << 16, 6
	head := likelihood.Categorical{Depth: levels}
	rng := rand.New(rand.NewPCG(9, 0))
	logits := make([]float64, levels)
	for k := range logits {
		logits[k] = float64(float32(3 * rng.NormFloat64()))
	}
	order := make([]int, levels)
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(logits[b], logits[a]), a-b) })
	d := NewDrawer(head)
	for _, p := range []Parameters{{}, {Temperature: 0.5}, {TopK: 5000}, {TopP: 0.7}, {TopK: 60000, TopP: 0.9999, MinP: 1e-4}, {MinP: 0.01}} {
		how, err := p.For(head, 1)
		if err != nil {
			t.Fatal(err)
		}
		ties := 0
		for range draws {
			u := rng.Float64()
			level := d.Level(how, how.Temperature, logits, nil, u)
			if d.tie {
				ties++
				continue
			}
			left := 0
			var sum, below big.Float
			for k, w := range d.weights {
				if w == 0 {
					continue
				}
				left++
				sum.SetPrec(200).Add(&sum, big.NewFloat(w))
				if k < level {
					below.SetPrec(200).Add(&below, big.NewFloat(w))
				}
			}
			at := new(big.Float).SetPrec(200).Mul(&sum, big.NewFloat(u))
			upper := new(big.Float).SetPrec(200).Add(&below, big.NewFloat(d.weights[level]))
			if at.Cmp(&below) < 0 || at.Cmp(upper) >= 0 {
				t.Fatalf("%+v: level %d does not have u = %v", p, level, u)
			}
			for i, k := range order {
				if (d.weights[k] > 0) != (i < left) {
					t.Fatalf("%+v: of rank %d level %d is left: %v, of %d in all", p, i, k, d.weights[k] > 0, left)
				}
			}
			if p.TopK == 5000 && left != 5000 {
				t.Fatalf("%+v leaves %d", p, left)
			}
		}
		if ties > draws/3 && p.TopK == 0 && p.TopP == 0 { // levels of about the same rank are many
			t.Errorf("%+v: %d of %d are near ties", p, ties, draws)
		}
	}
	// By the inverse CDF of a mixture, too.
	mixture := likelihood.Mixture{Depth: levels, Components: 1}
	d = NewDrawer(mixture)
	how, _ := Parameters{}.For(mixture, 1)
	for _, c := range []struct {
		u    float64
		want int
	}{
		{0.5 + 1e-9, levels / 2}, // of mean 0 and scale 1: x is logit u
		{0.5 - 1e-9, levels/2 - 1},
		{1 / (1 + math.Exp(0.5)), int(math.Round((1 - 0.5) / 2 * (levels - 1)))},
		{0.1, 0},          // logit 0.1 is −2.2
		{0.9, levels - 1}, // and beyond 1
	} {
		if got := d.Level(how, 1, []float64{0, 0, 0}, nil, c.u); got != c.want {
			t.Errorf("u = %v: level %d, want %d", c.u, got, c.want)
		}
	}
}

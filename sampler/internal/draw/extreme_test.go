package draw

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExtremeTemperatures draws at the smallest and the largest temperatures there are.
// The expected probabilities are worked out by hand: where T is far below the distance of
// the logits, the likeliest share everything evenly; where it is far above, all that are
// possible do.
func TestExtremeTemperatures(t *testing.T) {
	const least, greatest, huge = math.SmallestNonzeroFloat64, math.MaxFloat64, math.MaxFloat32
	inf := float32(math.Inf(1))
	tiny := float32(math.SmallestNonzeroFloat32)
	cold, hot := []float64{least, 1e-300, 1e-30}, []float64{1e30, 1e300, greatest}
	for _, c := range []struct {
		name         string
		params       Parameters
		logits       []float32
		temperatures []float64
		want         []float64 // probabilities
	}{
		{"cold", Parameters{}, []float32{0, 2, 1}, cold, []float64{0, 1, 0}},
		{"cold, two alike", Parameters{}, []float32{2, 0, 2}, cold, []float64{0.5, 0, 0.5}},
		{"cold, all alike", Parameters{}, []float32{-7, -7, -7, -7}, cold, []float64{0.25, 0.25, 0.25, 0.25}},
		{"cold, as far apart as may be", Parameters{}, []float32{-huge, huge}, cold, []float64{0, 1}},
		// 1.4e-45/1e-30 is next to 0: not cold for such logits.
		{"cold, as near as may be", Parameters{}, []float32{tiny, 0}, []float64{least, 1e-300}, []float64{1, 0}},
		{"hot for such", Parameters{}, []float32{tiny, 0}, []float64{1e-30}, []float64{0.5, 0.5}},
		{"cold, one impossible", Parameters{}, []float32{-inf, -huge, 0}, cold, []float64{0, 0, 1}},
		{"hot", Parameters{}, []float32{-80, 0, 80, 5}, hot, []float64{0.25, 0.25, 0.25, 0.25}},
		{"hot, one impossible", Parameters{}, []float32{-inf, -80, 80}, hot, []float64{0, 0.5, 0.5}},
		// 6.8e38/1e30 is 6.8e8: not hot for such logits.
		{"cold for such", Parameters{}, []float32{-huge, huge}, []float64{1e30}, []float64{0, 1}},
		{"hot, as far apart as may be", Parameters{}, []float32{-huge, huge}, []float64{1e300, greatest}, []float64{0.5, 0.5}},
		// The odds of logits 1e30 apart at T = 1e30 are e.
		{"in between", Parameters{}, []float32{0, 1e30}, []float64{float64(float32(1e30))}, []float64{1 / (1 + math.E), math.E / (1 + math.E)}},

		{"cold, top-k", Parameters{TopK: 2}, []float32{0, 2, 1}, cold, []float64{0, 1, 0}},
		{"cold, top-k of three alike", Parameters{TopK: 2}, []float32{2, 0, 2, 2}, cold, []float64{0.5, 0, 0.5, 0}},
		{"cold, top-p", Parameters{TopP: 0.4}, []float32{2, 0, 2}, cold, []float64{1, 0, 0}},
		{"cold, top-p of both", Parameters{TopP: 0.6}, []float32{2, 0, 2}, cold, []float64{0.5, 0, 0.5}},
		{"cold, min-p", Parameters{MinP: 1}, []float32{2, 0, 2}, cold, []float64{0.5, 0, 0.5}},
		{"cold, least min-p", Parameters{MinP: least}, []float32{2, 0, 1}, cold, []float64{1, 0, 0}},
		{"hot, top-k", Parameters{TopK: 2}, []float32{-80, 0, 80}, hot, []float64{0, 0.5, 0.5}},
		{"hot, top-k 1", Parameters{TopK: 1}, []float32{-80, 0, 80}, hot, []float64{0, 0, 1}},
		// Of four alike, 0.6 needs three: the likeliest.
		{"hot, top-p", Parameters{TopP: 0.6}, []float32{-80, 80, 0, 5}, hot, []float64{0, 1. / 3, 1. / 3, 1. / 3}},
		{"hot, least top-p", Parameters{TopP: least}, []float32{-80, 80, 0, 5}, hot, []float64{0, 1, 0, 0}},
		{"hot, min-p", Parameters{MinP: 0.99}, []float32{-80, 80}, hot, []float64{0.5, 0.5}},
		{"hot, min-p of the impossible", Parameters{MinP: least}, []float32{-inf, 80}, hot, []float64{0, 1}},
		{"all filters, cold", Parameters{TopK: 3, TopP: 0.9, MinP: 0.5}, []float32{3, 3, 3, 3}, cold, []float64{1. / 3, 1. / 3, 1. / 3, 0}},
	} {
		for _, temperature := range c.temperatures {
			d := testDrawer(c.params, temperature, len(c.logits))
			below := 0.0
			for level, p := range c.want {
				if p == 0 {
					continue
				}
				for _, share := range []float64{1e-9, 0.5, 1 - 1e-9} {
					u := below + share*p
					if got := d.level(c.logits, 1, u); got != level {
						t.Errorf("%s, T = %g, u = %g: level %d, want %d", c.name, temperature, u, got, level)
					}
					lp := d.LogProb(level)
					if math.Abs(lp-math.Log(p)) > 1e-12 {
						t.Errorf("%s, T = %g: level %d has log-probability %g, want %g", c.name, temperature, level, lp, math.Log(p))
					}
				}
				below += p
			}
		}
	}
}

// TestNoOverflow draws from random logits of all sizes at random temperatures of all
// sizes: the level is one that is possible, its log-probability a finite number that is
// not above 0, and so are the weights.
func TestNoOverflow(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 0))
	for range 20_000 {
		temperature := math.Ldexp(1+rng.Float64(), rng.IntN(2098)-1074)
		s := Parameters{}
		if rng.IntN(2) == 0 {
			s = Parameters{TopK: rng.IntN(5), TopP: rng.Float64(), MinP: rng.Float64()}
		}
		logits := make([]float32, 2+rng.IntN(6))
		for k := range logits {
			logits[k] = float32(math.Ldexp(rng.Float64()*2-1, rng.IntN(277)-149))
		}
		if rng.IntN(4) == 0 {
			logits[0] = float32(math.Inf(-1))
		}
		d := testDrawer(s, temperature, len(logits))
		level := d.level(logits, 1, rng.Float64())
		if level < 0 || math.IsInf(float64(logits[level]), 0) {
			t.Fatalf("T = %g, %+v, %v: level %d", temperature, s, logits, level)
		}
		if lp := d.LogProb(level); !(lp <= 1e-12 && lp > -1e3) {
			t.Fatalf("T = %g, %+v, %v: log-probability %g", temperature, s, logits, lp)
		}
		for _, w := range d.weights {
			if !(w >= 0 && w <= 1) {
				t.Fatalf("T = %g, %+v, %v: weights %v", temperature, s, logits, d.weights)
			}
		}
	}
}

// TestColdTies: at a temperature below the error of the logits, levels that error could
// set in another order are a tie, and no others are.
func TestColdTies(t *testing.T) {
	for _, c := range []struct {
		logits []float32
		want   bool
	}{
		{[]float32{1, 1.000001, -3}, true}, // 1e-6 apart; each may be off by 1e-5
		{[]float32{1.000001, 1, -3}, true},
		{[]float32{1, 1.00003, -3}, false}, // 3e-5 apart
		{[]float32{1000, 1000.005, 0}, true},
		{[]float32{1000, 1000.02, 0}, false},
		{[]float32{2, 0, 1}, false},
	} {
		for _, s := range []Parameters{{}, {TopK: 1}, {TopP: 0.5}, {MinP: 0.5}, {Greedy: true}} {
			for _, temperature := range []float64{math.SmallestNonzeroFloat64, 1e-30, 1e-9} {
				d := testDrawer(s, temperature, len(c.logits))
				if d.level(c.logits, 1, 0.3); d.tie != c.want {
					t.Errorf("%v, %+v, T = %g: tie %v, want %v", c.logits, s, temperature, d.tie, c.want)
				}
			}
		}
	}
}

// TestTemperaturesStayInside: between the temperatures of the first and the last row
// there is none that is 0, infinite or beyond either.
func TestTemperaturesStayInside(t *testing.T) {
	ends := []float64{math.SmallestNonzeroFloat64, 3 * math.SmallestNonzeroFloat64, 1e-30, 1, 1e30, math.Nextafter(math.MaxFloat64, 0), math.MaxFloat64}
	for _, first := range ends {
		for _, last := range ends {
			for height := 1; height <= 64; height++ {
				for _, got := range (Parameters{Temperature: first, TemperatureEnd: last}).temperatures(height) {
					if !(got >= min(first, last) && got <= max(first, last)) {
						t.Fatalf("from %g to %g in %d rows: %g", first, last, height, got)
					}
				}
			}
		}
	}
}

package sampler

import (
	"math"
	"testing"
)

// TestClassOf: by hand, the first class whose cumulative probability exceeds u.
func TestClassOf(t *testing.T) {
	prior := []float64{0, 0.25, 0, 0.5, 0.25, 0}
	for _, c := range []struct {
		u    float64
		want int
	}{{0, 1}, {0.2499, 1}, {0.25, 3}, {0.7499, 3}, {0.75, 4}, {0.9999999, 4}} {
		if got := classOf(prior, c.u); got != c.want {
			t.Errorf("u = %g: class %d, want %d", c.u, got, c.want)
		}
	}
	prior = []float64{0.3, 0.3, 0.3999999999, 0} // a sum below 1
	if got := classOf(prior, math.Nextafter(1, 0)); got != 2 {
		t.Errorf("class %d, want the last that can be", got)
	}
}

// TestPosterior: prior times likelihood, by hand.
func TestPosterior(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct{ prior, logs, want []float64 }{
		{[]float64{0.5, 0.5}, []float64{math.Log(0.1), math.Log(0.3)}, []float64{0.25, 0.75}},
		{[]float64{0.75, 0.25}, []float64{-900 + math.Log(0.1), -900 + math.Log(0.3)}, []float64{0.5, 0.5}},
		{[]float64{0, 1}, []float64{0, -5}, []float64{0, 1}},
		{[]float64{0.5, 0.5}, []float64{inf, -5}, []float64{0, 1}},
		{[]float64{0.4, 0.6}, []float64{inf, inf}, []float64{0.4, 0.6}},
	} {
		got := posterior(c.prior, c.logs)
		for k := range got {
			if math.Abs(got[k]-c.want[k]) > 1e-12 {
				t.Errorf("%v, %v: %v, want %v", c.prior, c.logs, got, c.want)
				break
			}
		}
	}
}

// TestDoubtful: only next to the middle between two hundredths.
func TestDoubtful(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want bool
	}{
		{-80.12, false},
		{-80.1249, true},
		{-80.125, true},
		{-80.1251, true},
		{-80.1256, false},
		{-80.1244, false},
		{0, false},
		{math.Inf(-1), false},
		{0.0049, true},
		{0.0044, false},
	} {
		if got := doubtful(c.x, 2e-4); got != c.want {
			t.Errorf("%v: %v", c.x, got)
		}
	}
}

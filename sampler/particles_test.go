package sampler

import (
	"math"
	"slices"
	"testing"
)

func TestEffectiveSize(t *testing.T) {
	for _, c := range []struct {
		weights []float64
		want    float64
	}{
		{[]float64{1, 1, 1, 1}, 4},
		{[]float64{1, 0, 0, 0}, 1},
		{[]float64{1, 1, 0, 0}, 2},
		{[]float64{3, 1}, 16. / 10},
		{[]float64{1, 0.5, 0.5}, 4 / 1.5},
	} {
		if got := effectiveSize(c.weights); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %g, want %g", c.weights, got, c.want)
		}
	}
}

func TestSystematic(t *testing.T) {
	for _, c := range []struct {
		weights []float64
		u       float64
		want    []int
	}{
		// Points (u+j)/4 of the whole.
		{[]float64{1, 1, 1, 1}, 0.5, []int{0, 1, 2, 3}},
		{[]float64{0, 0, 1, 0}, 0, []int{2, 2, 2, 2}},
		{[]float64{0, 0, 0, 2}, 0.99, []int{3, 3, 3, 3}},
		// Points 0.025, 0.275, 0.525, 0.775 with 0.4, 0.1, 0.3, 0.2.
		{[]float64{0.4, 0.1, 0.3, 0.2}, 0.1, []int{0, 0, 2, 2}},
		// Points 0.225, 0.475, 0.725, 0.975.
		{[]float64{0.4, 0.1, 0.3, 0.2}, 0.9, []int{0, 1, 2, 3}},
	} {
		if got := systematic(c.weights, c.u); !slices.Equal(got, c.want) {
			t.Errorf("%v, u = %g: %v, want %v", c.weights, c.u, got, c.want)
		}
	}
}

// TestWeigh: no particle possible is as if all were alike, and is remembered.
func TestWeigh(t *testing.T) {
	inf := math.Inf(-1)
	c := &cloud{weights: make([]float64, 3)}
	c.weigh([]float64{-1000, inf, -1000 - math.Ln2})
	for j, want := range []float64{1, 0, 0.5} {
		if math.Abs(c.weights[j]-want) > 1e-12 {
			t.Errorf("weight %d is %g, want %g", j, c.weights[j], want)
		}
	}
	if c.impossible {
		t.Error("impossible, want possible")
	}
	logs := []float64{inf, inf, inf}
	c.weigh(logs)
	if !c.impossible || !slices.Equal(c.weights, []float64{1, 1, 1}) || !slices.Equal(logs, []float64{0, 0, 0}) {
		t.Errorf("weights %v, log-weights %v, want ones and zeros", c.weights, logs)
	}
}

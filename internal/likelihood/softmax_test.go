package likelihood

import (
	"math"
	"testing"
)

// TestLogSumExp: log Σ w·exp(l), worked out by hand.
func TestLogSumExp(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct {
		logs, weights []float64
		want          float64
	}{
		{[]float64{0, 0}, []float64{0.5, 0.5}, 0},
		{[]float64{math.Log(0.2), math.Log(0.6)}, []float64{0.5, 0.5}, math.Log(0.4)},
		{[]float64{math.Log(0.2), math.Log(0.6)}, []float64{0.75, 0.25}, math.Log(0.3)},
		{[]float64{-1000, -1000 + math.Ln2}, []float64{0.5, 0.5}, -1000 + math.Log(1.5)},
		{[]float64{-1e5, -50}, []float64{0.9, 0.1}, -50 + math.Log(0.1)},
		{[]float64{0, -3}, []float64{0, 1}, -3}, // a class that never is
		{[]float64{inf, -3}, []float64{0.5, 0.5}, -3 - math.Ln2},
		{[]float64{inf, inf}, []float64{0.5, 0.5}, inf},
	} {
		if got := LogSumExp(c.logs, c.weights); !(math.Abs(got-c.want) <= 1e-12*(1+math.Abs(c.want))) && got != c.want {
			t.Errorf("%v by %v: %.15g, want %.15g", c.logs, c.weights, got, c.want)
		}
	}
}

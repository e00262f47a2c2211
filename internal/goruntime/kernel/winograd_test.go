package kernel

import (
	"math"
	"testing"
)

func TestWinogradTaps(t *testing.T) {
	for _, c := range []struct{ taps, want []float64 }{
		{[]float64{6, 18}, []float64{3, -12, 2, 7, 18}},
		{[]float64{4, 8, 24}, []float64{1, -6, -10. / 3, 29. / 6, 3.5, 24}},
	} {
		got := make([]float64, len(c.want))
		WinogradTaps(got, c.taps)
		for j, w := range c.want {
			if math.Abs(got[j]-w) > 1e-12 {
				t.Errorf("of %v: %v, want %v", c.taps, got, c.want)
				break
			}
		}
	}
}

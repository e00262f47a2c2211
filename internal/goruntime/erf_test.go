package goruntime

import (
	"math"
	"testing"
)

// TestErf: the error function, against the library's, over all sizes.
func TestErf(t *testing.T) {
	worst := 0.0
	for bits := uint32(0); bits < 0x7f800000; bits += 977 {
		x := math.Float32frombits(bits)
		for _, x := range []float32{x, -x} {
			got, want := float64(erf(x)), math.Erf(float64(x))
			if e := math.Abs(got-want) / math.Max(math.Abs(want), 2e-38); x != 0 && math.Abs(want) > 2e-38 {
				worst = max(worst, e)
			}
		}
	}
	t.Logf("it is off by at most %.2g of itself", worst)
	if !(worst < 0.51*0x1p-23) {
		t.Errorf("off by %g", worst)
	}
	if x := erf(float32(math.NaN())); x == x {
		t.Error("of what is no number it is", x)
	}
	if erf(float32(math.Inf(-1))) != -1 {
		t.Error("of -∞ it is not -1")
	}
}

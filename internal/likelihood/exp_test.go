package likelihood

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestExp(t *testing.T) {
	// Bits are part of the promise of equal draws: a change here changes images.
	for _, c := range []struct {
		x    float64
		bits uint64
	}{
		{0, math.Float64bits(1)},
		{-709, 0},
		{math.Inf(-1), 0},
		{math.NaN(), 0},
	} {
		if got := math.Float64bits(Exp(c.x)); got != c.bits {
			t.Errorf("exp(%v) = %#x, want %#x", c.x, got, c.bits)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for i := range 200_000 {
		x := -rng.Float64() * math.Pow(10, float64(i%6)-3) * 7
		if x < -708 {
			continue
		}
		want := math.Exp(x)
		worst = max(worst, math.Abs(Exp(x)-want)/want)
	}
	t.Logf("largest relative difference from math.Exp: %.2g", worst)
	if worst > 8e-16 {
		t.Errorf("largest relative difference from math.Exp is %g", worst)
	}
}

func BenchmarkExp(b *testing.B) {
	x := -3.7
	for b.Loop() {
		x = -3.7 - Exp(x)*1e-3
	}
}

func BenchmarkMathExp(b *testing.B) {
	x := -3.7
	for b.Loop() {
		x = -3.7 - math.Exp(x)*1e-3
	}
}

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDecay(t *testing.T) {
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
		if got := math.Float64bits(Decay(c.x)); got != c.bits {
			t.Errorf("Decay(%v) = %#x, want %#x", c.x, got, c.bits)
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
		worst = max(worst, math.Abs(Decay(x)-want)/want)
	}
	t.Logf("largest relative difference from math.Exp: %.2g", worst)
	if worst > 8e-16 {
		t.Errorf("largest relative difference from math.Exp is %g", worst)
	}
}

// TestDecay64: the bits of Decay, with every set of instructions.
func TestDecay64(t *testing.T) {
	x := []float64{0, math.Copysign(0, -1), -708, math.Nextafter(-708, 0), math.Nextafter(-708, -800), -1e300, math.Inf(-1), math.NaN(), -5e-324}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 100_000 {
		x = append(x, -rng.Float64()*math.Pow(10, float64(i%6)-3)*7)
		x = append(x, float64(-i)*math.Ln2/128, math.Nextafter(float64(-i)*math.Ln2/128, 0)) // between two steps
	}
	forEachSet(t, func(t *testing.T) {
		got := make([]float64, len(x))
		Decay64(got, x)
		for i, y := range got {
			if want := Decay(x[i]); math.Float64bits(y) != math.Float64bits(want) {
				t.Fatalf("Decay64(%v) = %v, want %v", x[i], y, want)
			}
		}
	})
}

func BenchmarkDecay64(b *testing.B) {
	x, y := make([]float64, 256), make([]float64, 256)
	for i := range x {
		x[i] = -float64(i) / 20
	}
	for b.Loop() {
		Decay64(y, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/element")
}

func BenchmarkDecay(b *testing.B) {
	x := -3.7
	for b.Loop() {
		x = -3.7 - Decay(x)*1e-3
	}
}

func BenchmarkMathExp(b *testing.B) {
	x := -3.7
	for b.Loop() {
		x = -3.7 - math.Exp(x)*1e-3
	}
}

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestLog64: the bits of math.Log, with every set of instructions.
func TestLog64(t *testing.T) {
	x := []float64{1, 2, 0x1p-1022, math.MaxFloat64, math.E}
	rng := rand.New(rand.NewPCG(5, 4))
	for range 100_000 {
		x = append(x, 1+3*rng.Float64(), 1+rng.Float64()*0x1p-20, math.Exp(700*(2*rng.Float64()-1)))
	}
	// Where the exponent changes, and next to it.
	for k := -1021; k <= 1023; k++ {
		for _, f := range []float64{1, math.Sqrt2 / 2} {
			y := math.Ldexp(f, k)
			x = append(x, y, math.Nextafter(y, 0), math.Nextafter(y, math.MaxFloat64))
		}
	}
	forEachSet(t, func(t *testing.T) {
		got := make([]float64, len(x))
		Log64(got, x)
		for i, y := range got {
			if want := math.Log(x[i]); math.Float64bits(y) != math.Float64bits(want) {
				t.Fatalf("Log64(%v) = %v, want %v", x[i], y, want)
			}
		}
	})
}

func BenchmarkLog64(b *testing.B) {
	x, y := make([]float64, 256), make([]float64, 256)
	for i := range x {
		x[i] = 1 + float64(i)/80
	}
	for b.Loop() {
		Log64(y, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/element")
}

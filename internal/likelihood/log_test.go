package likelihood

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFunctions compares with package math, over all sizes of arguments.
func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want func(x float64) float64
		from, to  float64 // powers of ten of the arguments
		most      float64 // relative difference
		both      bool    // negative ones, too
	}{
		{"log", Log, math.Log, -300, 300, 4e-16, false},
		{"log1p", log1p, math.Log1p, -20, 0, 8e-16, false},
		{"1 − exp", oneMinusExp, func(x float64) float64 { return -math.Expm1(-x) }, -20, 4, 8e-16, false},
		{"softplus", func(x float64) float64 { y, _ := softplus(x); return y }, func(x float64) float64 {
			return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
		}, -20, 2.8, 1e-15, true},
		{"its derivative", func(x float64) float64 { _, y := softplus(x); return y }, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -20, 2.8, 2e-15, true},
		{"sigmoid", func(x float64) float64 { y, _ := sigmoid(x); return y }, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -20, 2.8, 2e-15, true},
		{"1 − sigmoid", func(x float64) float64 { _, y := sigmoid(x); return y }, func(x float64) float64 { return 1 / (1 + math.Exp(x)) }, -20, 2.8, 2e-15, true},
		{"tanh", tanh, math.Tanh, -20, 4, 2e-15, true},
	} {
		rng := rand.New(rand.NewPCG(3, 0))
		worst := 0.0
		for range 100_000 {
			x := math.Pow(10, c.from+(c.to-c.from)*rng.Float64())
			if c.both && rng.IntN(2) == 0 {
				x = -x
			}
			got, want := c.got(x), c.want(x)
			if want < 1e-300 && want > -1e-300 && math.Abs(got) <= 1e-300 {
				continue // Exp ends there
			}
			off := math.Abs(got-want) / math.Abs(want)
			if worst = max(worst, off); !(off <= c.most) {
				t.Fatalf("%s(%g) = %g, want %g", c.name, x, got, want)
			}
		}
		t.Logf("%s: off by at most %.1e", c.name, worst)
	}
	inf := math.Inf(1)
	for _, c := range []struct{ x, want float64 }{{1, 0}, {0, -inf}, {inf, inf}} {
		if got := Log(c.x); got != c.want {
			t.Errorf("log %v is %v, want %v", c.x, got, c.want)
		}
	}
	for _, x := range []float64{-1, -inf, math.NaN()} {
		if got := Log(x); got == got {
			t.Errorf("log %v is %v, want NaN", x, got)
		}
	}
}

// TestLogBits: bits are part of the promise of equal draws. They come from arithmetic of
// more digits, rounded: log 2 and log 10 are known.
func TestLogBits(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{2, "0.693147180559945309417232121458176568"},
		{10, "2.302585092994045684017991454684364208"},
		{0.5, "-0.693147180559945309417232121458176568"},
	} {
		want, _, _ := big.ParseFloat(c.want, 10, 200, big.ToNearestEven)
		if w, _ := want.Float64(); Log(c.x) != w {
			t.Errorf("log %v is %v, want %v", c.x, Log(c.x), w)
		}
	}
}

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestAddProduct64: products in float64 have the bits of the sum written out, whatever the
// set of instructions.
func TestAddProduct64(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	forEachSet(t, func(t *testing.T) {
		for range 60 {
			m, n, k := rng.IntN(10), rng.IntN(30), rng.IntN(20)
			rowC, rowA, rowB := n+rng.IntN(3), k+rng.IntN(3), n+rng.IntN(3)
			a, b, c := random(m*rowA), random(k*rowB), random(m*rowC)
			want := append([]float64(nil), c...)
			for i := range m {
				for j := range n {
					for l := range k {
						want[i*rowC+j] = math.FMA(a[i*rowA+l], b[l*rowB+j], want[i*rowC+j])
					}
				}
			}
			AddProduct64(c, rowC, a, rowA, b, rowB, m, n, k)
			if fmt.Sprint(c) != fmt.Sprint(want) {
				t.Fatalf("%d×%d×%d: %v, want %v", m, k, n, c, want)
			}
		}
	})
}

// TestFunctions64: they are as exact as they say, and have the same bits with every set of
// instructions.
func TestFunctions64(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x := []float64{0, math.Copysign(0, -1), inf, -inf, nan, 1, -1, 709, 709.8, -708.5, -745.1, -745.2, -1e300, 1e300, 5e-324, -5e-324, 36, -36, 0x1p-30, -0x1p-30}
	rng := rand.New(rand.NewPCG(6, 4))
	for range 20_000 {
		x = append(x, rng.NormFloat64()*math.Exp(6*rng.NormFloat64()))
	}
	elu := func(x float64) float64 {
		if x > 0 {
			return x
		}
		return math.Expm1(x)
	}
	for _, c := range []struct {
		name string
		f    func(dst, a []float64)
		want func(float64) float64
		ulps float64
	}{
		{"Exp64", Exp64, math.Exp, 1.5},
		{"Elu64", Elu64, elu, 2},
		{"Erf64", Erf64, math.Erf, 2},
		{"Sigmoid64", Sigmoid64, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
		{"Tanh64", Tanh64, math.Tanh, 4},
	} {
		bits := map[string]bool{}
		forEachSet(t, func(t *testing.T) {
			got := make([]float64, len(x))
			c.f(got, x)
			bits[fmt.Sprint(got)] = true
			worst := 0.0
			for i, y := range got {
				want := c.want(x[i])
				if want != want && y != y || want == y {
					continue
				}
				ulp := math.Max(math.Abs(math.Nextafter(want, 2*want)-want), 5e-324)
				if c.name == "Sigmoid64" && want < 1e-300 {
					ulp = 1e-300 // 1 + e^-x is infinite a little earlier
				}
				d := math.Abs(y-want) / ulp
				if worst = max(worst, d); !(d <= c.ulps+1) { // want is off by one itself
					t.Fatalf("%s(%g) = %g, want %g: %.3g ulp", c.name, x[i], y, want, d)
				}
			}
			t.Logf("%s: within %.2f ulp", c.name, worst)
		})
		if len(bits) != 1 {
			t.Errorf("%s differs from one set of instructions to another", c.name)
		}
	}
}

// TestWiden64: every float32 is a float64, at every length.
func TestWiden64(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 4))
	x := []float32{0, 1, -1.5, 1e-45, 3e38, float32(math.Inf(-1))}
	for range 30 {
		x = append(x, float32(rng.NormFloat64()))
	}
	forEachSet(t, func(t *testing.T) {
		for n := range len(x) + 1 {
			got := make([]float64, n)
			Widen64(got, x[:n])
			for i, y := range got {
				if y != float64(x[i]) {
					t.Fatalf("number %d of %d: %v becomes %v", i, n, x[i], y)
				}
			}
		}
	})
}

func BenchmarkElu64(b *testing.B) {
	x, y := make([]float64, 4096), make([]float64, 4096)
	for i := range x {
		x[i] = float64(i%13) - 6.3
	}
	for b.Loop() {
		Elu64(y, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/element")
}

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

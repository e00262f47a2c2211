package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
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

// What the transforms make of products is what the taps make of the inputs, and the same
// bits with all instructions.
func TestWinograd(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, points := range []int{5, 6, 9, 10} {
		outputs := winogradOutputs(points)
		taps := points - outputs + 1
		for _, n := range []int{0, 1, 15, 16, 37, 320} {
			weights, u := make([]float64, taps), make([]float64, points)
			for k := range weights {
				weights[k] = rng.NormFloat64()
			}
			WinogradTaps(u, weights)
			stepX, stepAdd, stepY, step := n+1, n+2, n+4, n+3
			x := random(points * stepX)
			var pixels [][]float32
			for k := range points {
				pixels = append(pixels, x[k*stepX:])
			}
			for _, stepAdd := range []int{stepAdd, 0} {
				add := random(outputs*stepAdd + n)
				var first []float32
				worst := 0.0
				forEachSet(t, func(t *testing.T) {
					v := make([]float32, points*step)
					WinogradInputs(v, step, pixels, n)
					for j := range points {
						for i := range n {
							v[j*step+i] *= float32(u[j])
						}
					}
					y := make([]float32, outputs*stepY)
					WinogradSums(points, y, stepY, add, stepAdd, v, step, n)
					if first == nil {
						first = y
					}
					for at, got := range y {
						k, i := at/stepY, at%stepY
						if math.Float32bits(got) != math.Float32bits(first[at]) || i >= n && got != 0 {
							t.Fatalf("%d points: element %d of output %d is %x, elsewhere %x", points, i, k, got, first[at])
						}
						if i >= n {
							continue
						}
						want := float64(add[k*stepAdd+i])
						for r, w := range weights {
							want += w * float64(x[(k+r)*stepX+i])
						}
						worst = max(worst, math.Abs(float64(got)-want))
					}
				})
				if worst > 2e-4 {
					t.Errorf("%d points: off by %g", points, worst)
				}
				t.Logf("%d points, blocks of %d: off by at most %.1e", points, n, worst)
			}
		}
	}
}

func BenchmarkWinograd(b *testing.B) {
	const n = 320
	for _, points := range []int{5, 6, 9, 10} {
		x, v := make([]float32, points*n), make([]float32, points*n)
		var pixels [][]float32
		for k := range points {
			pixels = append(pixels, x[k*n:])
		}
		b.Run(fmt.Sprintf("inputs, %d points", points), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				WinogradInputs(v, n, pixels, n)
			}
		})
		b.Run(fmt.Sprintf("sums, %d points", points), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				WinogradSums(points, x, n, x, n, v, n, n)
			}
		})
	}
}

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
		got := make([]float64, WinogradPoints(len(c.taps)))
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
	for _, taps := range []int{2, 3} {
		for _, n := range []int{1, 15, 16, 37, 320} {
			points := WinogradPoints(taps)
			weights, u := make([]float64, taps), make([]float64, points)
			for k := range weights {
				weights[k] = rng.NormFloat64()
			}
			WinogradTaps(u, weights)
			blocks := func(k int) [][]float32 {
				all := make([][]float32, k)
				for i := range all {
					all[i] = make([]float32, n)
					for j := range all[i] {
						all[i][j] = float32(rng.NormFloat64())
					}
				}
				return all
			}
			in, adds := blocks(points), blocks(WinogradOutputs)
			var first [][]float32
			worst := 0.0
			forEachSet(t, func(t *testing.T) {
				step := n + 3
				v := make([]float32, points*step)
				WinogradInputs(v, step, in)
				for j := range points {
					for i := range n {
						v[j*step+i] *= float32(u[j])
					}
				}
				out := blocks(WinogradOutputs)
				WinogradSums(taps, (*[WinogradOutputs][]float32)(out), (*[WinogradOutputs][]float32)(adds), v, step)
				if first == nil {
					first = out
				}
				for k := range out {
					for i, got := range out[k] {
						if math.Float32bits(got) != math.Float32bits(first[k][i]) {
							t.Fatalf("%d taps: element %d of output %d is %x, elsewhere %x", taps, i, k, got, first[k][i])
						}
						want := float64(adds[k][i])
						for r, w := range weights {
							want += w * float64(in[k+r][i])
						}
						worst = max(worst, math.Abs(float64(got)-want))
					}
				}
			})
			if worst > 2e-5 {
				t.Errorf("%d taps: off by %g", taps, worst)
			}
			t.Logf("%d taps, blocks of %d: off by at most %.1e", taps, n, worst)
		}
	}
}

func BenchmarkWinograd(b *testing.B) {
	const n = 320
	for _, taps := range []int{2, 3} {
		points := WinogradPoints(taps)
		v := make([]float32, points*n)
		in := make([][]float32, points)
		for k := range in {
			in[k] = make([]float32, n)
		}
		b.Run(fmt.Sprintf("inputs, %d taps", taps), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				WinogradInputs(v, n, in)
			}
		})
		out := (*[WinogradOutputs][]float32)(in)
		b.Run(fmt.Sprintf("sums, %d taps", taps), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				WinogradSums(taps, out, out, v, n)
			}
		})
	}
}

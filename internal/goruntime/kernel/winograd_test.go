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
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, taps := range []int{2, 3} {
		for _, n := range []int{1, 15, 16, 37, 320} {
			for count := range 4 {
				points := WinogradPoints(taps)
				weights, u := make([]float64, taps), make([]float64, points)
				for k := range weights {
					weights[k] = rng.NormFloat64()
				}
				WinogradTaps(u, weights)
				in, add := random((count*WinogradOutputs+taps-1)*n), random((count+1)*WinogradOutputs*n)
				tiles := Tiles{Taps: taps, Block: n, Count: count, Step: count*n + 3}
				blocksOf := func(x []float32, blocks int) (list [][]float32) {
					for k := range blocks {
						list = append(list, x[min(k*n, len(x)):])
					}
					return list
				}
				for _, repeat := range []bool{false, true} {
					var first []float32
					worst := 0.0
					forEachSet(t, func(t *testing.T) {
						v, out := make([]float32, points*tiles.Step), random(count*WinogradOutputs*n)
						tiles.Inputs(v, blocksOf(in, points))
						for j := range points {
							for i := range count * n {
								v[j*tiles.Step+i] *= float32(u[j])
							}
						}
						pixels, adds := blocksOf(out, WinogradOutputs), blocksOf(add, WinogradOutputs)
						tiles.Sums((*[WinogradOutputs][]float32)(pixels), (*[WinogradOutputs][]float32)(adds), repeat, v)
						if first == nil {
							first = out
						}
						for i, got := range out {
							if math.Float32bits(got) != math.Float32bits(first[i]) {
								t.Fatalf("%d taps: element %d is %x, elsewhere %x", taps, i, got, first[i])
							}
							want := float64(add[i])
							if repeat {
								want = float64(add[i%(WinogradOutputs*n)])
							}
							for r, w := range weights {
								want += w * float64(in[i+r*n])
							}
							worst = max(worst, math.Abs(float64(got)-want))
						}
					})
					if worst > 2e-5 {
						t.Errorf("%d taps: off by %g", taps, worst)
					}
					t.Logf("%d taps, %d blocks of %d: off by at most %.1e", taps, count, n, worst)
				}
			}
		}
	}
}

func BenchmarkWinograd(b *testing.B) {
	const n, count = 320, 4
	for _, taps := range []int{2, 3} {
		points := WinogradPoints(taps)
		tiles := Tiles{Taps: taps, Block: n, Count: count, Step: count * n}
		v := make([]float32, points*tiles.Step)
		line := make([]float32, (count*WinogradOutputs+taps-1)*n)
		var pixels [6][]float32
		for k := range points {
			pixels[k] = line[k*n:]
		}
		b.Run(fmt.Sprintf("inputs, %d taps", taps), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				tiles.Inputs(v, pixels[:])
			}
		})
		outputs := (*[WinogradOutputs][]float32)(pixels[:])
		b.Run(fmt.Sprintf("sums, %d taps", taps), func(b *testing.B) {
			b.SetBytes(int64(len(v) * 4))
			for b.Loop() {
				tiles.Sums(outputs, outputs, false, v)
			}
		})
	}
}

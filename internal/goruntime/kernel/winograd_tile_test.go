package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A tile whose inputs are transformed, multiplied by the taps at each point, and transformed back
// is the convolution, wherever the picture ends, and the same bits with all instructions.
func TestWinogradTile(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 3))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, high := range []int{1, 2, 3} {
		for _, wide := range []int{2, 3} {
			tile := WinogradTile{High: high, Wide: wide}
			rows, points := tile.Rows(), tile.Points()
			for _, n := range []int{0, 1, 16, 37, 80} {
				for _, added := range []bool{false, true} {
					first := rng.IntN(3)
					columns := points - first - rng.IntN(3)
					weights, u := make([]float64, high*wide), make([]float64, rows*points)
					for k := range weights {
						weights[k] = rng.NormFloat64()
					}
					across := make([][]float64, high)
					for i := range across {
						across[i] = make([]float64, points)
						WinogradTaps(across[i], weights[i*wide:][:wide])
					}
					for k := range points {
						column, down := make([]float64, high), make([]float64, rows)
						for i := range column {
							column[i] = across[i][k]
						}
						WinogradTaps(down, column)
						for r := range rows {
							u[r*points+k] = down[r]
						}
					}
					pixel, step := n+5, n+3
					line := WinogradSide*pixel + 2
					lines := make([][]float32, rows)
					for r := range lines {
						lines[r] = random(columns * pixel)
					}
					var add []float32
					if added {
						add = random(tile.Lines() * line)
					}
					var one []float32
					worst := 0.0
					forEachSet(t, func(t *testing.T) {
						room := random(WinogradRoom)
						v := make([]float32, rows*points*step)
						tile.Inputs(room, v, step, lines, pixel, first, columns, n)
						for j, w := range u {
							for i := range step {
								v[j*step+i] *= float32(w)
								if i >= n && v[j*step+i] != 0 {
									t.Fatalf("element %d of block %d is written, of %d", i, j, n)
								}
							}
						}
						y := make([]float32, tile.Lines()*line)
						tile.Sums(room, y, add, line, pixel, v, step, n)
						if one == nil {
							one = y
						}
						for at, got := range y {
							l, k, i := at/line, at%line/pixel, at%line%pixel
							inside := k < WinogradSide && i < n
							if math.Float32bits(got) != math.Float32bits(one[at]) || !inside && got != 0 {
								t.Fatalf("%d×%d points: element %d of output %d, %d is %x, elsewhere %x", rows, points, i, l, k, got, one[at])
							}
							if !inside {
								continue
							}
							want := 0.0
							if added {
								want = float64(add[at])
							}
							for j, w := range weights {
								if c := k + j%wide - first; c >= 0 && c < columns {
									want += w * float64(lines[l+j/wide][c*pixel+i])
								}
							}
							worst = max(worst, math.Abs(float64(got)-want))
						}
					})
					if worst > 2e-3 {
						t.Errorf("%d×%d points: off by %g", rows, points, worst)
					}
					t.Logf("%d×%d points, blocks of %d: off by at most %.1e", rows, points, n, worst)
				}
			}
		}
	}
}

func BenchmarkWinogradTile(b *testing.B) {
	const n, pixel, line, step = 320, 320, 16 * 320, 8*320 + 16
	room := make([]float32, WinogradRoom)
	for _, tile := range []WinogradTile{{1, 2}, {2, 3}, {3, 3}} {
		x, v := make([]float32, tile.Rows()*line), make([]float32, tile.Rows()*tile.Points()*step)
		var lines [][]float32
		for r := range tile.Rows() {
			lines = append(lines, x[r*line:])
		}
		b.Run(fmt.Sprintf("inputs, %d×%d taps", tile.High, tile.Wide), func(b *testing.B) {
			for b.Loop() {
				tile.Inputs(room, v, step, lines, pixel, 0, tile.Points(), n)
			}
		})
		b.Run(fmt.Sprintf("sums, %d×%d taps", tile.High, tile.Wide), func(b *testing.B) {
			for b.Loop() {
				tile.Sums(room, x, x, line, pixel, v, step, n)
			}
		})
	}
}

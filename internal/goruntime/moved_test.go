package goruntime_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// A neighbourhood is how a training pass gathers: for each pixel of a square, and each
// image, the channels of its neighbours, zeros where these are outside.
type neighbourhood struct {
	size, images, channels int
	taps                   [][2]int // down, right
}

func (c neighbourhood) rows() int { return c.size * c.size * c.images }

// index is the row of each neighbour, [rows, taps], and rows() for a row of zeros.
func (c neighbourhood) index() []int64 {
	var at []int64
	for r := range c.rows() {
		p := r / c.images
		for _, t := range c.taps {
			y, x := p/c.size+t[0], p%c.size+t[1]
			if y < 0 || y >= c.size || x < 0 || x >= c.size {
				at = append(at, int64(c.rows()))
				continue
			}
			at = append(at, int64((y*c.size+x)*c.images+r%c.images))
		}
	}
	return at
}

// Products whose factor is gathered by known indices read it where it is. They give the
// same bits as those whose indices are known when they run only.
func TestMoved(t *testing.T) {
	maskB := [][2]int{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0}}
	var wide [][2]int
	for y := -3; y <= 0; y++ {
		for x := -3; x <= 3; x++ {
			wide = append(wide, [2]int{y, x})
		}
	}
	after := slices.Clone(maskB)
	for i := range after {
		after[i] = [2]int{-after[i][0], -after[i][1]}
	}
	for _, c := range []struct {
		name  string
		of    neighbourhood
		kind  string // left, turned, right
		steps int    // of the binding: 1 where nothing is laid out
	}{
		{"left", neighbourhood{6, 4, 32, maskB}, "left", 1},
		{"left, after", neighbourhood{5, 5, 7, after}, "left", 1},
		{"left, one image", neighbourhood{9, 1, 4, maskB}, "left", 4},
		{"left, long rows of one image", neighbourhood{16, 1, 8, maskB}, "left", 1},
		{"left, a far tap", neighbourhood{6, 4, 4, [][2]int{{0, 0}, {9, 0}}}, "left", 1},
		{"left, no tap", neighbourhood{3, 4, 4, [][2]int{{5, 0}}}, "left", 1},
		{"left, taps turned round", neighbourhood{6, 4, 16, [][2]int{{0, 0}, {-1, 0}}}, "left", 1},
		{"turned", neighbourhood{8, 4, 1, wide}, "turned", 1},
		{"right", neighbourhood{6, 4, 32, after}, "right", 1},
		{"right, one image", neighbourhood{20, 1, 16, maskB}, "right", 1},
		{"right, parts of panels", neighbourhood{6, 4, 24, maskB}, "right", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 3))
			random := func(shape ...int) *onnx.Tensor {
				return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() })
			}
			rows, width := c.of.rows(), c.of.channels*len(c.of.taps)
			x, other := random(rows, c.of.channels), random(width, 19)
			index := onnx.NewTensor(c.of.index(), rows, len(c.of.taps))
			if c.kind == "right" {
				other = random(rows, 21)
			}
			init := random(19)
			evaluate := func(known bool) (*onnx.Tensor, int) {
				g := &onnx.Graph{Name: "test"}
				in := []*onnx.Tensor{x, other, init}
				source, factor, bias := g.Input("x", onnx.Float32, onnx.Shape(x.Shape...)...), g.Input("b", onnx.Float32, onnx.Shape(other.Shape...)...), g.Input("c", onnx.Float32, onnx.Fixed(19))
				at := onnx.Const("", index)
				if !known {
					at = g.Input("index", onnx.Int64, onnx.Shape(index.Shape...)...)
					in = append(in, index)
				}
				zeros := onnx.Const("", onnx.NewTensor(make([]float32, c.of.channels), 1, c.of.channels))
				v := g.Op("Gather", nil, g.Op("Concat", onnx.Attrs{"axis": int64(0)}, source, zeros), at)
				v = g.Op("Reshape", nil, v, onnx.Const("", list(int64(rows), int64(width))))
				var y *onnx.Value
				shape := []int{rows, 19}
				switch c.kind {
				case "left":
					y = g.Op("Relu", nil, g.Op("Gemm", nil, v, factor, bias))
				case "turned":
					v = g.Op("Transpose", onnx.Attrs{"perm": []int64{1, 0}}, v)
					y = g.Op("Gemm", onnx.Attrs{"transA": int64(1)}, v, factor, bias)
				default:
					shape = []int{21, width}
					y = g.Op("Gemm", onnx.Attrs{"transA": int64(1)}, factor, v)
				}
				g.Output(y, "y", onnx.Float32, onnx.Shape(shape...)...)
				out := tensorOf(onnx.Float32, shape, func(int) float64 { return 7 })
				b := bind(t, load(t, marshal(t, g, 17), onnx.SessionOptions{}), in, []*onnx.Tensor{out})
				run(t, b)
				return out, goruntime.Steps(b)
			}
			got, steps := evaluate(true)
			want, _ := evaluate(false)
			if steps != c.steps {
				t.Errorf("%d steps, want %d", steps, c.steps)
			}
			if fmt.Sprint(got.Data) != fmt.Sprint(want.Data) {
				t.Error("not the bits of a product whose factor is laid out")
			}
		})
	}
}

// The gradient of relu is a product's, times a step function, and what was added to the
// relu's argument elsewhere. In one step it gives the same bits as in several.
func TestRamp(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() })
	}
	const m, k, n = 7, 9, 21
	in := []*onnx.Tensor{random(m, k), random(k, n), random(m, n), random(m, n)}
	floats := func(t *onnx.Tensor) []float32 { return t.Data.([]float32) }
	for _, c := range []struct {
		name        string
		alpha, beta float32
		steps       int // where the product is no result itself
	}{
		{"steep", 1e38, 0, 1},
		{"gentle", 0.5, 0, 1},
		{"falling", -1, 0, 1},
		{"not through the origin", 0.5, 0.5, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			evaluate := func(apart bool) ([]float32, int) {
				g := &onnx.Graph{Name: "test"}
				var v []*onnx.Value
				for i, x := range in {
					v = append(v, g.Input(fmt.Sprint("in", i), onnx.Float32, onnx.Shape(x.Shape...)...))
				}
				p := g.Op("Gemm", nil, v[0], v[1])
				step := g.Op("HardSigmoid", onnx.Attrs{"alpha": c.alpha, "beta": c.beta}, v[2])
				g.Output(g.Op("Add", nil, v[3], g.Op("Mul", nil, p, step)), "y", onnx.Float32, onnx.Shape(m, n)...)
				out := []*onnx.Tensor{random(m, n)}
				if apart {
					g.Output(p, "p", onnx.Float32, onnx.Shape(m, n)...)
					out = append(out, random(m, n))
				}
				b := bind(t, load(t, marshal(t, g, 17), onnx.SessionOptions{}), in, out)
				run(t, b)
				return floats(out[0]), goruntime.Steps(b)
			}
			got, steps := evaluate(false)
			if steps != c.steps {
				t.Errorf("%d steps, want %d", steps, c.steps)
			}
			apart, steps := evaluate(true)
			if steps != 4 {
				t.Errorf("%d steps where the product is a result, want 4", steps)
			}
			for i, got := range got {
				var sum float64
				for j := range k {
					sum += float64(floats(in[0])[i/n*k+j]) * float64(floats(in[1])[j*n+i%n])
				}
				want := sum*min(max(float64(c.alpha)*float64(floats(in[2])[i])+float64(c.beta), 0), 1) + float64(floats(in[3])[i])
				if math.Abs(float64(got)-want) > 1e-5 || got != apart[i] {
					t.Errorf("element %d is %v, in several steps %v, want %v", i, got, apart[i], want)
				}
			}
		})
	}
}

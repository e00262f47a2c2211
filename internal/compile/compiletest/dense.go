package compiletest

import (
	"fmt"
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// RandomDense makes an autoregressive graph of the seed of dense layers on the flattened
// picture, whose weights are masked by random degrees (MADE). Where open is set, one result
// has one weight more, by which a pixel sees itself.
func RandomDense(seed uint64, open bool) *Attending {
	a := &Attending{Model: &Model{}, Reader: -1}
	g := &attention{generator: generator{rng: rand.New(rand.NewPCG(seed, 3)), Graph: &onnx.Graph{Name: "random"}, model: a.Model, open: -1}}
	g.h, g.w = 2+g.rng.IntN(3), 2+g.rng.IntN(3)
	n := g.pixels()
	a.Height, a.Width, a.Levels = g.h, g.w, 2+g.rng.IntN(3)
	picture := g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(g.h), onnx.Fixed(g.w))
	x := g.Op("Reshape", nil, picture, ints(-1, n))
	degrees := make([]int, n) // how many pixels each value may know
	for i := range degrees {
		degrees[i] = i + 1
	}
	for layer := range 1 + g.rng.IntN(2) {
		next := make([]int, 4+g.rng.IntN(3*n))
		for o := range next {
			if next[o] = g.rng.IntN(n); layer > 0 { // none, up to all but the last; later as a source does
				next[o] = degrees[g.rng.IntN(len(degrees))]
			}
		}
		y := g.masked(x, degrees, next, -1, -1)
		switch g.rng.IntN(3) {
		case 0:
			y = g.Op("Relu", nil, y)
		case 1:
			y = g.Op("Mul", nil, g.Op("Tanh", nil, y), g.constant(1, len(next)))
		default:
			y = g.Op("Add", nil, y, g.Op("Sigmoid", nil, y))
		}
		x, degrees = y, next
	}
	order := make([]int, n*a.Levels)
	inner := g.rng.IntN(2) == 0
	pixel := func(o int) int {
		if inner {
			return o / a.Levels
		}
		return o % n
	}
	for o := range order {
		order[o] = pixel(o)
	}
	from, to := -1, -1
	if open {
		for from < 0 {
			to = g.rng.IntN(len(order))
			for i, d := range degrees {
				if d == order[to]+1 {
					from = i // it knows the pixel itself, as the first layers' weights have it
				}
			}
		}
		a.Reader = order[to]
	}
	y := g.masked(x, degrees, order, from, to)
	if inner {
		y = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, g.Op("Reshape", nil, y, ints(0, n, a.Levels)))
	}
	y = g.Op("Reshape", nil, y, ints(-1, a.Levels, g.h, g.w))
	g.Output(y, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(a.Levels), onnx.Fixed(g.h), onnx.Fixed(g.w))
	a.Model.Model = &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, ProducerName: "compiletest", Graph: g.Graph}
	return a
}

// masked is a dense layer whose results know no more than those of their sources that know no
// more than they may; and source from for result to. A source that knows exactly as much
// always counts.
func (g *attention) masked(x *onnx.Value, from, to []int, source, result int) *onnx.Value {
	w := make([]float32, len(from)*len(to))
	for i, known := range from {
		for o, may := range to {
			if known <= may && (known == may || g.rng.IntN(4) > 0) || i == source && o == result {
				w[i*len(to)+o] = float32(g.rng.NormFloat64())
			}
		}
	}
	bias := g.constant(0, len(to))
	var y *onnx.Value
	if g.rng.IntN(2) == 0 {
		y = g.Op("Add", nil, g.Op("MatMul", nil, x, onnx.Const("", onnx.NewTensor(w, len(from), len(to)))), bias)
	} else {
		turned := onnx.Transpose(onnx.NewTensor(w, len(from), len(to)), []int{1, 0})
		y = g.Op("Gemm", onnx.Attrs{"transB": int64(1)}, x, onnx.Const("", turned), bias)
	}
	g.made++
	y.Node.Name = fmt.Sprintf("dense%d", g.made)
	return y
}

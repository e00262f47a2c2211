package emit_test

import (
	"errors"
	"strings"
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// TestEmit: whole programs, by hand.
func TestEmit(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func() (grid, *ir.Unit)
		way   way
		want  string
	}{
		// The slope is 2, since the pixel above to the right must be there: steps 0 to 2 + 2. Times 2
		// apart share the slots of the picture, which is looked at no longer than one step back: pixel
		// (y, x) is kept at 3·(time mod 2) + ⌊x/2⌋ + 1, where column −1 stands at ⌊−1/2⌋ + 1 = 0. The relu
		// is read two steps later: 2·(time mod 4) + ⌊x/2⌋.
		{"waves", layers, way{}, `
			stage 0
			fresh_1 = Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))
			logits = Gemm(Concat axis=1(view_1_m1_p0, Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))), [7 8 9 1])
			cache 0: 6×1 ring
			cache 1: 8×2 ring
			step 0
			stage 0 of 1 reads [3 4][4] writes [0 0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1 2][6] writes [2 0]
			draws pixel 1 from row 0 to 4
			step 2
			stage 0 of 2 reads [3 4][0] writes [4 0]
			draws pixel 3 from row 0 to 1
			draws pixel 2 from row 1 to 2
			step 3
			stage 0 of 1 reads [1 2][2] writes [6 0]
			draws pixel 4 from row 0 to 4
			step 4
			stage 0 of 1 reads [4 5][5] writes [1 0]
			draws pixel 5 from row 0 to 2
		`},
		// Nothing is forgotten: rows −1 to 1 of the picture have columns −1 to 3, those of the relu 0 to 2.
		// The latency variant multiplies what it reads apart.
		{"row by row, for latency", layers, way{raster: true, latency: true}, `
			stage 0
			fresh_1 = Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))
			logits = Gemm(Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6])), [9 1], Gemm(view_1_m1_p0, [7 8]))
			cache 0: 15×1
			cache 1: 9×2
			step 0
			stage 0 of 1 reads [5 2][0] writes [3 0]
			draws pixel 0 from row 0 to 6
			step 1
			stage 0 of 1 reads [6 3][1] writes [4 0]
			draws pixel 1 from row 0 to 7
			step 2
			stage 0 of 1 reads [7 4][2] writes [5 0]
			draws pixel 2 from row 0 to 8
			step 3
			stage 0 of 1 reads [10 7][3] writes [6 0]
			draws pixel 3 from row 0 to 11
			step 4
			stage 0 of 1 reads [11 8][4] writes [7 0]
			draws pixel 4 from row 0 to 12
			step 5
			stage 0 of 1 reads [12 9][5] writes [8 0]
			draws pixel 5 from row 0 to 13
		`},
		// A unit on every other row and column: it is computed in steps 0 and 2 only, before what reads
		// it. What is read across lattices has a slot for each pixel of the wave.
		{"two lattices", func() (grid, *ir.Unit) {
			g := newGrid(4, 2)
			half := grid{Rect: ir.Sized(2, 1)}
			coarse := half.linear([]float32{0, 0}, []ir.Arg{{Src: g.picture, Access: ir.Scale(ir.Every(2, -1), ir.Every(2, 0)), Valid: g.Rect}}, []float32{1, 2})
			up := ir.Arg{Src: coarse, Access: ir.Scale(ir.Nearest(2, 0), ir.Nearest(2, 0)), Valid: coarse.Full}
			return g, g.linear([]float32{3}, []ir.Arg{at(g.picture, 0, -1), up}, []float32{4}, []float32{5, 6})
		}, way{}, `
			stage 0
			fresh_1 = Gemm transA=1(stacked_0_2x1m1_2x1p0, [1 2])
			stage 1
			logits = Gemm(joined_1_1n2p0_1n2p0, [5 6], Gemm transA=1(stacked_0_p0_m1, [4], [3]))
			cache 0: 6×1 ring
			cache 1: 2×2
			step 0
			stage 0 of 1 reads [4] writes [0]
			stage 1 of 1 reads [3][0] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 1 of 2 reads [0][0 0] writes [0]
			draws pixel 2 from row 0 to 4
			draws pixel 1 from row 1 to 5
			step 2
			stage 0 of 1 reads [4] writes [1]
			stage 1 of 2 reads [3][1 0] writes [0]
			draws pixel 4 from row 0 to 1
			draws pixel 3 from row 1 to 2
			step 3
			stage 1 of 2 reads [0][1 1] writes [0]
			draws pixel 6 from row 0 to 4
			draws pixel 5 from row 1 to 5
			step 4
			stage 1 of 1 reads [4][1] writes [0]
			draws pixel 7 from row 0 to 2
		`},
		// Keys and values of a pixel are computed a step after it is drawn, just before the next one
		// looks at them. One row of a mask serves all: the reader of three places that sees n begins at
		// 3 − n.
		{"attention", func() (grid, *ir.Unit) { return attention(false) }, way{}, `
			stage 0
			fresh_1 = Gemm transA=1(stacked_0_p0_m1, [2], [1])
			stage 1
			fresh_2 = Identity(view_0_p0_p0)
			fresh_3 = Neg(view_0_p0_p0)
			stage 2
			logits = Reshape(MatMul(Softmax axis=-1(Add(MatMul(Reshape(view_1_p0_p0, [-1 1 1 1]), past_2), mask_0)), past_3), [-1 1])
			cache 0: 4×1
			cache 1: 3×1
			cache 2: 3×1 heads 1 turned
			cache 3: 3×1 heads 1
			mask 0 of cache 2: heads 1 own 0 weights 0 [0 0 0 -1e+30 -1e+30 -1e+30]
			step 0 of length 64
			stage 0 of 1 reads [0] writes [0]
			stage 2 of 1 reads [0][][3][] writes [0]
			draws pixel 0 from row 0 to 1
			step 1 of length 64
			stage 0 of 1 reads [1] writes [1]
			stage 1 of 1 reads [1] writes [0 0]
			stage 2 of 1 reads [1][][2][] writes [0]
			draws pixel 1 from row 0 to 2
			step 2 of length 64
			stage 0 of 1 reads [2] writes [2]
			stage 1 of 1 reads [2] writes [1 1]
			stage 2 of 1 reads [2][][1][] writes [0]
			draws pixel 2 from row 0 to 3
			step 3 of length 64
			stage 1 of 1 reads [3] writes [2 2]
		`},
		// A constant for each pixel is a cache that is there, one of an image's conditions goes into a
		// cache, and what varies over images alone is read as it is. Both come from the prologue.
		{"conditions", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			class := g.file.Op("Neg", nil, g.file.Input("class", onnx.Float32, onnx.Shape(1, 1)...))
			places := g.file.Input("map", onnx.Float32, onnx.Shape(1, 1, 2)...)
			constant := onnx.Const("", onnx.NewTensor([]float32{10, 20}, 1, 1, 2))
			u := g.linear([]float32{0}, []ir.Arg{at(g.picture, 0, -1)}, []float32{3})
			u = g.apply("Add", 1, here(u), here(g.static(constant, false, true)))
			u = g.apply("Mul", 1, here(u), here(g.static(class, true, false)))
			return g, g.apply("Max", 1, here(u), here(g.static(places, true, true)))
		}, way{}, `
			stage 0
			logits = Max(Mul(Add(Gemm transA=1(stacked_0_p0_m1, [3]), view_1_p0_p0), condition_1), view_2_p0_p0)
			cache 0: 6×1 ring
			cache 1: 4×1 [10 0 0 20]
			cache 2: 4×1
			per_image_0 = Reshape(map, [-1])
			per_image_1 = Reshape(Neg(class), [-1])
			condition 0: 1 channels, cache 2, slots [0 3]
			condition 1: 1 channels, cache -1, slots []
			step 0
			stage 0 of 1 reads [3][0][][0] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1][3][][3] writes [0]
			draws pixel 1 from row 0 to 5
		`},
		// Weights of a pixel's own: a row of the table is 3 places of 1 channel, of 2 results each.
		{"dense", func() (grid, *ir.Unit) {
			g := newGrid(1, 3)
			before := &ir.Mask{W: 3, Sees: [][]ir.Span{nil, {{From: 0, To: 1}}, {{From: 0, To: 2}}}}
			u := g.unit(ir.Dense, "MatMul", 2, ir.Arg{Src: g.apply("Identity", 1, here(g.picture)), Access: ir.Attend(before), Valid: g.Rect})
			u.Table = onnx.NewTensor([]float32{0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 5, 6, 0, 0}, 3, 3, 2)
			return g, u
		}, way{}, `
			stage 0
			fresh_1 = Identity(view_0_p0_p0)
			stage 1
			logits = MatMul(Flatten axis=1(past_1), Reshape(weights_0, [-1 2]))
			cache 0: 3×1
			cache 1: 3×1 heads 1
			mask 0 of cache 1: heads 1 own 0 weights 2 [0 0 0 0 0 0 1 2 0 0 0 0 3 4 5 6 0 0]
			step 0 of length 64
			stage 1 of 1 reads [0][] writes [0]
			draws pixel 0 from row 0 to 0
			step 1 of length 64
			stage 0 of 1 reads [0] writes [0]
			stage 1 of 1 reads [6][] writes [0]
			draws pixel 1 from row 0 to 1
			step 2 of length 64
			stage 0 of 1 reads [1] writes [1]
			stage 1 of 1 reads [12][] writes [0]
			draws pixel 2 from row 0 to 2
			step 3 of length 64
			stage 0 of 1 reads [2] writes [2]
		`},
		// Keys and values of conditions, and what conditions add to the scores, are there before the
		// first step, as long as they are.
		{"attention to conditions", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			all := ir.Attend(&ir.Mask{W: 2, Sees: [][]ir.Span{{{From: 0, To: 2}}, {{From: 0, To: 2}}}})
			of := func(name string) ir.Arg {
				v := g.file.Input(name, onnx.Float32, onnx.Shape(1, 1, 2)...)
				return ir.Arg{Src: g.static(v, true, true), Access: all, Valid: g.Rect}
			}
			query := g.linear([]float32{1}, []ir.Arg{at(g.picture, 0, -1)}, []float32{2})
			u := g.unit(ir.Attention, "MatMul", 1, here(query), of("keys"), of("values"), of("hides"))
			u.Heads = 1
			return g, u
		}, way{}, `
			stage 0
			logits = Reshape(Transpose perm=[0 3 1 2 4](MatMul(Softmax axis=-1(Add(Add(MatMul(Transpose perm=[0 2 3 1 4](Reshape(Gemm transA=1(stacked_0_p0_m1, [2], [1]), Concat axis=0([1 -1], Slice(Shape(past_1), [0], [1], [0]), [1 1]))), past_1), mask_0), past_3)), past_2)), [-1 1])
			cache 0: 6×1 ring
			cache 1: 2×1 heads 1 turned fixed
			cache 2: 2×1 heads 1 fixed
			cache 3: 2×1 heads 1 turned fixed
			mask 0 of cache 1: heads 1 own 0 weights 0 [0 0 -1e+30 -1e+30]
			per_image_0 = Reshape(keys, [-1])
			per_image_1 = Reshape(values, [-1])
			per_image_2 = Reshape(hides, [-1])
			condition 0: 1 channels, cache 1, slots [0 1]
			condition 1: 1 channels, cache 2, slots [0 1]
			condition 2: 1 channels, cache 3, slots [0 1]
			step 0
			stage 0 of 1 reads [3][][0][][] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1][][0][][] writes [0]
			draws pixel 1 from row 0 to 5
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, out := c.build()
			p, err := g.emitted(out, c.way)
			if err != nil {
				t.Fatal(err)
			}
			same(t, text(p), c.want)
		})
	}
}

// TestNodes: what units become in a stage's graph.
func TestNodes(t *testing.T) {
	g := newGrid(1, 2)
	g3 := func() *ir.Unit { // of three channels
		return g.linear([]float32{0, 0, 0}, []ir.Arg{at(g.picture, 0, -1)}, []float32{1, 2, 3})
	}
	const three = "Gemm transA=1(stacked_0_p0_m1, [1 2 3])"
	left := at(g.picture, 0, -1)
	for _, c := range []struct {
		name string
		out  *ir.Unit
		way  way
		want string
	}{
		{"channels in a row", g.apply("Neg", 2, here(g3(), 1, 2)), way{}, "Neg(Slice(THREE, [1], [3], [1]))"},
		{"channels in another order", g.apply("Neg", 2, here(g3(), 2, 0)), way{}, "Neg(Gather axis=1(THREE, [2 0]))"},
		{"picked channels as they are", g.apply("Identity", 2, here(g3(), 0, 1)), way{}, "Slice(THREE, [0], [2], [1])"},
		{"all channels as they are", g.apply("Identity", 3, here(g3())), way{}, "Identity(THREE)"},
		{"joined", g.unit(ir.Concat, "Concat", 4, here(g3()), left), way{}, "Concat axis=1(THREE, view_0_p0_m1)"},
		{"joined of one", g.unit(ir.Concat, "Concat", 3, here(g3())), way{}, "THREE"},
		{"a constant and none", &ir.Unit{
			Kind: ir.Apply, Op: "Clip", Channels: 1, DType: onnx.Float32, Full: g.Rect, Dom: g.Rect, Args: []ir.Arg{left},
			Operands: []ir.Operand{{Arg: 0}, {Arg: -1}, {Arg: -1, Value: onnx.Scalar(float32(5))}},
		}, way{}, "Clip(view_0_p0_m1, none, [5])"},
		{"a mean", g.apply("ReduceMean", 1, here(g3())), way{}, "ReduceMean axes=[-1] keepdims=1(THREE)"},
		{"a mean of a newer file", g.apply("ReduceMean", 1, here(g3())), way{opset: 18}, "ReduceMean(THREE, [-1])"},
		{"a sum", g.apply("ReduceSum", 1, here(g3())), way{}, "ReduceSum(THREE, [-1])"},
		{"a sum of products", g.linear([]float32{7}, []ir.Arg{here(g3()), left}, []float32{4, 5, 6}, nil), way{}, "Add(view_0_p0_m1, Gemm(THREE, [4 5 6], [7]))"},
		{"a sum of products, for latency", g.linear([]float32{0}, []ir.Arg{here(g3()), left}, []float32{4, 5, 6}, nil), way{latency: true}, "Gemm(THREE, [4 5 6], view_0_p0_m1)"},
		{"a sum without products", g.linear([]float32{7}, []ir.Arg{left}, nil), way{}, "Add(view_0_p0_m1, [7])"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := g.emitted(c.out, c.way)
			if err != nil {
				t.Fatal(err)
			}
			same(t, strings.ReplaceAll(expressions(p.Stages[0].Model.Graph), three, "THREE"), "logits = "+c.want)
			if want := max(17, c.way.opset); p.Stages[0].Model.Opsets[""] != want {
				t.Errorf("opset %d, want %d", p.Stages[0].Model.Opsets[""], want)
			}
		})
	}
	for _, c := range []struct {
		t    onnx.DType
		want string
	}{
		{onnx.Float32, "Gather axis=0([3 4], Cast to=7(Reshape(OF, [-1])))"},
		{onnx.Int64, "Gather axis=0([3 4], Reshape(Cast(OF), [-1]))"},
	} {
		index := left
		if c.t != onnx.Float32 {
			u := g.apply("Cast", 1, left)
			u.DType = c.t
			index = here(u)
		}
		u := g.unit(ir.Lookup, "Gather", 1, index)
		u.Table = onnx.NewTensor([]float32{3, 4}, 2, 1)
		p, err := g.emitted(u, way{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, strings.ReplaceAll(expressions(p.Stages[0].Model.Graph), "view_0_p0_m1", "OF"), "logits = "+c.want)
	}
}

// TestRefuse: what is proven, and cannot be computed.
func TestRefuse(t *testing.T) {
	enough := errors.New("enough")
	for _, c := range []struct {
		name  string
		build func() (grid, *ir.Unit)
		want  string
	}{
		{"numbers that caches do not hold", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			u := g.apply("Cast", 1, here(g.picture))
			u.Node, u.DType = "odd", onnx.Int64
			return g, g.apply("Cast", 1, at(u, 0, -1))
		}, "compile: odd: its values are int64 and are read from other pixels"},
		{"an attention that the front end refused", func() (grid, *ir.Unit) {
			g, u := attention(false)
			u.Refused = enough
			return g, u
		}, "enough"},
		{"keys that are values as well", func() (grid, *ir.Unit) {
			g, u := attention(false)
			u.Args[2], u.Node = u.Args[1], "odd"
			return g, u
		}, "compile: odd: its argument 2 is not kept by heads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, out := c.build()
			if _, err := g.emitted(out, way{}); err == nil || err.Error() != c.want {
				t.Errorf("error is %v, should be %s", err, c.want)
			}
		})
	}
}

package frontend_test

import (
	"testing"

	"pixelcnn/internal/onnx"
)

// TestLinear: convolutions and matrix products as sums over taps. Taps without weights are gone.
func TestLinear(t *testing.T) {
	grey, rgb := size{1, 3, 4}, size{3, 3, 4}
	product := "1 linear 2: 0·[1 2] + [0 0]"
	check(t, []reading{
		{"a masked convolution", grey, func(g graph, x *onnx.Value) *onnx.Value {
			w := floats([]float32{ // rows -1 and 0, columns -1, 0 and 1
				1, 2, 0,
				3, 0, 0,

				4, 0, 5,
				6, 0, 0,
			}, 2, 1, 2, 3)
			return g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 0, 1}}, x, w, floats([]float32{7, 8}, 2))
		}, `1 linear 2: 0(-1,-1)·[1 4] + 0(-1,+0)·[2 0] + 0(-1,+1)·[0 5] + 0(+0,-1)·[3 6] + [7 8]`},
		{"dilated", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"pads": []int64{0, 4, 0, 0}, "dilations": []int64{1, 2}}, x, counted(1, 1, 1, 3))
		}, `1 linear 1: 0(+0,-4)·[1] + 0(+0,-2)·[2] + 0·[3] + [0]`},
		{"in groups", size{2, 3, 4}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"group": int64(2)}, x, counted(4, 1, 1, 1))
		}, `
			2 concat 2: 0, 1
			3 linear 4: 2·[1 2 0 0 0 0 3 4] + [0 0 0 0]`},
		{"of few channels", rgb, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", nil, g.Op("Slice", nil, x, onnx.List(2), onnx.List(3), onnx.List(1)), counted(2, 1, 1, 1))
		}, `
			3 concat 3: 0, 1, 2
			4 linear 2: 3[2]·[1 2] + [0 0]`},
		{"of channels in another order", rgb, func(g graph, x *onnx.Value) *onnx.Value { // one of the weights' rows
			return g.Op("Conv", nil, g.Op("Gather", onnx.Attrs{"axis": int64(1)}, x, onnx.List(2, 0, 1)), counted(1, 3, 1, 1))
		}, `
			3 concat 3: 0, 1, 2
			4 linear 1: 3·[2 3 1] + [0]`},
		{"a product from the right", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Transpose(g.Op("MatMul", nil, g.Transpose(x, 0, 2, 3, 1), counted(1, 2)), 0, 3, 1, 2)
		}, product},
		{"a product from the left", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Reshape(g.Op("MatMul", nil, counted(2, 1), g.Reshape(x, 1, 1, 12)), 1, 2, 3, 4)
		}, product},
		{"a convolution of one tap over pixels laid end to end", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Reshape(g.wide(g.Reshape(x, 1, 1, 12, 1), 2), 1, 2, 3, 4)
		}, product},
		{"a convolution of one tap over columns and rows", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Transpose(g.wide(g.Transpose(x, 0, 1, 3, 2), 2), 0, 1, 3, 2)
		}, product},
		{"Gemm", grey, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Gemm", onnx.Attrs{"transB": int64(1), "alpha": float32(2), "beta": float32(3)}, g.Reshape(x, 12, 1), counted(2, 1), counted(2))
			return g.Transpose(g.Reshape(y, 1, 3, 4, 2), 0, 3, 1, 2)
		}, `1 linear 2: 0·[2 4] + [3 6]`},
		{"BatchNormalization", grey, func(g graph, x *onnx.Value) *onnx.Value { // 4·(x − 1)/√(3.75 + 0.25) + 3
			one := func(x float32) *onnx.Value { return floats([]float32{x}, 1) }
			return g.Op("BatchNormalization", onnx.Attrs{"epsilon": float32(0.25)}, x, one(4), one(3), one(1), one(3.75))
		}, `
			1 Mul 1: 0, [2]
			2 Add 1: 1, [1]
			3 Identity 1: 2`},
	})
}

// TestMove: what only moves values about is no unit, but changes where others read, and where what
// they read is zero.
func TestMove(t *testing.T) {
	grey, rgb := size{1, 3, 4}, size{3, 3, 4}
	// Row y is the picture's y - 1, of which the last is cut off. The unit stands where what it reads
	// does.
	down := `
		1 Neg 1 3×4@(-1,0): 0 in 2×4
		2 Identity 1: 1(-1,+0)`
	first := func(g graph, x *onnx.Value) *onnx.Value {
		return g.Op("Neg", nil, g.Op("Slice", nil, x, onnx.List(0), onnx.List(3), onnx.List(2)))
	}
	check(t, []reading{
		{"Pad and Slice", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return first(g, g.Op("Pad", nil, x, onnx.List(0, 0, 1, 0, 0, 0, 0, 0)))
		}, down},
		{"Concat with zeros", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return first(g, g.Concat(2, floats(make([]float32, 4), 1, 1, 1, 4), x))
		}, down},
		{"Slice and Pad", grey, func(g graph, x *onnx.Value) *onnx.Value { // column x is the picture's x + 1
			x = g.Op("Slice", nil, x, onnx.List(1), onnx.List(4), onnx.List(3))
			return g.Op("Neg", nil, g.Op("Pad", nil, x, onnx.List(0, 0, 0, 0, 0, 0, 0, 1)))
		}, `
			1 Neg 1 3×4@(0,1): 0 in 3×3@(0,1)
			2 Identity 1: 1(+0,+1)`},
		{"Transpose twice", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Transpose(g.Op("Neg", nil, g.Transpose(x, 0, 1, 3, 2)), 0, 1, 3, 2)
		}, `
			1 Neg 1: 0
			2 Identity 1: 1`},
		{"channels picked, turned round, joined", rgb, func(g graph, x *onnx.Value) *onnx.Value {
			split := g.Ops(2, "Split", onnx.Attrs{"axis": int64(1)}, x, onnx.List(1, 2))
			return g.Concat(1, split[1], g.Op("Gather", onnx.Attrs{"axis": int64(1)}, x, onnx.List(-1, 0)),
				g.Op("Slice", nil, x, onnx.List(2), onnx.List(-4), onnx.List(1), onnx.List(-1)))
		}, `
			3 concat 3: 0, 1, 2
			4 concat 7: 3[1 2], 3[2 0], 3[2 1 0]
			5 Identity 7: 4`},
		{"channels in two dimensions, transposed", size{4, 3, 4}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Reshape(g.Transpose(g.Reshape(x, 1, 2, 2, 3, 4), 0, 2, 1, 3, 4), 1, 4, 3, 4)
		}, `
			4 concat 4: 0, 1, 2, 3
			5 Identity 4: 4[0 2 1 3]`},
		{"Expand", grey, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Expand", nil, x, onnx.List(1, 2, 3, 4)) }, `
			1 Identity 2: 0[0 0]`},
		{"a start token before pixels laid end to end", grey, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Slice", nil, g.line(x, 1, 12), onnx.List(0), onnx.List(11), onnx.List(1))
			y = g.Op("Neg", nil, g.Concat(1, floats([]float32{9}, 1, 1, 1), y))
			return g.Reshape(y, 1, 1, 3, 4)
		}, `
			1 static 1: over pixels [9 0 0 0 0 0 0 0 0 0 0 0]
			2 Add 1: 0(places 0 to 11, -1), 1
			3 Neg 1: 2
			4 Identity 1: 3`},
		{"a condition before pixels laid end to end", size{1, 1, 3}, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Concat(1, g.condition(1, 1, 1), g.line(x, 1, 3))
			y = g.Op("Slice", nil, y, onnx.List(0), onnx.List(3), onnx.List(1))
			return g.Reshape(y, 1, 1, 1, 3)
		}, `
			1 static 1: over images
			2 static 1 2×3: over pixels [1 0 0 0 0 0]
			3 Mul 1 2×3: 1, 2
			4 Add 1 2×3: 3, 0(places 0 to 3, -1)
			5 Identity 1: 4`},
	})
}

// TestLocal: operators on each position by itself, and constants and conditions beside a value.
func TestLocal(t *testing.T) {
	grey := size{1, 1, 3}
	two := "1 linear 2: 0·[1 2] + [0 0]\n"
	channelsLast := func(op string, attrs onnx.Attrs, more ...*onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Transpose(g.wide(x, 2), 0, 2, 3, 1)
			return g.Transpose(g.Op(op, attrs, append([]*onnx.Value{y}, more...)...), 0, 3, 1, 2)
		}
	}
	check(t, []reading{
		{"a constant", grey, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Sub", nil, number(5), x) }, `
			1 Sub 1: [5], 0
			2 Identity 1: 1`},
		{"a constant for each channel", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, g.wide(x, 2), floats([]float32{5, 6}, 2, 1, 1))
		}, two + `
			2 Add 2: 1, [5 6]
			3 Identity 2: 2`},
		{"a constant for each pixel", grey, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Add", nil, x, counted(1, 3)) }, `
			1 static 1: over pixels [1 2 3]
			2 Add 1: 0, 1
			3 Identity 1: 2`},
		{"a channel for all", grey, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Mul", nil, g.wide(x, 2), x) }, two + `
			2 Mul 2: 1, 0
			3 Identity 2: 2`},
		{"an operand that is absent", grey, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Clip", nil, x, nil, number(1)) }, `
			1 Clip 1: 0, none, [1]
			2 Identity 1: 1`},
		{"a condition for each channel", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, g.wide(x, 2), g.Reshape(g.condition(1, 2), 1, 2, 1, 1))
		}, two + `
			2 static 2: over images
			3 Add 2: 1, 2
			4 Identity 2: 3`},
		{"a condition for each pixel", grey, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, g.wide(x, 2), g.condition(1, 1, 1, 3))
		}, two + `
			2 static 2: over images pixels
			3 Add 2: 1, 2
			4 Identity 2: 3`},
		{"Softmax", grey, channelsLast("Softmax", nil), two + `
			2 Softmax 2: 1
			3 Identity 2: 2`},
		{"LayerNormalization", grey, channelsLast("LayerNormalization", nil, floats([]float32{3, 4}, 2), floats([]float32{5, 6}, 2)), two + `
			2 LayerNormalization 2: 1, [3 4], [5 6]
			3 Identity 2: 2`},
		{"ReduceMax", grey, channelsLast("ReduceMax", onnx.Attrs{"axes": []int64{-1}}), two + `
			2 ReduceMax 1: 1
			3 Identity 1: 2`},
		{"an embedding", grey, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Gather", nil, counted(3, 2), g.Cast(g.Reshape(x, 1, 1, 3), onnx.Int64)) // [1, 1, 3, 2]
			return g.Transpose(y, 0, 3, 1, 2)
		}, `
			1 Cast 1: 0
			2 lookup 2: 1, table [1 2 3 4 5 6]
			3 Identity 2: 2`},
		{"OneHot", grey, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("OneHot", onnx.Attrs{"axis": int64(1)}, g.Cast(x, onnx.Int64), onnx.List(2), floats([]float32{5, 7}, 2)) // [1, 2, 1, 1, 3]
			return g.Reshape(y, 1, 2, 1, 3)
		}, `
			1 Cast 1: 0
			2 lookup 2: 1, table [7 5 5 7]
			3 Identity 2: 2`},
	})
}

// TestLattice: what reads other lattices.
func TestLattice(t *testing.T) {
	four := size{1, 4, 4}
	double := func(g graph, x *onnx.Value) *onnx.Value {
		return g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, x, nil, floats([]float32{1, 1, 2, 2}, 4))
	}
	// Channel (2·i + j) of SpaceToDepth's pixel is row i, column j of its block.
	blocks := "1 concat 4 2×2: 0(2n,2n) in 3×3, 0(2n,2n+1) in 3×3@(0,1), 0(2n+1,2n) in 3×3@(1,0), 0(2n+1,2n+1) in 3×3@(1,1)\n"
	check(t, []reading{
		{"strided and transposed", four, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}}, x, counted(1, 1, 1, 2))
			return g.Op("ConvTranspose", onnx.Attrs{"strides": []int64{2, 2}}, y, counted(1, 2, 2, 2), floats([]float32{9, 0}, 2))
		}, `
			1 linear 1 2×2: 0(2n,2n)·[1] + 0(2n,2n+1)·[2] + [0]
			2 linear 2: 1(n/2,n/2)·[1 5] + 1(n/2,(n-1)/2)·[2 6] + 1((n-1)/2,n/2)·[3 7] + 1((n-1)/2,(n-1)/2)·[4 8] + [9 0]`},
		{"transposed in groups", size{2, 1, 3}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("ConvTranspose", onnx.Attrs{"group": int64(2), "pads": []int64{0, 0, 0, 1}}, x, counted(2, 1, 1, 2))
		}, `
			2 concat 2: 0, 1
			3 linear 2: 2·[1 0 0 3] + 2(+0,-1) in 1×2·[2 0 0 4] + [0 0]`},
		{"every other pixel, each twice", four, func(g graph, x *onnx.Value) *onnx.Value {
			return double(g, g.Op("Slice", nil, x, onnx.List(0, 1), onnx.List(4, 4), onnx.List(2, 3), onnx.List(2, 2)))
		}, `
			1 Identity 1 2×2: 0(2n,2n+1) in 3×3@(0,1)
			2 Identity 1: 1(⌊n/2⌋,⌊n/2⌋)`},
		{"the largest of blocks", four, func(g graph, x *onnx.Value) *onnx.Value {
			return double(g, g.Op("MaxPool", onnx.Attrs{"kernel_shape": []int64{1, 2}, "strides": []int64{2, 2}}, x))
		}, `
			1 Max 1 2×2: 0(2n,2n) in 3×3, 0(2n,2n+1) in 3×3@(0,1)
			2 Identity 1: 1(⌊n/2⌋,⌊n/2⌋)`},
		{"the mean of what is in the picture", size{1, 1, 3}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("AveragePool", onnx.Attrs{"kernel_shape": []int64{1, 3}, "pads": []int64{0, 1, 0, 1}}, x)
		}, `
			1 Sum 1: 0(+0,-1) in 1×2, 0, 0(+0,+1) in 1×2@(0,1)
			2 static 1: over pixels [2 3 2]
			3 Div 1: 1, 2
			4 Identity 1: 3`},
		{"the mean with zeros", size{1, 1, 3}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("AveragePool", onnx.Attrs{"kernel_shape": []int64{1, 3}, "pads": []int64{0, 2, 0, 0}, "count_include_pad": int64(1)}, x)
		}, `
			1 Sum 1: 0(+0,-2) in 1×1, 0(+0,-1) in 1×2, 0
			2 Div 1: 1, [3]
			3 Identity 1: 2`},
		{"blocks as channels and back", four, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(2)}, g.Op("SpaceToDepth", onnx.Attrs{"blocksize": int64(2)}, x))
		}, blocks + `
			2 Sum 1: 1[0](n/2,n/2), 1[1](n/2,(n-1)/2), 1[2]((n-1)/2,n/2), 1[3]((n-1)/2,(n-1)/2)
			3 Identity 1: 2`},
		{"blocks by reshaping", four, func(g graph, x *onnx.Value) *onnx.Value { // columns of blocks before rows
			y := g.Reshape(g.Transpose(g.Reshape(x, 1, 1, 2, 2, 2, 2), 0, 1, 5, 3, 2, 4), 1, 4, 2, 2)
			return g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(2)}, y)
		}, blocks + `
			2 Sum 1: 1[0](n/2,n/2), 1[2](n/2,(n-1)/2), 1[1]((n-1)/2,n/2), 1[3]((n-1)/2,(n-1)/2)
			3 Identity 1: 2`},
		{"channels as blocks, each channel's together", size{1, 2, 2}, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}}, x, counted(8, 1, 2, 2))
			return g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(2), "mode": "CRD"}, y)
		}, `
			1 linear 8 1×1: 0(2n,2n)·[1 5 9 13 17 21 25 29] + 0(2n,2n+1)·[2 6 10 14 18 22 26 30] + 0(2n+1,2n)·[3 7 11 15 19 23 27 31] + 0(2n+1,2n+1)·[4 8 12 16 20 24 28 32] + [0 0 0 0 0 0 0 0]
			2 Sum 2: 1[0 4](n/2,n/2), 1[1 5](n/2,(n-1)/2), 1[2 6]((n-1)/2,n/2), 1[3 7]((n-1)/2,(n-1)/2)
			3 Identity 2: 2`},
	})
}

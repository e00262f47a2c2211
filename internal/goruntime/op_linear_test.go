package goruntime_test

import (
	"testing"

	"pixelcnn/internal/onnx"
)

func TestProducts(t *testing.T) {
	a, b := f32(d(2, 3), 1, 2, 3, 4, 5, 6), f32(d(3, 2), 1, 0, 2, -1, 0, 3)
	at, bt := f32(d(3, 2), 1, 4, 2, 5, 3, 6), f32(d(2, 3), 1, 2, 0, 0, -1, 3)
	ab := f32(d(2, 2), 5, 7, 14, 13)
	one := func(name, op string, attrs onnx.Attrs, want *onnx.Tensor, in ...*onnx.Tensor) opCase {
		return opCase{name: name, op: op, attrs: attrs, in: in, want: []*onnx.Tensor{want}}
	}
	weight := func(c opCase) opCase { c.name, c.known = c.name+" by a constant", []int{1}; return c }
	var cases []opCase
	for _, c := range []opCase{
		one("", "MatMul", nil, ab, a, b),
		one("vector", "MatMul", nil, f32(d(2), 6, 15), a, f32(d(3), 1, 1, 1)),
		one("vector first", "MatMul", nil, f32(d(2), 3, 2), f32(d(3), 1, 1, 1), b),
		one("dot", "MatMul", nil, onnx.Scalar(float32(14)), f32(d(3), 1, 2, 3), f32(d(3), 1, 2, 3)),
		one("rows of a batch", "MatMul", nil, f32(d(2, 1, 2), 5, 7, 14, 13), f32(d(2, 1, 3), 1, 2, 3, 4, 5, 6), b),
		one("batch", "MatMul", nil, f32(d(2, 1, 1), 11, 39), f32(d(2, 1, 2), 1, 2, 3, 4), f32(d(2, 2, 1), 3, 4, 5, 6)),
		one("repeated", "MatMul", nil, f32(d(2, 2, 1), 11, 17, 25, 39), f32(d(2, 1, 1, 2), 1, 2, 3, 4), f32(d(2, 2, 1), 3, 4, 5, 6)).reshaped(2, 2, 1, 1),
		one("of int64", "MatMul", nil, i64(d(1, 1), 11), i64(d(1, 2), 1, 2), i64(d(2, 1), 3, 4)),
		one("of float64", "MatMul", nil, onnx.NewTensor([]float64{11}, 1, 1), onnx.NewTensor([]float64{1, 2}, 1, 2), onnx.NewTensor([]float64{3, 4}, 2, 1)),
		one("no terms", "MatMul", nil, f32(d(2, 2), 0, 0, 0, 0), f32(d(2, 0)), f32(d(0, 2))),
		one("", "Gemm", nil, ab, a, b),
		one("transA", "Gemm", onnx.Attrs{"transA": int64(1)}, ab, at, b),
		one("transB", "Gemm", onnx.Attrs{"transB": int64(1)}, ab, a, bt),
		one("both", "Gemm", onnx.Attrs{"transA": int64(1), "transB": int64(1)}, ab, at, bt),
		one("row", "Gemm", nil, f32(d(2, 2), 15, 27, 24, 33), a, b, f32(d(2), 10, 20)),
		one("column", "Gemm", nil, f32(d(2, 2), 15, 17, 34, 33), a, b, f32(d(2, 1), 10, 20)),
		one("scalar", "Gemm", nil, f32(d(2, 2), 6, 8, 15, 14), a, b, f32(d(1), 1)),
		one("whole", "Gemm", nil, f32(d(2, 2), 6, 9, 17, 17), a, b, f32(d(2, 2), 1, 2, 3, 4)),
		one("scaled", "Gemm", onnx.Attrs{"alpha": float32(2), "beta": float32(0.5)}, f32(d(2, 2), 15, 24, 33, 36), a, b, f32(d(2), 10, 20)),
		one("scaled summand", "Gemm", onnx.Attrs{"beta": float32(0.5)}, f32(d(2, 2), 10, 12, 24, 23), a, b, f32(d(2, 1), 10, 20)),
		one("no summand", "Gemm", onnx.Attrs{"beta": float32(0)}, ab, a, b, f32(d(2), 10, 20)),
	} {
		cases = append(cases, c, weight(c))
	}
	checkOps(t, cases)
}

// reshaped gives the wanted result another shape.
func (c opCase) reshaped(shape ...int) opCase {
	c.want = []*onnx.Tensor{{Shape: shape, Data: c.want[0].Data}}
	return c
}

func TestConv(t *testing.T) {
	x := f32(d(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9)
	cross := f32(d(1, 1, 3, 3), 0, 1, 0, 1, 1, 1, 0, 1, 0)
	two := f32(d(1, 2, 1, 3), 1, 2, 3, 10, 20, 30)
	conv := func(name string, attrs onnx.Attrs, want *onnx.Tensor, in ...*onnx.Tensor) opCase {
		return opCase{name: name, op: "Conv", attrs: attrs, in: in, want: []*onnx.Tensor{want}}
	}
	var cases []opCase
	for _, c := range []opCase{
		conv("", nil, f32(d(1, 1, 1, 1), 25), x, cross),
		conv("pads", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, f32(d(1, 1, 3, 3), 7, 11, 11, 17, 25, 23, 19, 29, 23), x, cross),
		conv("pads of one side", onnx.Attrs{"pads": []int64{1, 0, 0, 0}}, f32(d(1, 1, 2, 1), 11, 25), x, cross),
		conv("bias", nil, f32(d(1, 2, 1, 1), 26, 47), x, f32(d(2, 1, 3, 3), 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1), f32(d(2), 1, 2)),
		conv("strides", onnx.Attrs{"strides": []int64{2, 1}, "pads": []int64{1, 1, 1, 1}, "kernel_shape": []int64{3, 3}}, f32(d(1, 1, 2, 3), 7, 11, 11, 19, 29, 23), x, cross),
		conv("columns by two", onnx.Attrs{"strides": []int64{1, 2}}, f32(d(1, 1, 3, 2), 1, 3, 4, 6, 7, 9), x, f32(d(1, 1, 1, 1), 1)),
		conv("dilations", onnx.Attrs{"dilations": []int64{2, 2}}, f32(d(1, 1, 1, 1), 20), x, f32(d(1, 1, 2, 2), 1, 1, 1, 1)),
		conv("SAME_UPPER", onnx.Attrs{"auto_pad": "SAME_UPPER"}, f32(d(1, 1, 3, 3), 12, 16, 9, 24, 28, 15, 15, 17, 9), x, f32(d(1, 1, 2, 2), 1, 1, 1, 1)),
		conv("SAME_LOWER", onnx.Attrs{"auto_pad": "SAME_LOWER"}, f32(d(1, 1, 3, 3), 1, 3, 5, 5, 12, 16, 11, 24, 28), x, f32(d(1, 1, 2, 2), 1, 1, 1, 1)),
		conv("VALID", onnx.Attrs{"auto_pad": "VALID"}, f32(d(1, 1, 2, 2), 12, 16, 24, 28), x, f32(d(1, 1, 2, 2), 1, 1, 1, 1)),
		conv("channels", nil, f32(d(1, 1, 1, 3), 21, 42, 63), two, f32(d(1, 2, 1, 1), 1, 2)),
		conv("groups", onnx.Attrs{"group": int64(2)}, f32(d(1, 2, 1, 3), 3, 6, 9, 40, 80, 120), two, f32(d(2, 1, 1, 1), 3, 4)),
		conv("groups, wider", onnx.Attrs{"group": int64(2), "pads": []int64{0, 1, 0, 0}}, f32(d(1, 2, 1, 3), 1, 3, 5, 10, 30, 50), two, f32(d(2, 1, 1, 2), 1, 1, 1, 1)),
		conv("one dimension", onnx.Attrs{"pads": []int64{1, 0}}, f32(d(1, 1, 3), 1, 3, 5), f32(d(1, 1, 3), 1, 2, 3), f32(d(1, 1, 2), 1, 1)),
		conv("three dimensions", nil, f32(d(1, 1, 1, 1, 2), 16, 20), f32(d(1, 1, 2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), f32(d(1, 1, 2, 2, 1), 1, 1, 1, 1)),
		conv("two images", nil, f32(d(2, 1, 1, 1), 3, 7), f32(d(2, 1, 1, 2), 1, 2, 3, 4), f32(d(1, 1, 1, 2), 1, 1)),
		conv("no images", nil, f32(d(0, 1, 1, 1)), f32(d(0, 1, 1, 2)), f32(d(1, 1, 1, 2), 1, 1)),
		conv("zero weights", nil, f32(d(1, 1, 1, 1), 4), x, f32(d(1, 1, 3, 3), 0, 0, 0, 0, 0, 0, 0, 0, 0), f32(d(1), 4)),
	} {
		constant := c
		constant.name += " by a constant"
		constant.known = []int{1, 2}
		cases = append(cases, c, constant)
	}
	checkOps(t, cases)
}

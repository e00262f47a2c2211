package goruntime_test

import (
	"testing"

	"pixelcnn/internal/onnx"
)

func TestShapes(t *testing.T) {
	x := f32(d(2, 3), 1, 2, 3, 4, 5, 6)
	y := f32(d(2, 1, 3, 1), 1, 2, 3, 4, 5, 6)
	as := func(shape ...int) []*onnx.Tensor { return []*onnx.Tensor{f32(shape, 1, 2, 3, 4, 5, 6)} }
	with := func(in *onnx.Tensor, sizes ...int64) []*onnx.Tensor { return []*onnx.Tensor{in, list(sizes...)} }
	known := []int{1}
	checkOps(t, []opCase{
		{op: "Reshape", in: with(x, 3, 2), known: known, want: as(3, 2)},
		{name: "rest", op: "Reshape", in: with(x, 1, -1), known: known, want: as(1, 6)},
		{name: "copied", op: "Reshape", in: with(x, 0, 1, -1), known: known, want: as(2, 1, 3)},
		{name: "to nothing", op: "Reshape", attrs: onnx.Attrs{"allowzero": int64(1)}, in: []*onnx.Tensor{f32(d(0, 3)), list(3, 0)}, known: known, want: []*onnx.Tensor{f32(d(3, 0))}},
		{op: "Flatten", in: []*onnx.Tensor{y}, want: as(2, 3)},
		{name: "axis 0", op: "Flatten", attrs: onnx.Attrs{"axis": int64(0)}, in: []*onnx.Tensor{y}, want: as(1, 6)},
		{name: "axis -1", op: "Flatten", attrs: onnx.Attrs{"axis": int64(-1)}, in: []*onnx.Tensor{x}, want: as(2, 3)},
		{name: "all", op: "Squeeze", in: []*onnx.Tensor{y}, want: as(2, 3)},
		{name: "input", op: "Squeeze", in: with(y, -1), known: known, want: as(2, 1, 3)},
		{name: "attribute", op: "Squeeze", opset: 11, attrs: onnx.Attrs{"axes": []int64{1}}, in: []*onnx.Tensor{y}, want: as(2, 3, 1)},
		{name: "input", op: "Unsqueeze", in: with(x, 0, -1), known: known, want: as(1, 2, 3, 1)},
		{name: "attribute", op: "Unsqueeze", opset: 11, attrs: onnx.Attrs{"axes": []int64{1}}, in: []*onnx.Tensor{x}, want: as(2, 1, 3)},
		{op: "Identity", in: []*onnx.Tensor{x}, want: as(2, 3)},
		{op: "Dropout", in: []*onnx.Tensor{x}, want: as(2, 3)},
		{op: "Shape", in: []*onnx.Tensor{y}, want: []*onnx.Tensor{list(2, 1, 3, 1)}},
		{name: "part", op: "Shape", attrs: onnx.Attrs{"start": int64(-3), "end": int64(3)}, in: []*onnx.Tensor{y}, want: []*onnx.Tensor{list(1, 3)}},
		{op: "Size", in: []*onnx.Tensor{y}, want: []*onnx.Tensor{onnx.Scalar(int64(6))}},
		{op: "Constant", attrs: onnx.Attrs{"value": x}, want: []*onnx.Tensor{x}},
		{name: "of ints", op: "Constant", attrs: onnx.Attrs{"value_ints": []int64{3, 4}}, want: []*onnx.Tensor{list(3, 4)}},
		{name: "of a float", op: "Constant", attrs: onnx.Attrs{"value_float": float32(3)}, want: []*onnx.Tensor{onnx.Scalar(float32(3))}},
		{op: "ConstantOfShape", in: []*onnx.Tensor{list(2, 2)}, known: []int{0}, want: []*onnx.Tensor{f32(d(2, 2), 0, 0, 0, 0)}},
		{name: "of int64", op: "ConstantOfShape", attrs: onnx.Attrs{"value": list(7)}, in: []*onnx.Tensor{list(3)}, known: []int{0}, want: []*onnx.Tensor{list(7, 7, 7)}},
		{op: "Range", in: []*onnx.Tensor{onnx.Scalar(int64(7)), onnx.Scalar(int64(1)), onnx.Scalar(int64(-2))}, known: []int{0, 1, 2}, want: []*onnx.Tensor{list(7, 5, 3)}},
		{name: "of float32", op: "Range", in: []*onnx.Tensor{onnx.Scalar(float32(0)), onnx.Scalar(float32(1)), onnx.Scalar(float32(0.4))}, known: []int{0, 1, 2}, want: []*onnx.Tensor{f32(d(3), 0, 0.4, 0.8)}},
	})
}

func TestMoves(t *testing.T) {
	x := f32(d(2, 3), 1, 2, 3, 4, 5, 6)
	box := f32(d(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8)
	slice := func(name string, starts, ends, axes, steps *onnx.Tensor, want *onnx.Tensor) opCase {
		return opCase{name: name, op: "Slice", in: []*onnx.Tensor{x, starts, ends, axes, steps}, known: []int{1, 2, 3, 4}, want: []*onnx.Tensor{want}}
	}
	one := func(name, op string, attrs onnx.Attrs, want *onnx.Tensor, in ...*onnx.Tensor) opCase {
		return opCase{name: name, op: op, attrs: attrs, in: in, known: []int{1, 2, 3}, want: []*onnx.Tensor{want}}
	}
	axis := func(a int64) onnx.Attrs { return onnx.Attrs{"axis": a} }
	free := func(c opCase) opCase { c.known = nil; return c }
	pad := func(mode string, want *onnx.Tensor, in ...*onnx.Tensor) opCase {
		return one(mode, "Pad", onnx.Attrs{"mode": mode}, want, in...)
	}
	checkOps(t, []opCase{
		one("", "Transpose", nil, f32(d(3, 2), 1, 4, 2, 5, 3, 6), x),
		one("perm", "Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, f32(d(2, 2, 2), 1, 3, 2, 4, 5, 7, 6, 8), box),
		one("perm", "Transpose", onnx.Attrs{"perm": []int64{2, 0, 1}}, f32(d(2, 2, 2), 1, 3, 5, 7, 2, 4, 6, 8), box),
		slice("columns", list(1), list(3), list(1), nil, f32(d(2, 2), 2, 3, 5, 6)),
		slice("rows", list(1), list(9), list(0), nil, f32(d(1, 3), 4, 5, 6)),
		slice("both", list(0, -1), list(1, 100), nil, nil, f32(d(1, 1), 3)),
		slice("steps", list(0), list(3), list(-1), list(2), f32(d(2, 2), 1, 3, 4, 6)),
		slice("backwards", list(-1), list(-100), list(1), list(-1), f32(d(2, 3), 3, 2, 1, 6, 5, 4)),
		slice("nothing", list(2), list(1), list(1), nil, f32(d(2, 0))),
		{op: "Split", attrs: axis(1), in: []*onnx.Tensor{x, list(1, 2)}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 1), 1, 4), f32(d(2, 2), 2, 3, 5, 6)}},
		{name: "equal", op: "Split", in: []*onnx.Tensor{x}, want: []*onnx.Tensor{f32(d(1, 3), 1, 2, 3), f32(d(1, 3), 4, 5, 6)}},
		{name: "attribute", op: "Split", opset: 11, attrs: onnx.Attrs{"axis": int64(1), "split": []int64{2, 1}}, in: []*onnx.Tensor{x}, want: []*onnx.Tensor{f32(d(2, 2), 1, 2, 4, 5), f32(d(2, 1), 3, 6)}},
		{name: "uneven", op: "Split", opset: 18, attrs: onnx.Attrs{"axis": int64(1), "num_outputs": int64(2)}, in: []*onnx.Tensor{x}, want: []*onnx.Tensor{f32(d(2, 2), 1, 2, 4, 5), f32(d(2, 1), 3, 6)}},
		free(one("columns", "Concat", axis(1), f32(d(2, 4), 1, 2, 3, 9, 4, 5, 6, 8), x, f32(d(2, 1), 9, 8))),
		free(one("rows", "Concat", axis(-2), f32(d(3, 3), 7, 8, 9, 1, 2, 3, 4, 5, 6), f32(d(1, 3), 7, 8, 9), x)),
		free(one("of int64", "Concat", axis(0), list(1, 2, 3), list(1), list(), list(2, 3))),
		one("", "Expand", nil, f32(d(2, 2), 1, 1, 2, 2), f32(d(2, 1), 1, 2), list(1, 2)),
		one("more dimensions", "Expand", nil, f32(d(2, 2, 1), 1, 2, 1, 2), f32(d(2, 1), 1, 2), list(2, 1, 1)),
		{name: "lower", op: "Trilu", attrs: onnx.Attrs{"upper": int64(0)}, in: []*onnx.Tensor{f32(d(2, 3), 1, 2, 3, 4, 5, 6), onnx.Scalar(int64(0))}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 3), 1, 0, 0, 4, 5, 0)}},
		{name: "above the diagonal", op: "Trilu", in: []*onnx.Tensor{i64(d(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), onnx.Scalar(int64(1))}, known: []int{1}, want: []*onnx.Tensor{i64(d(2, 2, 2), 0, 2, 0, 0, 0, 6, 0, 0)}},
		{name: "below it, too", op: "Trilu", attrs: onnx.Attrs{"upper": int64(1)}, in: []*onnx.Tensor{f32(d(2, 2), 1, 2, 3, 4), onnx.Scalar(int64(-1))}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 2), 1, 2, 3, 4)}},
		{name: "of the diagonal", op: "Trilu", in: []*onnx.Tensor{f32(d(2, 2), 1, 2, 3, 4)}, want: []*onnx.Tensor{f32(d(2, 2), 1, 2, 0, 4)}},
		one("", "Tile", nil, f32(d(2, 4), 1, 2, 1, 2, 3, 4, 3, 4), f32(d(2, 2), 1, 2, 3, 4), list(1, 2)),
		one("rows", "Tile", nil, f32(d(4, 1), 1, 2, 1, 2), f32(d(2, 1), 1, 2), list(2, 1)),
		pad("constant", f32(d(3, 4), 0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6), x, list(1, 1, 0, 0)),
		pad("constant", f32(d(2, 4), 1, 2, 3, 9, 4, 5, 6, 9), x, list(0, 0, 0, 1), onnx.Scalar(float32(9))),
		pad("constant", f32(d(1, 4), 5, 6, 7, 7), x, list(-1, -1, 0, 2), onnx.Scalar(float32(7))),
		pad("edge", f32(d(2, 5), 1, 1, 2, 3, 3, 4, 4, 5, 6, 6), x, list(0, 1, 0, 1)),
		pad("reflect", f32(d(2, 6), 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5), x, list(0, 2, 0, 1)),
		{name: "axes", op: "Pad", opset: 18, in: []*onnx.Tensor{x, list(1, 0), nil, list(1)}, known: []int{1, 3}, want: []*onnx.Tensor{f32(d(2, 4), 0, 1, 2, 3, 0, 4, 5, 6)}},
		{name: "wrap", op: "Pad", opset: 19, attrs: onnx.Attrs{"mode": "wrap"}, in: []*onnx.Tensor{x, list(0, 1, 0, 1)}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 5), 3, 1, 2, 3, 1, 6, 4, 5, 6, 4)}},
		free(one("rows", "Gather", nil, f32(d(3, 3), 4, 5, 6, 1, 2, 3, 4, 5, 6), x, list(1, 0, -1))),
		free(one("columns", "Gather", axis(1), f32(d(2, 1, 2), 3, 1, 6, 4), x, i64(d(1, 2), 2, 0))),
		free(one("scalar index", "Gather", axis(1), f32(d(2), 2, 5), x, onnx.Scalar(int64(1)))),
		free(one("int32 index", "Gather", nil, list(20, 30), list(10, 20, 30), i32(d(2), 1, 2))),
		one("", "OneHot", nil, f32(d(2, 3), 0, 0, 5, 0, 5, 0), list(2, -2), onnx.Scalar(int64(3)), f32(d(2), 0, 5)),
		one("axis 0", "OneHot", axis(0), list2x3(), list(1, 7, 0), onnx.Scalar(int64(2)), list(0, 1)),
		one("of float32", "OneHot", nil, f32(d(1, 2), 1, 0), f32(d(1), 0), onnx.Scalar(int64(2)), f32(d(2), 0, 1)).without("it has none of that type"),
	})
}

// list2x3 is one-hot 1, 7 (out of range) and 0 along axis 0.
func list2x3() *onnx.Tensor { return i64(d(2, 3), 0, 0, 1, 1, 0, 0) }

// without leaves ONNX Runtime out, for a reason.
func (c opCase) without(why string) opCase {
	c.noORT = why
	return c
}

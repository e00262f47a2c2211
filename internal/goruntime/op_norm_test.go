package goruntime_test

import (
	"testing"

	"pixelcnn/internal/onnx"
)

func TestReductions(t *testing.T) {
	x := f32(d(2, 3), 1, 2, 3, 4, 5, 6)
	axes := func(a ...int64) onnx.Attrs { return onnx.Attrs{"axes": a} }
	flat := func(a ...int64) onnx.Attrs { return onnx.Attrs{"axes": a, "keepdims": int64(0)} }
	one := func(name, op string, attrs onnx.Attrs, want *onnx.Tensor) opCase {
		return opCase{name: name, op: op, attrs: attrs, in: []*onnx.Tensor{x}, want: []*onnx.Tensor{want}}
	}
	checkOps(t, []opCase{
		one("rows", "ReduceMean", axes(1), f32(d(2, 1), 2, 5)),
		one("columns", "ReduceMean", flat(0), f32(d(3), 2.5, 3.5, 4.5)),
		one("all", "ReduceMean", nil, f32(d(1, 1), 3.5)),
		one("both", "ReduceMax", flat(-1, 0), onnx.Scalar(float32(6))),
		one("rows", "ReduceMax", axes(-1), f32(d(2, 1), 3, 6)),
		one("rows", "ReduceMin", axes(-1), f32(d(2, 1), 1, 4)),
		one("rows", "ReduceProd", axes(-1), f32(d(2, 1), 6, 120)),
		one("rows", "ReduceSumSquare", axes(-1), f32(d(2, 1), 14, 77)),
		one("rows", "ReduceL1", axes(-1), f32(d(2, 1), 6, 15)),
		one("rows", "ReduceL2", axes(-1), f32(d(2, 1), 3.7416575, 8.774964)),
		one("rows", "ReduceLogSum", axes(-1), f32(d(2, 1), 1.7917595, 2.7080502)),
		one("rows", "ReduceLogSumExp", axes(-1), f32(d(2, 1), 3.407606, 6.407606)),
		{name: "input", op: "ReduceSum", in: []*onnx.Tensor{x, list(1)}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 1), 6, 15)}},
		{name: "attribute", op: "ReduceSum", opset: 11, attrs: axes(0), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{f32(d(1, 3), 5, 7, 9)}},
		{name: "of no axes", op: "ReduceSum", attrs: onnx.Attrs{"noop_with_empty_axes": int64(1)}, in: []*onnx.Tensor{x}, want: []*onnx.Tensor{x}},
		{name: "middle", op: "ReduceSum", in: []*onnx.Tensor{f32(d(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), list(1)}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 1, 2), 4, 6, 12, 14)}},
		{name: "outer two", op: "ReduceSum", in: []*onnx.Tensor{f32(d(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), list(0, 2)}, known: []int{1}, want: []*onnx.Tensor{f32(d(1, 2, 1), 14, 22)}},
		{name: "of int64", op: "ReduceProd", attrs: flat(0), in: []*onnx.Tensor{list(2, 3, 4)}, want: []*onnx.Tensor{onnx.Scalar(int64(24))}},
		{name: "of int32", op: "ReduceMax", attrs: axes(0), in: []*onnx.Tensor{i32(d(3), -5, -2, -9)}, want: []*onnx.Tensor{i32(d(1), -2)}},
		{name: "of nothing", op: "ReduceSum", in: []*onnx.Tensor{f32(d(2, 0)), list(1)}, known: []int{1}, want: []*onnx.Tensor{f32(d(2, 1), 0, 0)}},
	})
}

func TestArg(t *testing.T) {
	x := f32(d(2, 3), 1, 3, 3, -5, -5, -6)
	one := func(name, op string, attrs onnx.Attrs, in, want *onnx.Tensor) opCase {
		return opCase{name: name, op: op, attrs: attrs, in: []*onnx.Tensor{in}, want: []*onnx.Tensor{want}}
	}
	flat := func(axis, last int64) onnx.Attrs {
		return onnx.Attrs{"axis": axis, "keepdims": int64(0), "select_last_index": last}
	}
	checkOps(t, []opCase{
		one("columns", "ArgMax", nil, x, i64(d(1, 3), 0, 0, 0)),
		one("rows", "ArgMax", flat(1, 0), x, i64(d(2), 1, 0)),
		one("last of equals", "ArgMax", flat(-1, 1), x, i64(d(2), 2, 1)),
		one("least", "ArgMin", flat(1, 0), x, i64(d(2), 0, 2)),
		one("last of the least", "ArgMin", flat(0, 1), x, i64(d(3), 1, 1, 1)),
		one("middle", "ArgMax", flat(1, 0), f32(d(1, 3, 2), 1, 9, 7, 2, 3, 4), i64(d(1, 2), 1, 0)),
		one("of int32", "ArgMax", flat(0, 0), i32(d(3), -5, -2, -9), onnx.Scalar(int64(1))),
	})
}

func TestSoftmax(t *testing.T) {
	x := f32(d(2, 3), 1, 2, 3, 1, 1, 1)
	third := float32(1. / 3)
	box := f32(d(1, 2, 2), 0, 0, 1, 1)
	one := func(name, op string, opset int64, attrs onnx.Attrs, in, want *onnx.Tensor) opCase {
		return opCase{name: name, op: op, opset: opset, attrs: attrs, in: []*onnx.Tensor{in}, want: []*onnx.Tensor{want}}
	}
	axis := func(a int64) onnx.Attrs { return onnx.Attrs{"axis": a} }
	checkOps(t, []opCase{
		one("", "Softmax", 0, nil, x, f32(d(2, 3), 0.09003057, 0.24472848, 0.66524094, third, third, third)),
		one("", "LogSoftmax", 0, nil, x, f32(d(2, 3), -2.407606, -1.407606, -0.407606, -1.0986123, -1.0986123, -1.0986123)),
		one("columns", "Softmax", 0, axis(0), x, f32(d(2, 3), 0.5, 0.7310586, 0.8807971, 0.5, 0.26894143, 0.11920292)),
		one("middle", "Softmax", 0, axis(1), box, f32(d(1, 2, 2), 0.26894143, 0.26894143, 0.7310586, 0.7310586)),
		one("all from the axis on", "Softmax", 11, nil, box, f32(d(1, 2, 2), 0.13447071, 0.13447071, 0.3655293, 0.3655293)),
		one("large", "Softmax", 0, nil, f32(d(1, 2), 1000, 999), f32(d(1, 2), 0.7310586, 0.26894143)),
	})
}

func TestNormalization(t *testing.T) {
	x := f32(d(1, 2, 1, 2), 1, 3, 10, 20)
	eps := func(e float32) onnx.Attrs { return onnx.Attrs{"epsilon": e} }
	row := f32(d(2, 2), 1, 3, -4, -4)
	checkOps(t, []opCase{
		{
			op: "BatchNormalization", attrs: eps(0), in: []*onnx.Tensor{x, f32(d(2), 1, 2), f32(d(2), 0, 5), f32(d(2), 1, 15), f32(d(2), 4, 25)},
			want: []*onnx.Tensor{f32(x.Shape, 0, 1, 3, 7)},
		},
		{
			name: "rows", op: "BatchNormalization", attrs: eps(0), in: []*onnx.Tensor{row, f32(d(2), 1, 1), f32(d(2), 0, 0), f32(d(2), 0, 0), f32(d(2), 1, 4)},
			want: []*onnx.Tensor{f32(d(2, 2), 1, 1.5, -4, -2)},
		},
		{
			op: "LayerNormalization", attrs: eps(1), in: []*onnx.Tensor{row, f32(d(2), 1, 10), f32(d(2), 0, 5)},
			want: []*onnx.Tensor{f32(d(2, 2), -0.70710677, 12.071068, 0, 5)},
		},
		{
			name: "statistics", op: "LayerNormalization", attrs: eps(1), in: []*onnx.Tensor{row, f32(d(2), 1, 1)},
			want: []*onnx.Tensor{f32(d(2, 2), -0.70710677, 0.70710677, 0, 0), f32(d(2, 1), 2, -4), f32(d(2, 1), 0.70710677, 1)},
		},
	})
}

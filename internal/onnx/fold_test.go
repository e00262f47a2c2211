package onnx

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func vec(x ...int64) *Value     { return Const("", NewTensor(x, len(x))) }
func reals(x ...float32) *Value { return Const("", NewTensor(x, len(x))) }

func octets(rows, cols int, x ...uint8) *Value { return Const("", NewTensor(x, rows, cols)) }

func grid(rows, cols int, x ...float32) *Value { return Const("", NewTensor(x, rows, cols)) }

// TestFold: constants by hand, one for each operator that exporters leave behind.
func TestFold(t *testing.T) {
	m23 := func() *Value { return grid(2, 3, 1, 2, 3, 4, 5, 6) }
	for _, c := range []struct {
		name, op string
		attrs    Attrs
		in       []*Value
		shape    []int
		data     any
	}{
		{"constant", "Constant", Attrs{"value": NewTensor([]int64{7}, 1)}, nil, []int{1}, []int64{7}},
		{"constant integers", "Constant", Attrs{"value_ints": []int64{1, 2}}, nil, []int{2}, []int64{1, 2}},
		{"constant float", "Constant", Attrs{"value_float": float32(2.5)}, nil, []int{}, []float32{2.5}},
		{"filled", "ConstantOfShape", Attrs{"value": NewTensor([]int64{3}, 1)}, []*Value{vec(2, 1)}, []int{2, 1}, []int64{3, 3}},
		{"filled with zero", "ConstantOfShape", nil, []*Value{vec(2)}, []int{2}, []float32{0, 0}},
		{"transpose", "Transpose", nil, []*Value{m23()}, []int{3, 2}, []float32{1, 4, 2, 5, 3, 6}},
		{"reshape", "Reshape", nil, []*Value{m23(), vec(3, -1)}, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}},
		{"reshape, size kept", "Reshape", nil, []*Value{m23(), vec(0, 3, 1)}, []int{2, 3, 1}, []float32{1, 2, 3, 4, 5, 6}},
		{"slice", "Slice", nil, []*Value{m23(), vec(1), vec(math.MaxInt64), vec(1)}, []int{2, 2}, []float32{2, 3, 5, 6}},
		{"slice backwards", "Slice", nil, []*Value{m23(), vec(-1), vec(math.MinInt64 + 1), vec(1), vec(-1)}, []int{2, 3}, []float32{3, 2, 1, 6, 5, 4}},
		{"slice by two", "Slice", nil, []*Value{reals(0, 1, 2, 3, 4), vec(4), vec(0), vec(0), vec(-2)}, []int{2}, []float32{4, 2}},
		{"slice, older form", "Slice", Attrs{"starts": []int64{0}, "ends": []int64{-1}, "axes": []int64{-1}}, []*Value{m23()}, []int{2, 2}, []float32{1, 2, 4, 5}},
		{"slice of nothing", "Slice", nil, []*Value{reals(1, 2), vec(2), vec(1)}, []int{0}, []float32{}},
		{"gather rows", "Gather", nil, []*Value{m23(), vec(1, -2)}, []int{2, 3}, []float32{4, 5, 6, 1, 2, 3}},
		{"gather one", "Gather", Attrs{"axis": int64(1)}, []*Value{m23(), Const("", Scalar(int64(2)))}, []int{2}, []float32{3, 6}},
		{"concat", "Concat", Attrs{"axis": int64(-1)}, []*Value{grid(2, 1, 9, 8), m23()}, []int{2, 4}, []float32{9, 1, 2, 3, 8, 4, 5, 6}},
		{"expand", "Expand", nil, []*Value{reals(1, 2), vec(2, 1)}, []int{2, 2}, []float32{1, 2, 1, 2}},
		{"tile", "Tile", nil, []*Value{reals(1, 2), vec(2)}, []int{4}, []float32{1, 2, 1, 2}},
		{"pad", "Pad", nil, []*Value{reals(1, 2), vec(1, 2)}, []int{5}, []float32{0, 1, 2, 0, 0}},
		{"pad with a value", "Pad", nil, []*Value{reals(1), vec(1, 0), Const("", Scalar(float32(-1)))}, []int{2}, []float32{-1, 1}},
		{"unsqueeze", "Unsqueeze", nil, []*Value{reals(1, 2), vec(0, -1)}, []int{1, 2, 1}, []float32{1, 2}},
		{"unsqueeze, older form", "Unsqueeze", Attrs{"axes": []int64{1}}, []*Value{reals(1, 2)}, []int{2, 1}, []float32{1, 2}},
		{"squeeze", "Squeeze", nil, []*Value{grid(1, 2, 1, 2)}, []int{2}, []float32{1, 2}},
		{"flatten", "Flatten", Attrs{"axis": int64(2)}, []*Value{grid(1, 2, 1, 2)}, []int{2, 1}, []float32{1, 2}},
		{"count", "Range", nil, []*Value{Const("", Scalar(int64(5))), Const("", Scalar(int64(0))), Const("", Scalar(int64(-2)))}, []int{3}, []int64{5, 3, 1}},
		{"count by tenths", "Range", nil, []*Value{Const("", Scalar(float32(0))), Const("", Scalar(float32(0.95))), Const("", Scalar(float32(0.1)))}, []int{10}, []float32{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.70000005, 0.8000001, 0.9000001}},
		{"lower triangle", "Trilu", Attrs{"upper": int64(0)}, []*Value{grid(2, 2, 1, 2, 3, 4)}, []int{2, 2}, []float32{1, 0, 3, 4}},
		{"strict upper triangle", "Trilu", nil, []*Value{grid(2, 2, 1, 2, 3, 4), Const("", Scalar(int64(1)))}, []int{2, 2}, []float32{0, 2, 0, 0}},
		{"cast to integers", "Cast", Attrs{"to": int64(Int64)}, []*Value{reals(1.9, -1.9)}, []int{2}, []int64{1, -1}},
		{"cast to bool", "Cast", Attrs{"to": int64(Bool)}, []*Value{reals(0, 2)}, []int{2}, []bool{false, true}},
		{"sum of a row and a column", "Add", nil, []*Value{grid(2, 1, 10, 20), reals(1, 2)}, []int{2, 2}, []float32{11, 12, 21, 22}},
		{"integer division", "Div", nil, []*Value{vec(7, -7), vec(2)}, []int{2}, []int64{3, -3}},
		{"remainder", "Mod", nil, []*Value{vec(-4, 7, 5), vec(3, -3, 5)}, []int{3}, []int64{2, -2, 0}},
		{"remainder as in C", "Mod", Attrs{"fmod": int64(1)}, []*Value{vec(-4, 7), vec(3, -3)}, []int{2}, []int64{-1, 1}},
		{"remainder of numbers", "Mod", Attrs{"fmod": int64(1)}, []*Value{reals(-4.5, 7), reals(3, -3)}, []int{2}, []float32{-1.5, 1}},
		{"large integers", "Mul", nil, []*Value{vec(1<<60 + 1), vec(3)}, []int{1}, []int64{3<<60 + 3}},
		{"product", "MatMul", nil, []*Value{grid(1, 2, 10, 1), m23()}, []int{1, 3}, []float32{14, 25, 36}},
		{"product of the transposed", "Gemm", Attrs{"transA": int64(1), "transB": int64(1)}, []*Value{grid(3, 1, 1, 0, 2), m23()}, []int{1, 2}, []float32{7, 16}},
		{"product and sum", "Gemm", Attrs{"alpha": float32(2), "beta": float32(0.5)}, []*Value{grid(1, 2, 10, 1), m23(), reals(2, 4, 6)}, []int{1, 3}, []float32{29, 52, 75}},
		{"comparison", "GreaterOrEqual", nil, []*Value{reals(1, 2, 3), reals(2)}, []int{3}, []bool{false, true, true}},
		{"choice", "Where", nil, []*Value{Const("", NewTensor([]bool{true, false}, 2)), reals(1, 1), reals(5)}, []int{2}, []float32{1, 5}},
		{"root", "Sqrt", nil, []*Value{reals(4, 9)}, []int{2}, []float32{2, 3}},
		{"product over all", "ReduceProd", Attrs{"keepdims": int64(0)}, []*Value{vec(2, 3, 4)}, []int{}, []int64{24}},
		{"mean over rows", "ReduceMean", Attrs{"axes": []int64{0}}, []*Value{m23()}, []int{1, 3}, []float32{2.5, 3.5, 4.5}},
		{"maximum", "ReduceMax", nil, []*Value{m23(), vec(1)}, []int{2, 1}, []float32{3, 6}},
		{"sum of sizes", "ReduceL1", Attrs{"keepdims": int64(0)}, []*Value{reals(3, -4)}, []int{}, []float32{7}},
		{"length", "ReduceL2", Attrs{"axes": []int64{1}}, []*Value{grid(2, 2, 3, -4, 5, 12)}, []int{2, 1}, []float32{5, 13}},
		{"sum of squares", "ReduceSumSquare", nil, []*Value{m23(), vec(0)}, []int{1, 3}, []float32{17, 29, 45}},
		{"logarithm of a sum", "ReduceLogSum", Attrs{"keepdims": int64(0)}, []*Value{reals(0.5, 0.5)}, []int{}, []float32{0}},
		{"logarithm of exponentials", "ReduceLogSumExp", Attrs{"keepdims": int64(0)}, []*Value{reals(7)}, []int{}, []float32{7}},
		{"a row and a matrix", "MatMul", nil, []*Value{reals(10, 1), m23()}, []int{3}, []float32{14, 25, 36}},
		{"a matrix and a column", "MatMul", nil, []*Value{m23(), reals(1, 0, -1)}, []int{2}, []float32{-2, -2}},
		{"a row and a column", "MatMul", nil, []*Value{reals(1, 2), reals(3, 4)}, []int{}, []float32{11}},
		{"dequantised", "DequantizeLinear", nil, []*Value{octets(2, 2, 128, 130, 0, 255), reals(0.5), octets(1, 1, 128)}, []int{2, 2}, []float32{0, 1, -64, 63.5}},
		{"dequantised by rows", "DequantizeLinear", Attrs{"axis": int64(0)}, []*Value{octets(2, 2, 1, 2, 3, 4), reals(1, 10), Const("", NewTensor([]uint8{0, 1}, 2))}, []int{2, 2}, []float32{1, 2, 20, 30}},
		{"dequantised by columns", "DequantizeLinear", nil, []*Value{octets(2, 2, 1, 2, 3, 4), reals(1, 10)}, []int{2, 2}, []float32{1, 20, 3, 40}},
		{"dequantised in blocks", "DequantizeLinear", Attrs{"block_size": int64(2)}, []*Value{octets(2, 3, 1, 2, 3, 4, 5, 6), grid(2, 2, 1, 10, 100, 1000), octets(2, 2, 0, 1, 0, 1)}, []int{2, 3}, []float32{1, 2, 20, 400, 500, 5000}},
		{"dequantised integers", "DequantizeLinear", nil, []*Value{Const("", NewTensor([]int32{-3}, 1)), Const("", Scalar(float32(0.25)))}, []int{1}, []float32{-0.75}},
		{"what is no number", "IsNaN", nil, []*Value{reals(1, float32(math.NaN()))}, []int{2}, []bool{false, true}},
		{"one-hot", "OneHot", nil, []*Value{vec(2, 0), vec(3), reals(-1, 1)}, []int{2, 3}, []float32{-1, -1, 1, 1, -1, -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &Graph{}
			g.Outputs = []*Value{g.Op(c.op, c.attrs, c.in...)}
			m, err := Simplify(&Model{Opsets: map[string]int64{"": 17}, Graph: g}, nil)
			if err != nil {
				t.Fatal(err)
			}
			out := m.Graph.Outputs[0].Const
			if out == nil || len(m.Graph.Nodes) > 0 {
				t.Fatal("it is no constant")
			}
			if !slices.Equal(out.Shape, c.shape) || !reflect.DeepEqual(out.Data, c.data) {
				t.Errorf("%v of shape %v, should be %v of shape %v", out.Data, out.Shape, c.data, c.shape)
			}
		})
	}
}

// TestFoldLeaves: what runtimes may compute in another way than Go is not folded.
func TestFoldLeaves(t *testing.T) {
	for _, c := range []struct {
		name, op string
		attrs    Attrs
		in       []*Value
	}{
		{"cast beyond the type", "Cast", Attrs{"to": int64(Int32)}, []*Value{reals(1 << 32)}},
		{"cast of no number", "Cast", Attrs{"to": int64(Int64)}, []*Value{reals(float32(math.NaN()))}},
		{"unary", "Neg", nil, []*Value{vec(1<<53 + 1)}},
		{"binary", "Max", nil, []*Value{vec(1<<53 + 1), vec(0)}},
		{"power", "Pow", nil, []*Value{vec(3), vec(40)}},
		{"comparison", "Greater", nil, []*Value{vec(1<<53 + 1), vec(1 << 53)}},
		{"sum", "ReduceSum", nil, []*Value{vec(1<<53, 1)}},
	} {
		g := &Graph{}
		g.Outputs = []*Value{g.Op(c.op, c.attrs, c.in...)}
		m, err := Simplify(&Model{Opsets: map[string]int64{"": 17}, Graph: g}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if out := m.Graph.Outputs[0].Const; out != nil {
			t.Errorf("%s: it has become %v", c.name, out.Data)
		}
	}
}

// TestRangeLength: by hand; the span is rounded as its type rounds it.
func TestRangeLength(t *testing.T) {
	for _, c := range []struct {
		start, limit, step *Tensor
		want               int
	}{
		{Scalar(int64(0)), Scalar(int64(10)), Scalar(int64(3)), 4},
		{Scalar(int64(0)), Scalar(int64(10)), Scalar(int64(-3)), 0},
		{Scalar(int32(5)), Scalar(int32(-1)), Scalar(int32(-2)), 3},
		{Scalar(float32(-1)), Scalar(float32(1 << 24)), Scalar(float32(1 << 20)), 16}, // 1<<24 + 1 is no float32
		{Scalar(float64(-1)), Scalar(float64(1 << 24)), Scalar(float64(1 << 20)), 17},
	} {
		if got, err := RangeLength(c.start, c.limit, c.step); got != c.want || err != nil {
			t.Errorf("from %v to %v by %v: %d, %v, want %d", c.start.Data, c.limit.Data, c.step.Data, got, err, c.want)
		}
	}
}

// TestSimplify: shape arithmetic goes, what depends on the input stays, the original
// is left alone.
func TestSimplify(t *testing.T) {
	g := &Graph{}
	x := g.Input("x", Float32, Free("n"), Fixed(4), Free("h"), Fixed(6))
	h := g.Op("Gather", nil, g.Op("Shape", nil, x), vec(2))
	half := g.Op("Div", nil, h, vec(2))
	top := g.Op("Slice", nil, x, vec(0), half, vec(2))
	w := g.Op("Mul", nil, Const("", NewTensor(slices.Repeat([]float32{2}, 4*3*3), 1, 4, 3, 3)), grid(3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 0))
	y := g.Op("Conv", Attrs{"pads": []int64{1, 1, 1, 1}}, top, w)
	g.Op("Relu", nil, x) // no one reads it
	g.Output(g.Op("Identity", nil, y), "y", Float32, Free("n"), Fixed(1), Free("h"), Fixed(6))
	before := len(g.Nodes)

	m, err := Simplify(&Model{Opsets: map[string]int64{"": 13}, Graph: g}, map[string][]int{"x": {2, 4, 10, 6}})
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range m.Graph.Nodes {
		ops = append(ops, n.Op)
	}
	if !slices.Equal(ops, []string{"Slice", "Conv"}) {
		t.Errorf("operators left: %v", ops)
	}
	if got := Sizes(m.Graph.Outputs[0].Shape); !slices.Equal(got, []int{2, 1, 5, 6}) {
		t.Errorf("output shape %v", got)
	}
	if k := m.Graph.Nodes[1].Inputs[1].Const.Floats(); k[3] != 2 || k[4] != 0 {
		t.Errorf("masked weights %v", k)
	}
	if len(g.Nodes) != before || x.Shape[0].Size != -1 || w.Const != nil {
		t.Error("the original has changed")
	}
}

// TestInferRefuses: sizes that do not fit are errors that name the node.
func TestInferRefuses(t *testing.T) {
	for _, c := range []struct {
		op    string
		attrs Attrs
		in    []*Value
	}{
		{"Add", nil, []*Value{reals(1, 2)}},
		{"MatMul", nil, []*Value{grid(2, 2, 1, 2, 3, 4)}},
		{"Gemm", nil, []*Value{grid(2, 2, 1, 2, 3, 4)}},
		{"Reshape", nil, []*Value{vec(7, -1)}},
		{"Reshape", nil, []*Value{vec(-1, -1)}},
		{"Split", Attrs{"split": []int64{3, 3}}, nil},
		{"Transpose", Attrs{"perm": []int64{0, 0, 1, 2}}, nil},
		{"Slice", nil, []*Value{vec(0), vec(1), vec(9)}},
		{"Slice", nil, []*Value{vec(0), vec(1), vec(0), vec(0)}},
		{"Pad", nil, []*Value{vec(1)}},
		{"Conv", nil, []*Value{Const("", NewTensor(make([]float32, 2), 1, 2, 1, 1))}},
		{"Conv", Attrs{"strides": []int64{1}}, []*Value{Const("", NewTensor(make([]float32, 3), 1, 3, 1, 1))}},
		{"Conv", nil, []*Value{Const("", NewTensor(make([]float32, 3*81), 1, 3, 9, 9))}},
		{"Squeeze", nil, []*Value{vec(1)}},
		{"QuantizeLinear", nil, []*Value{reals(1, 2)}},
		{"QuantizeLinear", nil, []*Value{reals(1), octets(1, 2, 0, 0)}},
		{"QuantizeLinear", Attrs{"block_size": int64(2)}, []*Value{reals(1)}},
		{"DequantizeLinear", nil, []*Value{reals()}},
		{"ConvInteger", nil, []*Value{Const("", NewTensor(make([]uint8, 9), 3, 3, 1, 1)), reals(0, 0)}},
		{"MatMulInteger", nil, []*Value{octets(2, 1, 0, 0)}},
		{"LSTM", Attrs{"hidden_size": int64(2)}, []*Value{reals(1), reals(1)}},
		{"FusedMatMul", Attrs{"transA": int64(1)}, []*Value{grid(2, 1, 0, 0)}},
	} {
		g := &Graph{}
		x := g.Input("x", Float32, Shape(1, 3, 5, 5)...)
		y := g.Op(c.op, c.attrs, append([]*Value{x}, c.in...)...)
		if y.Node.Name = "culprit"; c.op == "FusedMatMul" {
			y.Node.Domain = microsoft
		}
		g.Outputs = []*Value{y}
		_, err := Simplify(&Model{Opsets: map[string]int64{"": 13}, Graph: g}, nil)
		if !errors.Is(err, ErrShape) || !strings.Contains(err.Error(), "culprit") {
			t.Errorf("%s %v: error %v", c.op, c.attrs, err)
		}
	}
	g := &Graph{}
	g.Outputs = []*Value{g.Op("Relu", nil, g.Input("x", Float32, Free("n"), Fixed(2)))}
	if _, err := Simplify(&Model{Opsets: map[string]int64{"": 13}, Graph: g}, nil); !errors.Is(err, ErrShape) {
		t.Errorf("an input of free size: error %v", err)
	}
}

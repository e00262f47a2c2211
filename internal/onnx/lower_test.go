package onnx

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func lowered(t *testing.T, build func(g *Graph, x *Value) *Value, dtype DType) (*Model, error) {
	t.Helper()
	g := &Graph{}
	g.Output(build(g, g.Input("x", dtype, Free("n"), Fixed(2))), "y", dtype, Free("n"), Fixed(2))
	b, err := Marshal(&Model{IRVersion: 8, Opsets: map[string]int64{"": 17, microsoft: 1}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return m, Lower(m)
}

// TestLower: what of a graph is left, by its operators.
func TestLower(t *testing.T) {
	float := Attrs{"to": int64(Float32)}
	constant := func(g *Graph, v any) *Value { return g.Op("Constant", Attrs{"value": v}) }
	for _, c := range []struct {
		name, want string
		note       string
		build      func(g *Graph, x *Value) *Value
	}{
		{"nothing to do", "Mul", "", func(g *Graph, x *Value) *Value { return g.Op("Mul", nil, x, reals(1, 2)) }},
		{"a cast weight", "Mul", "", func(g *Graph, x *Value) *Value {
			return g.Op("Mul", nil, x, g.Op("Cast", float, Const("", NewTensor([]float64{1, 2}, 2))))
		}},
		{"a weight of its own norm", "Mul", "", func(g *Graph, x *Value) *Value {
			w := reals(3, 4)
			return g.Op("Mul", nil, x, g.Op("Mul", nil, g.Op("Div", nil, w, g.Op("ReduceL2", Attrs{"axes": []int64{0}}, w)), reals(10)))
		}},
		{"a Constant stays, what is made of it does not", "Constant Mul", "", func(g *Graph, x *Value) *Value {
			return g.Op("Mul", nil, x, g.Op("Neg", nil, constant(g, NewTensor([]float32{1, 2}, 2))))
		}},
		{"an unknown operator of constants", "Frobnicate Mul", "", func(g *Graph, x *Value) *Value {
			return g.Op("Mul", nil, x, g.Op("Frobnicate", nil, reals(1, 2)))
		}},
		{"activations that are quantised", "QuantizeLinear DequantizeLinear DequantizeLinear Mul", "", func(g *Graph, x *Value) *Value {
			q := g.Op("QuantizeLinear", nil, x, reals(1))
			return g.Op("Mul", nil, g.Op("DequantizeLinear", nil, q, reals(1)), g.Op("DequantizeLinear", nil, octets(1, 2, 3, 4), reals(1)))
		}},
		{"dynamic quantisation", "Identity MatMul Cast", "of the weights", func(g *Graph, x *Value) *Value {
			q := g.Ops(3, "DynamicQuantizeLinear", nil, x)
			return g.Op("Cast", float, g.Op("MatMulInteger", nil, q[0], octets(2, 2, 1, 2, 3, 4), q[2], octets(1, 1, 2)))
		}},
		{"dynamic quantisation for something else", "DynamicQuantizeLinear DequantizeLinear", "", func(g *Graph, x *Value) *Value {
			q := g.Ops(3, "DynamicQuantizeLinear", nil, x)
			return g.Op("DequantizeLinear", nil, q...)
		}},
		{"a transposed factor", "Mul Transpose MatMul Mul MatMul", "ONNX's own", func(g *Graph, x *Value) *Value {
			x = g.Op("Mul", nil, x, x)
			v := g.Op("FusedMatMul", Attrs{"transA": int64(1), "transB": int64(0), "alpha": float32(2)}, x, x)
			v.Node.Domain = microsoft
			return g.Op("MatMul", nil, x, v)
		}},
		{"a list that is stacked", "Loop Transpose ReduceSum Add", "", aList(true, true)},
		{"a list that is joined", "Loop Transpose Shape Slice Slice ReduceProd Slice Concat Reshape ReduceSum Add", "", aList(false, true)},
		{"a list with something else in it", "SequenceEmpty Loop ConcatFromSequence ReduceSum Add", "", aList(true, false)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := lowered(t, c.build, Float32)
			if err != nil {
				t.Fatal(err)
			}
			var notes []string
			for _, n := range m.Notes() {
				notes = append(notes, n.Value)
			}
			if got := ops(m.Graph); got != c.want || strings.Join(notes, " ") != c.note {
				t.Errorf("it is %s with notes %q, want %s", got, notes, c.want)
			}
		})
	}
	m, err := lowered(t, func(g *Graph, x *Value) *Value {
		return g.Op("Mul", nil, x, g.Op("DequantizeLinear", nil, octets(1, 2, 3, 5), reals(0.5)))
	}, Float32)
	if err != nil || !slices.Equal(m.Graph.Nodes[0].Inputs[1].Const.Floats(), []float32{1.5, 2.5}) {
		t.Errorf("error %v", err)
	}
}

// aList is a Loop that appends what it carries to a list, three times, and the sum of the list;
// at the end, or else at its beginning, which is left alone.
func aList(stack, atEnd bool) func(g *Graph, x *Value) *Value {
	return func(g *Graph, x *Value) *Value {
		body := &Graph{}
		body.Input("round", Int64)
		on, carried, list := body.Input("on", Bool), body.Input("carried", Float32), body.Input("list", Undefined)
		body.Output(body.Op("Identity", nil, on), "still", Bool)
		body.Output(body.Op("Neg", nil, carried), "next", Float32)
		in := []*Value{list, carried}
		if !atEnd {
			in = append(in, Const("", Scalar(int64(0))))
		}
		body.Output(body.Op("SequenceInsert", nil, in...), "more", Undefined)
		empty := g.Op("SequenceEmpty", nil)
		loop := g.Ops(2, "Loop", Attrs{"body": body}, Const("", Scalar(int64(3))), Const("", Scalar(true)), x, empty)
		attrs := Attrs{"axis": int64(-1)}
		if stack {
			attrs["new_axis"] = int64(1)
		}
		all := g.Op("ConcatFromSequence", attrs, loop[1])
		return g.Op("Add", nil, loop[0], g.Op("ReduceSum", Attrs{"keepdims": int64(0)}, all))
	}
}

// TestLowerDoubles: a network in float64 is one in float32, masks and all; where there are
// only some numbers of float64 they stay.
func TestLowerDoubles(t *testing.T) {
	build := func(g *Graph, x *Value) *Value {
		w := Const("", NewTensor([]float64{1, 0, 0.1, -math.MaxFloat64}, 2, 2))
		return g.Op("Cast", Attrs{"to": int64(Float64)}, g.Op("MatMul", nil, x, w))
	}
	m, err := lowered(t, build, Float64)
	if err != nil {
		t.Fatal(err)
	}
	g := m.Graph
	if g.Inputs[0].DType != Float32 || g.Outputs[0].DType != Float32 || g.Nodes[1].Attrs.Int("to", 0) != int64(Float32) {
		t.Error("it is not float32")
	}
	if w := g.Nodes[0].Inputs[1].Const.Floats(); !slices.Equal(w, []float32{1, 0, 0.1, -math.MaxFloat32}) {
		t.Errorf("the weights are %v", w)
	}
	if n := m.Notes(); len(n) != 1 || !strings.Contains(n[0].Why, "float64") {
		t.Errorf("notes %v", n)
	}
	m, err = lowered(t, func(g *Graph, x *Value) *Value {
		y := g.Op("Cast", Attrs{"to": int64(Float64)}, x)
		return g.Op("Cast", Attrs{"to": int64(Float32)}, g.Op("Mul", nil, y, Const("", Scalar(2.0))))
	}, Float32)
	if err != nil || m.Graph.Nodes[0].Attrs.Int("to", 0) != int64(Float64) || len(m.Notes()) > 0 {
		t.Errorf("error %v, notes %v", err, m.Notes())
	}
}

// TestLowerTraining: a node that trains is named, one that could is none of it.
func TestLowerTraining(t *testing.T) {
	// dropout has a ratio and a mode, of which either may be missing.
	dropout := func(in ...any) func(g *Graph, x *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			args := []*Value{x}
			for _, v := range in {
				switch v := v.(type) {
				case float64:
					args = append(args, Const("", Scalar(float32(v))))
				case bool:
					args = append(args, Const("", Scalar(v)))
				case *Value:
					args = append(args, v)
				default:
					args = append(args, nil)
				}
			}
			y := g.Op("Dropout", nil, args...)
			y.Node.Name = "culprit"
			return y
		}
	}
	norm := func(mode int64) func(g *Graph, x *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			y := g.Op("BatchNormalization", Attrs{"training_mode": mode}, x, reals(1, 1), reals(1, 1), reals(1, 1), reals(1, 1))
			y.Node.Name = "culprit"
			return y
		}
	}
	for name, c := range map[string]struct {
		build func(g *Graph, x *Value) *Value
		want  bool
	}{
		"dropout": {dropout(0.5, true), true}, "dropout by default": {dropout(0.5), false}, "dropout that does not": {dropout(0.5, false), false},
		"dropout of nothing": {dropout(0.0, true), false}, "dropout of half, unsaid": {dropout(nil, true), true},
		"dropout by a Constant": {func(g *Graph, x *Value) *Value {
			return dropout(0.5, g.Op("Constant", Attrs{"value": Scalar(true)}))(g, x)
		}, true},
		"norm": {norm(1), true}, "norm that does not": {norm(0), false},
	} {
		_, err := lowered(t, c.build, Float32)
		if c.want != errors.Is(err, ErrTraining) || c.want && !(strings.Contains(err.Error(), "culprit") && strings.Contains(err.Error(), "model.eval()")) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

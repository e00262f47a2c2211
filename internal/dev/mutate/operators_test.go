package mutate

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// named is a graph with a name.
type named struct {
	name  string
	graph *onnx.Graph
}

// operatorGraphs use what convolutional networks seldom do, so that such operators are met
// in a form that a runtime takes. Their input is "x", float32 [2,4,6,6].
func operatorGraphs() []named {
	var out []named
	add := func(name string, make func(g *onnx.Graph, x *onnx.Value) []*onnx.Value) {
		g := &onnx.Graph{Name: name}
		x := g.Input("x", onnx.Float32, onnx.Shape(2, 4, 6, 6)...)
		for i, v := range make(g, x) {
			g.Output(v, string(rune('a'+i)), v.DType, v.Shape...)
		}
		out = append(out, named{name, g})
	}
	// of says what a value is, of which the graph declares it.
	of := func(v *onnx.Value, dtype onnx.DType, shape ...int) *onnx.Value {
		v.DType, v.Shape = dtype, onnx.Shape(shape...)
		return v
	}
	floats := func(shape ...int) *onnx.Value {
		t := onnx.NewTensor(make([]float32, (&onnx.Tensor{Shape: shape}).Len()), shape...)
		for i := range t.Floats() {
			t.Floats()[i] = float32(i%7) / 4
		}
		return onnx.Const("", t)
	}
	ints := func(v ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(v, len(v))) }
	scalar := func(v int64) *onnx.Value { return onnx.Const("", onnx.Scalar(v)) }

	add("windows", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		two := []int64{2, 2}
		pool := onnx.Attrs{"kernel_shape": two, "strides": two}
		return []*onnx.Value{
			of(g.Op("ConvTranspose", onnx.Attrs{"strides": two}, x, floats(4, 3, 2, 2), floats(3)), onnx.Float32, 2, 3, 12, 12),
			of(g.Op("MaxPool", pool, x), onnx.Float32, 2, 4, 3, 3),
			of(g.Op("AveragePool", onnx.Attrs{"kernel_shape": two, "pads": []int64{1, 1, 0, 0}}, x), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("LpPool", onnx.Attrs{"kernel_shape": two, "p": int64(2)}, x), onnx.Float32, 2, 4, 5, 5),
			of(g.Op("GlobalAveragePool", nil, x), onnx.Float32, 2, 4, 1, 1),
			of(g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(2)}, x), onnx.Float32, 2, 1, 12, 12),
			of(g.Op("SpaceToDepth", onnx.Attrs{"blocksize": int64(2)}, x), onnx.Float32, 2, 16, 3, 3),
			of(g.Op("LRN", onnx.Attrs{"size": int64(3)}, x), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("Conv", onnx.Attrs{"group": int64(2), "pads": []int64{2, 2, 2, 2}, "dilations": two}, x, floats(6, 2, 3, 3)), onnx.Float32, 2, 6, 6, 6),
		}
	})
	add("indices", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		top := g.Ops(2, "TopK", onnx.Attrs{"axis": int64(1)}, x, ints(2))
		best := g.Op("ArgMax", onnx.Attrs{"axis": int64(1), "keepdims": int64(0)}, x)
		zeros := onnx.Const("", onnx.NewTensor(make([]int64, 2*36), 2, 1, 6, 6))
		return []*onnx.Value{
			of(top[0], onnx.Float32, 2, 2, 6, 6), of(top[1], onnx.Int64, 2, 2, 6, 6), of(best, onnx.Int64, 2, 6, 6),
			of(g.Op("OneHot", onnx.Attrs{"axis": int64(1)}, best, scalar(4), onnx.Const("", onnx.NewTensor([]float32{0, 1}, 2))), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("Gather", onnx.Attrs{"axis": int64(2)}, x, ints(5, 0, -1)), onnx.Float32, 2, 4, 3, 6),
			of(g.Op("GatherElements", onnx.Attrs{"axis": int64(1)}, x, zeros), onnx.Float32, 2, 1, 6, 6),
			of(g.Op("GatherND", nil, x, onnx.Const("", onnx.NewTensor([]int64{1, 3, 0, 2}, 2, 2))), onnx.Float32, 2, 6, 6),
			of(g.Op("ScatterElements", onnx.Attrs{"axis": int64(1)}, x, zeros, floats(2, 1, 6, 6)), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("ScatterND", onnx.Attrs{"reduction": "add"}, x, onnx.Const("", onnx.NewTensor([]int64{1, 3, 0, 2}, 2, 2)), floats(2, 6, 6)), onnx.Float32, 2, 4, 6, 6),
		}
	})
	add("products", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		flat := g.Op("Flatten", nil, x)
		return []*onnx.Value{
			of(g.Op("Gemm", onnx.Attrs{"transB": int64(1), "alpha": float32(0.5)}, flat, floats(3, 144), floats(3)), onnx.Float32, 2, 3),
			of(g.Op("MatMul", nil, x, floats(6, 5)), onnx.Float32, 2, 4, 6, 5),
			of(g.Op("Einsum", onnx.Attrs{"equation": "bchw,cd->bdhw"}, x, floats(4, 3)), onnx.Float32, 2, 3, 6, 6),
			of(g.Op("CumSum", nil, x, scalar(3)), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("Trilu", nil, x, scalar(1)), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("ReduceLogSumExp", nil, x, ints(1)), onnx.Float32, 2, 1, 6, 6),
			of(g.Op("ReduceProd", onnx.Attrs{"keepdims": int64(0)}, x, ints(2, 3)), onnx.Float32, 2, 4),
			of(g.Op("Multinomial", onnx.Attrs{"sample_size": int64(3)}, flat), onnx.Int32, 2, 3),
		}
	})
	add("norms", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		var out []*onnx.Value
		for _, y := range []*onnx.Value{
			g.Op("BatchNormalization", nil, x, floats(4), floats(4), floats(4), floats(4)),
			g.Op("InstanceNormalization", nil, x, floats(4), floats(4)),
			g.Op("LayerNormalization", onnx.Attrs{"axis": int64(-2)}, x, floats(6, 6), floats(6, 6)),
			g.Op("GroupNormalization", onnx.Attrs{"num_groups": int64(2)}, x, floats(2), floats(2)),
			g.Op("MeanVarianceNormalization", nil, x),
			g.Op("LpNormalization", nil, x),
			g.Op("Softmax", onnx.Attrs{"axis": int64(1)}, x),
			g.Op("Hardmax", nil, x),
			g.Op("PRelu", nil, x, floats(4, 1, 1)),
			g.Op("Clip", nil, x, onnx.Const("", onnx.Scalar(float32(0))), onnx.Const("", onnx.Scalar(float32(1)))),
			g.Op("Dropout", nil, x),
			g.Op("Mod", onnx.Attrs{"fmod": int64(1)}, x, onnx.Const("", onnx.Scalar(float32(3)))),
		} {
			out = append(out, of(y, onnx.Float32, 2, 4, 6, 6))
		}
		return out
	})
	add("shapes", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		parts := g.Ops(2, "Split", onnx.Attrs{"axis": int64(1)}, x, ints(1, 3))
		return []*onnx.Value{
			of(parts[1], onnx.Float32, 2, 3, 6, 6),
			of(g.Op("Tile", nil, x, ints(1, 2, 1, 1)), onnx.Float32, 2, 8, 6, 6),
			of(g.Op("Expand", nil, g.Op("Unsqueeze", nil, x, ints(0)), ints(3, 1, 1, 1, 1)), onnx.Float32, 3, 2, 4, 6, 6),
			of(g.Op("Pad", onnx.Attrs{"mode": "reflect"}, x, ints(0, 0, 1, 2, 0, 0, 2, 1)), onnx.Float32, 2, 4, 9, 9),
			of(g.Op("Slice", nil, x, ints(5, 0), ints(-7, 4), ints(2, 1), ints(-2, 1)), onnx.Float32, 2, 4, 3, 6),
			of(g.Op("Reshape", nil, x, ints(0, -1, 9)), onnx.Float32, 2, 16, 9),
			of(g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, x), onnx.Float32, 2, 6, 4, 6),
			of(g.Op("Squeeze", nil, g.Op("ReduceMax", nil, x, ints(1)), ints(1)), onnx.Float32, 2, 6, 6),
			of(g.Op("Cast", onnx.Attrs{"to": int64(onnx.Int64)}, g.Op("ConstantOfShape", nil, g.Op("Shape", nil, x))), onnx.Int64, 2, 4, 6, 6),
			of(g.Op("Where", nil, g.Op("IsNaN", nil, x), x, floats(6)), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("Range", nil, scalar(0), g.Op("Size", nil, x), scalar(3)), onnx.Int64, 96),
			of(g.Op("Concat", onnx.Attrs{"axis": int64(2)}, x, x, floats(2, 4, 1, 6)), onnx.Float32, 2, 4, 13, 6),
		}
	})
	add("control", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		branch := func(op string) *onnx.Graph {
			b := &onnx.Graph{Name: op}
			b.Output(b.Op(op, nil, x), op+"_of_x", onnx.Float32, onnx.Shape(2, 4, 6, 6)...)
			return b
		}
		body := &onnx.Graph{Name: "body"}
		round := body.Input("round", onnx.Int64)
		on := body.Input("on", onnx.Bool)
		state := body.Input("state", onnx.Float32, onnx.Shape(2, 4, 6, 6)...)
		more := body.Op("Add", nil, state, body.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, round))
		body.Output(body.Op("Identity", nil, on), "still_on", onnx.Bool)
		body.Output(more, "more", onnx.Float32, onnx.Shape(2, 4, 6, 6)...)
		body.Output(body.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, more), "sum", onnx.Float32)
		loop := g.Ops(2, "Loop", onnx.Attrs{"body": body}, scalar(3), onnx.Const("", onnx.Scalar(true)), x)
		sum := g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, x)
		either := g.Op("If", onnx.Attrs{"then_branch": branch("Relu"), "else_branch": branch("Neg")},
			g.Op("Greater", nil, sum, onnx.Const("", onnx.Scalar(float32(0)))))
		return []*onnx.Value{of(loop[0], onnx.Float32, 2, 4, 6, 6), of(loop[1], onnx.Float32, 3), of(either, onnx.Float32, 2, 4, 6, 6)}
	})
	add("recurrent", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		x = g.Op("Reshape", nil, x, ints(2, 12, 12)) // [steps, batch, features]
		hidden := onnx.Attrs{"hidden_size": int64(2)}
		rnn := g.Ops(2, "RNN", hidden, x, floats(1, 2, 12), floats(1, 2, 2), floats(1, 4))
		gru := g.Ops(2, "GRU", onnx.Attrs{"hidden_size": int64(2), "direction": "reverse", "linear_before_reset": int64(1)},
			x, floats(1, 6, 12), floats(1, 6, 2), floats(1, 12), nil, floats(1, 12, 2))
		lengths := onnx.Const("", onnx.NewTensor(slices.Repeat([]int32{2, 1}, 6), 12))
		lstm := g.Ops(3, "LSTM", onnx.Attrs{"hidden_size": int64(2), "direction": "bidirectional", "clip": float32(3)},
			x, floats(2, 8, 12), floats(2, 8, 2), floats(2, 16), lengths, floats(2, 12, 2), floats(2, 12, 2), floats(2, 6))
		return []*onnx.Value{
			of(rnn[0], onnx.Float32, 2, 1, 12, 2), of(rnn[1], onnx.Float32, 1, 12, 2),
			of(gru[0], onnx.Float32, 2, 1, 12, 2), of(gru[1], onnx.Float32, 1, 12, 2),
			of(lstm[0], onnx.Float32, 2, 2, 12, 2), of(lstm[1], onnx.Float32, 2, 12, 2), of(lstm[2], onnx.Float32, 2, 12, 2),
		}
	})
	add("scan", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		body := &onnx.Graph{Name: "body"}
		state := body.Input("state", onnx.Float32, onnx.Shape(2, 4, 6)...)
		row := body.Input("row", onnx.Float32, onnx.Shape(2, 4, 6)...)
		body.Output(body.Op("Add", nil, state, row), "next", onnx.Float32, onnx.Shape(2, 4, 6)...)
		body.Output(body.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, row, ints(2)), "sum", onnx.Float32, onnx.Shape(2, 4)...)
		scan := g.Ops(2, "Scan", onnx.Attrs{
			"body": body, "num_scan_inputs": int64(1), "scan_input_axes": []int64{2}, "scan_output_axes": []int64{-1}, "scan_input_directions": []int64{1},
		}, floats(2, 4, 6), x)
		return []*onnx.Value{of(scan[0], onnx.Float32, 2, 4, 6), of(scan[1], onnx.Float32, 2, 4, 6)}
	})
	add("quantised", func(g *onnx.Graph, x *onnx.Value) []*onnx.Value {
		scale := onnx.Const("", onnx.Scalar(float32(0.05)))
		zero := onnx.Const("", onnx.Scalar(uint8(3)))
		bytes := func(shape ...int) *onnx.Value {
			t := onnx.NewTensor(make([]uint8, (&onnx.Tensor{Shape: shape}).Len()), shape...)
			for i := range t.Data.([]uint8) {
				t.Data.([]uint8)[i] = uint8(i * 37)
			}
			return onnx.Const("", t)
		}
		own := func(op string, attrs onnx.Attrs, in ...*onnx.Value) *onnx.Value {
			v := g.Op(op, attrs, in...)
			v.Node.Domain = "com.microsoft"
			return v
		}
		q := g.Op("QuantizeLinear", onnx.Attrs{"axis": int64(1)}, x, floats(4), bytes(4))
		flat := g.Op("Flatten", nil, q)
		parts := g.Ops(3, "DynamicQuantizeLinear", nil, x)
		return []*onnx.Value{
			of(q, onnx.Uint8, 2, 4, 6, 6),
			of(g.Op("DequantizeLinear", onnx.Attrs{"axis": int64(1)}, q, floats(4), bytes(4)), onnx.Float32, 2, 4, 6, 6),
			of(g.Op("QLinearConv", nil, q, scale, zero, bytes(3, 4, 2, 2), floats(3), zero, scale, zero), onnx.Uint8, 2, 3, 5, 5),
			of(g.Op("QLinearMatMul", nil, q, scale, zero, bytes(6, 5), scale, zero, scale, zero), onnx.Uint8, 2, 4, 6, 5),
			of(g.Op("ConvInteger", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, q, bytes(3, 4, 3, 3), zero, zero), onnx.Int32, 2, 3, 6, 6),
			of(g.Op("MatMulInteger", nil, flat, bytes(144, 3), zero, bytes(3)), onnx.Int32, 2, 3),
			of(own("QLinearAdd", nil, q, scale, zero, bytes(6), scale, zero, scale, zero), onnx.Uint8, 2, 4, 6, 6),
			of(own("QLinearMul", nil, q, scale, zero, q, scale, zero, scale, zero), onnx.Uint8, 2, 4, 6, 6),
			of(own("QLinearSigmoid", nil, q, scale, zero, scale, zero), onnx.Uint8, 2, 4, 6, 6),
			of(own("QLinearLeakyRelu", onnx.Attrs{"alpha": float32(0.1)}, q, scale, zero, scale, zero), onnx.Uint8, 2, 4, 6, 6),
			of(own("QGemm", onnx.Attrs{"transB": int64(1)}, flat, scale, zero, bytes(3, 144), floats(3), bytes(3), nil, scale, zero), onnx.Uint8, 2, 3),
			of(own("FusedMatMul", onnx.Attrs{"transA": int64(1), "alpha": float32(0.5)}, x, floats(6, 5)), onnx.Float32, 2, 4, 6, 5),
			of(parts[0], onnx.Uint8, 2, 4, 6, 6),
			of(g.Op("DequantizeLinear", nil, parts[0], parts[1], parts[2]), onnx.Float32, 2, 4, 6, 6),
		}
	})
	return out
}

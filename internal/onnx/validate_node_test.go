package onnx

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestCheckNode: what ONNX Runtime does not survive, and what panicked here, is refused by
// name. Each graph is met with an input [n,2,6,6] and alone differs from one that is right.
func TestCheckNode(t *testing.T) {
	x4 := []Dim{Free("n"), Fixed(2), Fixed(6), Fixed(6)}
	ints := func(v ...int64) *Value { return Const("", NewTensor(v, len(v))) }
	floats := func(shape ...int) *Value {
		n, _ := Size(shape)
		return Const("", NewTensor(make([]float32, n), shape...))
	}
	branch := func(x *Value, outputs int) *Graph {
		g := &Graph{}
		for i := range outputs {
			g.Output(g.Op("Relu", nil, x), "branch"+string(rune('a'+i)), Float32)
		}
		return g
	}
	loop := func(g *Graph, x *Value, inputs, outputs int) *Value {
		body := &Graph{}
		body.Input("round", Int64)
		on := body.Input("on", Bool)
		carried := body.Input("carried", Float32)
		body.Output(body.Op("Identity", nil, on), "still_on", Bool)
		body.Output(body.Op("Relu", nil, carried), "more", Float32)
		body.Output(body.Op("Neg", nil, carried), "gathered", Float32)
		in := []*Value{Const("", Scalar(int64(3))), Const("", Scalar(true)), x, x}
		return g.Ops(outputs, "Loop", Attrs{"body": body}, in[:inputs]...)[0]
	}
	// turns is a Loop of a condition and a number of rounds, each of which makes a value.
	turns := func(g *Graph, x, on *Value, count int64, each func(body *Graph, carried *Value) *Value) *Node {
		body := &Graph{}
		body.Input("round", Int64)
		still := body.Input("on", Bool)
		carried := body.Input("carried", Float32)
		body.Output(body.Op("Identity", nil, still), "still_on", Bool)
		body.Output(body.Op("Relu", nil, carried), "more", Float32)
		body.Output(each(body, carried), "gathered", Float32)
		return g.Ops(2, "Loop", Attrs{"body": body}, Const("", Scalar(count)), on, x)[0].Node
	}
	whole := func(g *Graph, x *Value) *Value { return g.Op("Cast", Attrs{"to": int64(Int64)}, x) }
	// plus adds the sum of what may be of any size and type.
	plus := func(g *Graph, x, more *Value) *Value {
		more = g.Op("Cast", Attrs{"to": int64(Float32)}, more)
		return g.Op("Add", nil, x, g.Op("ReduceSum", Attrs{"keepdims": int64(0)}, more))
	}
	by := func(op string, divisor *Value) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value { return plus(g, x, g.Op(op, nil, whole(g, x), divisor)) }
	}
	transposed := func(attrs Attrs, kernel int) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op("ConvTranspose", attrs, x, floats(2, 2, kernel, kernel)))
		}
	}
	padded := func(mode string, begin, end int64) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op("Pad", Attrs{"mode": mode}, x, ints(0, 0, begin, 0, 0, 0, end, 0)))
		}
	}
	// none has no rows, or no columns.
	none := func(g *Graph, x *Value, axis int64) *Value {
		return g.Op("Slice", nil, x, ints(0), ints(0), ints(axis))
	}
	empty := func(op string, attrs Attrs, more ...*Value) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op(op, attrs, append([]*Value{none(g, x, 3)}, more...)...))
		}
	}
	// sized makes as many zeros as a number says.
	sized := func(g *Graph, x, n *Value) *Value {
		return plus(g, x, g.Op("ConstantOfShape", nil, g.Op("Reshape", nil, n, ints(1))))
	}
	counted := func(start, limit, step *Tensor) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op("Range", nil, Const("", start), Const("", limit), Const("", step)))
		}
	}
	conv := func(name string, value any) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return g.Op("Conv", Attrs{"pads": []int64{1, 1, 1, 1}, name: value}, x, floats(2, 2, 3, 3))
		}
	}
	// recurrent is an LSTM of rows, with so many matrices in its weights.
	recurrent := func(hidden, gates int, nothing bool) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			rows := g.Op("Reshape", nil, x, ints(6, -1, 6))
			if nothing {
				rows = g.Op("Slice", nil, rows, ints(0), ints(0), ints(0))
			}
			y := g.Op("LSTM", Attrs{"hidden_size": int64(hidden)}, rows, floats(1, gates*hidden, 6), floats(1, gates*hidden, hidden))
			return plus(g, x, y)
		}
	}
	// scan goes over slices of two channels and six numbers.
	scan := func(attrs Attrs) func(*Graph, *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			body := &Graph{}
			state, row := body.Input("state", Float32), body.Input("row", Float32)
			body.Output(body.Op("Add", nil, state, row), "next", Float32)
			body.Output(body.Op("Neg", nil, row), "negative", Float32)
			attrs["body"] = body
			return g.Ops(2, "Scan", attrs, g.Op("ReduceSum", Attrs{"keepdims": int64(0)}, x, ints(2)), x)[1]
		}
	}
	for name, c := range map[string]struct {
		build func(g *Graph, x *Value) *Value
		want  string // empty where it is right
		is    error
	}{
		"convolution":        {conv("strides", []int64{1, 1}), "", nil},
		"stride of zero":     {conv("strides", []int64{1, 0}), "its strides are [1 0], must be from 1", ErrFormat},
		"dilation below":     {conv("dilations", []int64{-1, 1}), "its dilations are [-1 1], must be from 1", ErrFormat},
		"pads far out":       {conv("pads", []int64{1, 1, 1, math.MaxInt64}), "its pads are", ErrFormat},
		"three strides":      {conv("strides", []int64{1, 1, 1}), "its pads are 4, its window has 3 dimensions", ErrFormat},
		"kernel of nothing":  {conv("kernel_shape", []int64{0, 3}), "its kernel_shape are [0 3]", ErrFormat},
		"no group":           {conv("group", int64(0)), "it has 0 groups", ErrFormat},
		"another rank":       {func(g *Graph, x *Value) *Value { return g.Op("Conv", nil, x, floats(2, 2, 3)) }, "input and weight of shapes", ErrShape},
		"diagonal":           {func(g *Graph, x *Value) *Value { return g.Op("Trilu", nil, x, Const("", Scalar(int64(-1)))) }, "", nil},
		"diagonal far out":   {func(g *Graph, x *Value) *Value { return g.Op("Trilu", nil, x, ints(math.MinInt64+1)) }, "its diagonal is -9223372036854775807", ErrShape},
		"diagonal least":     {func(g *Graph, x *Value) *Value { return g.Op("Trilu", nil, x, ints(math.MinInt64)) }, "its diagonal is", ErrShape},
		"diagonal that runs": {func(g *Graph, x *Value) *Value { return g.Op("Trilu", nil, x, g.Op("ArgMax", nil, x)) }, "its diagonal is not a constant", ErrShape},
		"branches": {func(g *Graph, x *Value) *Value {
			return g.Op("If", Attrs{"then_branch": branch(x, 1), "else_branch": branch(x, 1)}, Const("", Scalar(true)))
		}, "", nil},
		"branch too many": {func(g *Graph, x *Value) *Value {
			return g.Op("If", Attrs{"then_branch": branch(x, 1), "else_branch": branch(x, 2)}, Const("", Scalar(true)))
		}, "its else_branch has 0 inputs and 2 outputs, for 1 inputs and 1 outputs", ErrFormat},
		"no branch": {func(g *Graph, x *Value) *Value {
			return g.Op("If", Attrs{"then_branch": branch(x, 1)}, Const("", Scalar(true)))
		}, "it has no else_branch", ErrFormat},
		"loop":            {func(g *Graph, x *Value) *Value { return loop(g, x, 3, 2) }, "", nil},
		"loop in too few": {func(g *Graph, x *Value) *Value { return loop(g, x, 2, 2) }, "its body has 3 inputs and 3 outputs, for 2 inputs", ErrFormat},
		"loop in more":    {func(g *Graph, x *Value) *Value { return loop(g, x, 4, 2) }, "its body has 3 inputs and 3 outputs, for 4 inputs", ErrFormat},
		"loop out fewer":  {func(g *Graph, x *Value) *Value { return loop(g, x, 3, 1) }, "for 3 inputs and 1 outputs", ErrFormat},
		"loop out more":   {func(g *Graph, x *Value) *Value { return loop(g, x, 3, 3) }, "for 3 inputs and 3 outputs", ErrFormat},
		"loop without one": {func(g *Graph, x *Value) *Value {
			out := loop(g, x, 3, 2)
			out.Node.Outputs[1] = nil
			return out
		}, "it must have all of its outputs", ErrFormat},
		"gather from nothing": {func(g *Graph, x *Value) *Value {
			return g.Op("Add", nil, x, g.Op("ReduceSum", nil, g.Op("Gather", nil, floats(0), ints(0, 1))))
		}, "index 0 of 0", ErrShape},
		"choice of two types": {func(g *Graph, x *Value) *Value {
			return g.Op("Add", nil, x, g.Op("Where", nil, Const("", Scalar(false)), floats(1), ints(1)))
		}, "choices of types float32 and int64", ErrShape},
		"axis of nothing": {func(g *Graph, x *Value) *Value { return g.Op("CumSum", nil, x, ints()) }, "input 1 of shape [0], must be one number", ErrShape},
		"two axes":        {func(g *Graph, x *Value) *Value { return g.Op("CumSum", nil, x, ints(0, 1)) }, "input 1 of shape [2], must be one number", ErrShape},
		"no condition": {func(g *Graph, x *Value) *Value {
			none := Const("", NewTensor([]bool{}, 0))
			return g.Op("If", Attrs{"then_branch": branch(x, 1), "else_branch": branch(x, 1)}, none)
		}, "input 0 of shape [0], must be one number", ErrShape},
		"bias":                      {func(g *Graph, x *Value) *Value { return g.Op("Conv", nil, x, floats(2, 2, 1, 1), floats(2)) }, "", nil},
		"short bias":                {func(g *Graph, x *Value) *Value { return g.Op("Conv", nil, x, floats(2, 2, 1, 1), floats(1)) }, "a bias of shape [1] for 2 channels", ErrShape},
		"empty bias":                {func(g *Graph, x *Value) *Value { return g.Op("ConvTranspose", nil, x, floats(2, 2, 1, 1), floats(0)) }, "input 2 of shape [0], must have elements", ErrShape},
		"bias left out":             {func(g *Graph, x *Value) *Value { return g.Op("LayerNormalization", nil, x, floats(6), nil) }, "", nil},
		"division":                  {by("Div", ints(2)), "", nil},
		"division by zero":          {by("Div", ints(2, 0, 1, 1, 1, 1)), "its divisor is an integer that may not be 0", ErrShape},
		"division by minus one":     {by("Div", ints(-1)), "its divisor is an integer that may not be -1", ErrShape},
		"remainder by zero":         {by("Mod", ints(0)), "its divisor is an integer that may not be 0", ErrShape},
		"division by what runs":     {func(g *Graph, x *Value) *Value { return plus(g, x, g.Op("Div", nil, ints(5), whole(g, x))) }, "its divisor is an integer that is not a constant", ErrShape},
		"remainder by what runs":    {func(g *Graph, x *Value) *Value { return plus(g, x, g.Op("Mod", nil, whole(g, x), whole(g, x))) }, "its divisor is an integer that is not a constant", ErrShape},
		"division of numbers":       {func(g *Graph, x *Value) *Value { return g.Op("Div", nil, x, x) }, "", nil},
		"division of sizes":         {func(g *Graph, x *Value) *Value { s := g.Op("Shape", nil, x); return plus(g, x, g.Op("Div", nil, s, s)) }, "", nil},
		"division of the least":     {func(g *Graph, x *Value) *Value { return plus(g, x, g.Op("Div", nil, ints(math.MinInt64), ints(-1))) }, "a division of -9223372036854775808 by -1", ErrShape},
		"transposed":                {transposed(Attrs{"output_shape": []int64{6, 6}}, 1), "", nil},
		"transposed, too large":     {transposed(Attrs{"output_shape": []int64{6, 7}}, 1), "output_shape [6 7], its window makes at most 6 of 6 pixels", ErrShape},
		"transposed, padded":        {transposed(Attrs{"strides": []int64{3, 3}, "output_padding": []int64{2, 2}, "output_shape": []int64{20, 20}}, 3), "", nil}, // 5·3+3+2
		"transposed, padded beyond": {transposed(Attrs{"strides": []int64{3, 3}, "output_padding": []int64{2, 3}}, 3), "output_padding [2 3], must be below its stride", ErrShape},
		"reflected":                 {padded("reflect", 5, 5), "", nil},
		"reflected twice":           {padded("reflect", 0, 6), "pads 0 and 6 of mode reflect for 6 elements", ErrShape},
		"wrapped":                   {padded("wrap", 6, 6), "", nil},
		"wrapped twice":             {padded("wrap", 7, 0), "pads 7 and 0 of mode wrap for 6 elements", ErrShape},
		"wrapped and cut":           {padded("wrap", 2, -1), "pads 2 and -1 of mode wrap", ErrShape},
		"edge":                      {padded("edge", 9, 9), "", nil},
		"pads twice": {func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op("Pad", nil, x, ints(1, 1, 1, 1), floats(), ints(2, -2)))
		}, "axes [2 -2], one of which is there twice", ErrShape},
		"slice twice": {func(g *Graph, x *Value) *Value {
			return plus(g, x, g.Op("Slice", nil, x, ints(0, 1), ints(2, 3), ints(2, 2)))
		}, "axes [2 2], one of which is there twice", ErrShape},
		"axis far out":    {func(g *Graph, x *Value) *Value { return g.Op("Softmax", Attrs{"axis": int64(1 << 40)}, x) }, "axis out of range for rank 4", ErrShape},
		"moved nothing":   {empty("Transpose", nil), "", nil},
		"largest of none": {empty("TopK", Attrs{"axis": int64(1)}, ints(1)), "input 0 of shape [1 2 6 0], must have elements", ErrShape},
		"norm of none":    {empty("InstanceNormalization", nil, floats(2), floats(2)), "must have elements", ErrShape},
		"length of none":  {empty("LpNormalization", nil), "must have elements", ErrShape},
		"neighbours":      {empty("LRN", Attrs{"size": int64(3)}), "must have elements", ErrShape},
		"pool of none":    {empty("GlobalMaxPool", nil), "must have elements", ErrShape},
		"no groups to norm": {func(g *Graph, x *Value) *Value {
			return g.Op("GroupNormalization", Attrs{"num_groups": int64(0)}, x, floats(2), floats(2))
		}, "it has 0 groups", ErrFormat},
		"count":              {counted(Scalar(int64(5)), Scalar(int64(0)), Scalar(int64(-2))), "", nil},
		"count overflows":    {counted(Scalar(int64(math.MaxInt64)), Scalar(int64(math.MinInt64+9)), Scalar(int64(1))), "from 9.2", ErrShape},
		"count overflows 32": {counted(Scalar(int32(math.MaxInt32)), Scalar(int32(math.MinInt32+9)), Scalar(int32(1))), "from 2.1", ErrShape},
		"count by nothing":   {counted(Scalar(int64(5)), Scalar(int64(5)), Scalar(int64(0))), "from 5 to 5 by 0", ErrShape},
		"size":               {func(g *Graph, x *Value) *Value { return sized(g, x, g.Op("Neg", nil, ints(-3))) }, "", nil},
		"size of a rounded number": {func(g *Graph, x *Value) *Value {
			return sized(g, x, whole(g, g.Op("Exp", nil, Const("", Scalar(float32(1))))))
		}, "a size cannot be told", ErrShape},
		"size of a number too large": {func(g *Graph, x *Value) *Value {
			return sized(g, x, g.Op("Sub", nil, g.Op("Neg", nil, ints(-1<<53-1)), ints(1<<53)))
		}, "a size cannot be told", ErrShape},
		"no rounds": {func(g *Graph, x *Value) *Value {
			return turns(g, x, nil, 0, func(g *Graph, x *Value) *Value { return plus(g, x, ints(5)) }).Outputs[0]
		}, "", nil},
		"no rounds of a division": {func(g *Graph, x *Value) *Value {
			return turns(g, x, nil, 0, func(g *Graph, x *Value) *Value { return plus(g, x, g.Op("Div", nil, ints(5), ints(0))) }).Outputs[0]
		}, "a division by zero", ErrShape},
		"no rounds, gathered": {func(g *Graph, x *Value) *Value {
			all := turns(g, x, nil, 0, func(g *Graph, x *Value) *Value { return g.Op("Neg", nil, x) }).Outputs[1]
			return plus(g, x, g.Op("GlobalMaxPool", nil, all))
		}, "input 0 of shape [0 1 2 6 6], must have elements", ErrShape},
		"off from the start": {func(g *Graph, x *Value) *Value {
			all := turns(g, x, Const("", Scalar(false)), 3, func(g *Graph, x *Value) *Value { return g.Op("Neg", nil, x) }).Outputs[1]
			return plus(g, x, g.Op("GlobalMaxPool", nil, all))
		}, "input 0 of shape [0 1 2 6 6], must have elements", ErrShape},
		"ends early": {func(g *Graph, x *Value) *Value {
			on := g.Op("Cast", Attrs{"to": int64(Bool)}, g.Op("ReduceSum", Attrs{"keepdims": int64(0)}, x))
			return turns(g, x, on, 3, func(g *Graph, x *Value) *Value { return g.Op("Neg", nil, x) }).Outputs[0]
		}, "what it gathers, since the loop may end early", ErrShape},
		"recurrent":             {recurrent(3, 4, false), "", nil},
		"recurrent, of nothing": {recurrent(3, 4, true), "must have elements", ErrShape},
		"recurrent, no state":   {recurrent(0, 4, false), "must have elements", ErrShape},
		"recurrent, weights":    {recurrent(3, 3, false), "input 1 of shape [1 9 6], must be [1 12 6]", ErrShape},
		"scan":                  {scan(Attrs{"num_scan_inputs": int64(1), "scan_input_axes": []int64{2}, "scan_output_axes": []int64{-2}}), "", nil},
		"scan of none":          {scan(Attrs{"num_scan_inputs": int64(0)}), "it scans 0 of 2 inputs", ErrFormat},
		"scan of more":          {scan(Attrs{"num_scan_inputs": int64(3)}), "it scans 3 of 2 inputs", ErrFormat},
		"scan, axes":            {scan(Attrs{"num_scan_inputs": int64(1), "scan_input_axes": []int64{2, 1}}), "its scan_input_axes are 2, must be 1", ErrFormat},
		"scan, an axis far out": {scan(Attrs{"num_scan_inputs": int64(1), "scan_input_axes": []int64{4}}), "axis out of range", ErrShape},
		"scan, directions":      {scan(Attrs{"num_scan_inputs": int64(1), "scan_output_directions": []int64{}}), "its scan_output_directions are 0, must be 1", ErrFormat},
		"scan that grows":       {scan(Attrs{"num_scan_inputs": int64(1), "scan_input_axes": []int64{1}}), "do not fit", ErrShape},
		"declared otherwise":    {func(g *Graph, x *Value) *Value { return g.Op("Concat", Attrs{"axis": int64(1)}, x, x) }, "with 28 for its free dimensions", ErrShape},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Graph{}
			g.Output(c.build(g, g.Input("x", Float32, x4...)), "y", Float32, x4...)
			_, _, err := Check(&Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, Limits{})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.is)):
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestTrials: a graph that fits one size only is let through where that one is usual.
func TestTrials(t *testing.T) {
	for size, want := range map[int]bool{16: true, 28: true, 5: true, 1000: false} {
		g := &Graph{}
		x := g.Input("x", Float32, Free("n"), Free("h"), Free("w"))
		y := g.Op("Concat", Attrs{"axis": int64(0)}, x, Const("", NewTensor(make([]float32, size*size), 1, size, size)))
		g.Output(y, "y", Float32, Free("m"), Free("h"), Free("w"))
		m := &Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
		if _, _, err := Check(m, Limits{}); (err == nil) != want || err != nil && !errors.Is(err, ErrShape) {
			t.Errorf("of %d×%d: %v", size, size, err)
		}
	}
}

package pass_test

import (
	"errors"
	"slices"
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/pass"
	"pixelcnn/internal/onnx"
)

// size is that of the pictures here.
var size = ir.Sized(4, 6)

func picture(channels int) *ir.Unit {
	return &ir.Unit{Kind: ir.Picture, Channels: channels, DType: onnx.Float32, Full: size, Dom: size}
}

// at reads a unit at a position relative to the reader's.
func at(u *ir.Unit, dy, dx int) ir.Arg {
	return ir.Arg{Src: u, Access: ir.Shift{DY: dy, DX: dx}, Valid: u.Full}
}

// linear is a unit of as many channels as bias has, with weights [channels of the argument,
// channels] for each argument, nil for a summand.
func linear(node string, bias []float32, args []ir.Arg, weights ...[]float32) *ir.Unit {
	return &ir.Unit{
		Kind: ir.Linear, Node: node, Op: "Conv", Channels: len(bias), DType: onnx.Float32, Full: size, Dom: size,
		Args: args, Weights: weights, Bias: bias,
	}
}

// apply is an operator on args, and on a constant after them unless that is nil.
func apply(op string, channels int, constant []float32, args ...ir.Arg) *ir.Unit {
	u := &ir.Unit{Kind: ir.Apply, Node: op, Op: op, Channels: channels, DType: onnx.Float32, Full: size, Dom: size, Args: args}
	for i := range args {
		u.Operands = append(u.Operands, ir.Operand{Arg: i})
	}
	if constant != nil {
		u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: onnx.NewTensor(constant, len(constant))})
	}
	return u
}

func network(in, out *ir.Unit) *ir.Network {
	return &ir.Network{Pictures: []*ir.Unit{in}, Outputs: []*ir.Unit{out}}
}

// is checks the weights and the bias of what must be a linear unit.
func is(t *testing.T, u *ir.Unit, bias []float32, weights ...[]float32) {
	t.Helper()
	if u.Kind != ir.Linear || !slices.Equal(u.Bias, bias) || !slices.EqualFunc(u.Weights, weights, slices.Equal[[]float32]) {
		t.Errorf("kind %d, weights %v, bias %v, want linear, %v, %v", u.Kind, u.Weights, u.Bias, weights, bias)
	}
}

// TestFuse: constants after a linear unit go into its weights and bias, and a sum of two linear
// units is one.
func TestFuse(t *testing.T) {
	in := picture(1)
	conv := func(w, b float32) *ir.Unit {
		return linear("conv", []float32{b, 0}, []ir.Arg{at(in, 0, -1)}, []float32{w, 1})
	}
	for name, c := range map[string]struct {
		out     *ir.Unit
		bias    []float32
		weights [][]float32
	}{
		"times 3":          {apply("Mul", 2, []float32{3}, at(conv(2, 5), 0, 0)), []float32{15, 0}, [][]float32{{6, 3}}},
		"by channel":       {apply("Div", 2, []float32{2, 4}, at(conv(2, 5), 0, 0)), []float32{2.5, 0}, [][]float32{{1, 0.25}}},
		"minus 1":          {apply("Sub", 2, []float32{1}, at(conv(2, 5), 0, 0)), []float32{4, -1}, [][]float32{{2, 1}}},
		"a sum":            {apply("Add", 2, nil, at(conv(2, 5), 0, 0), at(conv(3, 7), 0, 0)), []float32{12, 0}, [][]float32{{2, 1}, {3, 1}}},
		"a residual sum":   {apply("Add", 2, nil, at(conv(2, 5), 0, 0), at(apply("Relu", 2, nil, at(in, 0, -1)), 0, 0)), []float32{5, 0}, [][]float32{{2, 1}, nil}},
		"a sum of a chain": {apply("Add", 2, []float32{1}, at(apply("Mul", 2, []float32{3}, at(conv(2, 5), 0, 0)), 0, 0)), []float32{16, 1}, [][]float32{{6, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			net := network(in, c.out)
			pass.Fuse(net)
			is(t, net.Outputs[0], c.bias, c.weights...)
		})
	}

	// 1 minus a linear unit is none of these, nor is what somebody else reads too.
	twice := conv(2, 5)
	for _, out := range []*ir.Unit{
		{
			Kind: ir.Apply, Op: "Sub", Channels: 2, DType: onnx.Float32, Full: size, Dom: size, Args: []ir.Arg{at(conv(2, 5), 0, 0)},
			Operands: []ir.Operand{{Arg: -1, Value: onnx.Scalar(float32(1))}, {Arg: 0}},
		},
		apply("Add", 2, nil, at(apply("Mul", 2, []float32{3}, at(twice, 0, 0)), 0, 0), at(apply("Relu", 2, nil, at(twice, 0, 0)), 0, 0)),
	} {
		pass.Fuse(network(in, out))
		if out.Kind != ir.Apply {
			t.Errorf("%s was fused", out.Op)
		}
	}
}

// TestCarry: a residual sum's bias goes to its readers, through a relu as max(x̂, −b) + b.
func TestCarry(t *testing.T) {
	in := picture(2)
	conv := linear("conv", []float32{10, 20}, []ir.Arg{at(in, 0, -1), at(in, -1, 0)}, []float32{1, 0, 0, 1}, nil)
	relu := apply("Relu", 2, nil, at(conv, 0, 0))
	out := linear("out", []float32{1}, []ir.Arg{at(relu, 0, 0), at(conv, 0, 0)}, []float32{2, 3}, []float32{5, 7})
	pass.Carry(network(in, out))
	is(t, conv, []float32{0, 0}, []float32{1, 0, 0, 1}, nil)
	if relu.Op != "Max" || !slices.Equal(relu.Operands[1].Value.Floats(), []float32{-10, -20}) {
		t.Errorf("%s of %v, want Max of [-10 -20]", relu.Op, relu.Operands[1].Value)
	}
	is(t, out, []float32{1 + 2*10 + 3*20 + 5*10 + 7*20}, []float32{2, 3}, []float32{5, 7})
}

// TestTrim: what is needed of a unit that is larger than the picture is what is read of it, from
// (0, 0) on, and what only reads zeros is dropped.
func TestTrim(t *testing.T) {
	in := picture(1)
	padded := linear("padded", []float32{1}, []ir.Arg{at(in, 0, -2), at(in, -5, 0)}, []float32{2}, []float32{3})
	padded.Full = ir.Sized(9, 9)
	out := linear("out", []float32{0}, []ir.Arg{at(padded, 1, 2), at(padded, 0, 2)}, []float32{1}, []float32{1})
	net := network(in, out)
	pass.Trim(net)
	if padded.Dom != ir.Sized(5, 6) { // rows 0 to 4, columns 2 to 7
		t.Errorf("what is needed is %v, want 5×6", padded.Dom)
	}
	is(t, padded, []float32{1}, []float32{2}) // 5 rows up from rows 0 to 4 there is no picture
	if a := padded.Args[0]; a.Access != ir.Here {
		t.Errorf("it reads %v, want its own position", a.Access)
	}
	for i, want := range []ir.Access{ir.Shift{DY: 1}, ir.Here} {
		if out.Args[i].Access != want {
			t.Errorf("the output reads %v, want %v", out.Args[i].Access, want)
		}
	}
}

// TestCausal: a tap that looks ahead is named, with a pixel whose outputs show it.
func TestCausal(t *testing.T) {
	for name, c := range map[string]struct {
		first, second []ir.Shift
		node, reads   string
		fromY, fromX  int // as seen from row 2, column 3, or -1 where all is well
	}{
		"masks A and B":     {[]ir.Shift{{DY: -1, DX: 1}, {DX: -1}}, []ir.Shift{{}, {DY: -1, DX: 1}}, "", "", -1, -1},
		"its own pixel":     {[]ir.Shift{{DX: -1}, {}}, []ir.Shift{{}}, "first", "the tap (0, 0), the pixel itself", 2, 3},
		"the pixel right":   {[]ir.Shift{{DX: -1}}, []ir.Shift{{}, {DX: 2}}, "second", "the tap (+0, +2)", 2, 4},
		"left and back":     {[]ir.Shift{{DX: -2}}, []ir.Shift{{DX: 1}}, "", "", -1, -1},
		"above, far right":  {[]ir.Shift{{DY: -1, DX: 3}}, []ir.Shift{{}}, "", "", -1, -1},
		"above, then below": {[]ir.Shift{{DY: -1}}, []ir.Shift{{DY: 1}}, "second", "the tap (+1, +0)", 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			in := picture(1)
			layer := func(node string, from *ir.Unit, taps []ir.Shift) *ir.Unit {
				u := linear(node, []float32{0}, nil)
				for _, s := range taps {
					u.Args, u.Weights = append(u.Args, at(from, s.DY, s.DX)), append(u.Weights, []float32{1})
				}
				return u
			}
			net := network(in, layer("second", layer("first", in, c.first), c.second))
			err := pass.Causal(net, net.Order())
			var ahead *pass.CausalityError
			switch {
			case c.fromY < 0:
				if err != nil {
					t.Error(err)
				}
			case !errors.As(err, &ahead) || !errors.Is(err, pass.ErrNotCausal):
				t.Errorf("error %v", err)
			case ahead.Node != c.node || ahead.Reads != c.reads || ahead.Y != 2 || ahead.X != 3 || ahead.FromY != c.fromY || ahead.FromX != c.fromX:
				t.Errorf("%v, want %s that reads %s, row %d, column %d", err, c.node, c.reads, c.fromY, c.fromX)
			}
		})
	}
}

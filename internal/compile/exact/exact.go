// Package exact interprets a program's units in float64.
//
//	e, err := exact.New(p, values)
//	conditions, err := exact.Conditions(p, inputs)
//	e.Begin(levels, conditions)
//	outputs := e.Outputs(symbol)
//
// It is plain Go with every sum in a fixed order: the same result on every runtime and
// machine, as far as float64 reaches. It is slow, and there to decide draws that float32
// leaves open.
package exact

import (
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// An Evaluator computes outputs one pixel at a time, and only what the pixel depends on.
// Not for concurrent use.
type Evaluator struct {
	program    *program.Program
	ops        []operator // by unit; nil for units that are none
	condition  []int      // by unit, which it is of the program's; -1 for none
	memo       []memo
	epoch      uint32
	values     []float64 // input value of each level
	levels     []uint16
	conditions [][]float64
	outputs    []float64 // where they come from several units
}

// memo keeps the values of one unit, [h, w, channels].
type memo struct {
	values []float64
	known  []uint32 // epoch in which a pixel's values were computed, [h, w]
}

// New prepares the evaluation. values is the model's input for each level. It fails on
// operators that it does not know.
func New(p *program.Program, values []float32) (*Evaluator, error) {
	n := len(p.Units)
	e := &Evaluator{
		program: p, memo: make([]memo, n), values: make([]float64, len(values)), condition: slices.Repeat([]int{-1}, n),
		ops: make([]operator, n),
	}
	for i, v := range values {
		e.values[i] = float64(v)
	}
	for k, c := range p.Conditions {
		e.condition[c.Unit.ID] = k
	}
	for i, u := range p.Units {
		if u.Kind != ir.Apply {
			continue
		}
		if f, ok := onnx.Real(u.Op, u.Attrs); ok {
			e.ops[i] = elementwise(f)
		} else if e.ops[i] = across(u); e.ops[i] == nil {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", u.Node, u.Op)
		}
	}
	return e, nil
}

// Begin takes an image's levels, [H, W, C], and what [Conditions] makes of its inputs; nil
// where there are none. The levels must not change until the next Begin, but where
// nothing that was evaluated has depended on them yet.
func (e *Evaluator) Begin(levels []uint16, conditions [][]float64) {
	e.levels, e.conditions = levels, conditions
	e.epoch++
}

// Outputs returns the network's outputs for the pixel of symbol (y·W + x)·C + channel; of
// those that belong to one channel each, the symbol's channel's alone. The image must be
// drawn as far as they depend on it. The slice is the evaluation's own.
func (e *Evaluator) Outputs(symbol int) []float64 {
	p := e.program
	pixel, phase := symbol/p.Channels, p.Network.Phase(symbol%p.Channels)
	own := e.at(p.Network.Outputs[phase], pixel/p.Width, pixel%p.Width)
	if p.Phases == 1 {
		return own
	}
	if e.outputs == nil {
		e.outputs = make([]float64, p.Outputs)
	}
	copy(e.outputs[phase*len(own):], own)
	return e.outputs
}

// at is the unit's values at a position within its Dom.
func (e *Evaluator) at(u *ir.Unit, y, x int) []float64 {
	if !u.OverPixels() {
		return e.conditions[e.condition[u.ID]]
	}
	m := &e.memo[u.ID]
	w := u.Dom.W()
	if m.values == nil {
		m.values = make([]float64, u.Dom.H()*w*u.Channels)
		m.known = make([]uint32, u.Dom.H()*w)
	}
	p := y*w + x
	out := m.values[p*u.Channels : (p+1)*u.Channels]
	if m.known[p] == e.epoch {
		return out
	}
	m.known[p] = e.epoch
	switch u.Kind {
	case ir.Picture:
		out[0] = e.values[e.levels[(y*e.program.Width+x)*e.program.Channels+u.Channel]]
	case ir.Static:
		h, full := u.Full.H(), u.Full.W()
		for c := range out {
			at := (c*h+y-u.Full.Y0)*full + x - u.Full.X0
			if u.Images {
				out[c] = e.conditions[e.condition[u.ID]][at]
			} else {
				out[c] = float64(u.Value.Const.Floats()[at])
			}
		}
	case ir.Linear:
		for o := range out {
			out[o] = float64(u.Bias[o])
		}
		for i, a := range u.Args {
			e.linear(u, a, u.Weights[i], y, x, out)
		}
	case ir.Lookup:
		k := int(e.operand(u.Args[0], y, x)[0])
		entries := u.Table.Shape[0]
		k = ((k % entries) + entries) % entries
		for c := range out {
			out[c] = float64(u.Table.Floats()[k*u.Channels+c])
		}
	case ir.Concat:
		rest := out
		for _, a := range u.Args {
			rest = rest[copy(rest, e.operand(a, y, x)):]
		}
	case ir.Apply:
		e.apply(u, y, x, out)
	case ir.Attention:
		e.attend(u, y, x, out)
	}
	return out
}

// read is what is read through a at (y, x), [channels of the argument]; nil for zeros.
func (e *Evaluator) read(a ir.Arg, y, x int) []float64 {
	y, x, ok := a.Access.At(y, x, 0)
	if a.Src.OverPixels() && !(ok && a.Valid.Has(y, x) && a.Src.Dom.Has(y, x)) {
		return nil
	}
	v := e.at(a.Src, y, x)
	if a.Chans == nil {
		return v
	}
	picked := make([]float64, len(a.Chans))
	for k, c := range a.Chans {
		picked[k] = v[c]
	}
	return picked
}

// linear adds what one argument contributes; w is nil for a summand.
func (e *Evaluator) linear(u *ir.Unit, a ir.Arg, w []float32, y, x int, out []float64) {
	in := e.read(a, y, x)
	n := len(out)
	for k := 0; k < len(in); k++ {
		switch v := in[k]; {
		case w == nil:
			out[k] += v
		case v == 0:
		case k+4 <= len(in) && in[k+1] != 0 && in[k+2] != 0 && in[k+3] != 0: // four at once, in the same order
			v1, v2, v3 := in[k+1], in[k+2], in[k+3]
			w0, w1, w2, w3 := w[k*n:][:n], w[(k+1)*n:][:n], w[(k+2)*n:][:n], w[(k+3)*n:][:n]
			for o, sum := range out {
				sum += v * float64(w0[o])
				sum += v1 * float64(w1[o])
				sum += v2 * float64(w2[o])
				sum += v3 * float64(w3[o])
				out[o] = sum
			}
			k += 3
		default:
			for o, weight := range w[k*n:][:n] {
				out[o] += v * float64(weight)
			}
		}
	}
}

// operand is what is read through a at (y, x), [channels of the argument].
func (e *Evaluator) operand(a ir.Arg, y, x int) []float64 {
	if v := e.read(a, y, x); v != nil {
		return v
	}
	return make([]float64, a.Channels())
}

func (e *Evaluator) apply(u *ir.Unit, y, x int, out []float64) {
	in := make([][]float64, len(u.Operands))
	for i, o := range u.Operands {
		switch {
		case o.Arg >= 0:
			in[i] = e.operand(u.Args[o.Arg], y, x)
		case o.Value != nil:
			in[i] = onnx.Reals(o.Value)
		default:
			in[i] = []float64{math.NaN()}
		}
	}
	e.ops[u.ID](in, out)
}

// An operator computes the channels of a position from its operands'.
type operator func(in [][]float64, out []float64)

// elementwise is an operator that works on each channel by itself.
func elementwise(f func([]float64) float64) operator {
	return func(in [][]float64, out []float64) {
		row := make([]float64, len(in))
		for c := range out {
			for i, v := range in {
				row[i] = v[c%len(v)]
			}
			out[c] = f(row)
		}
	}
}

// across is an operator that looks at all channels of a position; nil where u's does not.
func across(u *ir.Unit) operator {
	mean := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum / float64(len(x))
	}
	switch u.Op {
	case "ReduceMean":
		return func(in [][]float64, out []float64) { out[0] = mean(in[0]) }
	case "ReduceSum":
		return func(in [][]float64, out []float64) { out[0] = mean(in[0]) * float64(len(in[0])) }
	case "ReduceMax":
		return func(in [][]float64, out []float64) { out[0] = slices.Max(in[0]) }
	case "ReduceMin":
		return func(in [][]float64, out []float64) { out[0] = slices.Min(in[0]) }
	case "Softmax", "LogSoftmax":
		return func(in [][]float64, out []float64) {
			top, sum := slices.Max(in[0]), 0.0
			for _, v := range in[0] {
				sum += math.Exp(v - top)
			}
			for i, v := range in[0] {
				if out[i] = v - top - math.Log(sum); u.Op == "Softmax" {
					out[i] = math.Exp(out[i])
				}
			}
		}
	case "LayerNormalization":
		epsilon := float64(u.Attrs.Float("epsilon", 1e-5))
		return func(in [][]float64, out []float64) {
			m, variance := mean(in[0]), 0.0
			for _, v := range in[0] {
				variance += (v - m) * (v - m)
			}
			by := math.Sqrt(variance/float64(len(in[0])) + epsilon)
			for i, v := range in[0] {
				out[i] = (v - m) / by
				if len(in) > 1 {
					out[i] *= in[1][i]
				}
				if len(in) > 2 {
					out[i] += in[2][i]
				}
			}
		}
	}
	return nil
}

// Conditions computes what the prologue makes of the inputs of one image, which are as
// ConditionInputs say: per entry of p.Conditions, [channels] or
// [channels, h, w]. It fails on operators
// that it does not know. Where there are no conditions it returns nil.
func Conditions(p *program.Program, inputs []*onnx.Tensor) ([][]float64, error) {
	if p.Prologue == nil {
		return nil, nil
	}
	constant := map[*onnx.Value]*onnx.Value{}
	for i, v := range p.Prologue.Graph.Inputs {
		constant[v] = onnx.Const(v.Name, inputs[i])
	}
	fixed := *p.Prologue
	fixed.Graph = &onnx.Graph{Name: p.Prologue.Graph.Name, Outputs: p.Prologue.Graph.Outputs}
	for _, n := range p.Prologue.Graph.Nodes {
		copied := *n
		copied.Inputs = slices.Clone(n.Inputs)
		for i, v := range n.Inputs {
			if c := constant[v]; c != nil {
				copied.Inputs[i] = c
			}
		}
		fixed.Graph.Nodes = append(fixed.Graph.Nodes, &copied)
	}
	known, err := onnx.Simplify(&fixed, nil)
	if err != nil {
		return nil, fmt.Errorf("compile: conditions: %w", err)
	}
	var out [][]float64
	for _, v := range known.Graph.Outputs {
		if v.Const == nil {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", v.Node.String(), v.Node.Op)
		}
		out = append(out, onnx.Reals(v.Const))
	}
	return out, nil
}

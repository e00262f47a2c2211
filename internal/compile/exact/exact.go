// Package exact interprets a program's units in float64.
//
//	e, err := exact.New(p, values)
//	conditions, err := exact.Conditions(p, inputs)
//	e.Begin(levels, conditions, nil)
//	outputs := e.Outputs(symbol)
//
// Every sum is in a fixed order: the same result on every runtime and machine, as far as
// float64 reaches. It is there to decide draws that float32 leaves open.
package exact

import (
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// An Evaluator computes outputs of a pixel, and only what they depend on. Not for
// concurrent use.
type Evaluator struct {
	program    *program.Program
	ops        []operator // by unit; nil for units that are none
	condition  []int      // by unit, which it is of the program's; -1 for none
	readers    [][]ir.Reading
	values     []float64 // input value of each level
	levels     []uint16
	asked      []int
	conditions [][]float64

	needed  [][]bool // by unit and position, what a sweep computes
	held    []*held  // by unit, what of that is there
	free    [][]float64
	results []*held   // by phase, of the last sweep
	outputs []float64 // where they come from several units
}

// held is the values of a unit at some positions.
type held struct {
	at     []int     // positions, in order
	row    []int     // by position, -1 for none
	values []float64 // [positions that are there, channels]
}

// New prepares the evaluation. values is the model's input for each level. It fails on
// operators that it does not know.
func New(p *program.Program, values []float32) (*Evaluator, error) {
	n := len(p.Units)
	e := &Evaluator{
		program: p, values: make([]float64, len(values)), condition: slices.Repeat([]int{-1}, n),
		ops: make([]operator, n), readers: ir.Readers(p.Units), needed: make([][]bool, n), held: make([]*held, n), results: make([]*held, p.Phases),
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
			e.ops[i] = elementwise(u.Op, f)
		} else if e.ops[i] = across(u); e.ops[i] == nil {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", u.Node, u.Op)
		}
	}
	return e, nil
}

// Begin takes an image's levels, [H, W, C], and what [Conditions] makes of its inputs; nil
// where there are none. The levels must not change until the next Begin, but where
// nothing that was evaluated has depended on them yet. asked are the symbols, in order, that
// are to be evaluated together: many take hardly longer than one. Others may be asked for, too.
func (e *Evaluator) Begin(levels []uint16, conditions [][]float64, asked []int) {
	e.levels, e.conditions, e.asked = levels, conditions, asked
	clear(e.results)
}

// Outputs returns the network's outputs for the pixel of symbol (y·W + x)·C + channel; of
// those that belong to one channel each, the symbol's channel's alone. The image must be
// drawn as far as they depend on it. The slice is the evaluation's own.
func (e *Evaluator) Outputs(symbol int) []float64 {
	p := e.program
	pixel, phase := symbol/p.Channels, p.Network.Phase(symbol%p.Channels)
	if r := e.results[phase]; r == nil || r.row[pixel] < 0 {
		pixels := []int{pixel}
		if at, ok := slices.BinarySearch(e.asked, symbol); ok {
			for _, k := range e.asked[at:] {
				if next := k / p.Channels; p.Network.Phase(k%p.Channels) == phase && next != pixels[len(pixels)-1] && len(pixels) < together {
					pixels = append(pixels, next)
				}
			}
		}
		e.sweep(phase, pixels)
	}
	r, n := e.results[phase], p.Outputs/p.Phases
	own := r.values[r.row[pixel]*n : (r.row[pixel]+1)*n]
	if p.Phases == 1 {
		return own
	}
	if e.outputs == nil {
		e.outputs = make([]float64, p.Outputs)
	}
	copy(e.outputs[phase*n:], own)
	return e.outputs
}

// together is how many pixels are evaluated at once at most.
const together = 1 << 13

// An operator computes the channels of a position from its operands'.
type operator func(in [][]float64, out []float64)

// elementwise is an operator that works on each channel by itself.
func elementwise(op string, f func([]float64) float64) operator {
	return func(in [][]float64, out []float64) {
		if len(in) == 2 && plain(op, in[0], in[1], out) {
			return
		}
		if len(in) == 1 && len(in[0]) == len(out) {
			var x [1]float64
			for c, v := range in[0] {
				x[0] = v
				out[c] = f(x[:])
			}
			return
		}
		row := make([]float64, len(in))
		for c := range out {
			for i, v := range in {
				row[i] = v[c%len(v)]
			}
			out[c] = f(row)
		}
	}
}

// plain does what is asked for most where it is simple, and tells whether it did.
func plain(op string, a, b, out []float64) bool {
	if len(a) != len(out) || len(b) != len(out) && len(b) != 1 {
		return false
	}
	step := 1
	if len(b) == 1 {
		step = 0
	}
	switch op {
	case "Add":
		for c, x := range a {
			out[c] = x + b[c*step]
		}
	case "Mul":
		for c, x := range a {
			out[c] = x * b[c*step]
		}
	case "Div":
		for c, x := range a {
			out[c] = x / b[c*step]
		}
	default:
		return false
	}
	return true
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

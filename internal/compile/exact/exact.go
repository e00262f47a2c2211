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
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
)

// An Evaluator computes outputs of a pixel, and only what they depend on. Not for
// concurrent use.
type Evaluator struct {
	program    *program.Program
	ops        []operator    // by unit; nil for units that are none
	constants  [][][]float64 // by unit and operand, at as many positions as are computed at a time
	condition  []int         // by unit, which it is of the program's; -1 for none
	readers    [][]ir.Reading
	values     []float64 // input value of each level
	levels     []uint16
	asked      []int
	conditions [][]float64

	places  [][][]int32 // by unit and argument, see [placesOf]
	needed  [][]bool    // by unit and position, what a sweep computes; empty where that is nothing
	held    []*held     // by unit, what of that is there
	free    []*held
	rooms   [][]float64 // by argument of a unit, for what is read at some positions
	weights []float64   // of a product
	results []*held     // by phase, of the last sweep
	outputs []float64   // where they come from several units
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
		ops: make([]operator, n), readers: ir.Readers(p.Units),
		needed: make([][]bool, n), held: make([]*held, n), results: make([]*held, p.Phases),
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
		if e.ops[i] = operatorOf(u); e.ops[i] == nil {
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
	if e.places == nil { // nothing was evaluated before
		e.places, e.constants = placesOf(e.program.Units), constantsOf(e.program.Units)
	}
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

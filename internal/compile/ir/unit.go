// Package ir is the network between the front end and the emission: units, which read
// each other through accesses.
//
// A [Unit] is a value with a vector of channels at each position. Padding, cropping,
// transposing and picking channels are no units of their own: they are part of how a
// unit is read. An [Arg] is such a reading. Where it reads is its [Access], and
// everything that relates positions of one unit to those of another goes through that:
// what is causal, the schedule, where caches keep values, what is trimmed, what the step
// graphs take in, the exact evaluation. There are [Shift], a tap of a convolution, [Scaled], one
// from one lattice to another, [Flat], a shift along the rows laid end to end, and [Attended],
// the many positions that attention reads; another is a file beside theirs.
package ir

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// A Unit is a value that has, at each position, a vector of channels.
type Unit struct {
	Kind     Kind
	Node     string // the file's node, for messages
	Op       string // its operator
	Channels int
	Channel  int // Picture: which of the picture's channels it is
	DType    onnx.DType

	// Full is where the file defines the unit, Dom the part of it that is needed;
	// outside, it reads as zero. Coordinates are the unit's own, and begin at Dom's
	// once the passes are done.
	Full, Dom Rect

	Args []Arg

	// Linear: Σ over args with a weight, plus the arg without one, plus the bias.
	Weights [][]float32 // per arg [channels of the arg, channels]; nil for a summand
	Bias    []float32   // [channels]

	// Apply: the operator, its operands in order.
	Operands []Operand
	Attrs    onnx.Attrs

	// Lookup: [entries, channels]. Dense: weights of each reader, [readers, places · channels
	// of the argument, channels]; the argument is read by an [Attended].
	Table *onnx.Tensor

	// Attention: the arguments are queries, read at the position itself, keys and values,
	// read by an [Attended], and, where Self is set, the position's own key and value as
	// well, which the mask then leaves out. Where keys and values are static, made of
	// conditions, there may be one more, read as keys: a summand of the scores of each place,
	// of one channel or one for each head.
	Heads   int
	Self    bool
	Summand *onnx.Tensor // of the scores, [1 or Heads, readers, places]; nil for none
	// Refused says why it cannot be computed, causal as it may be; nil where it can.
	Refused error

	// Static: what the unit varies over, and its value. Where that is the same for
	// all images it is a constant, [channels, h, w] over Full; else it is the
	// simplified file's.
	Images, Pixels bool
	Value          *onnx.Value

	ID    int   // in topological order, set by [Order]
	Whole *Unit // of which it is some channels; nil where it is no part
}

// Kind says what a unit is made by.
type Kind int

const (
	Picture   Kind = iota // a channel of the picture so far
	Static                // known before the first pixel is drawn
	Linear                // convolutions, matrix products and their sums
	Lookup                // a row of a table, by the number that the argument holds
	Apply                 // an operator of ONNX on each position by itself
	Concat                // the arguments' channels one after the other
	Dense                 // a linear unit with weights of its own at each position
	Attention             // of each head, values weighted by the softmax of queries times keys
)

// Static tells whether u is known before the first pixel is drawn.
func (u *Unit) Static() bool { return u.Kind == Static }

// Drawn tells whether u is computed in the steps, from what is drawn.
func (u *Unit) Drawn() bool { return u.Kind != Static && u.Kind != Picture }

// Steady tells whether u reads the same neighbours at all positions, not across the ends of
// rows.
func (u *Unit) Steady() bool {
	return !slices.ContainsFunc(u.Args, func(a Arg) bool {
		switch access := a.Access.(type) {
		case Flat:
			return true
		case Attended:
			return !a.Src.Static() || u.Summand != nil || !access.Alike()
		}
		return false
	})
}

// OverPixels tells whether u has a value of its own at each position.
func (u *Unit) OverPixels() bool { return u.Kind != Static || u.Pixels }

// Plain tells whether a linear unit has no summand.
func (u *Unit) Plain() bool {
	return !slices.ContainsFunc(u.Weights, func(w []float32) bool { return w == nil })
}

// ByHeads tells whether argument i is kept by heads: the keys and values of an attention, what
// conditions add to its scores, and what a dense layer reads, as of one head.
func (u *Unit) ByHeads(i int) bool {
	return u.Kind == Attention && (i == 1 || i == 2 || u.Hides(i)) || u.Kind == Dense
}

// Hides tells whether argument i is what conditions add to the scores of an attention.
func (u *Unit) Hides(i int) bool { return u.Kind == Attention && i == 3 && !u.Self }

// Added is what an attention adds to the score of a head for a reader and a place that it
// sees, both as the mask counts.
func (u *Unit) Added(head, reader, place int) float64 {
	if u.Summand == nil {
		return 0
	}
	s := u.Summand.Shape
	return float64(u.Summand.Floats()[(head%s[0]*s[1]+reader)*s[2]+place])
}

// An Arg reads a unit: where Access says, zero outside of Valid.
type Arg struct {
	Src    *Unit
	Access Access
	Valid  Rect   // in Src's coordinates
	Chans  []int  // Src's channels in order; nil for all
	Node   string // the file's node, where it is not the reader's
}

// Channels is how many are read.
func (a Arg) Channels() int {
	if a.Chans != nil {
		return len(a.Chans)
	}
	return a.Src.Channels
}

// Picked is the channels that are read.
func (a Arg) Picked() []int {
	if a.Chans != nil {
		return a.Chans
	}
	return Count(a.Src.Channels)
}

// Reads is what u reads of a's source that is not zero, in the source's coordinates.
func (a Arg) Reads(u *Unit) Rect { return a.Access.Image(u.Dom).And(a.Valid).And(a.Src.Full) }

// An Operand of an Apply unit is one of its args or a constant.
type Operand struct {
	Arg   int          // index into Args, -1 for none
	Value *onnx.Tensor // a scalar or [channels]; nil for an absent optional input
}

// Order lists the units that the outputs need, they included, each after its arguments,
// and numbers them.
func Order(outputs ...*Unit) []*Unit {
	var list []*Unit
	seen := map[*Unit]bool{}
	var visit func(*Unit)
	visit = func(u *Unit) {
		if seen[u] {
			return
		}
		seen[u] = true
		for _, a := range u.Args {
			visit(a.Src)
		}
		u.ID = len(list)
		list = append(list, u)
	}
	for _, u := range outputs {
		visit(u)
	}
	return list
}

// A Reading is argument I of a unit.
type Reading struct {
	*Unit
	I int
}

// Arg is the argument.
func (r Reading) Arg() *Arg { return &r.Args[r.I] }

// Readers lists who reads each of the units, which [Order] has numbered, by its ID.
func Readers(units []*Unit) [][]Reading {
	readers := make([][]Reading, len(units))
	for _, u := range units {
		for i, a := range u.Args {
			readers[a.Src.ID] = append(readers[a.Src.ID], Reading{u, i})
		}
	}
	return readers
}

// Count is 0, 1, …, n-1.
func Count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Layer is a convolution or matrix product of the file.
type Layer struct {
	Node, Op   string
	In, Out    int   // channels
	Taps, Live int   // kernel positions, and those with a weight other than zero
	MACs       int64 // of one pass over an image
}

// UnsupportedError says that a graph is outside what is understood here. It may
// still be a good model.
type UnsupportedError struct {
	Node   string // as in the file
	Op     string
	Reason string
}

func (e *UnsupportedError) Error() string { return fmt.Sprintf("compile: %s: %s", e.Node, e.Reason) }

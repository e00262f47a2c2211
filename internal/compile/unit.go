package compile

import "pixelcnn/internal/onnx"

// A unit is a value that has, at each pixel, a vector of channels. Units replace
// the file's nodes: padding, cropping, transposing and picking channels are no
// units of their own but part of how a unit is read, see [arg].
type unit struct {
	kind     kind
	label    string // the file's node, for messages
	op       string // its operator
	channels int
	dtype    onnx.DType

	// full is where the file defines the unit, dom the part of it that is needed;
	// outside, it reads as zero. Coordinates are the unit's own: they need not be
	// those of the image until trim has run.
	full, dom rect

	args []arg

	// linear: Σ over args with a weight, plus the arg without one, plus bias.
	weights []([]float32) // per arg [channels of the arg, channels]; nil for a summand
	bias    []float32     // [channels]

	// apply: the operator, its operands in order.
	operands []operand
	attrs    onnx.Attrs

	table *onnx.Tensor // lookup: [entries, channels]; table: [channels, h, w] over full
	value *onnx.Value  // perImage: the simplified file's value

	id int // in topological order, set by order
}

type kind int

const (
	image    kind = iota // the picture so far, 1 channel
	perImage             // the same at each pixel of an image: made of labels
	table                // the same for each image: a constant per pixel
	linear               // convolutions, matrix products and their sums
	lookup               // a row of a table, by the number that the argument holds
	apply                // an operator of ONNX on each pixel by itself
	concat               // the arguments' channels one after the other
)

// still tells whether the unit is known before the first pixel is drawn.
func (u *unit) still() bool { return u.kind == perImage || u.kind == table }

// An arg reads a unit: at pixel (y, x) the value at (y+dy, x+dx), zero outside of
// valid.
type arg struct {
	src    *unit
	dy, dx int
	valid  rect   // in src's coordinates
	chans  []int  // src's channels in order; nil for all
	label  string // the file's node, where it is not the reader's
}

func (a arg) channels() int {
	if a.chans != nil {
		return len(a.chans)
	}
	return a.src.channels
}

// An operand of an apply unit is one of its args or a constant.
type operand struct {
	arg   int          // index into args, -1 for none
	value *onnx.Tensor // a scalar or [channels]; nil for an absent optional input
}

// rect is the pixels y0 ≤ y < y1, x0 ≤ x < x1.
type rect struct{ y0, x0, y1, x1 int }

func (r rect) empty() bool { return r.y0 >= r.y1 || r.x0 >= r.x1 }
func (r rect) h() int      { return r.y1 - r.y0 }
func (r rect) w() int      { return r.x1 - r.x0 }

func (r rect) shift(dy, dx int) rect {
	return rect{r.y0 + dy, r.x0 + dx, r.y1 + dy, r.x1 + dx}
}

func (r rect) and(s rect) rect {
	return rect{max(r.y0, s.y0), max(r.x0, s.x0), min(r.y1, s.y1), min(r.x1, s.x1)}
}

// cover is the least rectangle that holds both.
func (r rect) cover(s rect) rect {
	if r.empty() {
		return s
	}
	if s.empty() {
		return r
	}
	return rect{min(r.y0, s.y0), min(r.x0, s.x0), max(r.y1, s.y1), max(r.x1, s.x1)}
}

func (r rect) within(s rect) bool { return r.empty() || r.and(s) == r }

// order lists the units that u needs, itself included, each after its arguments,
// and numbers them.
func order(u *unit) []*unit {
	var list []*unit
	seen := map[*unit]bool{}
	var visit func(*unit)
	visit = func(u *unit) {
		if seen[u] {
			return
		}
		seen[u] = true
		for _, a := range u.args {
			visit(a.src)
		}
		u.id = len(list)
		list = append(list, u)
	}
	visit(u)
	return list
}

// uses counts how often each unit is read.
func uses(units []*unit) map[*unit]int {
	n := map[*unit]int{}
	for _, u := range units {
		for _, a := range u.args {
			n[a.src]++
		}
	}
	return n
}

package pass

import (
	"errors"
	"fmt"

	"pixelcnn/internal/compile/ir"
)

// ErrNotCausal is wrapped where a pixel's logits depend on the pixel itself or on a
// later one: no order of drawing suits such a graph. The error is a [*CausalityError].
var ErrNotCausal = errors.New("compile: the graph is not autoregressive")

// CausalityError names what looks ahead.
type CausalityError struct {
	Node  string // the node, as in the file
	Reads string // what it reads: "the tap (+0, +1)", rows down and columns to the right
	// The logits of the pixel at row Y, column X depend on the pixel at row FromY,
	// column FromX, which is drawn no earlier.
	Y, X, FromY, FromX int
}

func (e *CausalityError) Error() string {
	return fmt.Sprintf("%v: %s reads %s, so the logits at row %d, column %d depend on the pixel at row %d, column %d",
		ErrNotCausal, e.Node, e.Reads, e.Y, e.X, e.FromY, e.FromX)
}

// Unwrap makes errors.Is(err, ErrNotCausal) true.
func (e *CausalityError) Unwrap() error { return ErrNotCausal }

// maxReads bounds the proof: what units read at all pixels, in all. It is a second or so,
// and to name who looks ahead takes about as long again, and 2 GiB.
const maxReads = 1 << 30

// Causal proves that no logits depend on the pixel itself or on a later one.
func Causal(units []*ir.Unit) error {
	work := 0
	for _, u := range units {
		if !u.Static() {
			work += u.Dom.H() * u.Dom.W() * (1 + len(u.Args))
		}
		if work > maxReads {
			return &ir.UnsupportedError{Node: u.Node, Op: u.Op, Reason: fmt.Sprintf("up to it an image takes more than %d reads, too many to prove anything of", maxReads)}
		}
	}
	p := seesAhead(units, horizon(units, read{}, false))
	if p < 0 {
		return nil
	}
	return blame(units, p, maxReads/work)
}

// read is one of a node's, whose channels may come from several arguments.
type read struct {
	unit   *ir.Unit
	node   string
	access ir.Access
}

// horizon finds, for each unit and position, the last pixel in raster order that the
// value there depends on, -1 where there is none. Padding is taken into account
// exactly. The read without, if any, is left out. Unless all are wanted, only those of
// the logits are sure to be kept.
func horizon(units []*ir.Unit, without read, all bool) [][]int32 {
	last := make([][]int32, len(units))
	readers := ir.Readers(units)
	for i, u := range units {
		if u.Static() {
			continue
		}
		l := make([]int32, u.Dom.H()*u.Dom.W())
		for p := range l {
			l[p] = -1
			if u.Kind == ir.Picture {
				l[p] = int32(p)
			}
		}
		for _, a := range u.Args {
			if !a.Src.Static() && without != (read{u, a.Node, a.Access}) {
				a.Access.Latest(l, last[a.Src.ID], u.Dom, a.Src.Dom)
			}
		}
		last[i] = l
		for _, a := range u.Args {
			if r := readers[a.Src.ID]; !all && r[len(r)-1].Unit == u {
				last[a.Src.ID] = nil
			}
		}
	}
	return last
}

// seesAhead finds a pixel whose logits depend on itself or on a later one; -1 if
// there is none.
func seesAhead(units []*ir.Unit, last [][]int32) int {
	logits := units[len(units)-1]
	w := logits.Dom.W()
	n := logits.Dom.H() * w
	// One in the middle makes the better message: nothing is at an edge there.
	for k := range n {
		p := (n/2 + w/2 + k) % n
		if int(last[logits.ID][p]) >= p {
			return p
		}
	}
	return -1
}

// blame follows the path by which the logits of pixel p see too much. It names the
// read on it without which all would be well; of several, or where there is none
// alone, the one that looks furthest ahead, and of those the one next to the picture.
// It tries that for so many reads.
func blame(units []*ir.Unit, p, tries int) error {
	last := horizon(units, read{}, true)
	u := units[len(units)-1]
	w := u.Dom.W()
	y, x := p/w, p%w
	e := &CausalityError{Y: y, X: x}
	down, right := -1<<30, 0 // how far ahead e looks
	alone := false
	for u.Kind != ir.Picture {
		a, yy, xx := latest(u, y, x, last)
		ahead := yy-y > down || yy-y == down && xx-x >= right
		cure := tries > 0 && seesAhead(units, horizon(units, read{u, a.Node, a.Access}, false)) < 0
		tries--
		if cure && (!alone || ahead) || !alone && ahead {
			alone = alone || cure
			down, right = yy-y, xx-x
			if e.Node, e.Reads = u.Node, a.Access.String(); a.Node != "" {
				e.Node = a.Node
			}
		}
		u, y, x = a.Src, yy, xx
	}
	e.FromY, e.FromX = y, x
	return e
}

// latest is the argument and the position by which u at (y, x) sees the last pixel.
func latest(u *ir.Unit, y, x int, last [][]int32) (a ir.Arg, yy, xx int) {
	want := last[u.ID][y*u.Dom.W()+x]
	for _, a := range u.Args {
		if a.Src.Static() {
			continue
		}
		for k := 0; ; k++ {
			yy, xx, ok := a.Access.At(y, x, k)
			if !ok {
				break
			}
			if a.Src.Dom.Has(yy, xx) && last[a.Src.ID][yy*a.Src.Dom.W()+xx] == want {
				return a, yy, xx
			}
		}
	}
	panic("compile: a pixel is seen that nothing reads") // no graph gets here: horizon has it from one of them
}

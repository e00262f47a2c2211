package pass

import (
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
)

// ErrNotCausal is wrapped where a symbol's outputs depend on the symbol itself or on a
// later one: no order of drawing suits such a graph. The error is a [*CausalityError].
var ErrNotCausal = errors.New("compile: the graph is not autoregressive")

// CausalityError names what looks ahead.
type CausalityError struct {
	Node  string // the node, as in the file
	Reads string // what it reads: "the tap (+0, +1)", rows down and columns to the right
	// The outputs for channel Channel of the pixel at row Y, column X depend on channel
	// FromChannel of the pixel at row FromY, column FromX, which is drawn no earlier. Where
	// all channels of a pixel are drawn together, Channel is -1; where the picture has one
	// channel, so is FromChannel.
	Y, X, Channel, FromY, FromX, FromChannel int
}

func (e *CausalityError) Error() string {
	at, from := "", ""
	if e.Channel >= 0 {
		at = fmt.Sprintf(", channel %d", e.Channel)
	}
	if e.FromChannel >= 0 {
		from = fmt.Sprintf(", channel %d", e.FromChannel)
	}
	return fmt.Sprintf("%v: %s reads %s, so the logits at row %d, column %d%s depend on the pixel at row %d, column %d%s",
		ErrNotCausal, e.Node, e.Reads, e.Y, e.X, at, e.FromY, e.FromX, from)
}

// Unwrap makes errors.Is(err, ErrNotCausal) true.
func (e *CausalityError) Unwrap() error { return ErrNotCausal }

// maxReads bounds the proof: what units read at all pixels, in all. It is a second or so,
// and to name who looks ahead takes about as long again, and 2 GiB.
const maxReads = 1 << 30

// Causal proves that no outputs depend on what is drawn from them or later. units are those
// of the network, in order.
func Causal(net *ir.Network, units []*ir.Unit) error {
	work := 0
	for _, u := range units {
		if !u.Static() {
			work += u.Dom.H() * u.Dom.W() * (1 + len(u.Args))
		}
		if work > maxReads {
			return &ir.UnsupportedError{Node: u.Node, Op: u.Op, Reason: fmt.Sprintf("up to it an image takes more than %d reads, too many to prove anything of", maxReads)}
		}
	}
	c := &causal{net, units}
	phase, p := c.seesAhead(c.horizon(read{}, false))
	if p < 0 {
		return nil
	}
	return c.blame(phase, p, maxReads/work)
}

type causal struct {
	*ir.Network
	units []*ir.Unit
}

// read is one of a node's, whose channels may come from several arguments, of one unit or of
// the parts of one.
type read struct {
	unit   *ir.Unit
	node   string
	access ir.Access
}

func readOf(u *ir.Unit, a ir.Arg) read {
	if u.Whole != nil {
		u = u.Whole
	}
	return read{u, a.Node, a.Access}
}

// horizon finds, for each unit and position, when the last of what the value there depends
// on is drawn, in raster order and counted in outputs, -1 where there is none. Padding is
// taken into account exactly. The read without, if any, is left out. Unless all are wanted,
// only those of the outputs are sure to be kept.
func (c *causal) horizon(without read, all bool) [][]int32 {
	last := make([][]int32, len(c.units))
	readers := ir.Readers(c.units)
	for i, u := range c.units {
		if u.Static() {
			continue
		}
		l := make([]int32, u.Dom.H()*u.Dom.W())
		for p := range l {
			l[p] = -1
			if u.Kind == ir.Picture {
				l[p] = c.drawn(c.Phase(u.Channel), p)
			}
		}
		for _, a := range u.Args {
			if !a.Src.Static() && without != readOf(u, a) {
				a.Access.Latest(l, last[a.Src.ID], u.Dom, a.Src.Dom)
			}
		}
		last[i] = l
		for _, a := range u.Args {
			if r := readers[a.Src.ID]; !all && r[len(r)-1].Unit == u && !slices.Contains(c.Outputs, a.Src) {
				last[a.Src.ID] = nil
			}
		}
	}
	return last
}

// drawn is when what is drawn of pixel p from an output is.
func (c *causal) drawn(phase, p int) int32 { return int32(p*len(c.Outputs) + phase) }

// seesAhead finds an output and a pixel at which it depends on what is drawn from it or
// later; -1 if there is none.
func (c *causal) seesAhead(last [][]int32) (phase, p int) {
	w := c.Size().W()
	n := c.Size().H() * w
	// One in the middle makes the better message: nothing is at an edge there.
	for k := range n {
		p := (n/2 + w/2 + k) % n
		for phase, u := range c.Outputs {
			if last[u.ID][p] >= c.drawn(phase, p) {
				return phase, p
			}
		}
	}
	return -1, -1
}

// blame follows the path by which an output at pixel p sees too much. It names the
// read on it without which all would be well; of several, or where there is none
// alone, the one that looks furthest ahead, and of those the one next to the picture.
// It tries that for so many reads.
func (c *causal) blame(phase, p, tries int) error {
	last := c.horizon(read{}, true)
	u := c.Outputs[phase]
	w := u.Dom.W()
	y, x := p/w, p%w
	e := &CausalityError{Y: y, X: x, Channel: -1, FromChannel: -1}
	if len(c.Outputs) > 1 {
		e.Channel = phase
	}
	lattice := c.Lattices(c.units) // a row or column of each unit, in those of the finest
	down, right := -1<<30, 0       // how far ahead e looks
	alone := false
	for u.Kind != ir.Picture {
		a, yy, xx := latest(u, y, x, last)
		rows, columns := yy-y, xx-x
		if lattice != nil {
			of, by := lattice[a.Src.ID], lattice[u.ID]
			rows, columns = yy*of.Y-y*by.Y, xx*of.X-x*by.X
		}
		ahead := rows > down || rows == down && columns >= right
		cure := false
		if tries > 0 {
			_, still := c.seesAhead(c.horizon(readOf(u, a), false))
			cure = still < 0
		}
		tries--
		if cure && (!alone || ahead) || !alone && ahead {
			alone = alone || cure
			down, right = rows, columns
			if e.Node, e.Reads = u.Node, a.Access.String(); a.Node != "" {
				e.Node = a.Node
			}
		}
		u, y, x = a.Src, yy, xx
	}
	e.FromY, e.FromX = y, x
	if len(c.Pictures) > 1 {
		e.FromChannel = u.Channel
	}
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

package ir

import "fmt"

// An Access says where a unit reads another one: which positions of the source it
// reads at each of its own. Which channels are read, and where the source counts as
// zero, is the [Arg]'s. What a stage of the compiler wants to know of an access it asks
// it, so that a new kind is a new implementation and no case anywhere else. Accesses
// are compared with ==.
type Access interface {
	// String is for messages: "the tap (+0, -1)".
	fmt.Stringer
	// Suffix tells accesses apart in names of tensors: letters, digits and _.
	Suffix() string

	// Scale is how many rows of the source one of the reader's goes on by, Times/Over, and
	// how many columns. Both are 1/1 where the two are on the same lattice.
	Scale() (y, x Axis)

	// At is the k-th position that (y, x) reads, in or out of the source; it is not ok
	// where there are no more.
	At(y, x, k int) (atY, atX int, ok bool)
	// Image is the least rectangle with all that the positions of r read.
	Image(r Rect) Rect
	// Moved is the access that reads at p what this one reads at p + before, moved
	// by after.
	Moved(before, after Shift) Access

	// Latest raises each entry of to, by position of reader, to the largest of those
	// of from, by position of source, that are read there. Both rectangles begin at
	// (0, 0).
	Latest(to, from []int32, reader, source Rect)
	// Lag is how much later by its clock the source comes than the reader by its
	// own: the least and the most over all that the reader reads of the source.
	Lag(reader, source Rect, by, of Clock) (least, most int)
}

// Here is the access of units that work on each position by itself.
var Here Access = Shift{}

// A Clock tells when a unit's values are computed: position (y, x) at time Y·y + X·x. The
// lattice that a unit lives on is in it: a unit on every r-th row of the picture has r times
// the picture's Y, one on every r-th column r times its X.
type Clock struct{ Y, X int }

func (c Clock) at(y, x int) int { return c.Y*y + c.X*x }

// Through is the arguments of a's source, read where a reads that; it is not ok where
// two accesses are none together. One of them must be a shift, or [After] know both.
func (a Arg) Through() (args []Arg, ok bool) {
	outer, shifted := a.Access.(Shift)
	for _, p := range a.Src.Args {
		if inner, ok := p.Access.(Shift); shifted {
			p.Access = p.Access.Moved(outer, Shift{})
		} else if ok {
			p.Access = a.Access.Moved(Shift{}, inner)
		} else if p.Access, ok = After(a.Access, p.Access); !ok {
			return nil, false
		}
		args = append(args, p)
	}
	return args, true
}

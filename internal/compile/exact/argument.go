package exact

import "pixelcnn/internal/compile/ir"

// An argument is one of a unit's, to be read at positions.
type argument struct {
	ir.Arg
	width  int       // of the reader
	all    []float64 // where it is the same everywhere
	from   *held
	same   bool      // what is read at a position is there, and nothing else is: from has these positions
	room   []float64 // for many positions
	picked []float64 // and for the channels that are read at one
	zeros  []float64
}

// argument is number k of a reader, held at positions h.at.
func (e *Evaluator) argument(k int, a ir.Arg, h *held, reader *ir.Unit) *argument {
	n := a.Channels()
	for len(e.rooms) <= k {
		e.rooms = append(e.rooms, nil)
	}
	if room := (lot + 2) * n; len(e.rooms[k]) < room {
		e.rooms[k] = make([]float64, room)
	}
	room := e.rooms[k]
	out := &argument{Arg: a, width: reader.Dom.W(), zeros: room[:n], picked: room[n : 2*n], room: room[2*n:]}
	clear(out.zeros)
	if !a.Src.OverPixels() {
		out.all = e.conditions[e.condition[a.Src.ID]]
		return out
	}
	out.from = e.held[a.Src.ID]
	// Each position that is read is held, so as many are the same ones.
	shift, ok := a.Access.(ir.Shift)
	out.same = ok && shift == ir.Shift{} && a.Chans == nil && a.Src.Dom == reader.Dom && a.Valid.And(a.Src.Dom) == a.Src.Dom && len(out.from.at) == len(h.at)
	return out
}

// at is what is read at (y, x), [channels of the argument], until the next call.
func (a *argument) at(y, x int) []float64 {
	v := a.all
	if v == nil {
		y, x, ok := a.Access.At(y, x, 0)
		if !ok || !a.Valid.Has(y, x) || !a.Src.Dom.Has(y, x) {
			return a.zeros
		}
		n := a.Src.Channels
		row := a.from.row[y*a.Src.Dom.W()+x]
		v = a.from.values[row*n : (row+1)*n]
	}
	if a.Chans == nil {
		return v
	}
	for k, c := range a.Chans {
		a.picked[k] = v[c]
	}
	return a.picked
}

// rows is what is read at some positions, in order, [positions, channels of the argument],
// until the next call.
func (a *argument) rows(at []int) []float64 {
	if a.same {
		n := a.Src.Channels
		row := a.from.row[at[0]]
		return a.from.values[row*n : (row+len(at))*n]
	}
	n := 0
	for _, p := range at {
		n += copy(a.room[n:], a.at(p/a.width, p%a.width))
	}
	return a.room[:n]
}

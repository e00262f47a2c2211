package exact

import "pixelcnn/internal/compile/ir"

// An argument is one of a unit's, to be read at positions.
type argument struct {
	ir.Arg
	all    []float64 // where it is the same everywhere
	from   *held
	where  []int32   // by position of the reader, the position of the source, -1 for none
	first  int       // channel, where those that are read are neighbours, else -1
	room   []float64 // for many positions
	picked []float64 // and for the channels that are read at one
	zeros  []float64
}

// argument is number k of a reader, with room number i.
func (e *Evaluator) argument(i int, reader *ir.Unit, k int) *argument {
	a := reader.Args[k]
	n := a.Channels()
	for len(e.rooms) <= i {
		e.rooms = append(e.rooms, nil)
	}
	if room := (lot + 2) * n; len(e.rooms[i]) < room {
		e.rooms[i] = make([]float64, room)
	}
	room := e.rooms[i]
	out := &argument{Arg: a, zeros: room[:n], picked: room[n : 2*n], room: room[2*n:]}
	clear(out.zeros)
	if len(a.Chans) > 0 {
		out.first = a.Chans[0]
	}
	for i, c := range a.Chans {
		if c != out.first+i {
			out.first = -1
			break
		}
	}
	if a.Src.OverPixels() {
		out.from, out.where = e.held[a.Src.ID], e.places[reader.ID][k]
	} else {
		out.all = e.conditions[e.condition[a.Src.ID]]
	}
	return out
}

// A reading is all that tells which position is read where.
type reading struct {
	access                ir.Access
	valid, source, reader ir.Rect
}

// places are, by position of the reader, the position that is read there; -1 for none.
func (r reading) places() []int32 {
	places, w := make([]int32, r.reader.H()*r.reader.W()), r.reader.W()
	for p := range places {
		places[p] = -1
		if y, x, ok := r.access.At(p/w, p%w, 0); ok && r.valid.Has(y, x) && r.source.Has(y, x) {
			places[p] = int32(y*r.source.W() + x)
		}
	}
	return places
}

// placesOf are those of each argument of each unit; nil for those that are the same everywhere
// or read many. Those that read alike share them.
func placesOf(units []*ir.Unit) [][][]int32 {
	out, all := make([][][]int32, len(units)), map[reading][]int32{}
	for i, u := range units {
		out[i] = make([][]int32, len(u.Args))
		for k, a := range u.Args {
			if _, many := a.Access.(ir.Attended); many || !a.Src.OverPixels() {
				continue
			}
			r := reading{a.Access, a.Valid, a.Src.Dom, u.Dom}
			if all[r] == nil {
				all[r] = r.places()
			}
			out[i][k] = all[r]
		}
	}
	return out
}

// at is what is read at position p, [channels of the argument], until the next call.
func (a *argument) at(p int) []float64 {
	v := a.all
	if v == nil {
		if a.where[p] < 0 {
			return a.zeros
		}
		n := a.Src.Channels
		row := a.from.row[a.where[p]]
		v = a.from.values[row*n : (row+1)*n]
	}
	if a.first >= 0 {
		return v[a.first : a.first+len(a.picked)]
	}
	for k, c := range a.Chans {
		a.picked[k] = v[c]
	}
	return a.picked
}

// run is how many of the first positions read what lies one after the other, from row on.
func (a *argument) run(at []int) (row, n int) {
	if a.from == nil || a.where[at[0]] < 0 {
		return 0, 0
	}
	row = a.from.row[a.where[at[0]]]
	for n = 1; n < len(at); n++ {
		if s := a.where[at[n]]; s < 0 || a.from.row[s] != row+n {
			break
		}
	}
	return row, n
}

// view is what is read at some positions, in order, [positions, channels of the argument],
// with so many numbers from one position to the next, until the next call.
func (a *argument) view(at []int) (values []float64, step int) {
	channels, n := len(a.picked), a.Src.Channels
	for i := 0; i < len(at); {
		row, run := a.run(at[i:])
		if run == len(at) && a.first >= 0 {
			return a.from.values[row*n+a.first : (row+run-1)*n+a.first+channels], n
		}
		if run > 1 && channels == n && a.first == 0 {
			copy(a.room[i*n:], a.from.values[row*n:(row+run)*n])
			i += run
			continue
		}
		for _, p := range at[i : i+max(run, 1)] {
			copy(a.room[i*channels:(i+1)*channels], a.at(p))
			i++
		}
	}
	return a.room[:len(at)*channels], channels
}

// rows is view with nothing in between.
func (a *argument) rows(at []int) []float64 {
	values, step := a.view(at)
	channels := len(a.picked)
	if step == channels {
		return values
	}
	for i := range at {
		copy(a.room[i*channels:(i+1)*channels], values[i*step:])
	}
	return a.room[:len(at)*channels]
}

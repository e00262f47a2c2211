package ir

import (
	"fmt"
	"slices"
)

// A Span is the places From ≤ i < To of a sequence.
type Span struct{ From, To int }

// An Attended reads many positions, as attention does: those that its mask shows, of a
// picture that is laid out as one sequence, row by row.
type Attended struct {
	*Mask
	before, after Shift
}

// A Mask says which places of a sequence each of its places sees.
type Mask struct {
	W    int      // of the picture's rows
	Sees [][]Span // by place, in ascending order, apart from each other
}

// Attend is the access of a mask.
func Attend(m *Mask) Attended { return Attended{Mask: m} }

// Prefix tells how many places each one sees where it sees all from the first on; it is
// not ok where one does not.
func (m *Mask) Prefix() (n []int, ok bool) {
	n = make([]int, len(m.Sees))
	for i, s := range m.Sees {
		switch {
		case len(s) == 0:
		case len(s) == 1 && s[0].From == 0:
			n[i] = s[0].To
		default:
			return nil, false
		}
	}
	return n, true
}

// Alike tells whether each place sees the same ones.
func (m *Mask) Alike() bool {
	return !slices.ContainsFunc(m.Sees, func(s []Span) bool { return !slices.Equal(s, m.Sees[0]) })
}

// Scale is 1/1: keys lie on the reader's lattice.
func (a Attended) Scale() (y, x Axis) { return Here.Scale() }

func (a Attended) String() string {
	n, ok := a.Prefix()
	at := func(ahead int) bool {
		return ok && !slices.ContainsFunc(Count(len(n)), func(i int) bool { return n[i] != i+ahead })
	}
	switch {
	case at(0):
		return "all pixels before its own"
	case at(1):
		return "all pixels up to its own"
	default:
		return "the pixels that its mask shows"
	}
}

// Suffix is such as attended_p0_p0_p0_p0.
func (a Attended) Suffix() string {
	return fmt.Sprintf("attended_%s_%s", a.before.Suffix(), a.after.Suffix())
}

// Place is that of a reader, as the mask counts; it is not ok outside.
func (a Attended) Place(y, x int) (int, bool) {
	y, x = y+a.before.DY, x+a.before.DX
	i := y*a.W + x
	return i, x >= 0 && x < a.W && y >= 0 && i < len(a.Sees)
}

// Source is the place of a position that is seen, as the mask counts.
func (a Attended) Source(y, x int) int { return (y-a.after.DY)*a.W + x - a.after.DX }

// Spans are the places that (y, x) sees.
func (a Attended) Spans(y, x int) []Span {
	if i, ok := a.Place(y, x); ok {
		return a.Sees[i]
	}
	return nil
}

// Seen calls see for each position that is seen from one of the readers that are set, by
// position, in rows of so many.
func (a Attended) Seen(readers []bool, width int, see func(y, x int)) {
	var ends []int // by place: how many spans begin less how many end there
	for p, set := range readers {
		if !set {
			continue
		}
		for _, s := range a.Spans(p/width, p%width) {
			if need := s.To + 1 - len(ends); need > 0 {
				ends = append(ends, make([]int, need)...)
			}
			ends[s.From]++
			ends[s.To]--
		}
	}
	open := 0
	for i, n := range ends {
		if open += n; open > 0 {
			see(a.position(i))
		}
	}
}

// position is where place i of the source stands.
func (a Attended) position(i int) (y, x int) { return i/a.W + a.after.DY, i%a.W + a.after.DX }

// At is the k-th place that is seen.
func (a Attended) At(y, x, k int) (atY, atX int, ok bool) {
	for _, s := range a.Spans(y, x) {
		if k < s.To-s.From {
			atY, atX = a.position(s.From + k)
			return atY, atX, true
		}
		k -= s.To - s.From
	}
	return 0, 0, false
}

// parts calls f for the rectangles of a span: the rest of its first row, the whole rows
// after it, and the begin of its last one. Clocks do not run backwards, so the first and
// the last position of a rectangle are its earliest and its latest.
func (a Attended) parts(s Span, f func(Rect)) {
	for s.From < s.To {
		y, x := s.From/a.W, s.From%a.W
		part := Rect{y, x, y + 1, min(a.W, x+s.To-s.From)}
		if whole := s.To / a.W; x == 0 && whole > y {
			part.Y1 = whole
		}
		f(part)
		s.From += part.H() * part.W()
	}
}

// Image is an [Access]'s.
func (a Attended) Image(r Rect) (out Rect) {
	for y := r.Y0; y < r.Y1; y++ {
		for x := r.X0; x < r.X1; x++ {
			for _, s := range a.Spans(y, x) {
				a.parts(s, func(part Rect) { out = out.Cover(a.after.Image(part)) })
			}
		}
	}
	return out
}

// Moved is an [Access]'s.
func (a Attended) Moved(before, after Shift) Access {
	a.before, a.after = a.before.plus(before), a.after.plus(after)
	return a
}

// Latest is an [Access]'s.
func (a Attended) Latest(to, from []int32, reader, source Rect) {
	// The largest of all places up to one answers for spans that begin at the first.
	places := 0
	for _, spans := range a.Sees {
		for _, s := range spans {
			places = max(places, s.To)
		}
	}
	of := make([]int32, places)
	upTo := make([]int32, places+1)
	upTo[0] = -1
	for i := range of {
		of[i] = -1
		if y, x := a.position(i); source.Has(y, x) {
			of[i] = from[y*source.W()+x]
		}
		upTo[i+1] = max(upTo[i], of[i])
	}
	for p := range to {
		for _, s := range a.Spans(p/reader.W(), p%reader.W()) {
			if s.From == 0 {
				to[p] = max(to[p], upTo[s.To])
			} else {
				to[p] = max(to[p], slices.Max(of[s.From:s.To]))
			}
		}
	}
}

// Lag is an [Access]'s.
func (a Attended) Lag(reader, source Rect, by, of Clock) (least, most int) {
	return lag(reader, func(y, x int, see func(least, most int)) {
		now := by.at(y, x)
		for _, s := range a.Spans(y, x) {
			a.parts(s, func(part Rect) {
				if part = a.after.Image(part).And(source); !part.Empty() {
					see(of.at(part.Y0, part.X0)-now, of.at(part.Y1-1, part.X1-1)-now)
				}
			})
		}
	})
}

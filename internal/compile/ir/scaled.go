package ir

import "fmt"

// Scaled is an access from one lattice to another, along rows and columns each on its own: a
// tap of a strided or transposed convolution, of a pool, of a nearest upsampling. It reads one
// position, or none.
type Scaled struct{ Y, X Axis }

// An Axis reads (Times·n + Add)/Over at n: rounded down where Nearest is set, else nothing
// where it is not whole.
type Axis struct {
	Times, Over, Add int
	Nearest          bool
}

// Every is the axis that reads the by-th, from add on.
func Every(by, add int) Axis { return Axis{Times: by, Over: 1, Add: add} }

// Spread is the axis that reads position (n + add)/by, where there is one.
func Spread(by, add int) Axis { return Axis{Times: 1, Over: by, Add: add} }

// Nearest is the axis that reads position ⌊(n + add)/by⌋.
func Nearest(by, add int) Axis { return Axis{Times: 1, Over: by, Add: add, Nearest: by > 1} }

// Scale is the access of two axes, a [Shift] where they are on one lattice.
func Scale(y, x Axis) Access {
	if y.Times == 1 && y.Over == 1 && x.Times == 1 && x.Over == 1 {
		return Shift{y.Add, x.Add}
	}
	return Scaled{y, x}
}

// axes are a shift's or a scaled access's; not ok for others.
func axes(a Access) (y, x Axis, ok bool) {
	switch a := a.(type) {
	case Shift:
		return Every(1, a.DY), Every(1, a.DX), true
	case Scaled:
		return a.Y, a.X, true
	}
	return Axis{}, Axis{}, false
}

// After reads at a position what outer reads there of what inner reads; it is not ok where
// that is none of these accesses.
func After(outer, inner Access) (a Access, ok bool) {
	oy, ox, ok1 := axes(outer)
	iy, ix, ok2 := axes(inner)
	if !ok1 || !ok2 {
		return nil, false
	}
	y, ok1 := oy.then(iy)
	x, ok2 := ox.then(ix)
	if !ok1 || !ok2 {
		return nil, false
	}
	return Scale(y, x), true
}

// then is a, and b of that.
func (a Axis) then(b Axis) (Axis, bool) {
	switch {
	case a.Over == 1: // b.Times·(a.Times·n + a.Add) + b.Add over b.Over
		return Axis{a.Times * b.Times, b.Over, b.Times*a.Add + b.Add, b.Nearest}.reduced()
	case b.Times == 1 && (b.Over == 1 || a.Nearest == b.Nearest):
		return Axis{a.Times, a.Over * b.Over, a.Add + a.Over*b.Add, a.Nearest}.reduced()
	}
	return Axis{}, false
}

// reduced is a in lowest terms; it is not ok where there are none of one kind: half a step
// back and forth, say.
func (a Axis) reduced() (Axis, bool) {
	d := gcd(a.Times, a.Over)
	if d == 1 {
		return a, true
	}
	if a.Add%d != 0 && !a.Nearest {
		return a, false // it reads nothing anywhere
	}
	return Axis{a.Times / d, a.Over / d, FloorDiv(a.Add, d), a.Nearest && a.Over > d}, true
}

// FloorDiv is ⌊a/b⌋, for b > 0.
func FloorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (s Scaled) String() string {
	return fmt.Sprintf("the tap (%s, %s)", s.Y, s.X)
}

// String is such as "+1 of every 2nd" or "-1 halved".
func (a Axis) String() string {
	switch {
	case a.Times > 1 && a.Over == 1:
		return fmt.Sprintf("%+d, from a pixel to the next %d on", a.Add, a.Times)
	case a.Nearest:
		return fmt.Sprintf("⌊(n%+d)/%d⌋", a.Add, a.Over)
	case a.Times == 1:
		return fmt.Sprintf("(n%+d)/%d", a.Add, a.Over)
	}
	return fmt.Sprintf("(%d·n%+d)/%d", a.Times, a.Add, a.Over)
}

// Suffix is such as 2p0x2m1.
func (s Scaled) Suffix() string { return s.Y.suffix() + "_" + s.X.suffix() }

func (a Axis) suffix() string {
	kind := "x"
	if a.Nearest {
		kind = "n"
	}
	return fmt.Sprintf("%d%s%d%s", a.Times, kind, a.Over, signed(a.Add))
}

// Scale is both axes.
func (s Scaled) Scale() (y, x Axis) { return s.Y, s.X }

// at is where n reads.
func (a Axis) at(n int) (at int, ok bool) {
	at = FloorDiv(a.Times*n+a.Add, a.Over)
	return at, a.Nearest || at*a.Over == a.Times*n+a.Add
}

// At is one position or none.
func (s Scaled) At(y, x, k int) (atY, atX int, ok bool) {
	atY, okY := s.Y.at(y)
	atX, okX := s.X.at(x)
	return atY, atX, okY && okX && k == 0
}

// image is what from ≤ n < to reads.
func (a Axis) image(from, to int) (first, last int) {
	read := func(n, step int) (int, bool) {
		for range a.Over { // after as many it is whole again
			if n < from || n >= to {
				break
			}
			if at, ok := a.at(n); ok {
				return at, true
			}
			n += step
		}
		return 0, false
	}
	first, ok := read(from, 1)
	if !ok {
		return 0, 0
	}
	last, _ = read(to-1, -1)
	return first, last + 1
}

// Image is the least rectangle.
func (s Scaled) Image(r Rect) Rect {
	y0, y1 := s.Y.image(r.Y0, r.Y1)
	x0, x1 := s.X.image(r.X0, r.X1)
	if out := (Rect{y0, x0, y1, x1}); !out.Empty() {
		return out
	}
	return Rect{}
}

// Moved is an [Access]'s.
func (s Scaled) Moved(before, after Shift) Access {
	s.Y.Add += s.Y.Times*before.DY + s.Y.Over*after.DY
	s.X.Add += s.X.Times*before.DX + s.X.Over*after.DX
	return s
}

// Latest is an [Access]'s.
func (s Scaled) Latest(to, from []int32, reader, source Rect) {
	for y := range reader.H() {
		yy, ok := s.Y.at(y)
		if !ok || yy < 0 || yy >= source.H() {
			continue
		}
		for x := range reader.W() {
			if xx, ok := s.X.at(x); ok && xx >= 0 && xx < source.W() {
				p := y*reader.W() + x
				to[p] = max(to[p], from[yy*source.W()+xx])
			}
		}
	}
}

// lag is the least and the most of of·at − by·n over the n < length that read one of size
// positions. Where n goes on by Over it is linear, so it is enough to look at both ends.
func (a Axis) lag(length, size, by, of int) (least, most int) {
	look := func(n, step int) {
		left := a.Over
		for ; n >= 0 && n < length && left > 0; n += step {
			at, ok := a.at(n)
			in := at >= 0 && at < size
			if ok && in {
				l := of*at - by*n
				if least > most {
					least, most = l, l
				}
				least, most = min(least, l), max(most, l)
			}
			if in {
				left--
			}
		}
	}
	least, most = 1, 0
	look(0, 1)
	look(length-1, -1)
	if least > most {
		return 0, 0
	}
	return least, most
}

// Lag is the sum of both axes'.
func (s Scaled) Lag(reader, source Rect, by, of Clock) (least, most int) {
	y0, y1 := s.Y.lag(reader.H(), source.H(), by.Y, of.Y)
	x0, x1 := s.X.lag(reader.W(), source.W(), by.X, of.X)
	return y0 + x0, y1 + x1
}

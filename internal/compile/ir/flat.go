package ir

import "fmt"

// A Flat reads along a picture that is laid out as one sequence, row by row: the place By
// further on, across the ends of rows. Symbols that are shifted by a start token are read
// so. Only places Lo ≤ i < Hi of the source are there.
type Flat struct {
	W, By, Lo, Hi int
	before, after Shift
}

func (f Flat) String() string {
	return fmt.Sprintf("the pixel %+d places on, counted row by row", f.By)
}

// Suffix is such as flat_m1.
func (f Flat) Suffix() string {
	return fmt.Sprintf("flat_%s_%d_%d_%s_%s", signed(f.By), f.Lo, f.Hi, f.before.Suffix(), f.after.Suffix())
}

// Scale is 1/1.
func (f Flat) Scale() (y, x Axis) { return Here.Scale() }

// At is one position, or none where the sequence has none.
func (f Flat) At(y, x, k int) (atY, atX int, ok bool) {
	y, x = y+f.before.DY, x+f.before.DX
	i := y*f.W + x + f.By
	if k > 0 || x < 0 || x >= f.W || i < f.Lo || i >= f.Hi {
		return 0, 0, false
	}
	return i/f.W + f.after.DY, i%f.W + f.after.DX, true
}

// Then is f, read where g reads; it is not ok where the two do not lie in one picture.
func (f Flat) Then(g Flat) (Flat, bool) {
	if f.W != g.W || g.after != (Shift{}) || f.before != (Shift{}) {
		return Flat{}, false
	}
	f.Lo, f.Hi = max(f.Lo, g.Lo+f.By), min(f.Hi, g.Hi+f.By)
	f.By, f.before = f.By+g.By, g.before
	return f, true
}

// Image is an [Access]'s.
func (f Flat) Image(r Rect) Rect { return image(f, r) }

// Moved is an [Access]'s.
func (f Flat) Moved(before, after Shift) Access {
	f.before = f.before.plus(before)
	f.after = f.after.plus(after)
	return f
}

// Latest is an [Access]'s.
func (f Flat) Latest(to, from []int32, reader, source Rect) {
	for p := range to {
		if y, x, ok := f.At(p/reader.W(), p%reader.W(), 0); ok && source.Has(y, x) {
			to[p] = max(to[p], from[y*source.W()+x])
		}
	}
}

// Lag is an [Access]'s.
func (f Flat) Lag(reader, source Rect, by, of Clock) (least, most int) {
	return lag(reader, func(y, x int, see func(least, most int)) {
		if yy, xx, ok := f.At(y, x, 0); ok && source.Has(yy, xx) {
			l := of.at(yy, xx) - by.at(y, x)
			see(l, l)
		}
	})
}

// image is the least rectangle with all that the positions of r read.
func image(a Access, r Rect) (out Rect) {
	for y := r.Y0; y < r.Y1; y++ {
		for x := r.X0; x < r.X1; x++ {
			for k := 0; ; k++ {
				yy, xx, ok := a.At(y, x, k)
				if !ok {
					break
				}
				out = out.Cover(Rect{yy, xx, yy + 1, xx + 1})
			}
		}
	}
	return out
}

// lag is the least and the most of what each position of r sees; where none sees
// anything, the reader need not wait.
func lag(r Rect, each func(y, x int, see func(least, most int))) (least, most int) {
	const never = 1 << 30
	least, most = never, -never
	see := func(l, m int) { least, most = min(least, l), max(most, m) }
	for y := r.Y0; y < r.Y1; y++ {
		for x := r.X0; x < r.X1; x++ {
			each(y, x, see)
		}
	}
	if least > most {
		return 0, -never
	}
	return least, most
}

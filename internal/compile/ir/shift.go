package ir

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// A Shift is one tap of a convolution, whatever its dilation and padding: the position
// DY rows down and DX columns to the right.
type Shift struct{ DY, DX int }

// Tap is position k of a convolution's kernel, row by row.
func Tap(k int, rows, columns onnx.Window) Shift {
	return Shift{k/columns.Kernel*rows.Dilation - rows.Begin, k%columns.Kernel*columns.Dilation - columns.Begin}
}

func (s Shift) String() string {
	if s == (Shift{}) {
		return "the tap (0, 0), the pixel itself"
	}
	return fmt.Sprintf("the tap (%+d, %+d)", s.DY, s.DX)
}

// Suffix is such as m1_p0.
func (s Shift) Suffix() string { return signed(s.DY) + "_" + signed(s.DX) }

func signed(n int) string {
	if n < 0 {
		return fmt.Sprintf("m%d", -n)
	}
	return fmt.Sprintf("p%d", n)
}

// Scale is 1/1.
func (s Shift) Scale() (y, x Axis) { return Every(1, 0), Every(1, 0) }

// At is one position.
func (s Shift) At(y, x, k int) (atY, atX int, ok bool) { return y + s.DY, x + s.DX, k == 0 }

// Image is r, moved.
func (s Shift) Image(r Rect) Rect { return Rect{r.Y0 + s.DY, r.X0 + s.DX, r.Y1 + s.DY, r.X1 + s.DX} }

// Neg is the way back.
func (s Shift) Neg() Shift { return Shift{-s.DY, -s.DX} }

func (s Shift) plus(o Shift) Shift { return Shift{s.DY + o.DY, s.DX + o.DX} }

// Moved is the sum of all three.
func (s Shift) Moved(before, after Shift) Access {
	return before.plus(s).plus(after)
}

// Latest is an [Access]'s.
func (s Shift) Latest(to, from []int32, reader, source Rect) {
	in := s.Neg().Image(source).And(reader)
	if in.Empty() {
		return
	}
	for y := in.Y0; y < in.Y1; y++ {
		row := to[y*reader.W()+in.X0 : y*reader.W()+in.X1]
		seen := from[(y+s.DY)*source.W()+in.X0+s.DX:]
		for i, last := range seen[:len(row)] {
			row[i] = max(row[i], last)
		}
	}
}

// Lag is linear in the position, so its ends are at corners.
func (s Shift) Lag(reader, source Rect, by, of Clock) (least, most int) {
	in := s.Neg().Image(source).And(reader)
	lag := func(y, x int) int { return of.at(y+s.DY, x+s.DX) - by.at(y, x) }
	a, b, c, d := lag(in.Y0, in.X0), lag(in.Y0, in.X1-1), lag(in.Y1-1, in.X0), lag(in.Y1-1, in.X1-1)
	return min(a, b, c, d), max(a, b, c, d)
}

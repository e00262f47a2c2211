package ir

// Rect is the positions Y0 ≤ y < Y1, X0 ≤ x < X1.
type Rect struct{ Y0, X0, Y1, X1 int }

// Sized is the rectangle of h rows and w columns at (0, 0).
func Sized(h, w int) Rect { return Rect{0, 0, h, w} }

// Origin is the shift from (0, 0) to the first position.
func (r Rect) Origin() Shift { return Shift{r.Y0, r.X0} }

// Empty tells whether it has no positions.
func (r Rect) Empty() bool { return r.Y0 >= r.Y1 || r.X0 >= r.X1 }

// H is the number of rows.
func (r Rect) H() int { return r.Y1 - r.Y0 }

// W is the number of columns.
func (r Rect) W() int { return r.X1 - r.X0 }

// Has tells whether (y, x) is in r.
func (r Rect) Has(y, x int) bool { return r.Y0 <= y && y < r.Y1 && r.X0 <= x && x < r.X1 }

// And is what r and s share.
func (r Rect) And(s Rect) Rect {
	return Rect{max(r.Y0, s.Y0), max(r.X0, s.X0), min(r.Y1, s.Y1), min(r.X1, s.X1)}
}

// Cover is the least rectangle that holds both.
func (r Rect) Cover(s Rect) Rect {
	if r.Empty() {
		return s
	}
	if s.Empty() {
		return r
	}
	return Rect{min(r.Y0, s.Y0), min(r.X0, s.X0), max(r.Y1, s.Y1), max(r.X1, s.X1)}
}

// Within tells whether r is a part of s.
func (r Rect) Within(s Rect) bool { return r.Empty() || r.And(s) == r }

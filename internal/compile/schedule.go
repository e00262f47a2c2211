package compile

import "slices"

// A schedule gives each unit its time: in wavefront order its value at pixel (y, x)
// is computed at time x + slope·y + at; a unit that goes by rows has the whole row y
// at time slope·y + at. The picture's pixel is drawn at the time of its logits.
type schedule struct {
	slope int
	// raster means that pixels are drawn one after the other, row by row; only
	// then are there units that go by rows.
	raster bool
	at     []int  // by unit
	rows   []bool // by unit
}

// plan finds the schedule with the fewest steps. The constraints are those of
// Lamport's hyperplane method ("The parallel execution of DO loops", 1974): a tap
// (dy, dx) from u to v needs
//
//	at[v] ≥ at[u] + dx + slope·dy
//
// and one more where u is the picture, since a pixel is drawn after its step's run.
// The logits' time closes the circle: it must not come after the picture's, which
// is 0. The rest of the graph has no circle, so one pass in topological order finds
// the least times, where Bellman-Ford would need several.
func plan(units []*unit, raster bool) (*schedule, bool) {
	width := units[len(units)-1].dom.w()
	for slope := 1; slope <= width && !raster; slope++ {
		s := &schedule{slope: slope, at: make([]int, len(units)), rows: make([]bool, len(units))}
		if s.solve(units) {
			return s, true
		}
	}
	s := &schedule{raster: true, at: make([]int, len(units)), rows: byRows(units)}
	for i, u := range units {
		if !u.still() && !s.rows[i] {
			s.slope = max(s.slope, u.dom.w())
		}
	}
	return s, s.solve(units)
}

// byRows finds the units that can go by rows: they depend on rows above their own only.
func byRows(units []*unit) []bool {
	const never = -1 << 30
	reach := make([]int, len(units)) // the lowest row that a unit depends on, from its own
	rows := make([]bool, len(units))
	for i, u := range units {
		reach[i] = never
		if u.kind == image {
			reach[i] = 0
		}
		for _, a := range u.args {
			if reach[a.src.id] > never {
				reach[i] = max(reach[i], reach[a.src.id]+a.dy)
			}
		}
		rows[i] = reach[i] < 0
	}
	return rows
}

// wait is the least at[v] − at[u] that lets unit v read a's source u.
func (s *schedule) wait(v *unit, a arg) int {
	u := a.src
	d := s.slope * a.dy
	x0, x1 := max(0, -a.dx), min(v.dom.w(), u.dom.w()-a.dx)-1 // v's columns that read something
	switch {
	case s.rows[u.id] && s.rows[v.id]:
	case s.rows[u.id]:
		d -= x0
	case s.rows[v.id]:
		d += x1 + a.dx
	default:
		d += a.dx
	}
	if u.kind == image {
		d++
	}
	return d
}

// solve sets the times and tells whether they are in order.
func (s *schedule) solve(units []*unit) bool {
	const none = -1 << 30
	depends := make([]bool, len(units)) // on the picture
	for i, u := range units {
		s.at[i] = none
		if u.kind == image {
			s.at[i], depends[i] = 0, true
		}
		for _, a := range u.args {
			if depends[a.src.id] {
				s.at[i], depends[i] = max(s.at[i], s.at[a.src.id]+s.wait(u, a)), true
			}
		}
	}
	if s.at[len(units)-1] > 0 {
		return false
	}
	// What does not depend on the picture is computed when it is first wanted.
	for _, u := range slices.Backward(units) {
		for _, a := range u.args {
			if i := a.src.id; !a.src.still() && !depends[i] {
				t := s.at[u.id] - s.wait(u, a)
				if s.at[i] == none || t < s.at[i] {
					s.at[i] = t
				}
			}
		}
	}
	return true
}

// pixels returns the pixels of unit u at time t, ordered by column: n pixels from
// (y, x) on, each dy rows down and dx columns to the right of the last.
func (s *schedule) pixels(u *unit, t int) (w wave) {
	t -= s.at[u.id]
	h, width := u.dom.h(), u.dom.w()
	if s.rows[u.id] {
		if y := floorDiv(t, s.slope); y*s.slope == t && y >= 0 && y < h {
			return wave{y: y, dx: 1, n: width}
		}
		return wave{}
	}
	// 0 ≤ t − slope·y < width
	first := max(0, floorDiv(t-width, s.slope)+1)
	last := min(h-1, floorDiv(t, s.slope))
	if last < first {
		return wave{}
	}
	return wave{y: last, x: t - s.slope*last, dy: -1, dx: s.slope, n: last - first + 1}
}

type wave struct{ y, x, dy, dx, n int }

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Package schedule decides when each unit's values are computed, and together with
// which others.
//
// [Find] gives every unit a time: in wavefront order its value at (y, x) is computed at
// time slope·Y·y + X·x + at, where Y and X are those of its [ir.Lattice].
// Units that one graph computes in each step are a stage (stage.go).
package schedule

import (
	"slices"

	"pixelcnn/internal/compile/ir"
)

// A Schedule gives each unit its time. A symbol is drawn at the time of its outputs.
type Schedule struct {
	Slope int
	// Raster means that pixels are drawn one after the other, row by row; only then
	// are there units that go by rows: the whole row y at time Slope·Y·y + at.
	Raster bool
	// Apart means that whole rows are computed in a step between two rows of pixels.
	Apart  bool
	Stages [][]*ir.Unit // what a step computes, in that order

	net   *ir.Network
	units []ir.Lattice // by unit
	at    []int        // by unit
	rows  []bool       // by unit
	of    []int        // by unit, its stage; -1 for what no stage computes
}

// Find finds the schedule with the fewest steps, if any. units are the network's, in
// order. The constraints are those of Lamport's hyperplane method ("The parallel execution
// of DO loops", 1974): v may be computed no earlier than what it reads of u,
//
//	at[v] ≥ at[u] + the access's lag,
//
// and one more where u is the picture, since a pixel is drawn after its step's run.
// The outputs' time closes the circle: it must not come after the time of what is drawn
// from them. The rest of the graph has no circle, so one pass in topological order finds
// the least times.
//
// Time is counted in outputs: the p-th of a pixel is drawn from at p, and the next pixel's
// first after the last. A unit on a lattice, of which each pixel stands for several of the
// picture, has as many times more between two pixels.
func Find(net *ir.Network, units []*ir.Unit, raster bool) (*Schedule, bool) {
	base := Schedule{net: net}
	if base.units = net.Lattices(units); base.units == nil {
		return nil, false
	}
	width := net.Size().W()
	// What looks at all earlier pixels needs them all, and an order in which they come.
	raster = raster || slices.ContainsFunc(units, func(u *ir.Unit) bool { return !u.Steady() })
	for slope := 1; slope <= width && !raster; slope++ {
		s := base
		s.Slope, s.rows = slope, make([]bool, len(units))
		if s.whole() && s.solve(units) {
			return &s, true
		}
	}
	// Networks of one lattice whose rows need no step of their own keep the schedule, and with
	// it the one-file samplers, that they have without.
	if !slices.ContainsFunc(base.units, func(l ir.Lattice) bool { return max(l.Y, l.X) > 1 }) {
		if s := base.inRaster(units, false); s.solve(units) {
			return s, true
		}
	}
	s := base.inRaster(units, true)
	return s, s.solve(units)
}

// inRaster is the schedule in raster order, whole rows computed apart from pixels or with them.
func (s Schedule) inRaster(units []*ir.Unit, apart bool) *Schedule {
	s.Apart = apart
	s.Raster, s.rows = true, s.byRows(units)
	for i, u := range units {
		if !u.Static() && !s.rows[i] {
			// As many times as a row of it takes, at most between two rows of the picture, and of
			// its own.
			between := min(s.units[0].X, s.units[i].Y)
			s.Slope = max(s.Slope, (u.Dom.W()*s.units[i].X+between-1)/between)
		}
	}
	if s.Apart = apart && slices.Contains(s.rows, true); s.Apart {
		s.Slope++
	}
	for !s.whole() {
		s.Slope++
	}
	return &s
}

// whole tells whether, on all lattices, as much time as is between two rows is between some
// column and the first.
func (s *Schedule) whole() bool {
	return !slices.ContainsFunc(s.units, func(l ir.Lattice) bool { return l.X > 0 && s.Slope*l.Y%l.X != 0 })
}

// byRows finds the units that can go by rows: all that a row of them depends on is in rows
// above the first that needs it, or, where rows have no step of their own, above their own; and
// what it reads of each lies in rows.
func (s *Schedule) byRows(units []*ir.Unit) []bool {
	const never = 1 << 30
	reach, need := make([]int, len(units)), make([]int, len(units)) // rows of the picture below a row's own
	below := func(v *ir.Unit, a ir.Arg) int {
		_, most := a.Access.Lag(v.Dom, a.Src.Dom, ir.Clock{Y: s.units[v.ID].Y}, ir.Clock{Y: s.units[a.Src.ID].Y})
		return most
	}
	for i, u := range units {
		reach[i], need[i] = -never, never
		if u.Kind == ir.Picture {
			reach[i] = 0
		}
		for _, a := range u.Args {
			if from := reach[a.Src.ID]; from > -never {
				reach[i] = max(reach[i], from+below(u, a))
			}
		}
	}
	for _, u := range s.net.Outputs {
		need[u.ID] = 0
	}
	for i, u := range slices.Backward(units) {
		for _, a := range u.Args {
			if !a.Src.Static() {
				need[a.Src.ID] = min(need[a.Src.ID], need[i]-below(u, a))
			}
		}
	}
	rows := make([]bool, len(units))
	steady := !slices.ContainsFunc(units, func(u *ir.Unit) bool { return !u.Steady() })
	for i := range units {
		if !s.Apart && (steady || need[i] > 0) { // else places of a sequence may stand in other rows than their pixels
			need[i] = 0
		}
		rows[i] = reach[i] < need[i] && units[i].Kind != ir.Picture && units[i].Steady()
	}
	return rows
}

// Span is the first and the last time at which a stage runs.
func (s *Schedule) Span() (from, to int) {
	for _, members := range s.Stages {
		u := members[0]
		c := s.clock(u)
		from, to = min(from, s.at[u.ID]), max(to, s.at[u.ID]+c.Y*(u.Dom.H()-1)+c.X*(u.Dom.W()-1))
	}
	return from, to
}

func (s *Schedule) clock(u *ir.Unit) ir.Clock {
	unit := s.units[u.ID]
	if s.rows[u.ID] {
		return ir.Clock{Y: unit.Y * s.Slope}
	}
	return ir.Clock{Y: unit.Y * s.Slope, X: unit.X}
}

// Unit is how many times there are from one pixel of u to the next.
func (s *Schedule) Unit(u *ir.Unit) int { return s.units[u.ID].X }

// SlopeOf is the slope in u's own pixels: how many columns a row is apart from the next in time.
func (s *Schedule) SlopeOf(u *ir.Unit) int {
	l := s.units[u.ID]
	return s.Slope * l.Y / l.X
}

// lag is the least at[v] − at[u] at which a's source u is never later than v, which reads it.
func (s *Schedule) lag(v *ir.Unit, a ir.Arg) int {
	_, most := a.Access.Lag(v.Dom, a.Src.Dom, s.clock(v), s.clock(a.Src))
	return most
}

// wait is the least at[v] − at[u] that lets unit v read a's source u. Where rows are computed
// apart, they are there a step before single pixels want them: so these need no stages of
// their own between those of the rows.
func (s *Schedule) wait(v *ir.Unit, a ir.Arg) int {
	if a.Src.Kind == ir.Picture || s.Apart && s.rows[a.Src.ID] && !s.rows[v.ID] {
		return s.lag(v, a) + 1
	}
	return s.lag(v, a)
}

// Age is how long ago what v reads through a was computed, at most.
func (s *Schedule) Age(v *ir.Unit, a ir.Arg) int {
	least, _ := a.Access.Lag(v.Dom, a.Src.Dom, s.clock(v), s.clock(a.Src))
	return s.at[v.ID] - s.at[a.Src.ID] - least
}

// solve sets the times, and the stages, and tells whether the times are in order.
func (s *Schedule) solve(units []*ir.Unit) bool {
	const none = -1 << 30
	s.at = make([]int, len(units))
	depends := make([]bool, len(units)) // on the picture
	for i, u := range units {
		s.at[i] = none
		if u.Kind == ir.Picture {
			s.at[i], depends[i] = s.net.Phase(u.Channel), true
		}
		for _, a := range u.Args {
			if depends[a.Src.ID] {
				s.at[i], depends[i] = max(s.at[i], s.at[a.Src.ID]+s.wait(u, a)), true
			}
		}
	}
	late := none
	for phase, u := range s.net.Outputs {
		late = max(late, s.at[u.ID]-phase)
	}
	if late > 0 {
		return false
	}
	// The symbols of a row are drawn one after the other, each at the time of its outputs.
	for phase, u := range s.net.Outputs {
		s.at[u.ID] = late + phase
	}
	for i, u := range s.net.Pictures {
		s.at[i] = late + s.net.Phase(u.Channel)
	}
	// What does not depend on the picture is computed when it is first wanted.
	for _, u := range slices.Backward(units) {
		for _, a := range u.Args {
			if i := a.Src.ID; !a.Src.Static() && !depends[i] {
				t := s.at[u.ID] - s.wait(u, a)
				if s.at[i] == none || t < s.at[i] {
					s.at[i] = t
				}
			}
		}
	}
	s.divide(units)
	return true
}

// A Wave is positions of a unit, ordered by column: N of them from (Y, X) on, each DY
// rows down and DX columns to the right of the last.
type Wave struct{ Y, X, DY, DX, N int }

// At is the k-th position.
func (w Wave) At(k int) (y, x int) { return w.Y + k*w.DY, w.X + k*w.DX }

// Wave returns the positions of unit u at time t.
func (s *Schedule) Wave(u *ir.Unit, t int) Wave {
	t -= s.at[u.ID]
	if t%s.Unit(u) != 0 {
		return Wave{}
	}
	t /= s.Unit(u)
	h, width, slope := u.Dom.H(), u.Dom.W(), s.SlopeOf(u)
	if s.rows[u.ID] {
		if y := ir.FloorDiv(t, slope); y*slope == t && y >= 0 && y < h {
			return Wave{Y: y, DX: 1, N: width}
		}
		return Wave{}
	}
	// 0 ≤ t − slope·y < width
	first := max(0, ir.FloorDiv(t-width, slope)+1)
	last := min(h-1, ir.FloorDiv(t, slope))
	if last < first {
		return Wave{}
	}
	return Wave{Y: last, X: t - slope*last, DY: -1, DX: slope, N: last - first + 1}
}

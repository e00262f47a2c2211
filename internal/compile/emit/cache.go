package emit

import (
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/schedule"
)

// addressing says where a unit's value at each pixel is kept. In wavefront order the
// slots of one time x + slope·y are neighbours, ordered by column: what the pixels
// of a wave read at one tap is then one block, whatever the tap. In raster order the
// slots of one row are neighbours. Slots outside of the unit's pixels exist as far
// as they are read, and stay zero.
type addressing struct {
	slope  int // 0 in raster order
	left   int // groups of slots, or slots, that stand before column 0
	group  int // slots in a group: a time or a row
	first  int // the first group, where all groups are kept
	groups int // groups kept; a ring where ring is set
	ring   bool
}

// slots is the number of slots in all.
func (l *addressing) slots() int { return l.group * l.groups }

// slot is that of pixel (y, x).
func (l *addressing) slot(y, x int) int {
	g, k := y-l.first, x+l.left
	if l.slope > 0 {
		g = x + l.slope*y - l.first
		k = ir.FloorDiv(x, l.slope) + l.left
	}
	if l.ring {
		// The slots of a group stand for the same columns every slope groups, and
		// the ring's length is a multiple of that, so padding stays padding.
		g -= ir.FloorDiv(g, l.groups) * l.groups
	}
	return g*l.group + k
}

// extent is how far a unit is read: pixels, and for how long after they are made.
type extent struct {
	area ir.Rect
	back int
}

// extents finds what is read from caches. A unit that no one reads so has no area. The
// picture's channels have one for all.
func extents(units []*ir.Unit, s *schedule.Schedule) []extent {
	out := make([]extent, len(units))
	var picture extent
	for _, u := range units {
		for i, a := range u.Args {
			if !a.Src.OverPixels() || s.Direct(u, a) || u.ByHeads(i) {
				continue
			}
			e := &out[a.Src.ID]
			e.area = e.area.Cover(a.Access.Image(u.Dom)).Cover(a.Src.Dom)
			if !a.Src.Static() {
				e.back = max(e.back, s.Age(u, a))
			}
		}
	}
	for i, u := range units {
		if u.Kind == ir.Picture {
			picture.area = picture.area.Cover(out[i].area).Cover(u.Dom)
			picture.back = max(picture.back, out[i].back)
		}
	}
	for i, u := range units {
		if u.Kind == ir.Picture {
			out[i] = picture
		}
	}
	return out
}

// newAddressing arranges the cache of unit u, which is read as e says.
func newAddressing(u *ir.Unit, s *schedule.Schedule, e extent) *addressing {
	a := e.area
	var l *addressing
	slope := s.SlopeOf(u)
	ring, row := 1, s.Unit(u)*slope // groups to keep at least; the times between two rows
	if s.Raster {
		l = &addressing{left: -a.X0, group: a.W(), first: a.Y0, groups: a.H()}
		if !s.Apart {
			return l
		}
		for ring*row <= e.back { // powers of two, so that all rings come round together
			ring *= 2
		}
	} else {
		l = &addressing{slope: slope, left: -ir.FloorDiv(a.X0, slope)}
		l.group = ir.FloorDiv(a.X1-1, slope) + l.left + 1
		l.first = a.X0 + slope*a.Y0
		l.groups = a.X1 - 1 + slope*(a.Y1-1) - l.first + 1
		ring = (e.back/row + 1) * slope
	}
	// A ring forgets; below the unit's last row it would show what it has forgotten.
	if !u.Static() && a.Y1 <= u.Dom.Y1 && ring < l.groups {
		l.first, l.groups, l.ring = 0, ring, true
	}
	return l
}

// places are the slots of what is static, by row and column of Full; -1 where it is not read.
func places(u *ir.Unit, l *addressing) []int {
	var out []int
	for y := u.Full.Y0; y < u.Full.Y1; y++ {
		for x := u.Full.X0; x < u.Full.X1; x++ {
			if u.Dom.Has(y, x) {
				out = append(out, l.slot(y, x))
			} else {
				out = append(out, -1)
			}
		}
	}
	return out
}

// fill puts a constant per pixel into its slots.
func fill(u *ir.Unit, l *addressing) []float32 {
	out := make([]float32, l.slots()*u.Channels)
	all := places(u, l)
	for p, slot := range all {
		for c := range u.Channels {
			if slot >= 0 {
				out[slot*u.Channels+c] = u.Value.Const.Floats()[c*len(all)+p]
			}
		}
	}
	return out
}

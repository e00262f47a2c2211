package compile

// layout says where a unit's value at each pixel is kept. In wavefront order the
// slots of one time x + slope·y are neighbours, ordered by column: what the pixels
// of a wave read at one tap is then one block, whatever the tap. In raster order the
// slots of one row are neighbours. Slots outside of the unit's pixels exist as far
// as they are read, and stay zero.
type layout struct {
	slope  int // 0 in raster order
	left   int // groups of slots, or slots, that stand before column 0
	group  int // slots in a group: a time or a row
	first  int // the first group, where all groups are kept
	groups int // groups kept; a ring where ring is set
	ring   bool
}

// slots is the number of slots in all.
func (l *layout) slots() int { return l.group * l.groups }

// slot is that of pixel (y, x).
func (l *layout) slot(y, x int) int {
	g, k := y-l.first, x+l.left
	if l.slope > 0 {
		g = x + l.slope*y - l.first
		k = floorDiv(x, l.slope) + l.left
	}
	if l.ring {
		// The slots of a group stand for the same columns every slope groups, and
		// the ring's length is a multiple of that, so padding stays padding.
		g -= floorDiv(g, l.groups) * l.groups
	}
	return g*l.group + k
}

// extent is how far a unit is read: pixels, and for how long after they are made.
type extent struct {
	area rect
	back int
}

// extents finds what is read from caches. A unit that no one reads so has no area,
// the picture excepted.
func extents(units []*unit, s *schedule, direct func(u *unit, a arg) bool) []extent {
	out := make([]extent, len(units))
	for _, u := range units {
		if u.kind == image {
			out[u.id].area = u.dom
		}
		for _, a := range u.args {
			if a.src.kind == perImage || direct(u, a) {
				continue
			}
			e := &out[a.src.id]
			e.area = e.area.cover(u.dom.shift(a.dy, a.dx)).cover(a.src.dom)
			if !a.src.still() {
				e.back = max(e.back, s.at[u.id]-s.at[a.src.id]-a.dx-s.slope*a.dy)
			}
		}
	}
	return out
}

// newLayout lays out the cache of unit u, which is read as e says.
func newLayout(u *unit, s *schedule, e extent) *layout {
	a := e.area
	if s.raster {
		return &layout{left: -a.x0, group: a.w(), first: a.y0, groups: a.h()}
	}
	l := &layout{slope: s.slope, left: -floorDiv(a.x0, s.slope)}
	l.group = floorDiv(a.x1-1, s.slope) + l.left + 1
	l.first = a.x0 + s.slope*a.y0
	l.groups = a.x1 - 1 + s.slope*(a.y1-1) - l.first + 1
	// A ring forgets; below the unit's last row it would show what it has forgotten.
	if ring := (e.back/s.slope + 1) * s.slope; u.kind != table && a.y1 <= u.dom.y1 && ring < l.groups {
		l.first, l.groups, l.ring = 0, ring, true
	}
	return l
}

package compile

import "fmt"

// maxReads bounds the proof: what units read at all pixels, in all. It is a second or so,
// and to name who looks ahead takes about as long again, and 2 GiB.
const maxReads = 1 << 30

// causal proves that no logits depend on the pixel itself or on a later one.
func causal(units []*unit) error {
	work := 0
	for _, u := range units {
		if !u.still() {
			work += u.dom.h() * u.dom.w() * (1 + len(u.args))
		}
		if work > maxReads {
			return &UnsupportedError{u.label, u.op, fmt.Sprintf("up to it an image takes more than %d reads, too many to prove anything of", maxReads)}
		}
	}
	p := seesAhead(units, horizon(units, tap{}, false))
	if p < 0 {
		return nil
	}
	return blame(units, p, maxReads/work)
}

// horizon finds, for each unit and position, the last pixel in raster order that the
// value there depends on, -1 where there is none. Padding is taken into account
// exactly. The tap without, if any, is left out. Unless all are wanted, only those of the
// logits are sure to be kept.
func horizon(units []*unit, without tap, all bool) [][]int32 {
	last := make([][]int32, len(units))
	until := make([]int, len(units)) // the unit's last reader
	for i, u := range units {
		for _, a := range u.args {
			until[a.src.id] = i
		}
	}
	for i, u := range units {
		if u.kind == perImage {
			continue
		}
		w := u.dom.w()
		l := make([]int32, u.dom.h()*w)
		for p := range l {
			l[p] = -1
			if u.kind == image {
				l[p] = int32(p)
			}
		}
		for _, a := range u.args {
			if a.src.still() || without == (tap{u, a.label, a.dy, a.dx}) {
				continue
			}
			from := last[a.src.id]
			sw := a.src.dom.w()
			in := a.src.dom.shift(-a.dy, -a.dx).and(u.dom)
			for y := in.y0; y < in.y1; y++ {
				for x := in.x0; x < in.x1; x++ {
					l[y*w+x] = max(l[y*w+x], from[(y+a.dy)*sw+x+a.dx])
				}
			}
		}
		last[i] = l
		for _, a := range u.args {
			if !all && until[a.src.id] == i {
				last[a.src.id] = nil
			}
		}
	}
	return last
}

// tap is one of a node's, whose channels may come from several arguments.
type tap struct {
	unit   *unit
	label  string
	dy, dx int
}

// seesAhead finds a pixel whose logits depend on itself or on a later one; -1 if
// there is none.
func seesAhead(units []*unit, last [][]int32) int {
	logits := units[len(units)-1]
	w := logits.dom.w()
	n := logits.dom.h() * w
	// One in the middle makes the better message: nothing is at an edge there.
	for k := range n {
		p := (n/2 + w/2 + k) % n
		if int(last[logits.id][p]) >= p {
			return p
		}
	}
	return -1
}

// blame follows the path by which the logits of pixel p see too much. It names the
// tap on it without which all would be well; of several, or where there is none
// alone, the one that looks furthest ahead, and of those the one next to the picture.
// It tries that for so many taps.
func blame(units []*unit, p, tries int) error {
	last := horizon(units, tap{}, true)
	u := units[len(units)-1]
	w := u.dom.w()
	y, x := p/w, p%w
	e := &CausalityError{Y: y, X: x, DY: -1 << 30}
	alone := false
	for u.kind != image {
		want := last[u.id][y*u.dom.w()+x]
		for _, a := range u.args {
			yy, xx := y+a.dy, x+a.dx
			if a.src.still() || yy < 0 || xx < 0 || yy >= a.src.dom.h() || xx >= a.src.dom.w() ||
				last[a.src.id][yy*a.src.dom.w()+xx] != want {
				continue
			}
			ahead := a.dy > e.DY || a.dy == e.DY && a.dx >= e.DX
			cure := tries > 0 && seesAhead(units, horizon(units, tap{u, a.label, a.dy, a.dx}, false)) < 0
			tries--
			if cure && (!alone || ahead) || !alone && ahead {
				alone = alone || cure
				if e.Node, e.DY, e.DX = u.label, a.dy, a.dx; a.label != "" {
					e.Node = a.label
				}
			}
			u, y, x = a.src, yy, xx
			break
		}
	}
	e.FromY, e.FromX = y, x
	return e
}

package draw

import (
	"math"
	"slices"
)

// refine bounds the errors of each level by itself, and returns that of the likeliest.
func (d *Drawer) refine() float64 {
	d.refines.Errors(d.errors, d.logs, d.of, d.earlier, d.scratch)
	return d.errors[slices.Index(d.logs, d.top)]
}

// rivals tells whether log-probabilities that are off by delta could put a level next to the
// likeliest, no more than margin below.
func (d *Drawer) rivals(delta, margin float64) bool {
	if d.among(d.top-2*delta-margin, nil) < 2 {
		return false
	}
	return d.refines == nil || d.among(d.top-d.refine()-margin, d.errors) > 1
}

// among is how many log-probabilities, with what they may be off, are at least from.
func (d *Drawer) among(from float64, errors []float64) (n int) {
	for k, l := range d.logs {
		if errors != nil {
			l += errors[k]
		}
		if l >= from {
			n++
		}
	}
	return n
}

// near tells whether log-probabilities that are off by delta could have moved a boundary
// of the level that was drawn past u. The level has weight p of sum, and u lies rest above
// the level's lower boundary. A boundary at the cumulative probability C moves by no more
// than reach·C·(1−C), and by what rounding makes of it.
func (d *Drawer) near(u, rest, p, sum, delta float64) bool {
	reach := d.reach(delta)
	lower := u - rest/sum
	upper := lower + p/sum
	return rest/sum <= reach*lower*(1-lower)+d.grain && lower > 0 || upper-u <= reach*upper*(1-upper)+d.grain
}

// nearer is near with the errors of each level by itself, where nothing is left out: those
// below a boundary grow by no more than the share a of all, those above by b.
func (d *Drawer) nearer(level int, u float64) bool {
	d.refine()
	// Of the levels below, of this one and of those above: probability and growth.
	var p, grown [3]float64
	for k, w := range d.weights {
		part := 1
		if k < level {
			part = 0
		} else if k > level {
			part = 2
		}
		w /= d.sum
		p[part] += w
		grown[part] += w * d.reach(d.errors[k]/2)
	}
	moves := func(c, a, b float64) float64 { return (1-c)*a + c*b + a*b + d.grain }
	lower, upper := p[0], p[0]+p[1]
	return u-lower <= moves(lower, grown[0], grown[1]+grown[2]) && level > 0 && lower > 0 ||
		upper-u <= moves(upper, grown[0]+grown[1], grown[2])
}

// largestError is that of the levels that matter: others have no share of what is drawn.
func (d *Drawer) largestError() float64 {
	from := d.top - d.refine() - d.t*(40+math.Log(float64(len(d.logs))))
	largest := 0.0
	for k, l := range d.logs {
		if e := d.errors[k]; l+e >= from {
			largest = max(largest, e)
		}
	}
	return largest
}

// reach is e^r − 1 or a little more, where e^r bounds what the ratio of two weights
// changes by if log-probabilities are off by delta: r = 2·delta/T.
func (d *Drawer) reach(delta float64) float64 {
	r := 2 * delta / d.t
	if r <= 1 {
		return r + float64(r*r)
	}
	return math.Expm1(min(r, 700))
}

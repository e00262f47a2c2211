package draw

import (
	"cmp"
	"math"
	"slices"

	"pixelcnn/internal/likelihood"
)

// drawn is a level that was drawn, and between what boundaries; the zero value where these do not
// decide alone.
type drawn struct {
	level        int
	lower, upper boundary
}

// boundary is one whose spread is known where it was asked for, see [Drawer.spread].
type boundary struct {
	likelihood.Boundary
	spread float64
}

// at is a boundary at the cumulative probability c that is off by off at most.
func at(c, off float64) boundary {
	return boundary{Boundary: likelihood.Boundary{At: c, Off: off}}
}

// near tells whether a boundary could lie on the other side of u, by what margin covers and by
// grain besides. Without boundaries it could.
func (d *drawn) near(u float64, margin Margin, grain float64) bool {
	return d.lower.At > 0 && margin.covers(d.lower, u-d.lower.At-grain) || margin.covers(d.upper, d.upper.At-u-grain)
}

// off is the boundary that is nearest to u, and how far it was off beyond grain, if exact is what u
// draws indeed. It is not ok where that cannot be told.
func (d *drawn) off(u, grain float64, exact *drawn) (b boundary, off float64, ok bool) {
	level, was, is := d.level, d.upper, exact.upper
	if u-d.lower.At < d.upper.At-u {
		level, was = level-1, d.lower
	}
	if level == exact.level-1 {
		is = exact.lower
	} else if level != exact.level {
		return was, 0, false
	}
	// Each of the two is off by grain.
	return was, max(0, math.Abs(is.At-was.At)-2*grain), was.Off > 0 && is.Off > 0
}

// near tells whether the last draw is a near tie, by its boundaries. Few are by the bound, and the
// spread is found for those alone.
func (d *Drawer) near(u float64) bool {
	if !d.drawn.near(u, d.margin.bounds(), d.grain) {
		return false
	}
	d.spread()
	return d.drawn.near(u, d.margin, d.grain)
}

// spread finds by how much the last draw's boundaries move, as a standard deviation, where
// log-probabilities are off by errors of standard deviation 1 that are independent of each other.
// A level of probability p moves a boundary at C by p·(1 − C)/T if it is below, by −p·C/T if it is
// above. In a mixture errors of few outputs move many levels, and √(C·(1 − C)) stands for it.
func (d *Drawer) spread() {
	lower, upper := &d.drawn.lower, &d.drawn.upper
	if d.logs == nil || d.refines != nil {
		lower.spread, upper.spread = math.Sqrt(lower.At*(1-lower.At)), math.Sqrt(upper.At*(1-upper.At))
		return
	}
	level, by := d.drawn.level, 1/(d.sum*d.t)
	below, own, above := squares(d.weights[:level]), squares(d.weights[level:level+1]), squares(d.weights[level+1:])
	lower.spread = by * math.Hypot((1-lower.At)*math.Sqrt(below), lower.At*math.Sqrt(own+above))
	upper.spread = by * math.Hypot((1-upper.At)*math.Sqrt(below+own), upper.At*math.Sqrt(above))
}

func squares(x []float64) (sum float64) {
	for _, v := range x {
		sum += float64(v * v)
	}
	return sum
}

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

// grow bounds by what factor, less 1, each weight may be off, where log-probabilities are
// off by delta, or as the head says of each.
func (d *Drawer) grow(delta float64) {
	if d.refines != nil {
		d.refine()
		for k, e := range d.errors {
			d.growth[k] = d.reach(e / 2)
		}
		return
	}
	g := d.reach(delta / 2)
	for k := range d.growth {
		d.growth[k] = g
	}
}

// between finds the boundaries of a level that was drawn, where log-probabilities are off by
// delta. The level has weight p, and u lies rest above its lower boundary, in weights. A
// boundary at the cumulative probability C moves by no more than reach·C·(1−C).
func (d *Drawer) between(level int, u, rest, p, delta float64) {
	reach := d.reach(delta)
	lower := u - rest/d.sum
	upper := lower + p/d.sum
	d.drawn = drawn{level, at(lower, reach*lower*(1-lower)), at(upper, reach*upper*(1-upper))}
}

// refined is between with the growth of each level by itself.
func (d *Drawer) refined(level int) {
	// Of the levels below, of this one and of those above: probability and growth.
	var p, grown [3]float64
	for k, w := range d.weights {
		part := cmp.Compare(k, level) + 1
		w /= d.sum
		p[part] += w
		grown[part] += w * d.growth[k]
	}
	lower, upper := p[0], p[0]+p[1]
	d.drawn = drawn{level, at(lower, moves(lower, grown[0], grown[1]+grown[2])), at(upper, moves(upper, grown[0]+grown[1], grown[2]))}
}

// moves bounds by how much a cumulative probability c moves, where the probabilities below
// grow or shrink by a together, those above by b.
func moves(c, a, b float64) float64 { return (1-c)*a + c*b + a*b }

// reach is e^r − 1 or a little more, where e^r bounds what the ratio of two weights
// changes by if log-probabilities are off by delta: r = 2·delta/T.
func (d *Drawer) reach(delta float64) float64 {
	r := 2 * delta / d.t
	if r <= 1 {
		return r + float64(r*r)
	}
	return math.Expm1(min(r, 600))
}

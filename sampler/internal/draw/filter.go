package draw

import (
	"math"
	"slices"
)

// filter zeroes the weights that filters leave out. The largest weight is 1 and stays.
//
// They apply one after the other: topK leaves the likeliest levels; topP, of those that are left,
// renormalised, the fewest likeliest that have a probability of topP together (Holtzman et al., "The
// Curious Case of Neural Text Degeneration", 2020); minP the ones with at least
// minP times the probability of the likeliest (Nguyen et al., "Turning Up the Heat:
// Min-p Sampling", 2024).
//
// The result is a tie where weights that are off by their growth could have left out others.
func (d *Drawer) filter(steps []step) (tie bool) {
	for _, s := range steps {
		if s.minP > 0 {
			tie = d.floor(s.minP) || tie
		} else {
			tie = d.cut(s) || tie
		}
	}
	return tie
}

// floor zeroes the weights that minP leaves out.
func (d *Drawer) floor(minP float64) (tie bool) {
	w := d.weights
	best := slices.Index(d.logs, d.top)
	least, most := 1/(1+d.growth[best]), 0.0 // what the largest weight may be
	for k, x := range w {
		most = max(most, x*(1+d.growth[k]))
	}
	for k, x := range w {
		switch {
		case k == best || x == 0:
		case x < minP:
			w[k] = 0
			tie = tie || x*(1+d.growth[k]) >= minP*least
		default:
			tie = tie || x/(1+d.growth[k]) <= minP*most
		}
	}
	return tie
}

// cut zeroes the weights that topK, and then topP, leave out. Those that are zero already rank last.
func (d *Drawer) cut(p step) (tie bool) {
	w, r := d.weights, &d.ranking
	r.begin(d.logs)
	keep, mass, growth := len(w), 0.0, 0.0
	if p.topK > 0 {
		keep = p.topK
		r.at(keep - 1)
		_, growth = d.rival(keep)
	}
	for _, k := range r.first(keep) {
		mass += w[k]
		growth += w[k] * d.growth[k]
	}
	if p.topP > 0 {
		have, grown := 0.0, 0.0
		for i := range keep {
			k := r.at(i)
			have += w[k]
			grown += w[k] * d.growth[k]
			if have/mass < p.topP && i+1 < keep {
				continue
			}
			keep = i + 1
			for j, at := range []float64{have - w[k], have} {
				c, a := at/mass, grown
				if j == 0 {
					a -= w[k] * d.growth[k]
				}
				_, more := d.rival(i + j)
				tie = tie || math.Abs(c-p.topP) <= moves(c, (a+more)/mass, (growth-a)/mass)
			}
			break
		}
	}
	if keep == len(w) {
		return tie
	}
	// Two levels of about the same rank, one on either side of the cut.
	near, _ := d.rival(keep)
	for _, k := range r.after(keep) {
		w[k] = 0
	}
	return tie || near
}

// rival tells whether one of the levels from rank keep on could be among those before, and
// by how much such ones could grow.
func (d *Drawer) rival(keep int) (is bool, growth float64) {
	least := math.Inf(1)
	for _, k := range d.ranking.first(keep) {
		if w := d.weights[k]; w > 0 {
			least = min(least, w/(1+d.growth[k]))
		}
	}
	for _, k := range d.ranking.after(keep) {
		if w := d.weights[k]; w > 0 && w*(1+d.growth[k]) >= least {
			is = true
			growth += w * d.growth[k]
		}
	}
	return is, growth
}

// A ranking orders levels as far as is asked: the likeliest first, equal ones by level.
type ranking struct {
	logs  []float64
	order []int // a heap of those to come, then those that came, the first one last
	came  int
}

// begin makes the heap.
func (r *ranking) begin(logs []float64) {
	r.logs, r.came = logs, 0
	for k := range r.order {
		r.order[k] = k
	}
	for i := len(r.order)/2 - 1; i >= 0; i-- {
		r.down(i, len(r.order))
	}
}

// at is the level of rank i.
func (r *ranking) at(i int) int {
	last := len(r.order) - 1
	for ; r.came <= i; r.came++ {
		end := last - r.came
		r.order[0], r.order[end] = r.order[end], r.order[0]
		r.down(0, end)
	}
	return r.order[last-i]
}

// first is the levels before rank i, which were asked for.
func (r *ranking) first(i int) []int { return r.order[len(r.order)-i:] }

// after is the others, in any order.
func (r *ranking) after(i int) []int { return r.order[:len(r.order)-i] }

// before tells whether level a ranks before b.
func (r *ranking) before(a, b int) bool {
	x, y := r.logs[a], r.logs[b]
	return x > y || x == y && a < b
}

// down moves the level at i to its place in a heap of n.
func (r *ranking) down(i, n int) {
	level := r.order[i]
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && r.before(r.order[child+1], r.order[child]) {
			child++
		}
		if !r.before(r.order[child], level) {
			break
		}
		r.order[i] = r.order[child]
		i = child
	}
	r.order[i] = level
}

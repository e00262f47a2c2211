package draw

import (
	"math"
	"slices"
)

// filter zeroes the weights that the filters leave out, and returns the sum of the
// others. The largest weight is 1 and stays.
//
// They apply one after the other: the TopK likeliest; of those, renormalised, the
// fewest likeliest that have a probability of TopP together (Holtzman et al., "The
// Curious Case of Neural Text Degeneration", 2020); of those, the ones with at least
// MinP times the probability of the likeliest (Nguyen et al., "Turning Up the Heat:
// Min-p Sampling", 2024).
//
// The result is a tie where log-probabilities that are off by delta could have left out
// others.
func (d *Drawer) filter(delta float64) (sum float64, tie bool) {
	p, w := &d.how.Parameters, d.weights
	reach := d.reach(delta) // a ratio of weights moves by no more
	if p.TopK > 0 && p.TopK < len(w) || p.TopP > 0 && p.TopP < 1 {
		tie = d.cut(reach)
	}
	if p.MinP > 0 {
		best := slices.Index(d.logs, d.top)
		for k, x := range w {
			switch {
			case k == best || x == 0:
			case x < p.MinP:
				w[k] = 0
				tie = tie || x >= p.MinP/(1+reach)
			default:
				tie = tie || x/(1+reach) <= p.MinP
			}
		}
	}
	for _, x := range w {
		sum += x
	}
	return sum, tie
}

// cut zeroes the weights that TopK and TopP leave out.
func (d *Drawer) cut(reach float64) (tie bool) {
	p, w := &d.how.Parameters, d.weights
	r := &d.ranking
	r.begin(d.logs)
	keep, mass := len(w), 0.0
	if p.TopK > 0 && p.TopK < len(w) {
		keep = p.TopK
		for i := range keep {
			mass += w[r.at(i)]
		}
	} else {
		mass = d.sum
	}
	if p.TopP > 0 && p.TopP < 1 {
		have := 0.0
		for i := range keep {
			have += w[r.at(i)]
			c := have / mass
			tie = tie || math.Abs(c-p.TopP) <= reach*c*(1-c)
			if c >= p.TopP {
				keep = i + 1
				break
			}
		}
	}
	if keep == len(w) {
		return tie
	}
	// Two levels of about the same rank, one on either side of the cut.
	in, out := w[r.at(keep-1)], w[r.at(keep)]
	for _, k := range r.after(keep) {
		w[k] = 0
	}
	return tie || in > 0 && out >= in/(1+reach)
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

// after is the levels from rank i on, in any order.
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

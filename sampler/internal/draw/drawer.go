package draw

import (
	"math"

	"pixelcnn/internal/likelihood"
)

// Drawer draws a level from what a head makes of a network's outputs. A draw is a pure
// function of (outputs, parameters, u); the rest is scratch space, so each goroutine has a
// drawer of its own.
type Drawer struct {
	head    likelihood.Head
	inverts likelihood.Inverter // the head, where it is one
	grain   float64             // of the sum of all weights
	outputs []float64           // of a pixel, read from float32
	scratch []float64           // the head's
	weights []float64           // exp((logs − top)/temperature) of the levels left, [levels]
	order   []int               // levels, the likeliest first; for filters only

	// Of the last draw:
	of       []float64 // outputs, and the symbols before in the pixel
	earlier  []uint16
	logs     []float64 // log-probabilities of the levels, up to a constant; nil where it inverted
	how      *How
	t        float64 // the temperature
	top, sum float64 // the largest of logs, the sum of weights
	tie      bool    // it was a near tie
}

// NewDrawer makes one for a head.
func NewDrawer(head likelihood.Head) *Drawer {
	n := head.Levels()
	inverts, _ := head.(likelihood.Inverter)
	return &Drawer{
		head: head, inverts: inverts, grain: likelihood.Grain(n),
		outputs: make([]float64, head.Outputs()), scratch: make([]float64, head.Scratch()),
		weights: make([]float64, n), order: make([]int, n),
	}
}

// read takes a network's outputs at a pixel: number k is outputs[k·stride].
func (d *Drawer) read(outputs []float32, stride int) []float64 {
	if stride == 1 {
		outputs = outputs[:len(d.outputs)]
		for k, x := range outputs {
			d.outputs[k] = float64(x)
		}
		return d.outputs
	}
	for k := range d.outputs {
		d.outputs[k] = float64(outputs[k*stride])
	}
	return d.outputs
}

// Level draws from p(level) ∝ exp(log-probability/T), of which the filters leave a part,
// by inverse CDF in level order: the first level whose cumulative probability exceeds u in
// [0, 1). earlier are the symbols before in the pixel. The result is -1 where the outputs
// are unusable.
func (d *Drawer) Level(how *How, temperature float64, outputs []float64, earlier []uint16, u float64) int {
	d.of, d.earlier, d.how, d.t = outputs, earlier, how, temperature
	if d.inverts != nil && temperature == 1 && !how.filtered {
		d.logs = nil
		level, tie := d.inverts.Invert(outputs, earlier, u, d.scratch)
		d.tie = tie
		return level
	}
	d.logs = d.head.LogProbs(outputs, earlier, d.scratch)
	top, ok := likelihood.Top(d.logs)
	if !ok {
		return -1
	}
	d.top = top
	if how.filtered {
		d.rank()
		if how.Greedy {
			best, next := d.order[0], d.order[1]
			d.tie = top-d.logs[next] <= 2*d.head.Error(outputs, earlier, math.Abs(top), d.scratch)
			return best
		}
	}
	// Where errors of the log-probabilities are as large as the temperature, a rival of the
	// likeliest level could have all of the probability in its place.
	rivals := false
	if reach := 2 * d.head.Error(outputs, earlier, math.Abs(top), d.scratch); reach > temperature {
		rivals = d.rivals(top - reach - 40*temperature) // e^-40 is below a uniform's grain
	}
	// The division comes last: it may overflow to -Inf, never to NaN, however
	// small the temperature.
	w := d.weights
	sum, largest := 0.0, 0.0
	for k, l := range d.logs {
		p := 1.0
		if l != top {
			p = likelihood.Exp((l - top) / temperature)
		}
		if p > 0 {
			largest = max(largest, math.Abs(l))
		}
		sum += p
		w[k] = p
	}
	delta := d.head.Error(outputs, earlier, largest, d.scratch)
	filterTie := false
	if how.filtered {
		sum, filterTie = d.filter(delta)
	}
	d.sum = sum
	rest := u * sum
	last := 0
	for k, p := range w {
		if p == 0 {
			continue
		}
		if rest < p {
			d.tie = rivals || filterTie || d.near(u, rest, p, sum, delta)
			return k
		}
		rest -= p
		last = k
	}
	d.tie = true // as u < 1, it is rounding alone that leads here
	return last
}

// LogProb is the log-probability with which the last draw took a level, in nats: a finite
// number for one that it could have drawn.
func (d *Drawer) LogProb(level int) float64 {
	if d.how.Greedy {
		return 0
	}
	if d.logs == nil {
		lp, _ := d.inverts.LogProb(d.of, d.earlier, level, d.scratch)
		return lp
	}
	return (d.logs[level]-d.top)/d.t - math.Log(d.sum)
}

// LogProbOf is the log-probability with which a level is drawn from outputs.
func (d *Drawer) LogProbOf(how *How, temperature float64, outputs []float64, earlier []uint16, level int) float64 {
	d.Level(how, temperature, outputs, earlier, 0)
	return d.LogProb(level)
}

// ModelLogProb is a level's log-probability under the model as it is, in nats; ok is false
// where the outputs are unusable. Number k of them is outputs[k·stride].
func (d *Drawer) ModelLogProb(outputs []float32, stride int, earlier []uint16, level int) (lp float64, ok bool) {
	all := d.read(outputs, stride)
	if d.inverts != nil {
		return d.inverts.LogProb(all, earlier, level, d.scratch)
	}
	return likelihood.LogSoftmax(d.head.LogProbs(all, earlier, d.scratch), level)
}

// rivals tells whether two log-probabilities are at least from.
func (d *Drawer) rivals(from float64) bool {
	n := 0
	for _, l := range d.logs {
		if l >= from {
			n++
		}
	}
	return n > 1
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

// reach is e^r − 1 or a little more, where e^r bounds what the ratio of two weights
// changes by if log-probabilities are off by delta: r = 2·delta/T.
func (d *Drawer) reach(delta float64) float64 {
	r := 2 * delta / d.t
	if r <= 1 {
		return r + float64(r*r)
	}
	return math.Expm1(min(r, 700))
}

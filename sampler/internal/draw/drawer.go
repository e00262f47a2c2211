package draw

import (
	"math"
	"slices"

	"pixelcnn/internal/likelihood"
)

// Drawer draws a level from what a head makes of a network's outputs. A draw is a pure
// function of (outputs, parameters, u); the rest is scratch space, so each goroutine has a
// drawer of its own.
type Drawer struct {
	head    likelihood.Head
	inverts likelihood.Inverter // the head, where it is one
	refines likelihood.Refiner  // the head, where it is one
	grain   float64             // of the sum of all weights
	margin  Margin              // how far boundaries may be off
	outputs []float64           // of a pixel, read from float32
	own     int                 // how many of them are a channel's own; 0 where they share them
	scratch []float64           // the head's
	weights []float64           // exp((logs − top)/temperature) of the levels left, [levels]
	errors  []float64           // of logs, [levels]; for refining only
	growth  []float64           // of weights, as a share, that comes of that
	left    []float64           // weights at temperature 1 that filters before it have left, [levels]
	planes  []float64           // log-probabilities of many pixels, [levels, pixels], and the largest of each; for scores only
	ranking ranking             // for filters only

	// Of the last draw:
	of       []float64 // the outputs and the symbols before in the pixel, where it inverts or refines
	earlier  []uint16
	logs     []float64 // log-probabilities of the levels, up to a constant; nil where it inverted
	how      *How
	t        float64 // the temperature
	top, sum float64 // the largest of logs, the sum of weights
	tie      bool    // it was a near tie
	drawn    drawn   // between what boundaries the uniform fell
	off      float64 // bounds the error of the log-probability that was told last, where it inverts
}

// NewDrawer makes one for a head.
func NewDrawer(head likelihood.Head) *Drawer {
	n := head.Levels()
	d := &Drawer{
		head: head, grain: likelihood.Grain(n), margin: unknown,
		outputs: make([]float64, head.Outputs()), scratch: make([]float64, head.Scratch()),
		weights: make([]float64, n), growth: make([]float64, n), ranking: ranking{order: make([]int, n)},
	}
	if head.Alone() != nil {
		d.own = head.Outputs() / head.Symbols()
	}
	d.inverts, _ = head.(likelihood.Inverter)
	if d.refines, _ = head.(likelihood.Refiner); d.refines != nil {
		d.errors = make([]float64, n)
	}
	return d
}

// read takes a network's outputs at a pixel, number k is outputs[k·stride], as far as a channel
// has to do with them.
func (d *Drawer) read(outputs []float32, stride, channel int) []float64 {
	from, to := channel*d.own, (channel+1)*d.own
	if d.own == 0 {
		to = len(d.outputs)
	}
	if stride == 1 {
		for k, x := range outputs[from:to] {
			d.outputs[from+k] = float64(x)
		}
		return d.outputs
	}
	for k := from; k < to; k++ {
		d.outputs[k] = float64(outputs[k*stride])
	}
	return d.outputs
}

// Level draws from p(level) ∝ exp(log-probability/T), of which the filters leave a part,
// by inverse CDF in level order: the first level whose cumulative probability exceeds u in
// [0, 1). earlier are the symbols before in the pixel. The result is -1 where the outputs
// are unusable.
func (d *Drawer) Level(how *How, temperature float64, outputs []float64, earlier []uint16, u float64) int {
	d.how, d.t, d.earlier, d.drawn = how, temperature, earlier, drawn{}
	if d.inverts != nil || d.refines != nil {
		d.of, d.logs = outputs, nil
		if temperature == 1 && !how.filtered && d.inverts != nil {
			level, lower, upper := d.inverts.Invert(outputs, earlier, u, d.scratch)
			d.drawn = drawn{level, boundary{Boundary: lower}, boundary{Boundary: upper}}
			d.tie = level >= 0 && d.near(u)
			return level
		}
	}
	d.logs = d.head.LogProbs(outputs, earlier, d.scratch)
	top, ok := likelihood.Top(d.logs)
	if !ok {
		return -1
	}
	d.top = top
	if how.Greedy {
		d.tie = d.rivals(d.head.Error(outputs, earlier, math.Abs(top), d.scratch), 0)
		return slices.Index(d.logs, top)
	}
	filterTie := false
	w := d.weights
	if how.before != nil {
		d.t = 1
		_, delta := d.weigh(outputs)
		filterTie = 2*delta > 1 && d.rivals(delta, 40)
		d.grow(delta)
		filterTie = d.filter(how.before) || filterTie
		d.left = append(d.left[:0], w...)
		d.t = temperature
	}
	sum, delta := d.weigh(outputs)
	// Where errors of the log-probabilities are as large as the temperature, a rival of the
	// likeliest level could have all of the probability in its place.
	rivals := 2*delta > temperature && d.rivals(delta, 40*temperature) // e^-40 is below a uniform's grain
	if how.filtered {
		if how.before != nil {
			for k, x := range d.left {
				if x == 0 {
					w[k] = 0
				}
			}
		}
		d.grow(delta)
		filterTie = d.filter(how.after) || filterTie
		sum = 0
		for _, x := range w {
			sum += x
		}
	}
	d.sum = sum
	rest := u * sum
	last := 0
	for k, p := range w {
		if p == 0 {
			continue
		}
		if rest < p {
			if d.tie = rivals || filterTie; d.tie {
				return k
			}
			d.between(k, u, rest, p, delta)
			d.tie = d.near(u)
			if d.tie && d.refines != nil {
				d.grow(delta)
				d.refined(k)
				d.tie = d.near(u)
			}
			return k
		}
		rest -= p
		last = k
	}
	d.tie = true // as u < 1, it is rounding alone that leads here
	return last
}

// measurable tells whether the last draw's boundaries are bounded as those of a near tie would be.
func (d *Drawer) measurable() bool {
	return d.drawn.upper.At > 0 && (d.logs == nil || d.refines == nil)
}

// weigh computes the weights of all levels at the temperature d.t, their sum, and what the
// log-probabilities of those over 0 may be off by.
func (d *Drawer) weigh(outputs []float64) (sum, delta float64) {
	w, largest := d.weights, 0.0
	for k, l := range d.logs {
		w[k] = l - d.top
	}
	if d.t != 1 {
		for k, x := range w {
			w[k] = x / d.t // it may overflow to -Inf, never to NaN, however small the temperature
		}
	}
	likelihood.Exps(w, w)
	for k, p := range w {
		if size := math.Abs(d.logs[k]); p > 0 && size > largest {
			largest = size
		}
		sum += p
	}
	return sum, d.head.Error(outputs, d.earlier, largest, d.scratch)
}

// LogProb is the log-probability with which the last draw took a level, in nats: a finite
// number for one that it could have drawn.
func (d *Drawer) LogProb(level int) float64 {
	if d.how.Greedy {
		return 0
	}
	if d.logs == nil {
		lp, off, _ := d.inverts.LogProb(d.of, d.earlier, level, d.scratch)
		d.off = off
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
	all := d.read(outputs, stride, len(earlier))
	if d.inverts != nil {
		lp, d.off, ok = d.inverts.LogProb(all, earlier, level, d.scratch)
		return lp, ok
	}
	return likelihood.LogSoftmax(d.head.LogProbs(all, earlier, d.scratch), level)
}

// ModelLogProbs writes to lps what [Drawer.ModelLogProb] is for the first symbols of an image,
// whose levels these are, [H, W, C]. Output k of pixel p is outputs[k·stride+p]. bad is the first
// pixel whose outputs are unusable; -1 where there is none.
func (d *Drawer) ModelLogProbs(lps []float64, outputs []float32, stride int, levels []uint16) (bad int) {
	channels := d.head.Symbols()
	planar, ok := d.head.(likelihood.Planar)
	if !ok {
		for k, level := range levels {
			pixel := k / channels
			lps[k], ok = d.ModelLogProb(outputs[pixel:], stride, levels[pixel*channels:k], int(level))
			if !ok {
				return pixel
			}
		}
		return -1
	}
	const fill = 1 << 13 // log-probabilities at once: few enough to stay in cache
	n := d.head.Levels()
	most := max(16, fill/n)
	bad = -1
	for c := range channels {
		pixels := (len(levels) - c + channels - 1) / channels
		if bad >= 0 {
			pixels = bad // of earlier channels
		}
		for from := 0; from < pixels; from += most {
			at, size := from*channels+c, min(most, pixels-from)
			d.planes = slices.Grow(d.planes[:0], (n+1)*size)[:(n+1)*size]
			logs, top := d.planes[:n*size], d.planes[n*size:]
			planar.Planes(logs, top, outputs[from:], stride, c)
			if i := likelihood.LogSoftmaxes(lps[at:], levels[at:], channels, logs, top); i >= 0 {
				bad = from + i
				break
			}
		}
	}
	return bad
}

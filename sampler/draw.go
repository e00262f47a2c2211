package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// ErrLogits is wrapped where a model gives logits from which nothing can be drawn:
// a NaN, an infinity, or no level with a probability over zero.
var ErrLogits = errors.New("sampler: the model's logits are not finite")

// drawer draws a level from logits. A draw is a pure function of (logits, steering,
// u); the rest is scratch space, so each goroutine has a drawer of its own.
type drawer struct {
	temperature float64
	weights     []float64
	tie         bool // the last draw was a near tie; see settler

	steered  bool // the steering is not zero
	steering steering
	order    []int // levels, the likeliest first; for filters only

	top, sum float64 // of the last draw: the largest logit, the sum of the weights left
}

func (s steering) drawer(temperature float64, levels int) drawer {
	d := drawer{temperature: temperature, weights: make([]float64, levels), steering: s, steered: s != (steering{})}
	if d.steered {
		d.order = make([]int, levels)
	}
	return d
}

// level draws from p(level) ∝ exp(logit/T), of which the filters leave a part, by
// inverse CDF in level order: the first level whose cumulative probability exceeds
// u in [0, 1). The logit of level k is logits[k·stride]. The result is -1 where the
// logits are unusable.
func (d *drawer) level(logits []float32, stride int, u float64) int {
	for k := range d.weights {
		d.weights[k] = float64(logits[k*stride])
	}
	return d.pick(u)
}

// pick draws from the logits that weights hold.
func (d *drawer) pick(u float64) int {
	w := d.weights
	top := math.Inf(-1)
	for _, l := range w {
		if l > top {
			top = l
		} else if l != l {
			return -1
		}
	}
	if math.IsInf(top, 0) {
		return -1
	}
	if d.steered {
		d.rank()
		if d.steering.greedy {
			best, next := d.order[0], d.order[1]
			d.tie = top-w[next] <= 2*rounding*(1+math.Abs(top))
			return best
		}
	}
	// Where errors of the logits are as large as the temperature, a rival of the
	// likeliest level could have all of the probability in its place.
	rivals := false
	if reach := 2 * rounding * (1 + math.Abs(top)); reach > d.temperature {
		rivals = d.rivals(top - reach - 40*d.temperature) // e^-40 is below the coin's grain
	}
	// The division comes last: it may overflow to -Inf, never to NaN, however
	// small the temperature.
	sum, largest := 0.0, 0.0
	for k, l := range w {
		p := 1.0
		if l != top {
			p = exp((l - top) / d.temperature)
		}
		if p > 0 {
			largest = max(largest, math.Abs(l))
		}
		sum += p
		w[k] = p
	}
	filterTie := false
	if d.steered {
		sum, filterTie = d.filter(rounding * (1 + largest))
	}
	d.top, d.sum = top, sum
	rest := u * sum
	last := 0
	for k, p := range w {
		if p == 0 {
			continue
		}
		if rest < p {
			d.tie = rivals || filterTie || d.near(u, rest, p, sum, rounding*(1+largest))
			return k
		}
		rest -= p
		last = k
	}
	d.tie = true // as u < 1, it is rounding alone that leads here
	return last
}

// logProb is the log-probability with which the last draw took a level of this
// logit, in nats: a finite number for one that it could have drawn.
func (d *drawer) logProb(logit float64) float64 {
	if d.steering.greedy {
		return 0
	}
	return (logit-d.top)/d.temperature - math.Log(d.sum)
}

// rivals tells whether weights, which hold logits, has two that are at least from.
func (d *drawer) rivals(from float64) bool {
	n := 0
	for _, l := range d.weights {
		if l >= from {
			n++
		}
	}
	return n > 1
}

// near tells whether logits that are off by delta could have moved a boundary of
// the level that was drawn past u. The level has weight p of sum, and the coin lies
// rest above the level's lower boundary. A boundary at the cumulative probability
// C moves by no more than reach·C·(1−C), and by what rounding makes of it.
func (d *drawer) near(u, rest, p, sum, delta float64) bool {
	reach := d.reach(delta)
	lower := u - rest/sum
	upper := lower + p/sum
	return rest/sum <= reach*lower*(1-lower)+grain && lower > 0 || upper-u <= reach*upper*(1-upper)+grain
}

// grain is what a sum of up to 256 weights may be off by, as a share of it: 2⁻⁵³ for each.
const grain = 0x1p-45

// reach is e^r − 1 or a little more, where e^r bounds what the ratio of two weights
// changes by if logits are off by delta: r = 2·delta/T.
func (d *drawer) reach(delta float64) float64 {
	r := 2 * delta / d.temperature
	if r <= 1 {
		return r + float64(r*r)
	}
	return math.Expm1(min(r, 700))
}

// uniforms fills u with the coins of image index of the seed, pixel k's at u[k]:
// the k-th Float64 of rand.New(rand.NewPCG(seed, index)).
func uniforms(u []float64, seed, index uint64) {
	pcg := rand.NewPCG(seed, index)
	rng := rand.New(pcg)
	for k := range u {
		u[k] = rng.Float64()
	}
}

// errLogits names the pixel whose logits cannot be drawn from.
func errLogits(image uint64, pixel, width int) error {
	return fmt.Errorf("%w: image %d, row %d, column %d", ErrLogits, image, pixel/width, pixel%width)
}

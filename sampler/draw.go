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

// drawer draws a level from logits. It is a pure function of (logits, u); the
// weights are scratch space, so each goroutine has a drawer of its own.
type drawer struct {
	temperature float64
	weights     []float64
}

func newDrawer(temperature float64, levels int) drawer {
	return drawer{temperature, make([]float64, levels)}
}

// level draws from p(level) ∝ exp(logit/T) by inverse CDF in level order: the
// first level whose cumulative probability exceeds u in [0, 1). The logit of level
// k is logits[k·stride]. The result is -1 where the logits are unusable.
func (d drawer) level(logits []float32, stride int, u float64) int {
	w := d.weights
	top := math.Inf(-1)
	for k := range w {
		l := float64(logits[k*stride])
		w[k] = l
		if l > top {
			top = l
		} else if l != l {
			return -1
		}
	}
	if math.IsInf(top, 0) {
		return -1
	}
	// The division comes last: it may overflow to -Inf, never to NaN, however
	// small the temperature.
	sum := 0.0
	for k, l := range w {
		p := 1.0
		if l != top {
			p = exp((l - top) / d.temperature)
		}
		sum += p
		w[k] = p
	}
	rest := u * sum
	last := 0
	for k, p := range w {
		if p == 0 {
			continue
		}
		if rest < p {
			return k
		}
		rest -= p
		last = k
	}
	return last // rounding only: u < 1
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

package sampler

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"pixelcnn/internal/compile/exact"
)

// requestClasses decides the classes of a request's images.
type requestClasses struct {
	s     *Sampler
	list  []int     // those that are asked for; where there are none they are drawn
	prior []float64 // from this

	// What kept pixels have made of the prior is off by no more than doubt between one
	// class and the next. Where that leaves a class open, exact decides; it is nil where
	// there is no doubt, or nothing to settle it with.
	doubt float64
	exact func() ([]float64, error)
}

// requestClasses prepares a request's classes. The kept pixels of a completion that come
// before all free ones bear on the class: it is drawn given them. With particles, that is
// left to their weights.
func (s *Sampler) requestClasses(ctx context.Context, req Request) (*requestClasses, error) {
	r := &requestClasses{s: s, list: s.listed(req), prior: s.spec.Prior}
	c := req.Completion
	first := 0
	for first < len(c.Keep) && c.Keep[first] {
		first++
	}
	if first == 0 || c.Particles > 1 || len(r.list) > 0 || s.spec.Label == "" {
		return r, nil
	}
	if s.spec.whole != nil {
		return nil, fmt.Errorf("%w: the file holds a whole sampler, which cannot tell what kept pixels say of the class: say which class to draw", ErrConfig)
	}
	picture := make([]uint8, len(c.Picture)) // black where it is free
	copy(picture, c.Picture[:first])
	n := len(s.spec.Prior)
	logs, err := s.logProb(ctx, picture, n, first, func(i int) int { return i })
	if err != nil {
		return nil, err
	}
	r.prior = posterior(s.spec.Prior, logs)
	if s.settler != nil {
		r.doubt = 2 * rounding * math.Sqrt(float64(first))
		r.exact = sync.OnceValues(func() ([]float64, error) {
			logs := make([]float64, n)
			for class := range logs {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				var err error
				if logs[class], err = s.settler.logProbFirst(picture, class, first); err != nil {
					return nil, err
				}
			}
			return posterior(s.spec.Prior, logs), nil
		})
	}
	return r, nil
}

// posterior is the prior times what happened's probability under each class, with sum 1.
func posterior(prior, logs []float64) []float64 {
	total := sumOut(logs, prior)
	out := make([]float64, len(prior))
	for k, p := range prior {
		if p > 0 && !math.IsInf(total, -1) {
			out[k] = p * exp(logs[k]-total)
		}
	}
	if math.IsInf(total, -1) {
		copy(out, prior) // impossible under every class
	}
	return out
}

// of are the classes of the images first to first+n-1; nil where the model has none.
func (r *requestClasses) of(first uint64, n int) ([]int, error) {
	if r.s.spec.Label == "" {
		return nil, nil
	}
	out := make([]int, n)
	for i := range out {
		image := first + uint64(i)
		if len(r.list) > 0 {
			out[i] = r.list[image/uint64(r.s.cfg.ClassRun)%uint64(len(r.list))]
			continue
		}
		u := classCoin(r.s.cfg.Seed, image)
		prior := r.prior
		if r.exact != nil && classOf(prior, u-r.doubt) != classOf(prior, u+r.doubt) {
			var err error
			if prior, err = r.exact(); err != nil {
				return nil, err
			}
		}
		out[i] = classOf(prior, u)
	}
	return out, nil
}

// classCoins is what is added to an image's number for the coin of its class: no image
// has a number that large.
const classCoins = 1 << 62

func classCoin(seed, image uint64) float64 {
	return rand.New(rand.NewPCG(seed, classCoins+image)).Float64()
}

// classOf draws a class by inverse CDF, with coin u in [0, 1).
func classOf(p []float64, u float64) int {
	last, cumulative := 0, 0.0
	for k, x := range p {
		if x == 0 {
			continue
		}
		if cumulative += x; u < cumulative {
			return k
		}
		last = k
	}
	return last // rounding only: u < 1
}

// logProbFirst is the log-probability of the first pixels of an image of a class,
// evaluated in float64.
func (st *settler) logProbFirst(levels []uint8, class, pixels int) (float64, error) {
	labels, err := st.labels(class)
	if err != nil {
		return 0, err
	}
	e := st.exact.Get().(*exact.Evaluator)
	defer st.exact.Put(e)
	e.Begin(levels, labels)
	d := steering{}.drawer(1, st.program.Levels)
	sum := 0.0
	for pixel, level := range levels[:pixels] {
		sum += d.logProbOf(e.Logits(pixel), int(level))
	}
	return sum, nil
}

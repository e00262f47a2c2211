package sampler

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"
)

// LogProb returns the log-probability of each image in nats, under the model as it
// is (temperature 1). levels are [n, H, W], row-major. It takes one forward pass, and
// one for each class where the model has classes; these are summed out:
// log Σ p(class)·p(image | class).
func (s *Sampler) LogProb(ctx context.Context, levels []uint8) ([]float64, error) {
	if s.spec.Label == "" {
		return s.logProb(ctx, levels, 1, s.pixels(), func(int) int { return 0 })
	}
	byClass, err := s.LogProbByClass(ctx, levels)
	if err != nil {
		return nil, err
	}
	return s.spec.SumOut(byClass), nil
}

// LogProbGiven is [Sampler.LogProb] for images whose classes are known, by number, [n]:
// log p(image | class). It takes one forward pass.
func (s *Sampler) LogProbGiven(ctx context.Context, levels []uint8, classes []int) ([]float64, error) {
	if s.spec.Label == "" {
		return nil, errNoClasses
	}
	if n := len(levels) / s.pixels(); len(classes) != n {
		return nil, fmt.Errorf("%w: %d classes for %d images", ErrConfig, len(classes), n)
	}
	for i, class := range classes {
		if err := s.spec.checkClass(class); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
	}
	return s.logProb(ctx, levels, 1, s.pixels(), func(i int) int { return classes[i] })
}

// LogProbByClass is log p(image | class) for every class, [n, classes]. It takes one
// forward pass for each class; where the model lets it, what does not depend on the class is
// computed once.
func (s *Sampler) LogProbByClass(ctx context.Context, levels []uint8) ([]float64, error) {
	n := len(s.spec.Classes)
	if n == 0 {
		if s.spec.Label != "" {
			return nil, fmt.Errorf("%w: the model has classes but does not tell how many", ErrConfig)
		}
		return nil, errNoClasses
	}
	return s.logProb(ctx, levels, n, s.pixels(), func(i int) int { return i % n })
}

// SumOut turns what [Sampler.LogProbByClass] returns, [n, classes], into
// log Σ p(class)·p(image | class), [n].
func (s *Spec) SumOut(byClass []float64) []float64 {
	n := len(s.Prior)
	out := make([]float64, len(byClass)/max(1, n))
	for i := range out {
		out[i] = sumOut(byClass[i*n:(i+1)*n], s.Prior)
	}
	return out
}

// sumOut is log Σ weights[k]·exp(logs[k]), with the largest exponent taken out.
func sumOut(logs, weights []float64) float64 {
	top := math.Inf(-1)
	for k, l := range logs {
		if weights[k] > 0 {
			top = max(top, l)
		}
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for k, l := range logs {
		if weights[k] > 0 {
			sum += float64(weights[k] * exp(l-top))
		}
	}
	return top + math.Log(sum)
}

func (s *Sampler) pixels() int { return s.spec.Height * s.spec.Width }

// logProb scores the first pixels of each image of levels, times over; class is that of
// each of the n·times results, [n, times].
func (s *Sampler) logProb(ctx context.Context, levels []uint8, times, first int, class func(i int) int) ([]float64, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.spec.whole != nil {
		return nil, errWhole
	}
	pixels := s.pixels()
	if len(levels)%pixels != 0 {
		return nil, fmt.Errorf("%w: %d levels are no whole number of %d×%d images", ErrConfig, len(levels), s.spec.Height, s.spec.Width)
	}
	for i, l := range levels {
		if int(l) >= s.spec.Levels {
			return nil, fmt.Errorf("%w: image %d has level %d, the model has %d levels", ErrConfig, i/pixels, l, s.spec.Levels)
		}
	}
	out := make([]float64, len(levels)/pixels*times)
	const fill = 16 // images a run: small enough for the activations to stay in cache
	q := &scoring{s: s, levels: levels, times: times, first: first, class: class, out: out, images: s.full.fit(fill)}
	q.batch = q.images
	if times > 1 && s.spec.sharesImage() && s.full.fit(times) == times {
		q.images, q.batch = 1, times
	}
	g, ctx := errgroup.WithContext(ctx)
	runs := (len(out) + q.batch - 1) / q.batch
	share := (runs + s.cfg.Threads - 1) / s.cfg.Threads * q.batch
	for from := 0; from < len(out); from += share {
		g.Go(func() error { return q.run(ctx, from, min(from+share, len(out))) })
	}
	return out, g.Wait()
}

// scoring is what several goroutines share.
type scoring struct {
	s      *Sampler
	levels []uint8 // [n, H, W]
	times  int
	first  int // pixels that count
	class  func(i int) int
	out    []float64 // [n, times]
	images int       // of a run, as many as its results, or one with all its classes
	batch  int       // results of a run
}

// run computes the results from from to to-1.
func (q *scoring) run(ctx context.Context, from, to int) error {
	spec, values := q.s.spec, q.s.full.values
	f, err := q.forward()
	if err != nil {
		return err
	}
	defer f.close()
	pixels := spec.Height * spec.Width
	for ; from < to; from += q.batch {
		n := min(q.batch, to-from)
		for i := range n {
			if i < q.images {
				for k, l := range q.image(from + i) {
					f.image[i*pixels+k] = values[l]
				}
			}
			f.class(i, q.class(from+i))
		}
		if err := f.run(ctx); err != nil {
			return err
		}
		for i := range n {
			for pixel, level := range q.image(from + i)[:q.first] {
				at, stride := spec.logitsAt(i, pixel)
				lp, ok := logSoftmax(f.logits[at:], stride, spec.Levels, int(level))
				if !ok {
					return errLogits(uint64((from+i)/q.times), pixel, spec.Width)
				}
				q.out[from+i] += lp
			}
		}
	}
	return nil
}

func (q *scoring) forward() (*forward, error) {
	if q.images < q.batch {
		return q.s.full.forwardShared(q.batch)
	}
	return q.s.full.forward(q.batch)
}

// image is what result i is for, [H, W].
func (q *scoring) image(i int) []uint8 {
	pixels := q.s.pixels()
	return q.levels[i/q.times*pixels:][:pixels]
}

// logSoftmax is the log-probability of a level; ok is false where the logits are
// not finite. The logit of level k is logits[k·stride].
func logSoftmax(logits []float32, stride, levels, level int) (lp float64, ok bool) {
	top := math.Inf(-1)
	for k := range levels {
		l := float64(logits[k*stride])
		if l != l {
			return 0, false
		}
		top = max(top, l)
	}
	if math.IsInf(top, 0) {
		return 0, false
	}
	sum := 0.0
	for k := range levels {
		sum += exp(float64(logits[k*stride]) - top)
	}
	return float64(logits[level*stride]) - top - math.Log(sum), true
}

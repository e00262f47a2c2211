package sampler

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"
)

// LogProb returns the log-probability of each image in nats, under the model as it
// is (temperature 1). levels are [n, H, W], row-major. It takes one forward pass.
func (s *Sampler) LogProb(ctx context.Context, levels []uint8) ([]float64, error) {
	pixels := s.spec.Height * s.spec.Width
	if len(levels)%pixels != 0 {
		return nil, fmt.Errorf("%w: %d levels are no whole number of %d×%d images", ErrConfig, len(levels), s.spec.Height, s.spec.Width)
	}
	for i, l := range levels {
		if int(l) >= s.spec.Levels {
			return nil, fmt.Errorf("%w: image %d has level %d, the model has %d levels", ErrConfig, i/pixels, l, s.spec.Levels)
		}
	}
	n := len(levels) / pixels
	out := make([]float64, n)
	const fill = 16 // images a run: small enough for the activations to stay in cache
	batch := fill
	if s.spec.Batch > 0 {
		batch = s.spec.Batch
	}
	g, ctx := errgroup.WithContext(ctx)
	share := (n + s.cfg.Threads - 1) / s.cfg.Threads
	for from := 0; from < n; from += share {
		to := min(from+share, n)
		g.Go(func() error { return s.logProbs(ctx, from, levels[from*pixels:to*pixels], out[from:to], batch) })
	}
	return out, g.Wait()
}

// logProbs scores the images of levels, the first of which is number first, in
// runs of batch.
func (s *Sampler) logProbs(ctx context.Context, first int, levels []uint8, out []float64, batch int) error {
	f, err := newForward(s.full.session, s.spec, batch)
	if err != nil {
		return err
	}
	defer f.close()
	pixels := s.spec.Height * s.spec.Width
	for done := 0; done < len(out); done += batch {
		n := min(batch, len(out)-done)
		for i, l := range levels[done*pixels : (done+n)*pixels] {
			f.image[i] = s.full.values[l]
		}
		if err := f.run(ctx); err != nil {
			return err
		}
		for i := range n {
			for pixel := range pixels {
				at, stride := s.spec.logitsAt(i, pixel)
				level := int(levels[(done+i)*pixels+pixel])
				lp, ok := logSoftmax(f.logits[at:], stride, s.spec.Levels, level)
				if !ok {
					return errLogits(uint64(first+done+i), pixel, s.spec.Width)
				}
				out[done+i] += lp
			}
		}
	}
	return nil
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

package sampler

import (
	"context"
	"fmt"
	"iter"
)

// Completion says what of a picture is there already. The zero value is nothing.
//
// A plain completion draws pixel after pixel in raster order and steps over the kept
// ones. So a kept pixel bears on those that come after it, in its row to the right and
// in the rows below; the free pixels before it are drawn as if it were not there. Where
// the class is drawn, too, the kept pixels before the first free one bear on it. With
// Particles over 1 all of them do: as many candidates are drawn together, each with a
// class of its own where that is drawn; each is weighed by the probability that it gives
// the kept pixels, and where the weights get uneven at the end of a row, the candidates
// are resampled (sequential importance resampling; Gordon et al., "Novel approach to
// nonlinear/non-Gaussian Bayesian state estimation", 1993). The more particles, the
// nearer is the result to a draw from the model given all kept pixels.
type Completion struct {
	Picture []uint8 // levels [H, W], row-major; those that are not kept do not matter
	Keep    []bool  // [H, W]
	// Particles is the number of candidates for each image. 0 and 1 mean a plain
	// completion. See Request.BestOf for the most.
	Particles int
}

// Complete draws n completions of a picture and yields them in order, as they are
// done. After an error it yields nothing more.
func (s *Sampler) Complete(ctx context.Context, c Completion, n int) iter.Seq2[Sample, error] {
	return s.Samples(ctx, Request{N: n, Completion: c})
}

func (s *Sampler) checkCompletion(c Completion) error {
	height, width := s.spec.Height, s.spec.Width
	switch {
	case c.Particles < 0:
		return fmt.Errorf("%w: particles is %d, must not be negative", ErrConfig, c.Particles)
	case c.Keep == nil && (c.Picture != nil || c.Particles != 0):
		return fmt.Errorf("%w: a completion needs to know which pixels to keep", ErrConfig)
	case c.Keep == nil:
		return nil
	case len(c.Keep) != height*width || len(c.Picture) != height*width:
		return fmt.Errorf("%w: the picture to complete has %d pixels, its mask %d; the model's images have %d×%d",
			ErrConfig, len(c.Picture), len(c.Keep), height, width)
	case c.Particles > 1 && s.cfg.Greedy:
		return fmt.Errorf("%w: greedy and particles exclude each other: greedy candidates are all alike", ErrConfig)
	}
	for k, level := range c.Picture {
		if c.Keep[k] && int(level) >= s.spec.Levels {
			return fmt.Errorf("%w: the picture to complete has level %d in row %d, column %d; the model has %d levels",
				ErrConfig, level, k/width, k%width, s.spec.Levels)
		}
	}
	return nil
}

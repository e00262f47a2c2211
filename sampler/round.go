package sampler

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/compile/exact"
)

// perNat is how many values to a nat rounded log-probabilities have.
const perNat = 100

// round rounds the samples' log-probabilities.
func (p *portion) round(ctx context.Context, samples []Sample) error {
	if p.req.LevelsOnly && p.bestOf() == 1 && p.req.Completion.Particles <= 1 {
		return nil // they have none
	}
	// The errors of the pixels add up as random ones do. Of 128 images each of two models
	// none was off by half as much.
	sure := rounding * math.Sqrt(float64(p.s.spec.Height*p.s.spec.Width))
	coldest := p.how.temperature
	for _, t := range p.how.temperatures {
		coldest = min(coldest, t)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.how.threads)
	for i := range samples {
		s := &samples[i]
		open := doubtful(s.LogProb, sure) || doubtful(s.LogProbKept, sure) || doubtful(s.LogProbOptions, sure/min(1, coldest))
		if !open || p.s.settler == nil {
			s.round()
			continue
		}
		g.Go(func() error {
			defer s.round()
			return p.s.settler.logProbs(ctx, s, p.how, p.req.Completion.Keep)
		})
	}
	return g.Wait()
}

func (s *Sample) round() {
	for _, x := range []*float64{&s.LogProb, &s.LogProbOptions, &s.LogProbKept} {
		*x = math.Round(*x*perNat)/perNat + 0 // no -0
	}
}

// doubtful tells whether x, which is off by no more than sure, could round to another
// number than it does. What is 0 was never computed.
func doubtful(x, sure float64) bool {
	if x == 0 || math.IsInf(x, 0) {
		return false
	}
	return math.Round((x-sure)*perNat) != math.Round((x+sure)*perNat)
}

// logProbs computes a sample's log-probabilities again, drawn as how says but for the
// pixels that are kept.
func (st *settler) logProbs(ctx context.Context, s *Sample, how options, keep []bool) error {
	labels, err := st.labels(max(0, s.Class))
	if err != nil {
		return err
	}
	e := st.exact.Get().(*exact.Evaluator)
	defer st.exact.Put(e)
	e.Begin(s.Levels, labels)
	s.LogProb, s.LogProbKept, s.LogProbOptions = 0, 0, 0
	plain := steering{}.drawer(1, st.program.Levels)
	drawn := how.steering.drawer(how.temperature, st.program.Levels)
	for pixel, level := range s.Levels {
		if err := ctx.Err(); err != nil {
			return err
		}
		logits := e.Logits(pixel)
		model := plain.logProbOf(logits, int(level))
		s.LogProb += model
		if keep != nil && keep[pixel] {
			s.LogProbKept += model
			continue
		}
		if how.temperatures != nil {
			drawn.temperature = how.temperatures[pixel]
		}
		s.LogProbOptions += drawn.logProbOf(logits, int(level))
	}
	return nil
}

// logProbOf is the log-probability with which a level is drawn from logits.
func (d *drawer) logProbOf(logits []float64, level int) float64 {
	copy(d.weights, logits)
	d.pick(0)
	return d.logProb(logits[level])
}

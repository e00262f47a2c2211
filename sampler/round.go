package sampler

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/likelihood"
	"pixelcnn/sampler/internal/draw"
)

// perNat is how many values to a nat rounded log-probabilities have.
const perNat = 100

// round rounds the log-probabilities of a request's samples.
func (s *Sampler) round(ctx context.Context, p *prepared, samples []Sample) error {
	// The errors of the pixels add up as random ones do. Of 128 images each of two models
	// none was off by half as much.
	typical := likelihood.Rounding * math.Sqrt(float64(s.symbols()))
	settler := s.engines.Settler
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.cfg.Threads)
	for i := range samples {
		sample := &samples[i]
		sure := max(typical, sample.off)
		open := doubtful(sample.LogProb, sure) || doubtful(sample.LogProbGiven, sure) ||
			doubtful(sample.LogProbDrawn, sure/min(1, p.how.Coldest()))
		if !open || settler == nil {
			sample.round()
			continue
		}
		g.Go(func() (err error) {
			sample.LogProb, sample.LogProbGiven, sample.LogProbDrawn, err = settler.LogProbs(ctx, p.row(sample))
			sample.round()
			return err
		})
	}
	return g.Wait()
}

// row is the one that a sample has come of.
func (p *prepared) row(s *Sample) *draw.Row {
	r := &draw.Row{Levels: s.Levels, Class: max(0, s.Class), How: p.how, Mask: p.Inpainting.Mask}
	if p.conditions != nil {
		r.Conditions = p.conditions(s.Index)
	}
	return r
}

func (s *Sample) round() {
	for _, x := range []*float64{&s.LogProb, &s.LogProbDrawn, &s.LogProbGiven} {
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

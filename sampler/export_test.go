package sampler

import (
	"context"

	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// Exactly computes a sample's log-probabilities again, in float64.
func Exactly(s *Sampler, req Request, sample *Sample) (err error) {
	p, err := s.prepare(context.Background(), req)
	if err == nil {
		sample.LogProb, sample.LogProbGiven, sample.LogProbDrawn, err = s.engines.Settler.LogProbs(context.Background(), p.row(sample))
	}
	return err
}

// Need is how many bytes the incremental engine takes for so many images.
func Need(s *Sampler, images int) int64 { return s.engines.Drawer.(*engine.Incremental).Need(images) }

// Held is how many bytes its idle workers have.
func Held(s *Sampler) int64 { return s.engines.Drawer.(*engine.Incremental).Held() }

// SettleAll makes every draw whose boundaries decide it a near tie.
func SettleAll(s *Sampler) {
	s.engines.Settler.Accuracy().See(1e12, 1e-6, 1)
}

// Margin is how far boundaries between levels may be off.
func Margin(s *Sampler) draw.Margin { return s.engines.Settler.Accuracy().Margin() }

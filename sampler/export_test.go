package sampler

import (
	"context"

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
func SettleAll(s *Sampler) { s.engines.Settler.Accuracy().See(1e12) }

// NearShare is the share of its bound that a boundary may be off by.
func NearShare(s *Sampler) float64 { return s.engines.Settler.Accuracy().Share() }

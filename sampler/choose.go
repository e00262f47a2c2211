package sampler

import (
	"context"
	"errors"
	"fmt"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// ErrNotCausal is wrapped, beside [ErrModel], where a pixel's logits depend on the
// pixel itself or on a later one: there is no order to draw in.
var ErrNotCausal = compile.ErrNotCausal

// CausalityError names what looks ahead, where the compiler has found it. It wraps
// [ErrNotCausal].
type CausalityError = compile.CausalityError

// UnsupportedError says why the incremental engine cannot run a model. It comes with
// [ErrModel] where that engine was asked for.
type UnsupportedError = compile.UnsupportedError

// choose makes the engine that cfg asks for. Whatever it is, the model must be
// causal: by the compiler's proof, or, where the graph is beyond the compiler, by
// a numeric probe.
func (s *Sampler) choose(rt onnx.Runtime, values []float32) error {
	s.engine, s.used = s.full, Full
	var labels func(class int) []*onnx.Tensor
	if s.spec.label != nil {
		labels = s.spec.label.of
	}
	compiled, err := newIncrementalEngine(rt, s.spec.model, compile.Options{Height: s.spec.Height, Width: s.spec.Width, Raster: s.cfg.Raster}, values, labels)
	if err == nil {
		s.settler = newSettler(compiled.many.program, values, s.spec.label)
		if s.cfg.Engine != Full {
			s.why = compiled.fits(1)
		}
	}
	switch {
	case err == nil && (s.cfg.Engine == Full || s.cfg.Engine == Auto && s.why != nil):
		return compiled.close()
	case err == nil && s.why != nil:
		return errors.Join(fmt.Errorf("%w: the incremental engine cannot run it: %w", ErrModel, s.why), compiled.close())
	case err == nil:
		s.engine, s.used = compiled, Incremental
		return nil
	case errors.Is(err, ErrNotCausal):
		return fmt.Errorf("%w: %w", ErrModel, err)
	case s.cfg.Engine == Incremental:
		return fmt.Errorf("%w: the incremental engine cannot run it: %w", ErrModel, err)
	}
	s.why = err
	return s.full.probe(context.Background())
}

// Engine is the engine in use. Where Auto had to take Full, why is the reason.
func (s *Sampler) Engine() (used Engine, why error) { return s.used, s.why }

// NearTies is the number of draws so far whose coin fell so close to the boundary
// between two levels that float32 could not decide, and that were settled in float64.
func (s *Sampler) NearTies() int64 {
	if s.settler == nil {
		return 0
	}
	return s.settler.settled.Load()
}

// Plan describes how the incremental engine draws.
type Plan struct {
	compile.Plan
	// Wave tells in which step each pixel is drawn, [H, W], counted from 0.
	Wave []int
}

// Plan compiles the model, without running it. The error wraps [ErrModel], and
// [ErrNotCausal] where the model is no autoregressive one.
func (s *Spec) Plan() (*Plan, error) {
	if s.whole != nil {
		return nil, errWhole
	}
	if s.model == nil {
		return nil, errNoFile
	}
	p, err := compile.Compile(s.model, compile.Options{Height: s.Height, Width: s.Width})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return &Plan{p.Plan(), p.Wave()}, nil
}

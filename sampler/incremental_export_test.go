package sampler

import (
	"context"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// IncrementalEngine lets tests run a compiled program.
type IncrementalEngine struct{ *incrementalEngine }

// NewIncremental compiles a model.
func NewIncremental(rt onnx.Runtime, m *onnx.Model, opt compile.Options, labels func(uint64) []*onnx.Tensor) (*IncrementalEngine, error) {
	p, err := compile.Compile(m, opt)
	if err != nil {
		return nil, err
	}
	e, err := newIncrementalEngine(rt, m, opt, (&Spec{Levels: p.Levels}).inputs(0, 0), labels)
	return &IncrementalEngine{e}, err
}

// Program is the one for many images.
func (e *IncrementalEngine) Program() *compile.Program { return e.many.program }

// Draw is Sampler.Draw.
func (e *IncrementalEngine) Draw(ctx context.Context, first uint64, levels []uint8, temperature float64, seed uint64, batch, threads int) error {
	return e.draw(ctx, first, levels, options{temperature: temperature, seed: seed, batch: batch, threads: threads})
}

// Close frees it.
func (e *IncrementalEngine) Close() error { return e.close() }

// Level draws one level.
func Level(logits []float32, stride, levels int, temperature, u float64) int {
	d := steering{}.drawer(temperature, levels)
	return d.level(logits, stride, u)
}

// SetValues replaces the input value of each level.
func (e *IncrementalEngine) SetValues(v []float32) { e.values = v }

package sampler

import (
	"context"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// IncrementalEngine lets tests run a compiled program.
type IncrementalEngine struct{ *incrementalEngine }

// NewIncremental compiles a model.
func NewIncremental(rt onnx.Runtime, m *onnx.Model, opt compile.Options, labels func(class int) []*onnx.Tensor) (*IncrementalEngine, error) {
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
	classes := make([]int, len(levels)/(e.many.program.Height*e.many.program.Width)) // the images' numbers
	for i := range classes {
		classes[i] = int(first) + i
	}
	return e.draw(ctx, first, levels, options{temperature: temperature, seed: seed, batch: batch, threads: threads, first: first, classes: classes})
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

// Labels is what a class-conditional model's second input is for an image of a class.
func Labels(s *Spec, class int) []*onnx.Tensor { return s.label.of(class) }

// Exactly computes a sample's log-probabilities again, in float64.
func Exactly(s *Sampler, sample *Sample, keep []bool) error {
	return s.settler.logProbs(context.Background(), sample, s.options(), keep)
}

// Need is how many bytes the incremental engine takes for so many images.
func Need(s *Sampler, images int) int64 {
	return s.engine.(*incrementalEngine).many.need(images)
}

// Held is how many bytes its idle workers have.
func Held(s *Sampler) (held int64) {
	for _, list := range s.engine.(*incrementalEngine).idle {
		for _, w := range list {
			held += w.need(w.images)
		}
	}
	return held
}

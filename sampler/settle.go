package sampler

import (
	"sync"
	"sync/atomic"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/exact"
)

// Engines and runtimes add up in different orders, so their logits differ by
// rounding. Where a coin falls that close to the boundary between two levels, the
// draw is a near tie, and float32 cannot decide it. Then the pixel's logits are
// evaluated again in float64, in plain Go and always in the same order, and the
// draw is made from those: so every engine, batch and runtime decides alike.

// rounding bounds the error of a float32 logit: rounding·(1 + |logit|). The largest
// that was seen, over foreign files and random graphs, is 2.1e-6; see TestExact.
const rounding = 5e-6

// settler decides near ties. It is safe for concurrent use.
type settler struct {
	program *compile.Program
	label   *labelInput // nil where the model has none
	exact   sync.Pool   // of *exact.Evaluator
	classes sync.Map    // [][]float64 by class: what the program makes of its label
	settled atomic.Int64
}

// newSettler returns nil where the program cannot be evaluated exactly.
func newSettler(p *compile.Program, values []float32, label *labelInput) *settler {
	first, err := exact.New(p, values)
	if err != nil {
		return nil
	}
	s := &settler{program: p, label: label}
	if _, err := s.labels(0); err != nil {
		return nil
	}
	s.exact.New = func() any {
		e, _ := exact.New(p, values) // as it did before
		return e
	}
	s.exact.Put(first)
	return s
}

// labels is what the program makes of a class's label.
func (s *settler) labels(class int) ([][]float64, error) {
	if s.label == nil {
		return nil, nil
	}
	if known, ok := s.classes.Load(class); ok {
		return known.([][]float64), nil
	}
	labels, err := exact.Conditions(s.program, s.label.of(class))
	if err == nil {
		s.classes.Store(class, labels)
	}
	return labels, err
}

// level draws a pixel, with the drawer that met the near tie, of an image of a class
// whose levels, [H, W], are drawn as far as the pixel depends on them. The result is -1
// where the model is not defined for the class. logit is that of the level.
func (s *settler) level(d *drawer, levels []uint8, class, pixel int, u float64) (level int, logit float64) {
	labels, err := s.labels(class)
	if err != nil {
		return -1, 0
	}
	e := s.exact.Get().(*exact.Evaluator)
	defer s.exact.Put(e)
	s.settled.Add(1)
	e.Begin(levels, labels)
	logits := e.Logits(pixel)
	copy(d.weights, logits)
	if level = d.pick(u); level < 0 {
		return -1, 0
	}
	return level, logits[level]
}

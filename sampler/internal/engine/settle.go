package engine

import (
	"context"
	"sync"

	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler/internal/draw"
)

// Settler settles near ties. Engines and runtimes add up in different orders, so their
// outputs differ by rounding. Where a uniform falls that close to the boundary between two
// levels, the draw is a near tie, and float32 cannot decide it. Then the pixel's outputs
// are evaluated again in float64, in plain Go and always in the same order, and the draw is
// made from those: so every engine, batch and runtime decides alike.
//
// It is safe for concurrent use.
type Settler struct {
	net     Network
	program *program.Program
	pool    sync.Pool // of *exact.Evaluator

	accuracy draw.Accuracy

	made memo[[][]float64] // of the program's conditions
}

// newSettler returns nil where the program cannot be evaluated exactly.
func newSettler(p *program.Program, net Network) *Settler {
	first, err := exact.New(p, net.Values)
	if err != nil {
		return nil
	}
	s := &Settler{net: net, program: p}
	if _, err := s.conditions(0, nil); err != nil {
		return nil
	}
	s.pool.New = func() any {
		e, _ := exact.New(p, net.Values) // as it did before
		return e
	}
	s.pool.Put(first)
	return s
}

// conditions is what the program makes of a class and of what an image is given.
func (s *Settler) conditions(class int, given []*onnx.Tensor) ([][]float64, error) {
	if s.net.Others == nil {
		return nil, nil
	}
	return s.made.of(class, given, func() ([][]float64, error) { return exact.Conditions(s.program, s.net.Others(class, given)) })
}

// begin evaluates an image, whose levels are drawn as far as what is asked of it depends on
// them. The caller gives it back to the pool.
func (s *Settler) begin(r *draw.Row, asked []int) (*exact.Evaluator, error) {
	conditions, err := s.conditions(r.Class, r.Conditions)
	if err != nil {
		return nil, err
	}
	e := s.pool.Get().(*exact.Evaluator)
	e.Begin(r.Levels, conditions, asked)
	return e, nil
}

// Outputs implements [draw.Settler].
func (s *Settler) Outputs(r *draw.Row, symbol int) (outputs []float64, release func(), ok bool) {
	e, err := s.begin(r, nil)
	if err != nil {
		return nil, nil, false
	}
	return e.Outputs(symbol), func() { s.pool.Put(e) }, true
}

// Drawn implements [draw.Settler].
func (s *Settler) Drawn(r *draw.Row, symbols []int) (outputs func(symbol int) []float64, release func(), ok bool) {
	e, err := s.begin(r, symbols)
	if err != nil {
		return nil, nil, false
	}
	return e.Outputs, func() { s.pool.Put(e) }, true
}

// Accuracy implements [draw.Settler].
func (s *Settler) Accuracy() *draw.Accuracy { return &s.accuracy }

// LogProbs computes the log-probabilities of an image in float64: of all its symbols and of
// those that are given, under the model as it is, and of the others, as they are drawn.
func (s *Settler) LogProbs(ctx context.Context, r *draw.Row) (model, given, drawn float64, err error) {
	e, err := s.begin(r, ir.Count(len(r.Levels)))
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.pool.Put(e)
	d := draw.NewDrawer(s.net.Head)
	channels := s.program.Channels
	for k, level := range r.Levels {
		if err := ctx.Err(); err != nil {
			return 0, 0, 0, err
		}
		outputs, earlier := e.Outputs(k), r.Levels[k-k%channels:k]
		lp := d.LogProbOf(asItIs, 1, outputs, earlier, int(level))
		model += lp
		if r.Mask != nil && r.Mask[k] {
			given += lp
			continue
		}
		drawn += d.LogProbOf(r.How, r.How.At(k/(s.program.Width*channels)), outputs, earlier, int(level))
	}
	return model, given, drawn, nil
}

// asItIs draws from the model as it is.
var asItIs, _ = draw.Parameters{}.For(likelihood.Categorical{}, 1)

// First is the log-probability of the first symbols of an image, evaluated in float64.
func (s *Settler) First(r *draw.Row, symbols int) (float64, error) {
	e, err := s.begin(r, ir.Count(symbols))
	if err != nil {
		return 0, err
	}
	defer s.pool.Put(e)
	d := draw.NewDrawer(s.net.Head)
	channels := s.program.Channels
	sum := 0.0
	for k, level := range r.Levels[:symbols] {
		sum += d.LogProbOf(asItIs, 1, e.Outputs(k), r.Levels[k-k%channels:k], int(level))
	}
	return sum, nil
}

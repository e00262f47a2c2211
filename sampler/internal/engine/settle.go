package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/likelihood"
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
	classes sync.Map  // [][]float64 by class: what the program makes of its conditions
	settled atomic.Int64
}

// newSettler returns nil where the program cannot be evaluated exactly.
func newSettler(p *program.Program, net Network) *Settler {
	first, err := exact.New(p, net.Values)
	if err != nil {
		return nil
	}
	s := &Settler{net: net, program: p}
	if _, err := s.conditions(&draw.Row{}); err != nil {
		return nil
	}
	s.pool.New = func() any {
		e, _ := exact.New(p, net.Values) // as it did before
		return e
	}
	s.pool.Put(first)
	return s
}

// Settled is the number of near ties so far.
func (s *Settler) Settled() int64 { return s.settled.Load() }

// conditions is what the program makes of a row's class and conditions.
func (s *Settler) conditions(r *draw.Row) ([][]float64, error) {
	if s.net.Conditions == nil {
		return nil, nil
	}
	if known, ok := s.classes.Load(r.Class); ok && r.Conditions == nil {
		return known.([][]float64), nil
	}
	values, err := exact.Conditions(s.program, s.net.Conditions(r.Class, r.Conditions))
	if err == nil && r.Conditions == nil {
		s.classes.Store(r.Class, values)
	}
	return values, err
}

// begin evaluates a row, whose levels are drawn as far as what is asked of it depends on them.
// The caller gives it back to the pool.
func (s *Settler) begin(r *draw.Row) (*exact.Evaluator, error) {
	conditions, err := s.conditions(r)
	if err != nil {
		return nil, err
	}
	e := s.pool.Get().(*exact.Evaluator)
	e.Begin(r.Levels, conditions)
	return e, nil
}

// earlier are the levels before symbol k in its pixel.
func (s *Settler) earlier(levels []uint16, k int) []uint16 {
	return levels[k-k%s.program.Channels : k]
}

// Outputs implements [draw.Settler].
func (s *Settler) Outputs(r *draw.Row, symbol int) (outputs []float64, release func(), ok bool) {
	e, err := s.begin(r)
	if err != nil {
		return nil, nil, false
	}
	s.settled.Add(1)
	return e.Outputs(symbol), func() { s.pool.Put(e) }, true
}

// LogProbs computes the log-probabilities of a row that was drawn, in float64: of all its
// symbols and of those that are given, under the model as it is, and of the others, as they were
// drawn.
func (s *Settler) LogProbs(ctx context.Context, r *draw.Row) (model, given, drawn float64, err error) {
	e, err := s.begin(r)
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.pool.Put(e)
	d := draw.NewDrawer(s.net.Head)
	for k, level := range r.Levels {
		if err := ctx.Err(); err != nil {
			return 0, 0, 0, err
		}
		outputs := e.Outputs(k)
		lp := d.LogProbOf(asItIs, 1, outputs, s.earlier(r.Levels, k), int(level))
		model += lp
		if r.Mask != nil && r.Mask[k] {
			given += lp
			continue
		}
		drawn += d.LogProbOf(r.How, r.How.At(k/(s.program.Width*s.program.Channels)), outputs, s.earlier(r.Levels, k), int(level))
	}
	return model, given, drawn, nil
}

// asItIs draws from the model as it is.
var asItIs, _ = draw.Parameters{}.For(likelihood.Categorical{}, 1)

// First is the log-probability of the first symbols of a row, evaluated in float64.
func (s *Settler) First(r *draw.Row, symbols int) (float64, error) {
	e, err := s.begin(r)
	if err != nil {
		return 0, err
	}
	defer s.pool.Put(e)
	d := draw.NewDrawer(s.net.Head)
	sum := 0.0
	for k, level := range r.Levels[:symbols] {
		sum += d.LogProbOf(asItIs, 1, e.Outputs(k), s.earlier(r.Levels, k), int(level))
	}
	return sum, nil
}

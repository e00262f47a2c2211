package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// prologue computes what a program makes of conditions, once for each class, or, where
// images are given further conditions, for the same ones in a row. It is safe for concurrent
// use.
type prologue struct {
	program *compile.Program
	session onnx.Session

	mu      sync.Mutex
	idle    []*prologueRun      // as many as ever ran at once, but for those that run
	classes map[int][][]float32 // what came out for each class so far
	given   []*onnx.Tensor      // the conditions for which it did
}

// prologueRun is where the graph is run for an image.
type prologueRun struct {
	binding onnx.Binding
	inputs  []*onnx.Tensor
	outputs [][]float32 // per condition, [channels] or [channels, places]
}

func newPrologue(rt onnx.Runtime, program *compile.Program) (*prologue, error) {
	p := &prologue{program: program, classes: map[int][][]float32{}}
	var err error
	if p.session, err = rt.Load(program.Prologue, onnx.SessionOptions{}); err != nil {
		return nil, fmt.Errorf("sampler: loading the conditions' graph: %w", err)
	}
	first, err := p.bind()
	if err != nil {
		return nil, errors.Join(err, p.session.Close())
	}
	p.idle = append(p.idle, first)
	return p, nil
}

func (p *prologue) bind() (*prologueRun, error) {
	r := &prologueRun{}
	for _, in := range p.program.ConditionInputs {
		t, err := empty(in)
		if err != nil {
			return nil, err
		}
		r.inputs = append(r.inputs, t)
	}
	var outputs []*onnx.Tensor
	for _, l := range p.program.Conditions {
		data := make([]float32, l.Size())
		r.outputs = append(r.outputs, data)
		outputs = append(outputs, onnx.NewTensor(data, len(data)))
	}
	var err error
	if r.binding, err = p.session.Bind(r.inputs, outputs); err != nil {
		return nil, fmt.Errorf("sampler: binding the conditions' graph: %w", err)
	}
	return r, nil
}

func (p *prologue) close() error {
	var errs []error
	for _, r := range p.idle {
		errs = append(errs, r.binding.Close())
	}
	return errors.Join(append(errs, p.session.Close())...)
}

// empty makes a tensor to copy a condition into.
func empty(in onnx.ValueInfo) (*onnx.Tensor, error) {
	if t := onnx.Zeros(in.DType, in.Shape...); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: input %q is %v %v, which no condition is", signature.ErrModel, in.Name, in.DType, in.Shape)
}

// of is what comes out for a class and what is given, per condition.
func (p *prologue) of(ctx context.Context, class int, given []*onnx.Tensor, net Network) ([][]float32, error) {
	p.mu.Lock()
	if !slices.Equal(given, p.given) {
		clear(p.classes)
		p.given = given
	}
	known := p.classes[class]
	var r *prologueRun
	if n := len(p.idle) - 1; known == nil && n >= 0 {
		r, p.idle = p.idle[n], p.idle[:n]
	}
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if r == nil {
		var err error
		if r, err = p.bind(); err != nil {
			return nil, err
		}
	}
	out, err := r.run(ctx, net.Others(class, given))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, r)
	if err == nil && slices.Equal(given, p.given) {
		p.classes[class] = out
	}
	return out, err
}

// run computes what comes out of conditions.
func (r *prologueRun) run(ctx context.Context, conditions []*onnx.Tensor) ([][]float32, error) {
	for k, t := range conditions {
		t.CopyTo(r.inputs[k], 0)
	}
	if err := r.binding.Run(ctx); err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	out := make([][]float32, len(r.outputs))
	for k, value := range r.outputs {
		out[k] = slices.Clone(value)
	}
	return out, nil
}

// setConditions spreads what those of image i make over the rows of a wave, or puts it into
// the caches.
func (w *worker) setConditions(ctx context.Context, i int, r *draw.Row) error {
	if w.prologue == nil {
		return nil
	}
	values, err := w.prologue.of(ctx, r.Class, r.Conditions, w.net)
	if err != nil {
		return err
	}
	for k, value := range values {
		c := w.program.Conditions[k]
		if c.Cache >= 0 && w.program.Caches[c.Cache].Fixed {
			w.fix(c.Cache, i, value)
			continue
		}
		if c.Cache >= 0 {
			for place, slot := range c.Slots {
				for channel := range c.Channels {
					if slot >= 0 {
						w.caches[c.Cache][(slot*w.images+i)*c.Channels+channel] = value[channel*len(c.Slots)+place]
					}
				}
			}
			continue
		}
		rows := w.perImage[k]
		for at := i * len(value); at < len(rows); at += w.images * len(value) {
			copy(rows[at:], value)
		}
	}
	return nil
}

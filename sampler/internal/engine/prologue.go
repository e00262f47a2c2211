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

	made memo[[][]float32]

	mu   sync.Mutex
	idle []*prologueRun // as many as ever ran at once, but for those that run
}

// prologueRun is where the graph is run for an image.
type prologueRun struct {
	binding onnx.Binding
	inputs  []*onnx.Tensor
	outputs [][]float32 // per condition, [channels] or [channels, places]
}

func newPrologue(rt onnx.Runtime, program *compile.Program) (*prologue, error) {
	p := &prologue{program: program}
	var err error
	if p.session, err = rt.Load(program.Prologue, onnx.SessionOptions{}); err != nil {
		return nil, fmt.Errorf("sampler: loading the conditions' graph: %w", err)
	}
	first, err := p.bind() // what cannot be bound is told now
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
	return p.made.of(class, given, func() ([][]float32, error) {
		r, err := p.take()
		if err != nil {
			return nil, err
		}
		defer p.release(r)
		return r.run(ctx, net.Others(class, given))
	})
}

// take is one that is idle, or a new one.
func (p *prologue) take() (*prologueRun, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return p.bind()
	}
	r := p.idle[n]
	p.idle = p.idle[:n]
	return r, nil
}

func (p *prologue) release(r *prologueRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, r)
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

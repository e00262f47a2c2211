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
	session onnx.Session

	mu      sync.Mutex
	binding onnx.Binding
	inputs  []*onnx.Tensor      // of one image
	outputs [][]float32         // per condition, [channels] or [channels, places]
	classes map[int][][]float32 // what came out for each class so far
	given   []*onnx.Tensor      // the conditions for which it did
}

func newPrologue(rt onnx.Runtime, program *compile.Program) (*prologue, error) {
	p := &prologue{classes: map[int][][]float32{}}
	for _, in := range program.ConditionInputs {
		t, err := empty(in)
		if err != nil {
			return nil, err
		}
		p.inputs = append(p.inputs, t)
	}
	var outputs []*onnx.Tensor
	for _, l := range program.Conditions {
		data := make([]float32, l.Size())
		p.outputs = append(p.outputs, data)
		outputs = append(outputs, onnx.NewTensor(data, len(data)))
	}
	var err error
	if p.session, err = rt.Load(program.Prologue, onnx.SessionOptions{}); err != nil {
		return nil, fmt.Errorf("sampler: loading the conditions' graph: %w", err)
	}
	if p.binding, err = p.session.Bind(p.inputs, outputs); err != nil {
		return nil, errors.Join(fmt.Errorf("sampler: binding the conditions' graph: %w", err), p.session.Close())
	}
	return p, nil
}

func (p *prologue) close() error { return errors.Join(p.binding.Close(), p.session.Close()) }

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
	defer p.mu.Unlock()
	if !slices.Equal(given, p.given) {
		clear(p.classes)
		p.given = given
	}
	if known := p.classes[class]; known != nil {
		return known, nil
	}
	for k, t := range net.Others(class, given) {
		t.CopyTo(p.inputs[k], 0)
	}
	if err := p.binding.Run(ctx); err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	out := make([][]float32, len(p.outputs))
	for k, value := range p.outputs {
		out[k] = append(out[k], value...)
	}
	p.classes[class] = out
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

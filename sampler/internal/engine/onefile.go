package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// ErrOneFile is what a one-file sampler cannot do.
var ErrOneFile = fmt.Errorf("%w: the file holds a one-file sampler, which draws and does nothing else: take the model that it was made of", signature.ErrConfig)

// OneFile runs a file that holds a one-file sampler. Runs at once have a session each:
// within one they would wait for each other at each of the many small allocations.
type OneFile struct {
	rt    onnx.Runtime
	sig   *signature.Signature
	slots Slots

	mu   sync.Mutex
	idle []onnx.Session
}

func newOneFile(rt onnx.Runtime, sig *signature.Signature, slots Slots) (*OneFile, error) {
	session, err := rt.Load(sig.Model(), onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: it holds a one-file sampler, which this runtime cannot run: %w", signature.ErrModel, err)
	}
	return &OneFile{rt: rt, sig: sig, slots: slots, idle: []onnx.Session{session}}, nil
}

// CheckOneFile tells what a one-file sampler cannot do of what is asked for.
func CheckOneFile(p draw.Parameters) error {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"temperature end", p.TemperatureEnd != 0 && p.TemperatureEnd != p.Temperature},
		{"greedy", p.Greedy},
		{"top-k", p.TopK != 0},
		{"top-p", p.TopP != 0},
		{"min-p", p.MinP != 0},
	} {
		if f.set {
			return fmt.Errorf("%w: %s cannot be set with a file that holds a one-file sampler: take the model that it was made of", signature.ErrConfig, f.name)
		}
	}
	return nil
}

// take hands out a session that nobody uses.
func (e *OneFile) take() (onnx.Session, error) {
	e.mu.Lock()
	if n := len(e.idle); n > 0 {
		defer e.mu.Unlock()
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return s, nil
	}
	e.mu.Unlock()
	s, err := e.rt.Load(e.sig.Model(), onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
	}
	return s, nil
}

// release takes it back.
func (e *OneFile) release(s onnx.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = append(e.idle, s)
}

// Close frees the sessions.
func (e *OneFile) Close() error {
	var errs []error
	for _, s := range e.idle {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Draw implements [Drawer].
func (e *OneFile) Draw(ctx context.Context, rows []draw.Row, run Run) error {
	for i := range rows {
		switch r := &rows[i]; {
		case r.Known != nil:
			return ErrOneFile
		case r.Mask != nil && !e.sig.OneFile.Inpainting:
			return fmt.Errorf("%w: the file holds a one-file sampler that was made without inpainting (compile --completion)", signature.ErrConfig)
		}
	}
	batch := run.Batch
	if batch == 0 {
		batch = min(incrementalBatch, (len(rows)+run.Threads-1)/run.Threads)
	}
	return e.slots.inParts(ctx, rows, min(batch, len(rows)), run, func(ctx context.Context, part []draw.Row) error {
		for len(part) > 0 { // a run has one temperature
			n := 1
			for n < len(part) && part[n].How.Temperature == part[0].How.Temperature {
				n++
			}
			if err := e.drawBatch(ctx, part[:n], run); err != nil {
				return err
			}
			part = part[n:]
		}
		return nil
	})
}

// drawBatch draws rows of one temperature in one run.
func (e *OneFile) drawBatch(ctx context.Context, rows []draw.Row, run Run) error {
	symbols, shape, n := e.sig.Symbols(), e.shape(len(rows)), len(rows)
	var levels *onnx.Tensor
	logprob := make([]float32, n)
	var inputs, outputs []*onnx.Tensor
	for _, v := range e.sig.OneFile.Inputs {
		inputs = append(inputs, e.input(v, rows))
	}
	for _, v := range e.sig.OneFile.Outputs {
		if v.Name == format.Levels {
			levels = onnx.Zeros(v.DType, shape...)
			outputs = append(outputs, levels)
		} else {
			outputs = append(outputs, onnx.NewTensor(logprob, n))
		}
	}
	session, err := e.take()
	if err != nil {
		return err
	}
	defer e.release(session)
	binding, err := session.Bind(inputs, outputs)
	if err != nil {
		return fmt.Errorf("%w: %w", signature.ErrModel, err)
	}
	err = binding.Run(ctx)
	if err = errors.Join(err, binding.Close()); err != nil {
		return fmt.Errorf("sampler: %w", err)
	}
	for i := range rows {
		r, lp := &rows[i], float64(logprob[i])
		if lp != lp || math.IsInf(lp, 1) {
			return fmt.Errorf("%w: image %d", draw.ErrLogits, r.Image)
		}
		note(r, lp)
		for k := range symbols {
			l := int(levels.Number(i*symbols + k))
			if l < 0 || l >= e.sig.Levels {
				return fmt.Errorf("%w: it drew level %d of %d for image %d", signature.ErrModel, l, e.sig.Levels, r.Image)
			}
			r.Levels[k] = uint16(l)
		}
	}
	if run.After != nil {
		return run.After(n * symbols)
	}
	return nil
}

// shape is that of n pictures.
func (e *OneFile) shape(n int) []int {
	if e.sig.Channels > 1 {
		return []int{n, e.sig.Height, e.sig.Width, e.sig.Channels}
	}
	return []int{n, e.sig.Height, e.sig.Width}
}

// input makes one of the inputs for rows.
func (e *OneFile) input(v *onnx.Value, rows []draw.Row) *onnx.Tensor {
	symbols, shape, n := e.sig.Symbols(), e.shape(len(rows)), len(rows)
	switch v.Name {
	case format.Uniforms:
		u, uniforms := make([]float64, n*symbols), draw.NewUniforms()
		for i := range rows {
			uniforms.Fill(u[i*symbols:(i+1)*symbols], 1, rows[i].How.Seed, rows[i].Image)
		}
		return onnx.NewTensor(u, shape...)
	case format.Temperature:
		return onnx.NewTensor([]float64{rows[0].How.Temperature}, 1)
	case format.Label:
		class := make([]int64, n)
		for i := range rows {
			class[i] = int64(rows[i].Class)
		}
		return onnx.NewTensor(class, n)
	case format.Init:
		init := onnx.Zeros(v.DType, shape...)
		for i := range rows {
			for k, l := range rows[i].Levels {
				init.SetNumber(i*symbols+k, float64(l))
			}
		}
		return init
	case format.Keep:
		keep := make([]bool, n*symbols)
		for i := range rows {
			copy(keep[i*symbols:], rows[i].Mask)
		}
		return onnx.NewTensor(keep, shape...)
	default: // a condition
		k := slices.IndexFunc(e.sig.Conditions, func(c signature.Condition) bool { return c.Name == v.Name })
		c := e.sig.Conditions[k]
		all := onnx.Zeros(c.DType, append([]int{n}, c.Shape...)...)
		for i := range rows {
			rows[i].Conditions[k].CopyTo(all, i*rows[i].Conditions[k].Len())
		}
		return all
	}
}

// note records an image's log-probability, of which the file tells the total only.
func note(r *draw.Row, logprob float64) {
	if r.Record == nil {
		return
	}
	r.Record.Model[0], r.Record.Drawn[0] = logprob, math.NaN()
	if r.How.Temperature == 1 && r.Mask == nil {
		r.Record.Drawn[0] = logprob
	}
	if r.Mask != nil {
		r.Record.Given[0] = math.NaN()
	}
}

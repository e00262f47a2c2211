package sampler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"pixelcnn/internal/onefile"
	"pixelcnn/internal/onnx"
)

// Whole is the engine of a file that holds a whole sampler; see [OneFile]. It cannot be
// asked for.
const Whole Engine = "whole"

var errWhole = fmt.Errorf("%w: the file holds a whole sampler, which draws and does nothing else: take the model that it was made of", ErrConfig)

// openWhole prepares a file that holds a whole sampler.
func openWhole(rt onnx.Runtime, spec *Spec, cfg Config) (*Sampler, error) {
	if err := cfg.checkWhole(); err != nil {
		return nil, err
	}
	session, err := rt.Load(spec.model, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: it holds a whole sampler, which this runtime cannot run: %w", ErrModel, err)
	}
	return &Sampler{spec: spec, cfg: cfg, engine: &wholeEngine{rt: rt, spec: spec, idle: []onnx.Session{session}}, used: Whole}, nil
}

// checkWhole tells what a whole sampler cannot do of what is asked for.
func (c Config) checkWhole() error {
	if c.Engine != Auto {
		return errWhole
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"temperature end", c.TemperatureEnd != 0 && c.TemperatureEnd != c.Temperature},
		{"greedy", c.Greedy},
		{"top-k", c.TopK != 0},
		{"top-p", c.TopP != 0},
		{"min-p", c.MinP != 0},
		{"raster", c.Raster},
		{"pixel scale and offset", c.PixelScale != 0 || c.PixelOffset != 0},
	} {
		if f.set {
			return fmt.Errorf("%w: %s cannot be set with a file that holds a whole sampler: take the model that it was made of", ErrConfig, f.name)
		}
	}
	return nil
}

// wholeEngine runs a file that holds a whole sampler. Runs at once have a session each:
// within one they would wait for each other at each of the many small allocations.
type wholeEngine struct {
	rt   onnx.Runtime
	spec *Spec

	mu   sync.Mutex
	idle []onnx.Session
}

// take hands out a session that nobody uses.
func (e *wholeEngine) take() (onnx.Session, error) {
	e.mu.Lock()
	if n := len(e.idle); n > 0 {
		defer e.mu.Unlock()
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return s, nil
	}
	e.mu.Unlock()
	s, err := e.rt.Load(e.spec.model, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return s, nil
}

// release takes it back.
func (e *wholeEngine) release(s onnx.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = append(e.idle, s)
}

func (e *wholeEngine) close() error {
	var errs []error
	for _, s := range e.idle {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (e *wholeEngine) draw(ctx context.Context, first uint64, levels []uint8, how options) error {
	switch {
	case how.known != nil:
		return errWhole
	case how.keep != nil && !e.spec.whole.completion:
		return fmt.Errorf("%w: the file holds a whole sampler that was made without completion", ErrConfig)
	}
	pixels := e.spec.Height * e.spec.Width
	n := len(levels) / pixels
	batch := how.batch
	if batch == 0 {
		batch = min(incrementalBatch, (n+how.threads-1)/how.threads)
	}
	batch = min(batch, n)
	return how.inParts(ctx, levels, batch*pixels, func(ctx context.Context, at int, part []uint8) error {
		return e.drawBatch(ctx, first+uint64(at/pixels), part, how)
	})
}

// drawBatch draws the images of levels in one run.
func (e *wholeEngine) drawBatch(ctx context.Context, first uint64, levels []uint8, how options) error {
	height, width := e.spec.Height, e.spec.Width
	pixels := height * width
	n := len(levels) / pixels
	offset := int(first - how.first)
	logprob := make([]float32, n)
	var inputs, outputs []*onnx.Tensor
	for _, v := range e.spec.whole.inputs {
		var t *onnx.Tensor
		switch v.Name {
		case onefile.Uniforms:
			coins := make([]float64, n*pixels)
			for i := range n {
				uniforms(coins[i*pixels:(i+1)*pixels], how.seed, first+uint64(i))
			}
			t = onnx.NewTensor(coins, n, height, width)
		case onefile.Temperature:
			t = onnx.NewTensor([]float64{how.temperature}, 1)
		case onefile.Label:
			label := make([]int64, n)
			for i := range label {
				label[i] = int64(how.class(first + uint64(i)))
			}
			t = onnx.NewTensor(label, n)
		case onefile.Init:
			t = onnx.NewTensor(append([]uint8(nil), levels...), n, height, width)
		case onefile.Keep:
			keep := make([]bool, n*pixels)
			if how.keep != nil {
				copy(keep, how.keep[offset*pixels:])
			}
			t = onnx.NewTensor(keep, n, height, width)
		}
		inputs = append(inputs, t)
	}
	for _, v := range e.spec.whole.outputs {
		if v.Name == onefile.Levels {
			outputs = append(outputs, onnx.NewTensor(levels, n, height, width))
		} else {
			outputs = append(outputs, onnx.NewTensor(logprob, n))
		}
	}
	session, err := e.take()
	if err != nil {
		return err
	}
	defer e.release(session)
	run, err := session.Bind(inputs, outputs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrModel, err)
	}
	err = run.Run(ctx)
	if err = errors.Join(err, run.Close()); err != nil {
		return fmt.Errorf("sampler: %w", err)
	}
	for i, lp := range logprob {
		if lp != lp || math.IsInf(float64(lp), 1) {
			return fmt.Errorf("%w: image %d", ErrLogits, first+uint64(i))
		}
		e.note(how, offset+i, float64(lp))
	}
	for i, l := range levels {
		if int(l) >= e.spec.Levels {
			return fmt.Errorf("%w: it drew level %d of %d for image %d", ErrModel, l, e.spec.Levels, first+uint64(i/pixels))
		}
	}
	if how.after != nil {
		return how.after(n * pixels)
	}
	return nil
}

// note records an image's log-probability, of which the file tells the total only.
func (e *wholeEngine) note(how options, image int, logprob float64) {
	if how.record == nil {
		return
	}
	row := image * e.spec.Height
	how.record.model[row] = logprob
	how.record.drawn[row] = math.NaN()
	if how.temperature == 1 && how.keep == nil {
		how.record.drawn[row] = logprob
	}
	if how.keep != nil {
		how.record.kept[row] = math.NaN()
	}
}

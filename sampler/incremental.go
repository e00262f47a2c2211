package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// incrementalEngine runs a compiled program, which computes each activation once.
type incrementalEngine struct {
	rt     onnx.Runtime
	model  *onnx.Model
	opt    compile.Options
	values []float32 // input value of each level
	// labels gives the inputs besides the picture, for one image of a class; nil where
	// the model has none.
	labels func(class int) []*onnx.Tensor

	mu     sync.Mutex
	many   *variant          // for many images at once
	few    *variant          // for few; nil until it is needed
	idle   map[int][]*worker // by images
	recent []int             // numbers of images, the last used one last
}

// fewImages is up to how many images in a chunk the program for few is the faster.
const fewImages = 4

// variant is a program with its sessions.
type variant struct {
	program  *compile.Program
	stages   []onnx.Session
	prologue *prologue // nil where there are no labels
}

// newIncrementalEngine compiles a model; see [compile.Compile] for the errors.
func newIncrementalEngine(rt onnx.Runtime, model *onnx.Model, opt compile.Options, values []float32,
	labels func(class int) []*onnx.Tensor,
) (*incrementalEngine, error) {
	e := &incrementalEngine{rt: rt, model: model, opt: opt, values: values, labels: labels, idle: map[int][]*worker{}}
	var err error
	if e.many, err = e.variant(false); err != nil {
		return nil, err
	}
	if e.many.program.Prologue != nil && labels == nil {
		return nil, errors.Join(fmt.Errorf("%w: it wants labels: %v", ErrModel, e.many.program.LabelInputs), e.close())
	}
	return e, nil
}

func (e *incrementalEngine) variant(few bool) (*variant, error) {
	opt := e.opt
	opt.Few = few
	p, err := compile.Compile(e.model, opt)
	if err != nil {
		return nil, err
	}
	v := &variant{program: p}
	for _, s := range p.Stages {
		session, err := e.rt.Load(s.Graph, onnx.SessionOptions{})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sampler: loading a step: %w", err), v.close())
		}
		v.stages = append(v.stages, session)
	}
	if p.Prologue != nil {
		if v.prologue, err = newPrologue(e.rt, p); err != nil {
			return nil, errors.Join(err, v.close())
		}
	}
	return v, nil
}

func (v *variant) close() error {
	var errs []error
	for _, s := range v.stages {
		errs = append(errs, s.Close())
	}
	if v.prologue != nil {
		errs = append(errs, v.prologue.close())
	}
	return errors.Join(errs...)
}

func (e *incrementalEngine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, workers := range e.idle {
		for _, w := range workers {
			errs = append(errs, w.close())
		}
	}
	clear(e.idle)
	for _, v := range []*variant{e.many, e.few} {
		if v != nil {
			errs = append(errs, v.close())
		}
	}
	return errors.Join(errs...)
}

// incrementalBatch is the number of images in a chunk where the caller left it open
// and there are many: with more a chunk's caches outgrow the processor's.
const incrementalBatch = 64

func (e *incrementalEngine) draw(ctx context.Context, first uint64, levels []uint8, how options) error {
	pixels := e.many.program.Height * e.many.program.Width
	n := len(levels) / pixels
	batch := how.batch
	if batch == 0 {
		rounds := (n + how.threads*incrementalBatch - 1) / (how.threads * incrementalBatch)
		batch = (n + how.threads*rounds - 1) / (how.threads * rounds)
	}
	if batch = min(batch, n); batch == n {
		return e.drawChunk(ctx, first, levels, batch, how)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(how.threads)
	for i := 0; i < n; i += batch {
		part := levels[i*pixels : min(i+batch, n)*pixels]
		g.Go(func() error { return e.drawChunk(ctx, first+uint64(i), part, batch, how) })
	}
	return g.Wait()
}

func (e *incrementalEngine) drawChunk(ctx context.Context, first uint64, levels []uint8, batch int, how options) error {
	w, err := e.worker(batch)
	if err != nil {
		return err
	}
	defer e.release(w)
	return w.draw(ctx, first, levels, how)
}

// worker hands out one for batch images, a used one if there is one.
func (e *incrementalEngine) worker(batch int) (*worker, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if list := e.idle[batch]; len(list) > 0 {
		w := list[len(list)-1]
		e.idle[batch] = list[:len(list)-1]
		return w, nil
	}
	v := e.many
	if batch <= fewImages {
		if e.few == nil {
			few, err := e.variant(true)
			if err != nil {
				return nil, err
			}
			e.few = few
		}
		v = e.few
	}
	return newWorker(e, v, batch)
}

// keptSizes is for how many numbers of images idle workers are kept. A caller draws
// in chunks of one or two sizes.
const keptSizes = 4

// release takes a worker back.
func (e *incrementalEngine) release(w *worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.Index(e.recent, w.images)
	if at >= 0 {
		e.recent = slices.Delete(e.recent, at, at+1)
	}
	e.recent = append(e.recent, w.images)
	if len(e.recent) > keptSizes {
		for _, old := range e.idle[e.recent[0]] {
			_ = old.close() // frees memory only
		}
		delete(e.idle, e.recent[0])
		e.recent = slices.Delete(e.recent, 0, 1)
	}
	e.idle[w.images] = append(e.idle[w.images], w)
}

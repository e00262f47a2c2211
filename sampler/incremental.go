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
	memory int64    // the most that a draw's workers, and those that are idle, may take
	many   *variant // for many images at once

	making chan struct{} // holds one while a worker is made
	few    *variant      // for few images at once; nil until it is needed, by whoever makes a worker

	mu     sync.Mutex
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
	fixed    int64     // bytes that a worker takes
	bytes    int64     // and that it takes for each image
}

// newIncrementalEngine compiles a model; see [compile.Compile] for the errors.
func newIncrementalEngine(rt onnx.Runtime, model *onnx.Model, opt compile.Options, values []float32,
	labels func(class int) []*onnx.Tensor,
) (*incrementalEngine, error) {
	limits, err := onnx.LimitsOf(rt).WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	e := &incrementalEngine{
		rt: rt, model: model, opt: opt, values: values, labels: labels, memory: limits.Memory,
		making: make(chan struct{}, 1), idle: map[int][]*worker{},
	}
	if e.many, err = e.variant(context.Background(), false); err != nil {
		return nil, err
	}
	if e.many.program.Prologue != nil && labels == nil {
		return nil, errors.Join(fmt.Errorf("%w: it wants labels: %v", ErrModel, e.many.program.ConditionInputs), e.close())
	}
	return e, nil
}

func (e *incrementalEngine) variant(ctx context.Context, few bool) (*variant, error) {
	opt := e.opt
	opt.Latency, opt.Stop = few, ctx.Err
	p, err := compile.Compile(e.model, opt)
	if err != nil {
		return nil, err
	}
	v := &variant{program: p}
	v.fixed, v.bytes = workerBytes(p)
	for _, s := range p.Stages {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(fmt.Errorf("sampler: %w", err), v.close())
		}
		session, err := load(e.rt, s.Model)
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

// need is how many bytes a worker for so many images takes.
func (v *variant) need(images int) int64 { return v.fixed + int64(images)*v.bytes }

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
	threads := func(batch int) int { // as many as there is memory for
		return int(max(1, min(int64(how.threads), e.memory/e.many.need(batch))))
	}
	batch := how.batch
	if batch == 0 {
		t := threads(1)
		rounds := (n + t*incrementalBatch - 1) / (t * incrementalBatch)
		batch = (n + t*rounds - 1) / (t * rounds)
		batch = int(max(1, min(int64(batch), (e.memory/int64(t)-e.many.fixed)/e.many.bytes)))
	}
	batch = min(batch, n)
	if err := e.fits(batch); err != nil {
		return err
	}
	if batch == n {
		return e.drawChunk(ctx, first, levels, batch, how)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(threads(batch))
	for i := 0; i < n; i += batch {
		part := levels[i*pixels : min(i+batch, n)*pixels]
		g.Go(func() error { return e.drawChunk(ctx, first+uint64(i), part, batch, how) })
	}
	return g.Wait()
}

// fits tells whether so many images may be drawn together.
func (e *incrementalEngine) fits(images int) error {
	need := e.many.need(images)
	if need <= e.memory {
		return nil
	}
	return fmt.Errorf("sampler: %w", &onnx.LimitError{
		Limit: "Memory", What: fmt.Sprintf("bytes of what is kept of a batch of %d while it is drawn", images),
		Have: need, Max: e.memory,
	})
}

func (e *incrementalEngine) drawChunk(ctx context.Context, first uint64, levels []uint8, batch int, how options) error {
	w, err := e.worker(ctx, batch)
	if err != nil {
		return err
	}
	defer e.release(w)
	return w.draw(ctx, first, levels, how)
}

// worker hands out one for batch images, a used one if there is one.
func (e *incrementalEngine) worker(ctx context.Context, batch int) (*worker, error) {
	if w := e.take(batch); w != nil {
		return w, nil
	}
	select {
	case e.making <- struct{}{}:
		defer func() { <-e.making }()
	case <-ctx.Done():
		return nil, fmt.Errorf("sampler: %w", ctx.Err())
	}
	v := e.many
	if batch <= fewImages {
		if e.few == nil {
			few, err := e.variant(ctx, true)
			if err != nil {
				return nil, err
			}
			e.few = few
		}
		if e.few.need(batch) <= e.memory {
			v = e.few
		}
	}
	e.mu.Lock()
	e.evict(v.need(batch))
	e.mu.Unlock()
	return newWorker(ctx, e, v, batch)
}

// take hands out an idle worker, nil if there is none.
func (e *incrementalEngine) take(batch int) *worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.idle[batch]
	if len(list) == 0 {
		return nil
	}
	e.idle[batch] = list[:len(list)-1]
	return list[len(list)-1]
}

// keptSizes is for how many numbers of images idle workers are kept. A caller draws
// in chunks of one or two sizes.
const keptSizes = 4

// release takes a worker back.
func (e *incrementalEngine) release(w *worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := slices.Index(e.recent, w.images); at >= 0 {
		e.recent = slices.Delete(e.recent, at, at+1)
	}
	e.evict(w.need(w.images))
	e.recent = append(e.recent, w.images)
	e.idle[w.images] = append(e.idle[w.images], w)
}

// evict closes idle workers, of the sizes that were not used for longest, until there
// is room for one more of so many bytes. The caller holds the lock.
func (e *incrementalEngine) evict(need int64) {
	for _, list := range e.idle {
		for _, w := range list {
			need += w.need(w.images)
		}
	}
	for len(e.recent) >= keptSizes || len(e.recent) > 0 && need > e.memory {
		for _, old := range e.idle[e.recent[0]] {
			need -= old.need(old.images)
			_ = old.close() // frees memory only
		}
		delete(e.idle, e.recent[0])
		e.recent = slices.Delete(e.recent, 0, 1)
	}
}

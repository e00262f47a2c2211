package train

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// lanes is the number of parts of a batch. Each is worked on from its first image to
// its last and has a gradient of its own; the lanes' gradients are added in order.
// The number is fixed so that the result does not depend on the threads.
const lanes = 16

// An engine runs passes over images and updates the parameters.
type engine struct {
	rt      onnx.Runtime
	model   *models.Model
	packing packing
	cfg     Config
	images  int // of a whole pass
	threads int

	params, moment1, moment2 []float32 // what training changes
	turned                   []float32 // params as [packing.turn] has them
	zeros                    []float32
	lanes                    [lanes][]float32 // gradients
	workers                  []worker         // by thread
	updater

	mu       sync.Mutex
	sessions map[passKind]onnx.Session
}

// passKind tells graphs apart.
type passKind struct {
	images int
	learn  bool
}

// A worker is what a thread works with. It has the gradient of the lane that it is at, since a
// few of those are in the cache where all lanes' would not be, and room for the next.
type worker struct {
	sums   [2][]float32
	passes map[passKey]*pass
}

// passKey tells a worker's bindings apart: which gradient comes in and which goes out.
type passKey struct {
	passKind
	in, out int // indices of worker.sums; in is noSum for zeros
}

const noSum = -1

// A pass is a graph bound to its tensors.
type pass struct {
	binding onnx.Binding
	levels  []uint8   // [pixels, images]
	labels  []int32   // [images]; nil for a model without classes
	nll     []float32 // [images]
}

// newEngine starts from the packed parameters given, which it takes over.
func newEngine(rt onnx.Runtime, m *models.Model, l packing, params []float32, cfg Config) (_ *engine, err error) {
	vec := func() []float32 { return make([]float32, l.len) }
	e := &engine{
		rt: rt, model: m, packing: l, cfg: cfg, images: passImages(m), threads: cfg.Threads,
		params: params, turned: make([]float32, l.turned), moment1: vec(), moment2: vec(), zeros: vec(),
		workers: make([]worker, cfg.Threads), sessions: map[passKind]onnx.Session{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	for i := range e.lanes {
		e.lanes[i] = vec()
	}
	l.turn(e.turned, e.params)
	return e, e.bindUpdate()
}

// restore goes to another state.
func (e *engine) restore(params, moment1, moment2 []float32) {
	copy(e.params, params)
	copy(e.moment1, moment1)
	copy(e.moment2, moment2)
	e.packing.turn(e.turned, e.params)
}

// passImages is the number of images whose activations stay in a core's cache.
func passImages(m *models.Model) int {
	const want = 64 << 10 // elements of one activation
	return min(max(1, want/(m.Size*m.Size*m.Hidden)), 64)
}

// close frees the sessions. Nothing may be running.
func (e *engine) close() error {
	var errs []error
	for _, w := range e.workers {
		for _, p := range w.passes {
			errs = append(errs, p.binding.Close())
		}
	}
	e.workers = nil
	for _, s := range e.sessions {
		errs = append(errs, s.Close())
	}
	errs = append(errs, e.updater.close())
	e.sessions = nil
	return errors.Join(errs...)
}

// A turn is some consecutive passes of a lane, for one thread.
type turn struct {
	lane, first, end int
	after            int // the lane's turn before it; -1 for none
}

// turns deals passes out to lanes. Most lanes are a turn each, since what it works on stays in a
// core's cache. Of the last ones, as many as there are threads, passes take turns: so no thread
// waits long for another at the end.
func turns(passes, threads int) (list []turn) {
	whole := max(0, lanes-threads)
	for k := range whole {
		list = append(list, turn{k, passes * k / lanes, passes * (k + 1) / lanes, -1})
	}
	var last [lanes]int
	for i, more := 0, true; more; i++ {
		more = false
		for k := whole; k < lanes; k++ {
			first, end := passes*k/lanes+i, passes*(k+1)/lanes
			if i > 0 && first >= end {
				continue
			}
			t := turn{k, first, min(first+1, end), -1}
			if i > 0 {
				t.after = last[k]
			}
			last[k] = len(list)
			list, more = append(list, t), more || first+1 < end
		}
	}
	return list
}

// gradient runs the model on the chosen images and leaves the gradient of their
// summed negative log-likelihood in the lanes. It returns that sum, in nats.
func (e *engine) gradient(ctx context.Context, data *dataset.Split, index []int) (float64, error) {
	passes := (len(index) + e.images - 1) / e.images
	var nll [lanes]float64
	list := turns(passes, e.threads)
	done := make([]chan struct{}, len(list))
	for i := range done {
		done[i] = make(chan struct{})
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := e.parallel(ctx, len(list), func(thread, i int) error {
		t := list[i]
		if t.after >= 0 {
			select {
			case <-done[t.after]:
			case <-ctx.Done(): // it may not come
				return context.Cause(ctx)
			}
		}
		err := e.take(ctx, thread, t, passes, data, index, &nll[t.lane])
		if err != nil {
			stop(err)
			return err
		}
		close(done[i])
		return nil
	})
	sum := 0.0
	for _, x := range nll {
		sum += x
	}
	return sum, err
}

// take lets a worker run the passes of a turn, and adds to the sum of their negative
// log-likelihoods.
func (e *engine) take(ctx context.Context, thread int, t turn, passes int, data *dataset.Split, index []int, nll *float64) error {
	lane, sums := e.lanes[t.lane], e.worker(thread).sums
	in := noSum
	if t.first > passes*t.lane/lanes { // another turn has begun
		in = 0
		copy(sums[in], lane)
	}
	for i := t.first; i < t.end; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		out := (in + 1) % 2
		part := index[i*e.images : min(len(index), (i+1)*e.images)]
		got, err := e.run(thread, passKey{passKind{len(part), true}, in, out}, data, part)
		if err != nil {
			return err
		}
		for _, x := range got {
			*nll += float64(x)
		}
		in = out
	}
	if in == noSum {
		clear(lane)
		return nil
	}
	copy(lane, sums[in])
	return nil
}

// worker is what a thread works with, which is made when it is first wanted: there may be more
// threads than passes.
func (e *engine) worker(thread int) *worker {
	w := &e.workers[thread]
	if w.passes == nil {
		w.passes = map[passKey]*pass{}
		w.sums = [2][]float32{make([]float32, e.packing.len), make([]float32, e.packing.len)}
	}
	return w
}

// likelihoods returns the negative log-likelihood of each image, in nats.
func (e *engine) likelihoods(ctx context.Context, data *dataset.Split) ([]float32, error) {
	nll := make([]float32, data.N())
	index := make([]int, len(nll))
	for i := range index {
		index[i] = i
	}
	passes := (len(index) + e.images - 1) / e.images
	err := e.parallel(ctx, lanes, func(thread, k int) error {
		for i := passes * k / lanes; i < passes*(k+1)/lanes; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			part := index[i*e.images : min(len(index), (i+1)*e.images)]
			got, err := e.run(thread, passKey{passKind{len(part), false}, noSum, noSum}, data, part)
			if err != nil {
				return err
			}
			copy(nll[i*e.images:], got)
		}
		return nil
	})
	return nll, err
}

// run passes the chosen images through. The result is valid until the worker's next run.
func (e *engine) run(thread int, key passKey, data *dataset.Split, index []int) ([]float32, error) {
	w := e.worker(thread)
	p := w.passes[key]
	if p == nil {
		var err error
		if p, err = e.bind(w, key); err != nil {
			return nil, err
		}
		w.passes[key] = p
	}
	area, n := e.model.Size*e.model.Size, len(index)
	for i, image := range index {
		for j, level := range data.Pixels[image*area : (image+1)*area] {
			p.levels[j*n+i] = uint8(level)
		}
		if p.labels != nil {
			p.labels[i] = int32(data.Labels[image])
		}
	}
	// A pass is over in milliseconds: it need not be told to stop.
	if err := p.binding.Run(context.Background()); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return p.nll, nil
}

// bind makes a worker's pass, and the session that it needs where it is the first.
func (e *engine) bind(w *worker, key passKey) (*pass, error) {
	s, err := e.session(key.passKind)
	if err != nil {
		return nil, err
	}
	area := e.model.Size * e.model.Size
	p := &pass{levels: make([]uint8, area*key.images), nll: make([]float32, key.images)}
	in := []*onnx.Tensor{onnx.NewTensor(p.levels, area, key.images)}
	if e.model.Classes > 0 {
		p.labels = make([]int32, key.images)
		in = append(in, onnx.NewTensor(p.labels, key.images))
	}
	in = append(in, e.packing.inputs(e.params, e.turned)...)
	out := []*onnx.Tensor{onnx.NewTensor(p.nll, key.images)}
	if key.learn {
		from := e.zeros
		if key.in != noSum {
			from = w.sums[key.in]
		}
		in = append(in, e.packing.tensors(from)...)
		out = append(out, e.packing.tensors(w.sums[key.out])...)
	}
	if p.binding, err = s.Bind(in, out); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return p, nil
}

func (e *engine) session(kind passKind) (onnx.Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.sessions[kind]; s != nil {
		return s, nil
	}
	opt := onnx.SessionOptions{}
	if kind == (passKind{min(e.images, e.cfg.Batch), true}) {
		opt.ProfilePrefix = e.cfg.Profile
	}
	t := newPass(e.model, e.packing, shapeOf(e.model, kind.images), kind.learn)
	if onnx.NameOf(e.rt) == "ort" {
		t.leavesLast()
	}
	s, err := load(e.rt, t.graph, opt)
	if err == nil {
		e.sessions[kind] = s
	}
	return s, err
}

// shapeOf is the shape of a pass over so many images.
func shapeOf(m *models.Model, images int) shape {
	return shape{images: images, size: m.Size, levels: m.Levels, scale: m.InputScale, labels: m.Classes > 0}
}

// parallel calls f with 0 … n−1 on the engine's threads, in no particular order, and
// returns the first error by number. Calls of one thread come one after the other. It
// starts no further call once ctx has ended or one has failed, and returns when all are
// over.
func (e *engine) parallel(ctx context.Context, n int, f func(thread, i int) error) error {
	errs := make([]error, n)
	var next, failed atomic.Int64
	work := func(thread int) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n || failed.Load() > 0 || ctx.Err() != nil {
				return
			}
			if errs[i] = f(thread, i); errs[i] != nil {
				failed.Add(1)
			}
		}
	}
	var wg sync.WaitGroup
	for k := 1; k < min(e.threads, n); k++ {
		wg.Go(func() { work(k) })
	}
	work(0)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// Incremental runs a compiled program, which computes each activation once.
type Incremental struct {
	rt     onnx.Runtime
	net    Network
	opt    compile.Options
	memory int64 // the most that a draw's workers, and those that are idle, may take
	settle draw.Settler
	slots  Slots

	throughput *variant      // for many images at once
	making     chan struct{} // holds one while a worker is made
	latency    *variant      // for few; nil until it is needed, by whoever makes a worker
	pool       pool
}

// latencyImages is up to how many images in a batch the latency variant is the faster one.
const latencyImages = 4

// variant is a program with its sessions.
type variant struct {
	program  *compile.Program
	stages   []onnx.Session
	prologue *prologue // nil where there are no conditions
	fixed    int64     // bytes that a worker takes
	bytes    int64     // and that it takes for each image
}

// Network is what is compiled, and how its input is made and its outputs are read.
type Network struct {
	Model  *onnx.Model
	Head   likelihood.Head
	Values []float32 // input value of each level
	// Others are the inputs beside the picture, for one image of a class and with what it is
	// given of conditions; nil where there are none.
	Others func(class int, given []*onnx.Tensor) []*onnx.Tensor
}

// network is that of a signature.
func network(sig *signature.Signature) Network {
	n := Network{Model: sig.Model(), Head: sig.Head, Values: sig.Values()}
	if sig.ClassInput != "" || sig.Conditions != nil {
		n.Others = sig.Others
	}
	return n
}

// NewIncremental compiles a network; see [compile.Compile] for the errors.
func NewIncremental(rt onnx.Runtime, net Network, opt compile.Options, slots Slots) (*Incremental, error) {
	limits, err := onnx.LimitsOf(rt).WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	e := &Incremental{
		rt: rt, net: net, opt: opt, memory: limits.Memory,
		slots: slots, making: make(chan struct{}, 1), pool: newPool(cap(slots), limits.Memory),
	}
	if e.throughput, err = e.variant(context.Background(), false); err != nil {
		return nil, err
	}
	if p := e.throughput.program; p.Prologue != nil && net.Others == nil {
		return nil, errors.Join(fmt.Errorf("%w: it has inputs that are neither the picture nor a class: %v", signature.ErrModel, p.ConditionInputs), e.Close())
	}
	return e, nil
}

func (e *Incremental) variant(ctx context.Context, latency bool) (*variant, error) {
	opt := e.opt
	opt.Latency, opt.Stop = latency, ctx.Err
	p, err := compile.Compile(e.net.Model, opt)
	if err != nil {
		return nil, err
	}
	v := &variant{program: p}
	v.fixed, v.bytes = workerBytes(p)
	for _, s := range p.Stages {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(fmt.Errorf("sampler: %w", err), v.close())
		}
		session, err := e.rt.Load(s.Model, onnx.SessionOptions{})
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

// Need is how many bytes a worker for so many images of the throughput variant takes.
func (e *Incremental) Need(images int) int64 { return e.throughput.need(images) }

// Held is how many bytes idle workers take.
func (e *Incremental) Held() int64 { return e.pool.held() }

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

// Close frees it.
func (e *Incremental) Close() error {
	errs := []error{e.pool.close()}
	for _, v := range []*variant{e.throughput, e.latency} {
		if v != nil {
			errs = append(errs, v.close())
		}
	}
	return errors.Join(errs...)
}

// incrementalBatch is the number of images in a batch where the caller left it open
// and there are many: with more a batch's caches outgrow the processor's.
const incrementalBatch = 64

// lastCache is what a batch may keep to be read from a processor's last cache: three quarters of 32 MiB.
const lastCache = 24 << 20

// together is the number of images in a batch where the caller left it open. Each step reads all
// that attention keeps of each image. Where that of a batch on every thread fits into the
// processor's last cache, it is read from there. Where not even a few images fit, it comes from memory
// whatever the batch, and more images read the weights together.
func together(p *program.Program, threads int) int {
	kept := 0 // bytes an image
	for _, c := range p.Caches {
		if c.Grows() {
			kept += 4 * c.Channels * c.Slots
		}
	}
	if fit := lastCache / max(1, threads*kept); fit >= latencyImages {
		return min(fit, incrementalBatch)
	}
	return incrementalBatch
}

// Draw implements [Drawer].
func (e *Incremental) Draw(ctx context.Context, rows []draw.Row, run Run) error {
	n := len(rows)
	threads := func(batch int) int { // as many as there is memory for
		return int(max(1, min(int64(run.Threads), e.memory/e.throughput.need(batch))))
	}
	batch := run.Batch
	if batch == 0 {
		t := threads(1)
		most := together(e.throughput.program, t)
		rounds := (n + t*most - 1) / (t * most)
		batch = (n + t*rounds - 1) / (t * rounds)
		batch = int(max(1, min(int64(batch), (e.memory/int64(t)-e.throughput.fixed)/e.throughput.bytes)))
	}
	batch = min(batch, n)
	if e.pool.alternates && run.Batch == 0 {
		if room := Room(batch); e.fits(room) == nil {
			batch = room // some of it idle
		}
	}
	if err := e.fits(batch); err != nil {
		return err
	}
	run.Threads = threads(batch)
	return e.slots.inParts(ctx, rows, batch, run, func(ctx context.Context, part []draw.Row) error {
		return e.drawPart(ctx, part, batch, run)
	})
}

// drawPart draws rows together, as part of so many. Near ties wait for the end, unless somebody
// looks at the rows before or wants a record of how each symbol was drawn; rows of which one
// came out otherwise then are drawn again.
func (e *Incremental) drawPart(ctx context.Context, rows []draw.Row, batch int, run Run) error {
	postpone := e.settle != nil && !run.Held && !slices.ContainsFunc(rows, func(r draw.Row) bool { return r.Known != nil || r.Record != nil })
	var decided []draw.Decided
	for first := true; ; first = false {
		b := draw.NewBatch(e.net.Head, rows, e.throughput.program.Width, e.settle)
		if postpone {
			b.Postpone(decided)
		}
		w, err := e.worker(ctx, batch)
		if err != nil {
			return err
		}
		w, err = w.draw(ctx, rows, run, b, e.smaller)
		e.pool.release(w, !first)
		if err != nil {
			return err
		}
		again, known, bad, ok := b.Settle()
		if !ok {
			return b.Fail(bad, 0)
		}
		if len(again) == 0 {
			return nil
		}
		var left []draw.Row
		for _, i := range again {
			left = append(left, rows[i])
		}
		rows, decided = left, known
		run.After = nil // no progress
		for batch > latencyImages && batch/4 >= len(rows) {
			batch = max(batch/4, latencyImages)
		}
	}
}

// smaller goes on with what w draws, so many images, in an idle worker for half as many as w is for,
// or fewer. Where there is none it is w that goes on: to make one would take longer.
func (e *Incremental) smaller(w *worker, images int) *worker {
	if w.program.Grows() { // what is kept is not by slot and image
		return w
	}
	to := e.pool.spareFor(images, w.images/2, w.variant)
	if to == nil {
		return w
	}
	to.follow(w)
	e.pool.release(w, false)
	return to
}

// fits tells whether so many images may be drawn together.
func (e *Incremental) fits(images int) error {
	need := e.throughput.need(images)
	if need <= e.memory {
		return nil
	}
	return fmt.Errorf("sampler: %w", &onnx.LimitError{
		Limit: "Memory", What: fmt.Sprintf("bytes of what is kept of a batch of %d while it is drawn", images),
		Have: need, Max: e.memory,
	})
}

// worker hands out one for batch images, a used one if there is one.
func (e *Incremental) worker(ctx context.Context, batch int) (*worker, error) {
	if w := e.pool.take(batch); w != nil {
		return w, nil
	}
	select {
	case e.making <- struct{}{}:
		defer func() { <-e.making }()
	case <-ctx.Done():
		return nil, fmt.Errorf("sampler: %w", ctx.Err())
	}
	v := e.throughput
	if batch <= latencyImages {
		if e.latency == nil {
			latency, err := e.variant(ctx, true)
			if err != nil {
				return nil, err
			}
			e.latency = latency
		}
		if e.latency.need(batch) <= e.memory {
			v = e.latency
		}
	}
	e.pool.makeRoom(v.need(batch))
	return newWorker(ctx, e, v, batch)
}

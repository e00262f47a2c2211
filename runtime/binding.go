//go:build cgo

package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// held are the bindings that are open: one that is dropped unclosed leaks, and does not
// crash in its Pinner.
var held sync.Map // *binding

// shortRun is how long a run may have to be waited for when its context ends.
const shortRun = 10 * time.Millisecond

// binding implements [Binding].
type binding struct {
	session *session

	mu      sync.Mutex // held during a run
	io      *ort.IoBinding
	in, out []ort.Value
	passed  [][2]*Tensor // from an input to an output
	opts    *ort.RunOptions
	pins    goruntime.Pinner
	long    bool          // the next run may be a long one
	stopped chan struct{} // receives once opts have been told to terminate
	closed  bool
}

// Bind makes a binding; see [Session]. A tensor that does not fit is a
// [*ShapeError] or [*TypeError]; where a run would take more than the limits allow, the
// error is a [*LimitError]. Tensors of rank 0 cannot be bound, empty ones can.
func (s *session) Bind(inputs, outputs []*Tensor) (Binding, error) {
	if err := fit("input", s.inputs, inputs); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	if err := fit("output", s.outputs, outputs); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	if err := s.meter.Check(shapes(inputs)); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("runtime: session %w", ErrClosed)
	}
	b := &binding{session: s, long: true, stopped: make(chan struct{}, 1)}
	if err := b.make(inputs, outputs); err != nil {
		b.free()
		return nil, fmt.Errorf("%w: %s", ErrBind, oneLine(err.Error()))
	}
	for k, i := range s.passed {
		b.passed = append(b.passed, [2]*Tensor{inputs[i], outputs[k]})
	}
	s.bindings++
	held.Store(b, nil)
	return b, nil
}

func (b *binding) make(inputs, outputs []*Tensor) (err error) {
	if b.io, err = b.session.ort.CreateIoBinding(); err != nil {
		return err
	}
	if b.opts, err = ort.NewRunOptions(); err != nil {
		return err
	}
	if b.in, err = b.bind(b.io.BindInput, b.session.inputs, inputs); err != nil {
		return err
	}
	b.out, err = b.bind(b.io.BindOutput, b.session.outputs, outputs)
	return err
}

// bind makes a value of each tensor and hands it to set. The values are returned
// in case of an error, too.
func (b *binding) bind(set func(string, ort.Value) error, infos []ValueInfo, tensors []*Tensor) ([]ort.Value, error) {
	var values []ort.Value
	for i, t := range tensors {
		v, err := newValue(t, &b.pins)
		if err != nil {
			return values, err
		}
		values = append(values, v)
		if err := set(infos[i].Name, v); err != nil {
			return values, err
		}
	}
	return values, nil
}

// Run runs the graph; see [Binding]. A run that has come to its end is a
// success even if ctx ended meanwhile. Two calls at once run one after the other.
func (b *binding) Run(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("runtime: binding %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	start := time.Now()
	var err error
	if b.long && ctx.Done() != nil {
		err = b.runUntil(ctx)
	} else {
		err = b.session.ort.RunWithBinding(b.io)
	}
	// The yield starts a new time slice. Without it Go's monitor thread finds the same
	// goroutine in C slice after slice, wakes every 100 µs to take its processor away,
	// and costs a tenth of the time where every core is busy with runs.
	goruntime.Gosched()
	b.long = time.Since(start) > shortRun
	if err == nil {
		for _, p := range b.passed {
			p[0].CopyTo(p[1], 0)
		}
		return nil
	}
	if ctx.Err() != nil {
		b.long = true // it was stopped early
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", ErrRun, oneLine(err.Error()))
}

// runUntil is a run that ends early with ctx.
func (b *binding) runUntil(ctx context.Context) error {
	var fault error
	stop := context.AfterFunc(ctx, func() {
		fault = b.opts.Terminate()
		b.stopped <- struct{}{}
	})
	err := b.session.ort.RunWithOptions(b.in, b.out, b.opts)
	if !stop() {
		<-b.stopped // the options are being written to
		fault = errors.Join(fault, b.opts.UnsetTerminate())
	}
	return errors.Join(err, fault)
}

// Close waits for a Run in flight, unties the tensors and frees the binding.
func (b *binding) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	err := b.free()
	held.Delete(b)
	b.session.mu.Lock()
	b.session.bindings--
	b.session.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: a binding: %s", ErrClose, oneLine(err.Error()))
	}
	return nil
}

// free also frees what an unfinished make has left. The slices stay pinned until C
// has given up its pointers to them.
func (b *binding) free() error {
	var errs []error
	if b.io != nil {
		errs = append(errs, b.io.Destroy())
	}
	for _, values := range [][]ort.Value{b.in, b.out} {
		for _, v := range values {
			errs = append(errs, v.Destroy())
		}
	}
	if b.opts != nil {
		errs = append(errs, b.opts.Destroy())
	}
	b.in, b.out = nil, nil
	b.pins.Unpin()
	return errors.Join(errs...)
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// Full runs the whole network once per pixel, or once per symbol where the outputs of a
// channel depend on the pixel's earlier channels: the loop that every other
// PixelCNN uses, and the measure for the faster engine.
type Full struct {
	rt     onnx.Runtime
	sig    *signature.Signature
	memory int64 // the most that the tensors of a run may take
	settle draw.Settler
	slots  Slots

	plain  session // most samplers only draw, with the other engine, and need neither
	shared session // for one image of many classes

	fits sync.Map // of Fit, by batch
}

// session is loaded when it is needed.
type session struct {
	mu     sync.Mutex
	loaded onnx.Session
}

func (s *session) get(rt onnx.Runtime, model func() *onnx.Model) (onnx.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded == nil {
		loaded, err := rt.Load(model(), onnx.SessionOptions{})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
		}
		s.loaded = loaded
	}
	return s.loaded, nil
}

func (s *session) close() error {
	if s.loaded == nil {
		return nil
	}
	return s.loaded.Close()
}

func newFull(rt onnx.Runtime, sig *signature.Signature, slots Slots) (*Full, error) {
	limits, err := onnx.LimitsOf(rt).WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	return &Full{rt: rt, sig: sig, memory: limits.Memory, slots: slots}, nil
}

// session loads the network where that was not done yet.
func (e *Full) session() (onnx.Session, error) { return e.plain.get(e.rt, e.sig.Model) }

// Close frees it.
func (e *Full) Close() error { return errors.Join(e.plain.close(), e.shared.close()) }

// fullBatch is the batch where the caller left it open: enough to spread the cost
// of a run, few enough for one run to end soon after a context does.
const fullBatch = 64

// Draw implements [Drawer].
func (e *Full) Draw(ctx context.Context, rows []draw.Row, run Run) error {
	batch := run.Batch
	if batch == 0 {
		batch = min(fullBatch, (len(rows)+run.Threads-1)/run.Threads)
	}
	batch = min(batch, len(rows))
	if run.Batch == 0 || e.sig.Batch > 0 {
		batch = e.Fit(batch)
	}
	return e.slots.inParts(ctx, rows, batch, run, func(ctx context.Context, part []draw.Row) error {
		return e.drawBatch(ctx, part, batch, run)
	})
}

// drawBatch draws rows in a run of batch images, the last of which may be idle.
func (e *Full) drawBatch(ctx context.Context, rows []draw.Row, batch int, run Run) error {
	f, err := e.Forward(batch)
	if err != nil {
		return err
	}
	defer f.Close()
	// Pixels not drawn yet hold level 0; a causal model does not look at them.
	symbols, channels := e.sig.Symbols(), e.sig.Channels
	u := make([]float64, len(rows)*symbols)
	uniforms := draw.NewUniforms()
	for i := range rows {
		uniforms.Fill(u[i*symbols:(i+1)*symbols], 1, rows[i].How.Seed, rows[i].Image)
		f.SetClass(i, rows[i].Class)
		f.SetConditions(i, rows[i].Conditions)
	}
	b := draw.NewBatch(e.sig.Head, rows, e.sig.Width, e.settle)
	left := make([]int, len(rows)) // the rows that are wanted
	for i := range left {
		left[i] = i
	}
	for k := range symbols {
		left = slices.DeleteFunc(left, func(i int) bool { return !b.Wanted(i) })
		if len(left) == 0 {
			return nil
		}
		if k%channels == 0 || e.sig.SubPixel {
			if err := f.Run(ctx); err != nil {
				return err
			}
		}
		for _, i := range left {
			outputs, stride := f.At(i, k/channels)
			level := b.Symbol(i, k, outputs, stride, u[i*symbols+k])
			if level < 0 {
				return b.Fail(i, k)
			}
			f.Set(i, k, uint16(level))
		}
		if err := run.step(b); err != nil {
			return err
		}
	}
	return nil
}

// Forward is the plain network with tensors for a batch of images.
type Forward struct {
	*signature.Feed
	sig     *signature.Signature
	outputs []float32 // of Signature.OutputShape
	binding onnx.Binding
}

// Fit is batch, or as much less as the limits want, where the file does not fix it.
func (e *Full) Fit(batch int) int {
	if e.sig.Batch > 0 {
		return e.sig.Batch
	}
	if fit, ok := e.fits.Load(batch); ok {
		return fit.(int)
	}
	fit := batch
	for ; fit > 1; fit /= 2 {
		f, err := e.Forward(fit)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, onnx.ErrLimit) {
			break
		}
	}
	e.fits.Store(batch, fit)
	return fit
}

// Forward binds the network for a batch of images.
func (e *Full) Forward(batch int) (*Forward, error) {
	session, err := e.session()
	if err != nil {
		return nil, err
	}
	return e.bind(session, e.sig.Feed, batch)
}

// SharedForward is Forward for one image of many classes, for a model that lets it: see
// [signature.Signature.Shares].
func (e *Full) SharedForward(classes int) (*Forward, error) {
	session, err := e.shared.get(e.rt, e.sig.Shared)
	if err != nil {
		return nil, err
	}
	return e.bind(session, e.sig.SharedFeed, classes)
}

// bind binds a session for a batch of results.
func (e *Full) bind(session onnx.Session, feed func(n int) *signature.Feed, batch int) (*Forward, error) {
	sig := e.sig
	outputs := sig.Head.Outputs()
	// An image takes a float32 for each pixel and output, and a uniform.
	if need := int64(batch) * int64(sig.Pixels()) * int64(4+4*outputs+8); need > e.memory {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, &onnx.LimitError{
			Limit: "Memory", What: fmt.Sprintf("bytes of the pictures and logits of a batch of %d", batch), Have: need, Max: e.memory,
		})
	}
	var err error
	f := &Forward{Feed: feed(batch), sig: sig, outputs: make([]float32, batch*sig.Pixels()*outputs)}
	f.binding, err = session.Bind(f.Tensors(), []*onnx.Tensor{onnx.NewTensor(f.outputs, sig.OutputShape(batch)...)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
	}
	return f, nil
}

// At is the outputs for a pixel of an image, stride apart.
func (f *Forward) At(image, pixel int) (outputs []float32, stride int) {
	at, stride := f.sig.OutputAt(image, pixel)
	return f.outputs[at:], stride
}

// Run runs the network once.
func (f *Forward) Run(ctx context.Context) error {
	if err := f.binding.Run(ctx); err != nil {
		return fmt.Errorf("sampler: %w", err)
	}
	return nil
}

// Close frees the tensors.
func (f *Forward) Close() { _ = f.binding.Close() } // frees memory only

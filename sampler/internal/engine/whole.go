package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
)

// Whole is a network that is run whole. It is loaded when it is needed: most samplers only
// draw, with the compiled form.
type Whole struct {
	rt     onnx.Runtime
	sig    *signature.Signature
	memory int64 // the most that the tensors of a run may take
	model  func() *onnx.Model
	feed   func(batch int) *signature.Feed
	opt    onnx.SessionOptions

	mu     sync.Mutex
	loaded onnx.Session

	fits sync.Map // of Fit, by batch
}

// newWholes are the network as it is, as it scores, and as it scores one image of all classes:
// nil where the model does not let it, see [signature.Signature.Shares]. Nothing stands on the last
// digits of a score, so those two may be fast.
func newWholes(rt onnx.Runtime, sig *signature.Signature) (plain, scores, shared *Whole, err error) {
	limits, err := onnx.LimitsOf(rt).WithDefaults()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("sampler: %w", err)
	}
	whole := func(model func() *onnx.Model, feed func(int) *signature.Feed, fast bool) *Whole {
		return &Whole{rt: rt, sig: sig, memory: limits.Memory, model: model, feed: feed, opt: onnx.SessionOptions{Fast: fast}}
	}
	if sig.Shares() {
		shared = whole(sig.Shared, sig.SharedFeed, true)
	}
	return whole(sig.Model, sig.Feed, false), whole(sig.Model, sig.Feed, true), shared, nil
}

// session loads the network where that was not done yet.
func (w *Whole) session() (onnx.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loaded == nil {
		loaded, err := w.rt.Load(w.model(), w.opt)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
		}
		w.loaded = loaded
	}
	return w.loaded, nil
}

// Close frees it. A nil network has nothing to free.
func (w *Whole) Close() error {
	if w == nil || w.loaded == nil {
		return nil
	}
	return w.loaded.Close()
}

// Forward is a network with tensors for a batch of images.
type Forward struct {
	*signature.Feed
	sig     *signature.Signature
	outputs []float32 // of Signature.OutputShape
	binding onnx.Binding
}

// Fit is batch, or as much less as the limits want, where the file does not fix it.
func (w *Whole) Fit(batch int) int {
	if w.sig.Batch > 0 {
		return w.sig.Batch
	}
	if fit, ok := w.fits.Load(batch); ok {
		return fit.(int)
	}
	fit := batch
	for ; fit > 1; fit /= 2 {
		f, err := w.Forward(fit)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, onnx.ErrLimit) {
			break
		}
	}
	w.fits.Store(batch, fit)
	return fit
}

// Forward binds the network for a batch of images.
func (w *Whole) Forward(batch int) (*Forward, error) {
	session, err := w.session()
	if err != nil {
		return nil, err
	}
	outputs := w.sig.Head.Outputs()
	// An image takes a float32 for each pixel and output, and a uniform.
	if need := int64(batch) * int64(w.sig.Pixels()) * int64(4+4*outputs+8); need > w.memory {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, &onnx.LimitError{
			Limit: "Memory", What: fmt.Sprintf("bytes of the pictures and logits of a batch of %d", batch), Have: need, Max: w.memory,
		})
	}
	f := &Forward{Feed: w.feed(batch), sig: w.sig, outputs: make([]float32, batch*w.sig.Pixels()*outputs)}
	f.binding, err = session.Bind(f.Tensors(), []*onnx.Tensor{onnx.NewTensor(f.outputs, w.sig.OutputShape(batch)...)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
	}
	return f, nil
}

// At is the outputs for a pixel of an image, stride apart. Those for the next pixel are next to
// them.
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

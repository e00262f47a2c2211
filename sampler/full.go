package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pixelcnn/internal/onnx"
)

// fullEngine runs the whole network once per pixel: the loop that every other
// PixelCNN uses, and the measure for the faster engine.
type fullEngine struct {
	spec    *Spec
	values  []float32 // input value of each level
	session onnx.Session
	memory  int64 // the most that the tensors of a run may take

	rt         onnx.Runtime
	sharing    sync.Once
	forLabels  onnx.Session // see shared; nil until it is wanted
	sharingErr error
}

func newFullEngine(rt onnx.Runtime, spec *Spec, values []float32) (*fullEngine, error) {
	limits, err := onnx.LimitsOf(rt).WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	session, err := rt.Load(spec.file, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return &fullEngine{spec: spec, values: values, session: session, memory: limits.Memory, rt: rt}, nil
}

func (e *fullEngine) close() error {
	err := e.session.Close()
	if e.forLabels != nil {
		err = errors.Join(err, e.forLabels.Close())
	}
	return err
}

// fullBatch is the batch where the caller left it open: enough to spread the cost
// of a run, few enough for one run to end soon after a context does.
const fullBatch = 64

func (e *fullEngine) draw(ctx context.Context, first uint64, levels []uint8, how options) error {
	pixels := e.spec.Height * e.spec.Width
	n := len(levels) / pixels
	batch := how.batch
	if batch == 0 {
		batch = min(fullBatch, (n+how.threads-1)/how.threads)
	}
	batch = min(batch, n)
	if how.batch == 0 || e.spec.Batch > 0 {
		batch = e.fit(batch)
	}
	return how.inParts(ctx, levels, batch*pixels, func(ctx context.Context, at int, part []uint8) error {
		return e.drawBatch(ctx, first+uint64(at/pixels), part, batch, how)
	})
}

// drawBatch draws the images of levels in a run of batch images, the last of which
// may be idle.
func (e *fullEngine) drawBatch(ctx context.Context, first uint64, levels []uint8, batch int, how options) error {
	f, err := e.forward(batch)
	if err != nil {
		return err
	}
	defer f.close()
	pixels := e.spec.Height * e.spec.Width
	n := len(levels) / pixels
	coins := make([]float64, n*pixels)
	for i := range n {
		uniforms(coins[i*pixels:(i+1)*pixels], how.seed, first+uint64(i))
		f.class(i, how.class(first+uint64(i)))
	}
	d := how.begin(first, levels, e.spec.Height, e.spec.Width, e.spec.Levels)
	// Pixels not drawn yet hold level 0; a causal model does not look at them.
	for i := range f.image {
		f.image[i] = e.values[0]
	}
	for pixel := range pixels {
		if err := f.run(ctx); err != nil {
			return err
		}
		for i := range n {
			at, stride := e.spec.logitsAt(i, pixel)
			level := d.pixel(i, pixel, f.logits[at:], stride, coins[i*pixels+pixel])
			if level < 0 {
				return d.fail(i, pixel)
			}
			f.image[i*pixels+pixel] = e.values[level]
		}
		if err := d.step(); err != nil {
			return err
		}
	}
	return nil
}

// forward is the plain network with tensors for a batch of images.
type forward struct {
	image   []float32 // [batch, 1, H, W], or one for all of the batch
	logits  []float32 // of Spec.logitsShape
	label   *labelInput
	classes *onnx.Tensor // of labelInput.tensor; nil where the model has none
	binding onnx.Binding
}

// fit is batch, or as much less as the limits want, where the file does not fix it.
func (e *fullEngine) fit(batch int) int {
	if e.spec.Batch > 0 {
		return e.spec.Batch
	}
	for ; batch > 1; batch /= 2 {
		f, err := e.forward(batch)
		if err == nil {
			f.close()
		}
		if !errors.Is(err, onnx.ErrLimit) {
			break
		}
	}
	return batch
}

func (e *fullEngine) forward(batch int) (*forward, error) {
	return e.forwardOn(e.session, batch, batch)
}

// forwardShared is forward for one image and many labels.
func (e *fullEngine) forwardShared(labels int) (*forward, error) {
	session, err := e.shared()
	if err != nil {
		return nil, err
	}
	return e.forwardOn(session, 1, labels)
}

func (e *fullEngine) forwardOn(session onnx.Session, images, batch int) (*forward, error) {
	spec := e.spec
	shape := spec.logitsShape(batch)
	// An image takes a float32 for each pixel and logit, and a coin.
	if need := int64(batch) * int64(spec.Height*spec.Width) * int64(4+4*spec.Levels+8); need > e.memory {
		return nil, fmt.Errorf("%w: %w", ErrModel, &onnx.LimitError{
			Limit: "Memory", What: fmt.Sprintf("bytes of the pictures and logits of a batch of %d", batch), Have: need, Max: e.memory,
		})
	}
	f := &forward{
		image:  make([]float32, images*spec.Height*spec.Width),
		logits: make([]float32, batch*spec.Height*spec.Width*spec.Levels),
	}
	inputs := []*onnx.Tensor{onnx.NewTensor(f.image, images, 1, spec.Height, spec.Width)}
	if f.label = spec.label; f.label != nil {
		f.classes = f.label.tensor(batch)
		inputs = slices.Insert(inputs, f.label.at, f.classes)
	}
	var err error
	f.binding, err = session.Bind(inputs, []*onnx.Tensor{onnx.NewTensor(f.logits, shape...)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return f, nil
}

// class sets that of image i, where the model has classes.
func (f *forward) class(i, class int) {
	if f.label != nil {
		f.label.set(f.classes, i, class)
	}
}

func (f *forward) run(ctx context.Context) error {
	if err := f.binding.Run(ctx); err != nil {
		return fmt.Errorf("sampler: %w", err)
	}
	return nil
}

func (f *forward) close() { _ = f.binding.Close() } // frees memory only

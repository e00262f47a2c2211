package signature

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pixelcnn/internal/onnx"
)

var (
	// errUntried is wrapped where the runtime cannot run a model.
	errUntried = errors.New("it could not be tried")
	// ErrNotCausal is wrapped where outputs depend on their own symbol or a later one.
	ErrNotCausal = errors.New("the model is not causal")
)

// A Runner runs a network on a number of images.
type Runner interface {
	SetImage(image int, levels []uint16)
	SetClass(image, class int)
	Run(ctx context.Context) error
	// At is the outputs for a pixel of an image, stride apart.
	At(image, pixel int) (outputs []float32, stride int)
}

// Probe looks, by trial, for a symbol whose outputs depend on the symbol itself or a later one: it
// changes the symbols from some symbol on, and compares the outputs up to there. It tries up to
// places symbols, spread over the image, batch at a time, with the classes in turn. Where a pixel's
// outputs depend on its own earlier channels, it sets SubPixel. The error wraps [ErrNotCausal]
// where it finds such a symbol, and [ErrModel] where outputs are NaN.
func (s *Signature) Probe(ctx context.Context, f Runner, batch, places int) error {
	err := s.probe(ctx, f, batch, places, false)
	if errors.Is(err, ErrNotCausal) && !s.SubPixel && s.Channels > 1 && s.read.head != Mixture {
		s.SubPixel = true
		err = s.probe(ctx, f, batch, places, false)
	}
	if errors.Is(err, ErrNotCausal) && s.maybeNext() && s.probe(ctx, f, batch, places, true) == nil {
		return fmt.Errorf("%w: its outputs for a pixel depend on that pixel and those before, as a network's that says what comes next: say --start-token N, the integer that goes before the picture", ErrModel)
	}
	return err
}

// probe is [Signature.Probe]. Where own is set, outputs may depend on their own pixel.
func (s *Signature) probe(ctx context.Context, f Runner, batch, places int, own bool) error {
	symbols, channels := s.Symbols(), s.Channels
	rng := rand.New(rand.NewPCG(1, 1))
	base := make([]uint16, symbols)
	change := func(from []uint16) {
		for i := range from {
			from[i] = uint16(rng.IntN(s.Levels))
			if rng.IntN(2) == 0 { // the first and the last one show what few levels do
				from[i] = uint16(rng.IntN(2) * (s.Levels - 1))
			}
		}
	}
	change(base)
	for i := range batch {
		f.SetImage(i, base)
		f.SetClass(i, i%max(1, len(s.Classes)))
	}
	if err := f.Run(ctx); err != nil {
		return err
	}
	want := make([][]float32, batch)
	for i := range want {
		want[i] = s.outputs(f, i)
	}
	outputs := s.Head.Outputs()
	changed := make([]uint16, symbols)
	places = min(places, symbols)
	// place is the k-th symbol, of each channel in turn.
	place := func(k int) int {
		from := min(k, places-1) * symbols / places
		return from - from%channels + k%channels
	}
	for first := 0; first < places; first += batch {
		for i := range batch {
			copy(changed, base)
			change(changed[place(first+i):])
			f.SetImage(i, changed)
		}
		if err := f.Run(ctx); err != nil {
			return err
		}
		for i := range batch {
			from := place(first + i)
			got := s.outputs(f, i)
			for at := range (from/channels + 1) * outputs {
				pixel := at / outputs
				if pixel == from/channels && (own || s.symbolOf(at%outputs) > from%channels) {
					continue
				}
				x, before := float64(got[at]), float64(want[i][at])
				if math.IsNaN(x) || math.IsNaN(before) {
					return fmt.Errorf("%w: its outputs are NaN at row %d, column %d", ErrModel, pixel/s.Width, pixel%s.Width)
				}
				if x != before && !(math.Abs(x-before) <= 1e-4*(1+math.Abs(before))) {
					return fmt.Errorf("%w: %w: the outputs at row %d, column %d change with the pixels from row %d, column %d on",
						ErrModel, ErrNotCausal, pixel/s.Width, pixel%s.Width, from/channels/s.Width, from/channels%s.Width)
				}
			}
		}
	}
	return nil
}

// symbolOf is the first symbol of its pixel for which output k is needed.
func (s *Signature) symbolOf(k int) int {
	if !s.SubPixel {
		return 0
	}
	return k / (s.Head.Outputs() / s.Channels)
}

// outputs copies the outputs for an image, [H·W, outputs].
func (s *Signature) outputs(f Runner, image int) []float32 {
	all := make([]float32, 0, s.Pixels()*s.Head.Outputs())
	for pixel := range s.Pixels() {
		at, stride := f.At(image, pixel)
		for k := range s.Head.Outputs() {
			all = append(all, at[k*stride])
		}
	}
	return all
}

// try runs the model. It finds out by the values what the outputs are and, where order is set,
// whether the symbols can be drawn in this order.
func (s *Signature) try(rt onnx.Runtime, order bool) error {
	t, err := s.trial(rt)
	if err != nil {
		return err
	}
	defer t.close()
	ctx, batch := context.Background(), t.batch
	if order {
		// In a wrong order nearly every place shows it. Compiling proves the rest, and where that
		// fails the full loop tries many more.
		if err := s.Probe(ctx, t, batch, 8); err != nil {
			return err
		}
	}
	outputs, err := s.random(ctx, t, batch, 2)
	if err != nil {
		return fmt.Errorf("%w: %w: %w", ErrModel, errUntried, err)
	}
	if order && batch == 1 {
		another, err := s.random(ctx, t, batch, 3)
		if err != nil {
			return fmt.Errorf("%w: %w: %w", ErrModel, errUntried, err)
		}
		outputs = append(outputs, another...)
	}
	if order && !slices.ContainsFunc(outputs[1:], func(other []float32) bool { return !slices.Equal(other, outputs[0]) }) {
		return fmt.Errorf("%w: its outputs do not depend on input %q", ErrModel, s.Input)
	}
	return s.readForm(outputs)
}

// random runs the network on images of random levels, of one class.
func (s *Signature) random(ctx context.Context, f Runner, batch int, seed uint64) (outputs [][]float32, err error) {
	rng := rand.New(rand.NewPCG(seed, seed))
	levels := make([]uint16, s.Symbols())
	for i := range batch {
		for k := range levels {
			levels[k] = uint16(rng.IntN(s.Levels))
		}
		f.SetImage(i, levels)
		f.SetClass(i, 0)
	}
	if err := f.Run(ctx); err != nil {
		return nil, err
	}
	for i := range batch {
		outputs = append(outputs, s.outputs(f, i))
	}
	return outputs, nil
}

// Try runs a model that is beyond the compiler at many places; see [Signature.Probe] for the error.
// It is nil where rt cannot run it.
func (s *Signature) Try(rt onnx.Runtime) error {
	t, err := s.trial(rt)
	if err != nil {
		return nil
	}
	defer t.close()
	return s.Probe(context.Background(), t, t.batch, 64)
}

// trial is a network with tensors for a batch of images.
type trial struct {
	*Feed
	s       *Signature
	batch   int
	outputs []float32
	session onnx.Session
	binding onnx.Binding
}

// trial loads the network. The error wraps errUntried.
func (s *Signature) trial(rt onnx.Runtime) (*trial, error) {
	if rt == nil {
		return nil, fmt.Errorf("%w: there is no runtime", errUntried)
	}
	// Loading comes first: it refuses sizes that memory does not allow, such as a file's batch.
	session, err := rt.Load(s.model, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrModel, errUntried, err)
	}
	batch := cmp.Or(s.Batch, 4)
	t := &trial{Feed: s.Feed(batch), s: s, batch: batch, session: session, outputs: make([]float32, batch*s.Pixels()*s.Head.Outputs())}
	if t.binding, err = t.session.Bind(t.Tensors(), []*onnx.Tensor{onnx.NewTensor(t.outputs, s.OutputShape(batch)...)}); err != nil {
		_ = t.session.Close()
		return nil, fmt.Errorf("%w: %w: %w", ErrModel, errUntried, err)
	}
	return t, nil
}

func (t *trial) close() { _, _ = t.binding.Close(), t.session.Close() }

func (t *trial) Run(ctx context.Context) error { return t.binding.Run(ctx) }

func (t *trial) At(image, pixel int) (outputs []float32, stride int) {
	at, stride := t.s.OutputAt(image, pixel)
	return t.outputs[at:], stride
}

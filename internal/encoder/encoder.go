// Package encoder makes codes of pictures with the encoder of a VQ-VAE or the like: a picture goes
// in, float [N, C, H, W], and a small map of integers comes out, of which a model of codes can be
// trained.
package encoder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/onnx"
)

// ErrEncoder is wrapped where a network is not an encoder, or gives outputs that are not codes.
var ErrEncoder = errors.New("encoder")

// maxLevels is the largest number of codes, since levels have 16 bits.
const maxLevels = 1 << 16

// Options say how the network is used.
type Options struct {
	// Height and Width of pictures in pixels, where the file leaves them open; 0 means the file's.
	Height, Width int
	// Levels is the number of codes; 0 means as many as there are scores, or 65,536.
	Levels int
	// Low and High are the network's values of the bytes 0 and 255.
	Low, High float64
}

// Encoder is a network that has been loaded. It is safe for concurrent use.
type Encoder struct {
	Channels, Height, Width int   // of a picture: 1 for grey, 3 for RGB, 4 with opacity
	Shape                   []int // of its codes: [h, w]
	Levels                  int   // the number of codes
	Batch                   int   // pictures in a run: the file's, or 1 where it leaves that open

	session    onnx.Session
	out        *onnx.Value
	scores     int // for each code, of which the largest decides; 0 where the output is codes
	value      [256]float32
	outputSize []int
}

// Open loads the network on a runtime. The model is not changed. The error wraps [ErrEncoder] where
// the network does not take one picture and give one map of codes; others are the runtime's.
func Open(rt onnx.Runtime, m *onnx.Model, opt Options) (*Encoder, error) {
	e := &Encoder{Levels: opt.Levels}
	for v := range e.value {
		e.value[v] = float32(opt.Low + (opt.High-opt.Low)*float64(v)/255)
	}
	m = m.Clone()
	input, err := e.input(m.Graph, opt)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoder, err)
	}
	simple, err := onnx.Simplify(m, map[string][]int{input.Name: onnx.Sizes(input.Shape)})
	if err != nil {
		return nil, fmt.Errorf("%w: for pictures of %d×%d: %w", ErrEncoder, e.Height, e.Width, err)
	}
	if err := e.output(m.Graph, simple.Graph); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoder, err)
	}
	e.session, err = rt.Load(m, onnx.SessionOptions{})
	return e, err
}

// input finds the picture and fixes its size.
func (e *Encoder) input(g *onnx.Graph, opt Options) (*onnx.Value, error) {
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("it has %d inputs, must have one, the picture", len(g.Inputs))
	}
	in := g.Inputs[0]
	if in.DType != onnx.Float32 || len(in.Shape) != 4 {
		return nil, fmt.Errorf("its input %q is %s %v, must be float32 [N, C, H, W]", in.Name, in.DType, onnx.Sizes(in.Shape))
	}
	shape := onnx.Sizes(in.Shape)
	e.Batch, e.Channels = max(1, shape[0]), shape[1]
	if !slices.Contains([]int{1, 3, 4}, e.Channels) {
		return nil, fmt.Errorf("its input %q is %v, must have 1, 3 or 4 channels, [N, C, H, W]", in.Name, shape)
	}
	for _, side := range []struct {
		flag      string
		has, asks int
		to        *int
	}{{"height", shape[2], opt.Height, &e.Height}, {"width", shape[3], opt.Width, &e.Width}} {
		switch {
		case side.has < 1 && side.asks < 1:
			return nil, fmt.Errorf("its input %q leaves the %s open: say it with --%s", in.Name, side.flag, side.flag)
		case side.has > 0 && side.asks > 0 && side.has != side.asks:
			return nil, fmt.Errorf("its input %q has %s %d, --%s is %d", in.Name, side.flag, side.has, side.flag, side.asks)
		}
		*side.to = max(side.has, side.asks)
	}
	in.Shape = onnx.Shape(e.Batch, e.Channels, e.Height, e.Width)
	return in, nil
}

// output finds out what the output is. simple has its shape.
func (e *Encoder) output(g, simple *onnx.Graph) error {
	if len(g.Outputs) != 1 {
		return fmt.Errorf("it has %d outputs, must have one, the codes", len(g.Outputs))
	}
	e.out = g.Outputs[0]
	shape := onnx.Sizes(simple.Outputs[0].Shape)
	if shape == nil {
		shape = onnx.Sizes(e.out.Shape)
		if len(shape) > 0 && shape[0] < 0 {
			shape[0] = e.Batch
		}
	}
	dtype := e.out.DType
	is := fmt.Sprintf("its output %q is %s %v", e.out.Name, dtype, shape)
	integers := dtype == onnx.Int64 || dtype == onnx.Int32
	switch {
	case len(shape) == 0 || slices.Min(shape) < 1 || shape[0] != e.Batch:
		return fmt.Errorf("%s, must be %d maps of known size", is, e.Batch)
	case integers && len(shape) == 3:
		e.Shape = shape[1:]
	case integers && len(shape) == 4 && shape[1] == 1:
		e.Shape = shape[2:]
	case integers && len(shape) == 2:
		h := int(math.Round(math.Sqrt(float64(shape[1]) * float64(e.Height) / float64(e.Width))))
		if h < 1 || shape[1]%h != 0 || h*e.Width != shape[1]/h*e.Height {
			return fmt.Errorf("%s, which is not a map of the shape of a picture of %d×%d", is, e.Height, e.Width)
		}
		e.Shape = []int{h, shape[1] / h}
	case (integers || dtype == onnx.Float32 || dtype == onnx.Float64) && len(shape) == 4 && shape[1] > 1:
		e.scores, e.Shape = shape[1], shape[2:]
		if e.Levels = cmp.Or(e.Levels, e.scores); e.Levels != e.scores {
			return fmt.Errorf("%s, scores of %d codes; --levels is %d", is, e.scores, e.Levels)
		}
	default:
		return fmt.Errorf("%s, must be codes, int64 or int32 [N, h, w] or [N, h·w], or scores [N, K, h, w] of K codes", is)
	}
	if e.Levels = cmp.Or(e.Levels, maxLevels); e.Levels < 2 || e.Levels > maxLevels {
		return fmt.Errorf("%s, of %d codes; must be from 2 to %d", is, e.Levels, maxLevels)
	}
	e.outputSize = shape
	e.out.Shape = onnx.Shape(shape...)
	return nil
}

// Close frees the network. All workers must be closed before.
func (e *Encoder) Close() error { return e.session.Close() }

// Worker runs the network. It is for one goroutine.
type Worker struct {
	e       *Encoder
	in, out *onnx.Tensor
	binding onnx.Binding
}

// Worker makes a worker.
func (e *Encoder) Worker() (*Worker, error) {
	in := onnx.Zeros(onnx.Float32, e.Batch, e.Channels, e.Height, e.Width)
	out := onnx.Zeros(e.out.DType, e.outputSize...)
	b, err := e.session.Bind([]*onnx.Tensor{in}, []*onnx.Tensor{out})
	if err != nil {
		return nil, err
	}
	return &Worker{e, in, out, b}, nil
}

// Close frees what the worker holds.
func (w *Worker) Close() error { return w.binding.Close() }

// Encode makes the codes, [n, h, w], of n pictures of bytes 0 to 255, [n, H, W, C], where n is at
// most the encoder's Batch. Where the file leaves the batch open each picture is run alone, so that
// its codes do not depend on other pictures.
func (w *Worker) Encode(ctx context.Context, pictures, codes []uint16) error {
	e := w.e
	area := e.Height * e.Width
	x := w.in.Data.([]float32)
	for k, v := range pictures {
		n, at, c := k/(area*e.Channels), k/e.Channels%area, k%e.Channels
		x[(n*e.Channels+c)*area+at] = e.value[v]
	}
	clear(x[len(pictures):])
	if err := w.binding.Run(ctx); err != nil {
		return err
	}
	switch y := w.out.Data.(type) {
	case []float32:
		return read(e, y, codes)
	case []float64:
		return read(e, y, codes)
	case []int64:
		return read(e, y, codes)
	default:
		return read(e, y.([]int32), codes)
	}
}

// read takes codes from an output.
func read[T float32 | float64 | int64 | int32](e *Encoder, y []T, codes []uint16) error {
	area := e.Shape[0] * e.Shape[1]
	for k := range codes {
		if e.scores == 0 {
			if y[k] < 0 || float64(y[k]) >= float64(e.Levels) {
				return fmt.Errorf("%w: it gives the code %v, must be from 0 to %d (--levels)", ErrEncoder, y[k], e.Levels-1)
			}
			codes[k] = uint16(y[k])
			continue
		}
		of := y[k/area*e.scores*area+k%area:]
		best := of[0]
		codes[k] = 0
		for c := range e.scores {
			score := of[c*area]
			if score != score {
				return fmt.Errorf("%w: it gives a score that is not a number", ErrEncoder)
			}
			if score > best {
				best, codes[k] = score, uint16(c)
			}
		}
	}
	return nil
}

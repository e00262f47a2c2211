package signature

import (
	"cmp"
	"errors"
	"fmt"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

var (
	// ErrModel is wrapped by every error about a file that is no model to draw from.
	ErrModel = errors.New("sampler: unusable model")
	// ErrConfig is wrapped by every error about a setting.
	ErrConfig = errors.New("sampler: invalid configuration")
)

// Options say what a file leaves open. The zero value reads the file as it is.
type Options struct {
	// Height and Width are those of the images where not 0.
	Height, Width int
	// Scale turns a level into the model's input.
	Scale encoding.Scale
}

// Check validates the options. The error wraps [ErrConfig].
func (o Options) Check() error {
	if err := checkSize(o.Height, o.Width); err != nil {
		return err
	}
	if err := o.Scale.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// Signature is what a model file takes and gives.
type Signature struct {
	Meta          format.Meta // zero for a file from elsewhere
	Height, Width int         // of the images to draw
	Channels      int         // of a pixel
	Levels        int         // of a channel
	Input, Output string      // names of the picture's input and of the logits
	Layout        Layout
	Batch         int // images a run where the file fixes it, else 0

	Scale encoding.Scale  // from a level to the input's value
	Head  likelihood.Head // from the outputs to probabilities

	// ClassInput is the name of a class-conditional model's second input; it is empty for
	// other models, which have no classes.
	ClassInput string
	// Classes are the names of the classes, by number; where the file has none, they are
	// the numbers. It is nil where the file does not tell how many classes there are.
	Classes []string
	// Prior is the probability of each class; equal ones where the file has none.
	Prior []float64

	// Findings are the parts of the signature, and how each was found out.
	Findings []Finding

	// OneFile is nil but for a file that holds a one-file sampler.
	OneFile *OneFile

	model      *onnx.Model // for images of Height×Width
	pictureAt  int         // place among the graph's inputs
	classInput *classInput
}

// A Finding is a part of a signature and why it was read so.
type Finding struct{ Part, Value, Why string }

// found notes how a part was found out.
func (s *Signature) found(part, value, format string, args ...any) {
	s.Findings = append(s.Findings, Finding{part, value, fmt.Sprintf(format, args...)})
}

// Layout is the order of the outputs' dimensions. The picture's are always [N,1,H,W].
type Layout int

const (
	NLHW  Layout = iota // [N, levels, H, W]
	NHWL                // [N, H, W, levels]
	NL1HW               // [N, levels, 1, H, W]
)

func (l Layout) String() string {
	return [...]string{"[batch, levels, height, width]", "[batch, height, width, levels]", "[batch, levels, 1, height, width]"}[l]
}

// Read reads the signature of a model, which it takes over: it declares another size in
// it where one is asked for. The errors wrap [ErrModel], for a model that cannot draw in
// that size too, and [ErrConfig] for options that are invalid.
func Read(m *onnx.Model, opt Options) (*Signature, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	s := &Signature{model: m, Channels: 1, Scale: opt.Scale}
	var err error
	if s.Meta, err = format.Parse(m.Metadata); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Metadata[format.Sampler] != "" {
		if s.Scale != (encoding.Scale{}) {
			return nil, fmt.Errorf("%w: pixel scale and offset cannot be set with a file that holds a one-file sampler: take the model that it was made of", ErrConfig)
		}
		return s, s.readOneFile(opt.Height, opt.Width)
	}
	for _, read := range []func() error{s.readInputs, s.readOutput, s.readClasses} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	s.readScale()
	return s, s.resize(opt.Height, opt.Width)
}

// Model is the graph that the signature is of, for images of its size.
func (s *Signature) Model() *onnx.Model { return s.model }

// readInputs finds the picture and the class input.
func (s *Signature) readInputs() error {
	inputs := s.model.Graph.Inputs
	isPicture := func(v *onnx.Value) bool {
		shape := onnx.Sizes(v.Shape)
		return v.DType == onnx.Float32 && len(shape) == 4 && shape[1] == 1
	}
	switch len(inputs) {
	case 1:
	case 2:
		if !isPicture(inputs[0]) && isPicture(inputs[1]) {
			s.pictureAt = 1
		}
		var err error
		if s.classInput, err = readClassInput(inputs[1-s.pictureAt], 1-s.pictureAt); err != nil {
			return err
		}
		s.ClassInput = s.classInput.name
	default:
		return fmt.Errorf("%w: it has %d inputs; a picture and a class are what is known here", ErrModel, len(inputs))
	}
	in := inputs[s.pictureAt]
	shape := onnx.Sizes(in.Shape)
	if !isPicture(in) {
		return fmt.Errorf("%w: input %q is %v %v, must be float32 [batch, 1, height, width]", ErrModel, in.Name, in.DType, shape)
	}
	s.Input, s.Batch = in.Name, max(0, shape[0])
	if s.classInput != nil {
		if n := s.classInput.shape[0]; n > 0 && n != s.Batch {
			return fmt.Errorf("%w: input %q is for %d images, input %q is not", ErrModel, s.ClassInput, n, s.Input)
		}
	}
	for _, d := range []struct {
		name    string
		field   *int
		meta    int
		current int
	}{
		{"height", &s.Height, s.Meta.Height, shape[2]},
		{"width", &s.Width, s.Meta.Width, shape[3]},
	} {
		if d.current > 0 && d.meta > 0 && d.current != d.meta {
			return fmt.Errorf("%w: its metadata say %s %d, its input %q says %d", ErrModel, d.name, d.meta, in.Name, d.current)
		}
		*d.field = max(0, d.current, d.meta)
	}
	return nil
}

// readOutput finds the outputs' layout and the head.
func (s *Signature) readOutput() error {
	outputs := s.model.Graph.Outputs
	if len(outputs) != 1 {
		return fmt.Errorf("%w: it has %d outputs, must have one, the logits", ErrModel, len(outputs))
	}
	out := outputs[0]
	s.Output = out.Name
	shape := onnx.Sizes(out.Shape)
	is := func(size, want int) bool { return size == want || size == -1 }
	switch {
	case out.DType != onnx.Float32:
		return fmt.Errorf("%w: output %q is %v, must be float32", ErrModel, out.Name, out.DType)
	case len(shape) == 4 && is(shape[2], s.Height) && is(shape[3], s.Width) && shape[1] > 0:
		s.Layout, s.Levels = NLHW, shape[1]
	case len(shape) == 4 && is(shape[1], s.Height) && is(shape[2], s.Width) && shape[3] > 0:
		s.Layout, s.Levels = NHWL, shape[3]
	case len(shape) == 5 && is(shape[3], s.Height) && is(shape[4], s.Width) && shape[1] > 0 && shape[2] == 1:
		s.Layout, s.Levels = NL1HW, shape[1]
	default:
		return fmt.Errorf("%w: output %q has shape %v, must be [batch, levels, height, width] of the image, %d×%d",
			ErrModel, out.Name, shape, s.Height, s.Width)
	}
	if s.Levels < format.MinLevels || s.Levels > format.MaxLevels {
		return fmt.Errorf("%w: output %q has %d levels, must have %d to %d", ErrModel, out.Name, s.Levels, format.MinLevels, format.MaxLevels)
	}
	if s.Meta.Format != "" && s.Meta.Levels != s.Levels {
		return fmt.Errorf("%w: its metadata say %d levels, its output %q has %d", ErrModel, s.Meta.Levels, out.Name, s.Levels)
	}
	s.Head = likelihood.Categorical{Depth: s.Levels}
	s.found("layout", s.Layout.String(), "by the picture's %d×%d", s.Height, s.Width)
	s.found("head", s.Head.Name(), "an output for each level")
	return nil
}

// readScale notes where the input's scale is from.
func (s *Signature) readScale() {
	switch {
	case s.Scale != encoding.Scale{}:
		s.found("input scale", fmt.Sprintf("level·%g + %g", cmp.Or(s.Scale.Factor, encoding.Unit(s.Levels)), s.Scale.Offset), "as it was set")
	case s.Meta.PixelScale != 0:
		if scale := (encoding.Scale{Factor: s.Meta.PixelScale, Offset: s.Meta.PixelOffset}); scale != (encoding.Scale{Factor: encoding.Unit(s.Levels)}) {
			s.Scale = scale // else the division's last bits are the trainer's
		}
		s.found("input scale", fmt.Sprintf("level·%g + %g", s.Meta.PixelScale, s.Meta.PixelOffset), "by its metadata")
	case s.Meta.Format != "":
		s.found("input scale", "level/(levels−1)", "as in every file of this format that does not say")
	default:
		s.found("input scale", "level/(levels−1)", "assumed; the file does not say")
	}
}

// Values tabulates the input's value of each level, [levels].
func (s *Signature) Values() []float32 { return s.Scale.Values(s.Levels) }

// OutputShape is the shape of the outputs of n images.
func (s *Signature) OutputShape(n int) []int {
	outputs := s.Head.Outputs()
	switch s.Layout {
	case NHWL:
		return []int{n, s.Height, s.Width, outputs}
	case NL1HW:
		return []int{n, outputs, 1, s.Height, s.Width}
	default:
		return []int{n, outputs, s.Height, s.Width}
	}
}

// OutputAt is where the outputs for a pixel of an image begin, and the stride from one to
// the next.
func (s *Signature) OutputAt(image, pixel int) (offset, stride int) {
	pixels, outputs := s.Pixels(), s.Head.Outputs()
	if s.Layout == NHWL {
		return (image*pixels + pixel) * outputs, 1
	}
	return image*pixels*outputs + pixel, pixels
}

// Pixels is the number of pixels of an image.
func (s *Signature) Pixels() int { return s.Height * s.Width }

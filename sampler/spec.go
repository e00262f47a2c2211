package sampler

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// ErrModel is wrapped by every error about a file that is no model to draw from.
var ErrModel = errors.New("sampler: unusable model")

// Spec is what a model file is, as far as drawing is concerned.
type Spec struct {
	Meta          format.Meta // zero for a file from elsewhere
	Height, Width int         // of the images to draw
	Levels        int
	Input, Output string // names of the image input and of the logits
	Layout        Layout
	Batch         int // images a run where the file fixes it, else 0

	// Label is the name of a class-conditional model's second input; it is empty for
	// other models, which have no classes.
	Label string
	// Classes are the names of the classes, by number; where the file has none, they are
	// the numbers. It is nil where the file does not tell how many classes there are.
	Classes []string
	// Prior is the probability of each class; equal ones where the file has none.
	Prior []float64

	file    []byte // for images of Height×Width
	model   *onnx.Model
	imageAt int // place among the graph's inputs
	label   *labelInput
	whole   *whole // nil but for a file that holds a whole sampler
}

// errNoFile is what a spec says that was not read from a file.
var errNoFile = fmt.Errorf("%w: the spec is of no file: read one with ReadSpec", ErrModel)

// Layout is the order of the logits' dimensions. The image's are always [N,1,H,W].
type Layout int

const (
	NLHW  Layout = iota // [N, levels, H, W]
	NHWL                // [N, H, W, levels]
	NL1HW               // [N, levels, 1, H, W]
)

// ReadSpec reads a model file without running it. The error wraps [ErrModel].
func ReadSpec(file []byte) (*Spec, error) { return ReadSpecSize(file, 0, 0) }

// ReadSpecSize reads a model file for images of another size than the file's; 0 keeps
// the file's. The errors wrap [ErrModel], for a model that cannot draw in that size too,
// and [ErrConfig] for a size that is none.
func ReadSpecSize(file []byte, height, width int) (*Spec, error) {
	if err := checkSize(height, width); err != nil {
		return nil, err
	}
	m, err := onnx.Unmarshal(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	s := &Spec{file: file, model: m}
	if s.Meta, err = format.Parse(m.Metadata); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Metadata[format.Sampler] != "" {
		return s, s.readWhole(height, width)
	}
	if err := s.readInputs(); err != nil {
		return nil, err
	}
	if err := s.readOutput(); err != nil {
		return nil, err
	}
	if err := s.readClasses(); err != nil {
		return nil, err
	}
	return s, s.resize(height, width)
}

// readInputs finds the picture and the label.
func (s *Spec) readInputs() error {
	inputs := s.model.Graph.Inputs
	isImage := func(v *onnx.Value) bool {
		shape := onnx.Sizes(v.Shape)
		return v.DType == onnx.Float32 && len(shape) == 4 && shape[1] == 1
	}
	switch len(inputs) {
	case 1:
	case 2:
		if !isImage(inputs[0]) && isImage(inputs[1]) {
			s.imageAt = 1
		}
		var err error
		if s.label, err = readLabel(inputs[1-s.imageAt], 1-s.imageAt); err != nil {
			return err
		}
		s.Label = s.label.name
	default:
		return fmt.Errorf("%w: it has %d inputs; the image and a label are what is known here", ErrModel, len(inputs))
	}
	in := inputs[s.imageAt]
	shape := onnx.Sizes(in.Shape)
	if !isImage(in) {
		return fmt.Errorf("%w: input %q is %v %v, must be float32 [batch, 1, height, width]", ErrModel, in.Name, in.DType, shape)
	}
	s.Input, s.Batch = in.Name, max(0, shape[0])
	if s.label != nil {
		if n := s.label.shape[0]; n > 0 && n != s.Batch {
			return fmt.Errorf("%w: input %q is for %d images, input %q is not", ErrModel, s.Label, n, s.Input)
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

func (s *Spec) readOutput() error {
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
	return nil
}

// inputs tabulates the model's input value of each level.
func (s *Spec) inputs(scale, offset float64) []float32 {
	v := make([]float32, s.Levels)
	for level := range v {
		if scale == 0 {
			// The division is the trainer's: a product with 1/(levels-1) rounds otherwise.
			v[level] = float32(float64(level)/float64(s.Levels-1) + offset)
		} else {
			v[level] = float32(float64(float64(level)*scale) + offset)
		}
	}
	return v
}

// logitsShape is the shape of the logits of n images.
func (s *Spec) logitsShape(n int) []int {
	switch s.Layout {
	case NHWL:
		return []int{n, s.Height, s.Width, s.Levels}
	case NL1HW:
		return []int{n, s.Levels, 1, s.Height, s.Width}
	default:
		return []int{n, s.Levels, s.Height, s.Width}
	}
}

// logitsAt is where the logits of a pixel of an image begin, and the stride from
// one level's to the next.
func (s *Spec) logitsAt(image, pixel int) (offset, stride int) {
	pixels := s.Height * s.Width
	if s.Layout == NHWL {
		return (image*pixels + pixel) * s.Levels, 1
	}
	return image*pixels*s.Levels + pixel, pixels
}

// Gray makes a picture of levels, [H, W]: level 0 is black, the last one white, level
// k is k·255/(levels-1), rounded up: the rounding with which ⌊grey·levels/256⌋, as
// pictures are quantised, gives k again. It is nil where levels are no image of the
// model's: not H·W of them, or one beyond the last.
func (s *Spec) Gray(levels []uint8) *image.Gray {
	top := s.Levels - 1
	if top < 1 || s.Height < 1 || s.Width < 1 || len(levels) != s.Height*s.Width || int(slices.Max(levels)) > top {
		return nil
	}
	img := image.NewGray(image.Rect(0, 0, s.Width, s.Height))
	for i, l := range levels {
		img.Pix[i] = uint8((int(l)*255 + top - 1) / top)
	}
	return img
}

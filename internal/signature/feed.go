package signature

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// Feed holds the inputs for a number of images.
type Feed struct {
	picture          []float32 // [N, C, H, W]
	values           []float32 // input value of each level
	pixels, channels int
	class            *classInput
	classes          *onnx.Tensor   // nil where the model has none
	conditions       []*onnx.Tensor // [N, ...] each
	tensors          []*onnx.Tensor
}

// Feed makes room for the inputs of n images, which all have level 0, class 0 and conditions
// of ones: an embedding has such an entry, and as a mask they hide nothing.
func (s *Signature) Feed(n int) *Feed { return s.feed(n, n) }

// SharedFeed is [Signature.Feed] for the model that [Signature.Shared] gives: one image of n
// classes.
func (s *Signature) SharedFeed(n int) *Feed { return s.feed(1, n) }

func (s *Signature) feed(images, n int) *Feed {
	f := &Feed{
		picture: make([]float32, images*s.Symbols()), values: s.Values(), pixels: s.Pixels(), channels: s.Channels,
		class: s.classInput, tensors: make([]*onnx.Tensor, len(s.model.Graph.Inputs)),
	}
	f.tensors[s.pictureAt] = onnx.NewTensor(f.picture, images, s.Channels, s.Height, s.Width)
	if f.class != nil {
		f.classes = f.class.tensor(n)
		f.tensors[f.class.at] = f.classes
		for i := range n {
			f.SetClass(i, 0)
		}
	}
	for _, c := range s.Conditions {
		t := c.tensor(images)
		f.conditions = append(f.conditions, t)
		f.tensors[c.at] = t
	}
	for i := range f.picture {
		f.picture[i] = f.values[0]
	}
	return f
}

// Tensors are the inputs, in the graph's order.
func (f *Feed) Tensors() []*onnx.Tensor { return f.tensors }

// Set writes the level of symbol k of an image.
func (f *Feed) Set(image, k int, level uint16) {
	pixel, channel := k/f.channels, k%f.channels
	f.picture[(image*f.channels+channel)*f.pixels+pixel] = f.values[level]
}

// SetImage writes all levels of an image, [H, W, C].
func (f *Feed) SetImage(image int, levels []uint16) {
	for k, l := range levels {
		f.Set(image, k, l)
	}
}

// SetClass sets the class of an image, where the model has classes.
func (f *Feed) SetClass(image, class int) {
	if f.class != nil {
		f.class.set(f.classes, image, class)
	}
}

// SetConditions sets the conditions of an image, in the order of [Signature.Conditions].
func (f *Feed) SetConditions(image int, values []*onnx.Tensor) {
	for k, v := range values {
		v.CopyTo(f.conditions[k], image*v.Len())
	}
}

// Others are the inputs beside the picture for one image, of a class and with conditions, in
// the graph's order; nil where the model has none.
func (s *Signature) Others(class int, conditions []*onnx.Tensor) []*onnx.Tensor {
	if s.classInput == nil && s.Conditions == nil {
		return nil
	}
	others := make([]*onnx.Tensor, len(s.model.Graph.Inputs))
	if s.classInput != nil {
		others[s.classInput.at] = s.classInput.of(class)[0]
	}
	for k, c := range s.Conditions {
		t := c.tensor(1)
		if k < len(conditions) {
			conditions[k].CopyTo(t, 0)
		}
		others[c.at] = t
	}
	return slices.Delete(others, s.pictureAt, s.pictureAt+1)
}

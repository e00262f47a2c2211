package signature

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// Feed is the inputs of a number of images.
type Feed struct {
	picture []float32 // [N, 1, H, W]
	values  []float32 // input value of each level
	pixels  int
	class   *classInput
	classes *onnx.Tensor // nil where the model has none
	tensors []*onnx.Tensor
}

// Feed makes room for the inputs of n images, which all have level 0 and class 0.
func (s *Signature) Feed(n int) *Feed { return s.feed(n, n) }

// SharedFeed is [Signature.Feed] for the model that [Signature.Shared] gives: one image of n
// classes.
func (s *Signature) SharedFeed(n int) *Feed { return s.feed(1, n) }

func (s *Signature) feed(images, n int) *Feed {
	f := &Feed{picture: make([]float32, images*s.Pixels()), values: s.Values(), pixels: s.Pixels(), class: s.classInput}
	f.tensors = []*onnx.Tensor{onnx.NewTensor(f.picture, images, 1, s.Height, s.Width)}
	if f.class != nil {
		f.classes = f.class.tensor(n)
		f.tensors = slices.Insert(f.tensors, f.class.at, f.classes)
		for i := range n {
			f.SetClass(i, 0)
		}
	}
	for i := range f.picture {
		f.picture[i] = f.values[0]
	}
	return f
}

// Tensors are the inputs, in the graph's order.
func (f *Feed) Tensors() []*onnx.Tensor { return f.tensors }

// Set writes a level.
func (f *Feed) Set(image, pixel int, level uint16) { f.picture[image*f.pixels+pixel] = f.values[level] }

// SetImage writes all levels of an image, [H, W].
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

// Conditions are the inputs beside the picture for one image of a class; nil where the
// model has none.
func (s *Signature) Conditions(class int) []*onnx.Tensor {
	if s.classInput == nil {
		return nil
	}
	return s.classInput.of(class)
}

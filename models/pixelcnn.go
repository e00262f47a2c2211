package models

import "fmt"

// pixelCNN is the network of van den Oord et al., "Pixel Recurrent Neural
// Networks" (2016), section 3.3, in the form that Foster's "Generative Deep
// Learning" (2nd edition, chapter 5) teaches: a masked stem, residual blocks of
// half width, and 1×1 convolutions on top.
func pixelCNN(c Config, b Builder) Value {
	x := b.Conv(b.Image(), Conv{Name: "stem", In: 1, Out: c.Hidden, Kernel: c.Kernel, Mask: MaskA})
	for i := range c.Blocks {
		x = b.Add(x, residual(fmt.Sprintf("block%d", i+1), c.Hidden, x, b))
	}
	x = b.Conv(b.Relu(x), Conv{Name: "head", In: c.Hidden, Out: c.Hidden, Kernel: 1, Mask: MaskB})
	return b.Conv(b.Relu(x), Conv{Name: "logits", In: c.Hidden, Out: c.Levels, Kernel: 1})
}

// residual is relu, 1×1 to half width, relu, masked 3×3, relu, 1×1 back.
func residual(name string, hidden int, x Value, b Builder) Value {
	half := hidden / 2
	h := b.Conv(b.Relu(x), Conv{Name: name + "_reduce", In: hidden, Out: half, Kernel: 1})
	h = b.Conv(b.Relu(h), Conv{Name: name + "_spatial", In: half, Out: half, Kernel: 3, Mask: MaskB})
	return b.Conv(b.Relu(h), Conv{Name: name + "_expand", In: half, Out: hidden, Kernel: 1})
}

package models

import "fmt"

// pixelCNN is the network of van den Oord et al., "Pixel Recurrent Neural
// Networks" (2016), section 3.3, in the form that Foster's "Generative Deep
// Learning" (2nd edition, chapter 5) teaches: a masked stem, residual blocks of
// half width, and 1×1 convolutions on top. With classes, each block adds the class's
// embedding within.
func pixelCNN(c Config, b Builder) Value {
	image, channels := input(c, b)
	x := b.Conv(image, Conv{Name: "stem", In: channels, Out: c.Hidden, Kernel: c.Kernel, Mask: MaskA})
	for i := range c.Blocks {
		x = b.Add(x, residual(c, fmt.Sprintf("block%d", i+1), x, b))
	}
	x = b.Conv(b.Relu(x), Conv{Name: "head", In: c.Hidden, Out: c.Hidden, Kernel: 1, Mask: MaskB})
	return b.Conv(b.Relu(x), Conv{Name: "logits", In: c.Hidden, Out: c.Levels, Kernel: 1})
}

// input is what the first layer sees, and its channels.
func input(c Config, b Builder) (Value, int) {
	if c.Input == OneHot {
		return b.OneHot(), c.Levels
	}
	return b.Image(), 1
}

// residual is relu, 1×1 to half width, relu, masked 3×3, relu, 1×1 back.
func residual(c Config, name string, x Value, b Builder) Value {
	half := c.Hidden / 2
	h := b.Conv(b.Relu(x), Conv{Name: name + "_reduce", In: c.Hidden, Out: half, Kernel: 1})
	h = b.Conv(b.Relu(h), Conv{Name: name + "_spatial", In: half, Out: half, Kernel: 3, Mask: MaskB})
	h = embed(c, name+"_class", half, h, b)
	return b.Conv(b.Relu(h), Conv{Name: name + "_expand", In: half, Out: c.Hidden, Kernel: 1})
}

// embed adds the class's embedding where the model has classes.
func embed(c Config, name string, channels int, x Value, b Builder) Value {
	if c.Classes == 0 {
		return x
	}
	return b.Embed(x, Embedding{Name: name, Classes: c.Classes, Channels: channels})
}

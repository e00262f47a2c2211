package models

import "fmt"

// gated is the Gated PixelCNN of van den Oord et al., "Conditional Image Generation
// with PixelCNN Decoders" (2016), section 2: a vertical stack that sees all rows
// above, a horizontal one that sees the row to the left and takes from the vertical
// one, and gates tanh·sigmoid in both. Together they see every pixel before this one
// within reach, with no blind spot.
//
// The residual stream of the horizontal stack has Hidden channels, the vertical stack
// and the gates have half as many, like the plain model's blocks: that learns more in
// the same time than the same width all over. Kernels are square with masks, and a
// gate's two halves are convolutions of their own, which every reader of the file gets
// right. With classes, each half has an embedding of the class (section 2.3); it is
// added to the vertical stack's, from where the link takes it to the horizontal one.
func gated(c Config, b Builder) Value {
	half := c.Hidden / 2
	conv := func(x Value, name string, in, out, kernel int, mask Mask) Value {
		return b.Conv(x, Conv{Name: name, In: in, Out: out, Kernel: kernel, Mask: mask})
	}
	image, channels := input(c, b)
	v := conv(image, "stem_vertical", channels, half, c.Kernel, MaskAbove)
	h := b.Add(conv(image, "stem_horizontal", channels, c.Hidden, c.Kernel, MaskLeft), conv(v, "stem_link", half, c.Hidden, 1, Unmasked))
	for i := range c.Blocks {
		name := fmt.Sprintf("block%d_", i+1)
		// One half of both gates, before its curve: what the vertical stack's
		// convolution makes is also added to the horizontal stack's.
		gate := func(name string) (vertical, horizontal Value) {
			vertical = embed(c, name+"_class", half, conv(v, name+"_vertical", half, half, 3, MaskRows), b)
			horizontal = b.Add(conv(h, name+"_horizontal", c.Hidden, half, 3, MaskRow), conv(vertical, name+"_link", half, half, 1, Unmasked))
			return vertical, horizontal
		}
		vf, hf := gate(name + "filter")
		vg, hg := gate(name + "gate")
		if i < c.Blocks-1 { // nothing takes the last one's
			v = b.Mul(b.Tanh(vf), b.Sigmoid(vg))
		}
		out := conv(b.Mul(b.Tanh(hf), b.Sigmoid(hg)), name+"out", half, c.Hidden, 1, Unmasked)
		h = b.Add(h, out)
	}
	x := conv(b.Relu(h), "head", c.Hidden, c.Hidden, 1, MaskB)
	return conv(b.Relu(x), "logits", c.Hidden, c.Levels, 1, Unmasked)
}

package models

import "fmt"

// gated is the Gated PixelCNN of van den Oord et al., "Conditional Image Generation
// with PixelCNN Decoders" (2016), section 2: a vertical stack that sees all rows
// above, a horizontal one that sees the row to the left and takes from the vertical
// one, and gates tanh·sigmoid in both. Together they see every pixel before this one
// within reach, with no blind spot.
//
// Kernels are square with masks, and a gate's two halves are convolutions of their
// own, which every reader of the file gets right.
func gated(c Config, b Builder) Value {
	n := c.Hidden
	conv := func(x Value, name string, in, kernel int, mask Mask) Value {
		return b.Conv(x, Conv{Name: name, In: in, Out: n, Kernel: kernel, Mask: mask})
	}
	image := b.Image()
	v := conv(image, "stem_vertical", 1, c.Kernel, MaskAbove)
	h := b.Add(conv(image, "stem_horizontal", 1, c.Kernel, MaskLeft), conv(v, "stem_link", n, 1, Unmasked))
	for i := range c.Blocks {
		name := fmt.Sprintf("block%d_", i+1)
		// Half the gate: the horizontal stack's convolution plus what the vertical
		// stack's, before its gate, has to say.
		half := func(name string) (vertical, horizontal Value) {
			vertical = conv(v, name+"_vertical", n, 3, MaskRows)
			horizontal = b.Add(conv(h, name+"_horizontal", n, 3, MaskRow), conv(vertical, name+"_link", n, 1, Unmasked))
			return vertical, horizontal
		}
		vf, hf := half(name + "filter")
		vg, hg := half(name + "gate")
		if i < c.Blocks-1 { // nothing takes the last one's
			v = b.Mul(b.Tanh(vf), b.Sigmoid(vg))
		}
		out := conv(b.Mul(b.Tanh(hf), b.Sigmoid(hg)), name+"out", n, 1, Unmasked)
		h = b.Add(h, out)
	}
	x := conv(b.Relu(h), "head", n, 1, MaskB)
	return b.Conv(b.Relu(x), Conv{Name: "logits", In: n, Out: c.Levels, Kernel: 1})
}

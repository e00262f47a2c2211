package models

// Value is a builder's handle on an activation of shape [N, channels, H, W].
type Value int

// Builder receives a model, layer by layer.
type Builder interface {
	// Image is the input, [N, 1, H, W], values level·[Config].InputScale, by default in
	// [0, 1]. A model asks for it, or for OneHot, once.
	Image() Value
	// OneHot is the input as [N, levels, H, W]: 1 in the channel of the pixel's level, 0
	// in the others.
	OneHot() Value
	// Embed is x plus the embedding of the image's class, the same at every pixel.
	Embed(x Value, e Embedding) Value
	// Conv is a convolution of stride 1 that keeps height and width (zero padding).
	Conv(x Value, c Conv) Value
	Relu(x Value) Value
	Tanh(x Value) Value
	Sigmoid(x Value) Value
	Add(a, b Value) Value
	Mul(a, b Value) Value
}

// Conv is one convolution. Its parameters are named Name+"_weight", of shape
// [Out, In, Kernel, Kernel], and Name+"_bias", of shape [Out].
type Conv struct {
	Name    string // a C identifier, unique in the model
	In, Out int    // channels
	Kernel  int    // height and width, odd
	Mask    Mask
}

// Embedding is a table of a vector per class, a parameter named Name+"_table" of shape
// [Classes, Channels].
type Embedding struct {
	Name     string // a C identifier, unique in the model
	Classes  int
	Channels int
}

// Mask says which taps of a kernel a pixel may use, in raster order
// (van den Oord et al., "Pixel Recurrent Neural Networks", 2016, section 3.4).
type Mask uint8

const (
	Unmasked Mask = iota // every tap
	MaskA                // only pixels before this one: the first layer
	MaskB                // those, and this one: every later layer

	// The masks of a model of two stacks (van den Oord et al., 2016, "Conditional
	// Image Generation with PixelCNN Decoders", section 2.2).
	MaskAbove // the rows above: the vertical stack's first layer
	MaskRows  // those, and all of this row: its later layers
	MaskLeft  // this row to the left: the horizontal stack's first layer
	MaskRow   // that, and this pixel: its later layers
)

// Tap is a kernel position relative to its centre: DY rows down, DX columns right.
type Tap struct{ DY, DX int }

// Taps lists the taps that the mask leaves, in raster order.
func (c Conv) Taps() []Tap {
	var taps []Tap
	r := c.Kernel / 2
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			if c.Mask.live(dy, dx) {
				taps = append(taps, Tap{dy, dx})
			}
		}
	}
	return taps
}

func (m Mask) live(dy, dx int) bool {
	above, left, here := dy < 0, dy == 0 && dx < 0, dy == 0 && dx == 0
	switch m {
	case MaskA:
		return above || left
	case MaskB:
		return above || left || here
	case MaskAbove:
		return above
	case MaskRows:
		return dy <= 0
	case MaskLeft:
		return left
	case MaskRow:
		return left || here
	}
	return true
}

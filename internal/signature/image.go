package signature

import (
	"image"
	"slices"

	"pixelcnn/internal/format"
	"pixelcnn/internal/signature/encoding"
)

// Colour is what the model's pictures show: "grey", or the colours of a "palette" where the file
// has one, for one channel; "rgb" for three channels, and for four, the last of which is alpha. It
// is empty for other numbers of channels, which cannot be shown.
func (s *Signature) Colour() string {
	switch {
	case s.Channels == 3 || s.Channels == 4:
		return format.RGB
	case s.Channels != 1:
		return ""
	case len(s.Meta.Palette) > 0 && len(s.Meta.Palette) == s.Levels:
		return format.PaletteIndex
	}
	return format.Grey
}

// Image makes a picture of levels, [H, W, C], in 8 bits: a channel's first level is 0 and its last
// one 255, see [encoding.Shade]. It is an *image.Gray where [Signature.Colour] is grey, else an
// *image.NRGBA. It is nil where there are not H·W·C levels, where one is not the model's, or where
// pictures cannot be shown.
func (s *Signature) Image(levels []uint16) image.Image {
	if s.Colour() == "" || s.Levels < 2 || s.Height < 1 || s.Width < 1 || len(levels) != s.Symbols() || int(slices.Max(levels)) >= s.Levels {
		return nil
	}
	bounds := image.Rect(0, 0, s.Width, s.Height)
	switch s.Colour() {
	case format.RGB:
		img := image.NewNRGBA(bounds)
		for i, l := range levels {
			img.Pix[i/s.Channels*4+i%s.Channels] = s.shade(l)
		}
		if s.Channels == 3 {
			for i := 3; i < len(img.Pix); i += 4 {
				img.Pix[i] = 0xff
			}
		}
		return img
	case format.PaletteIndex:
		img := image.NewNRGBA(bounds)
		for i, l := range levels {
			c := s.Meta.Palette[l]
			copy(img.Pix[4*i:], []uint8{c.R, c.G, c.B, c.A})
		}
		return img
	default:
		img := image.NewGray(bounds)
		for i, l := range levels {
			img.Pix[i] = s.shade(l)
		}
		return img
	}
}

// shade is a level of a channel as a byte.
func (s *Signature) shade(level uint16) uint8 {
	return uint8(encoding.Shade(int(level), s.Levels, 256))
}

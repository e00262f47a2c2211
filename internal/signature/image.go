package signature

import (
	"image"
	"slices"

	"pixelcnn/internal/format"
	"pixelcnn/internal/signature/encoding"
)

// Shown tells whether the model's pictures are something to look at: of one channel (grey, or
// a palette's colours), three (RGB) or four (RGBA).
func (s *Signature) Shown() bool { return s.Channels == 1 || s.Channels == 3 || s.Channels == 4 }

// Image makes a picture of levels, [H, W, C], in 8 bits: a channel's first level is 0 and its
// last one 255, see [encoding.Shade]. Of one channel it is an *image.Gray, of three or four
// channels, and where the file has a palette, an *image.NRGBA. It is nil where levels are no
// image of the model's, not H·W·C of them or one beyond the last, or the channels are none that
// are [Signature.Shown].
func (s *Signature) Image(levels []uint16) image.Image {
	if !s.Shown() || s.Levels < 2 || s.Height < 1 || s.Width < 1 || len(levels) != s.Pixels()*s.Channels || int(slices.Max(levels)) >= s.Levels {
		return nil
	}
	bounds := image.Rect(0, 0, s.Width, s.Height)
	switch palette := s.Meta.Palette; {
	case s.Channels > 1:
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
	case s.Meta.Colour == format.PaletteIndex && len(palette) == s.Levels:
		img := image.NewNRGBA(bounds)
		for i, l := range levels {
			c := palette[l]
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

package signature

import (
	"image"
	"image/color"
	"slices"
	"testing"

	"pixelcnn/internal/format"
)

// TestImage: a row of two pixels, by channels and levels.
func TestImage(t *testing.T) {
	palette := []color.NRGBA{{1, 2, 3, 0xff}, {4, 5, 6, 0xff}, {7, 8, 9, 0}}
	for name, c := range map[string]struct {
		channels, levels int
		meta             format.Meta
		in               []uint16
		want             []uint8 // a byte a pixel, or four; nil for no picture
	}{
		"grey":           {1, 4, format.Meta{}, []uint16{0, 2}, []uint8{0, 170}},
		"black, white":   {1, 2, format.Meta{}, []uint16{1, 0}, []uint8{255, 0}},
		"codes":          {1, 512, format.Meta{}, []uint16{511, 256}, []uint8{255, 128}},
		"16 bits":        {1, 1 << 16, format.Meta{}, []uint16{65535, 257}, []uint8{255, 1}},
		"palette":        {1, 3, format.Meta{Palette: palette}, []uint16{2, 0}, []uint8{7, 8, 9, 0, 1, 2, 3, 255}},
		"RGB":            {3, 256, format.Meta{}, []uint16{1, 2, 3, 255, 0, 128}, []uint8{1, 2, 3, 255, 255, 0, 128, 255}},
		"RGB, 4 levels":  {3, 4, format.Meta{}, []uint16{0, 1, 2, 3, 3, 3}, []uint8{0, 85, 170, 255, 255, 255, 255, 255}},
		"RGBA":           {4, 256, format.Meta{}, []uint16{9, 8, 7, 6, 5, 4, 3, 2}, []uint8{9, 8, 7, 6, 5, 4, 3, 2}},
		"two channels":   {2, 256, format.Meta{}, []uint16{1, 2, 3, 4}, nil},
		"no channels":    {0, 256, format.Meta{}, nil, nil},
		"too few":        {3, 256, format.Meta{}, []uint16{1, 2, 3, 4}, nil},
		"a level beyond": {3, 4, format.Meta{}, []uint16{0, 1, 2, 3, 4, 0}, nil},
	} {
		s := Signature{Height: 1, Width: 2, Channels: c.channels, Levels: c.levels, Meta: c.meta}
		var got []uint8
		switch img := s.Image(c.in).(type) {
		case *image.Gray:
			got = img.Pix
		case *image.NRGBA:
			got = img.Pix
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

package dataset

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPicture reads any bytes as a picture. What is wrong with them is an error that can be
// told apart and allocates little; else there are as many levels as were asked for, each
// below the number of levels.
func FuzzPicture(f *testing.F) {
	f.Add(picture(3, 2, color.NRGBA{200, 100, 50, 120}), uint8(2), uint8(3), uint8(4), false)
	f.Add(picture(1, 40, color.Gray16{Y: 40_000}), uint8(7), uint8(1), uint8(255), true)
	for _, m := range []image.Image{
		image.NewGray(image.Rect(0, 0, 9, 5)),
		image.NewYCbCr(image.Rect(0, 0, 17, 9), image.YCbCrSubsampleRatio420),
	} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), uint8(3), uint8(3), uint8(4), false)
		f.Add(b.Bytes()[:b.Len()-9], uint8(3), uint8(3), uint8(4), false)
	}
	f.Add(scansJPEG(24, 2), uint8(1), uint8(1), uint8(2), true)
	huge := picture(1, 1, grey(9))
	copy(huge[16:], []byte{0, 0, 0x40, 0, 0, 0, 0x40, 0})
	f.Add(fixHeaderCRC(huge), uint8(1), uint8(1), uint8(2), false)

	l := Limits{FileBytes: 1 << 16, Pixels: 1 << 16}
	dir := f.TempDir()
	name := filepath.Join(dir, "p.png")
	f.Fuzz(func(t *testing.T, file []byte, height, width, levels uint8, nearest bool) {
		write(t, name, file)
		resize := Antialias
		if nearest {
			resize = BilinearNoAntialias
		}
		var got []uint16
		var err error
		used := allocated(func() { got, err = l.ReadPicture(name, int(height), int(width), int(levels), resize) })
		// A picture of 2¹⁶ pixels with its coefficients, kernels, and what the decoders begin with.
		if used > 8<<20 {
			t.Fatalf("%d bytes allocated for a file of %d", used, len(file))
		}
		if height == 0 || width == 0 || levels < 2 {
			if !errors.Is(err, ErrOptions) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), name) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if len(got) != int(height)*int(width) {
			t.Fatalf("%d levels of %d×%d", len(got), width, height)
		}
		for _, level := range got {
			if int(level) >= int(levels) {
				t.Fatalf("level %d of %d", level, levels)
			}
		}
	})
}

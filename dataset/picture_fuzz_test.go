package dataset

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPicture reads any bytes as a picture. What is wrong with them is an error that can be
// told apart and allocates little; else there are as many levels as were asked for, each
// below the number of levels.
func FuzzPicture(f *testing.F) {
	f.Add(picture(3, 2, color.NRGBA{200, 100, 50, 120}), uint8(2), uint8(3), uint8(4), false, uint8(1))
	f.Add(picture(1, 40, color.Gray16{Y: 40_000}), uint8(7), uint8(1), uint8(255), true, uint8(1))
	for _, m := range []image.Image{
		image.NewGray(image.Rect(0, 0, 9, 5)),
		image.NewYCbCr(image.Rect(0, 0, 17, 9), image.YCbCrSubsampleRatio420),
	} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), uint8(3), uint8(3), uint8(4), false, uint8(1))
		f.Add(b.Bytes()[:b.Len()-9], uint8(3), uint8(3), uint8(4), false, uint8(1))
	}
	f.Add(scansJPEG(24, 2), uint8(1), uint8(1), uint8(2), true, uint8(1))
	huge := picture(1, 1, grey(9))
	copy(huge[16:], []byte{0, 0, 0x40, 0, 0, 0, 0x40, 0})
	f.Add(fixHeaderCRC(huge), uint8(1), uint8(1), uint8(2), false, uint8(1))

	files, err := filepath.Glob("testdata/pictures/*")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for i, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, uint8(4), uint8(5), uint8(6), i%2 == 0, uint8(3+i%2))
	}

	l := Limits{FileBytes: 1 << 16, Pixels: 1 << 16}
	dir := f.TempDir()
	name := filepath.Join(dir, "p.png")
	f.Fuzz(func(t *testing.T, file []byte, height, width, levels uint8, nearest bool, channels uint8) {
		write(t, name, file)
		resize := Antialias
		if nearest {
			resize = BilinearNoAntialias
		}
		var got []uint16
		var err error
		used := allocated(func() {
			got, err = ReadPicture(name, PictureOptions{Height: int(height), Width: int(width), Levels: int(levels), Resize: resize, Channels: int(channels), Limits: l})
		})
		// A picture of 2¹⁶ pixels with its coefficients, kernels, and what the decoders begin with.
		if used > 8<<20 {
			t.Fatalf("%d bytes allocated for a file of %d", used, len(file))
		}
		if height == 0 || width == 0 || levels < 2 || channels == 2 || channels > 4 {
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
		if len(got) != int(height)*int(width)*max(1, int(channels)) {
			t.Fatalf("%d levels of %d×%d", len(got), width, height)
		}
		for _, level := range got {
			if int(level) >= int(levels) {
				t.Fatalf("level %d of %d", level, levels)
			}
		}
	})
}

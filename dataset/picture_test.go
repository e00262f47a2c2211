package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadPicture(t *testing.T) {
	// Columns of a 6×4 picture: the outer two are cut off.
	striped := image.NewGray(image.Rect(0, 0, 6, 4))
	for i := range striped.Pix {
		striped.Pix[i] = []uint8{255, 0, 64, 128, 192, 255}[i%6]
	}
	var stripes, jpg bytes.Buffer
	if err := png.Encode(&stripes, striped); err != nil {
		t.Fatal(err)
	}
	even := image.NewYCbCr(image.Rect(0, 0, 20, 10), image.YCbCrSubsampleRatio420)
	for i := range even.Y {
		even.Y[i] = 150
	}
	for i := range even.Cb {
		even.Cb[i], even.Cr[i] = 128, 128
	}
	if err := jpeg.Encode(&jpg, even, nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		file []byte
		row  []uint16 // the first of four
	}{
		{"stripes", stripes.Bytes(), []uint16{0, 1, 2, 3}},
		{"grey JPEG", jpg.Bytes(), []uint16{2, 2, 2, 2}},
		// Luma 0.299·255 = 76.2, 0.587·255 = 149.7, 0.114·255 = 29.1.
		{"red", picture(4, 4, color.NRGBA{255, 0, 0, 255}), []uint16{1, 1, 1, 1}},
		{"green", picture(4, 4, color.NRGBA{0, 255, 0, 255}), []uint16{2, 2, 2, 2}},
		{"blue", picture(4, 4, color.NRGBA{0, 0, 255, 255}), []uint16{0, 0, 0, 0}},
		{"clear", picture(4, 4, color.NRGBA{255, 255, 255, 0}), []uint16{0, 0, 0, 0}},
		{"half clear", picture(4, 4, color.NRGBA{255, 255, 255, 100}), []uint16{1, 1, 1, 1}},
		{"one pixel", picture(1, 1, grey(200)), []uint16{3, 3, 3, 3}},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "p.png")
		write(t, path, test.file)
		dst, err := ReadPicture(path, 4, 4, 4, "")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if !slices.Equal(dst[:4], test.row) || !slices.Equal(dst, slices.Repeat(test.row, 4)) {
			t.Errorf("%s: got %v, want rows of %v", test.name, dst, test.row)
		}
	}
}

// TestReadPictureAsLoaded: one picture is what it is in a set, by either filter.
func TestReadPictureAsLoaded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	dir := t.TempDir()
	const size, levels = 7, 5
	sizes := []image.Point{{28, 28}, {7, 7}, {40, 31}, {5, 90}, {3, 3}}
	for i, b := range sizes {
		m := image.NewNRGBA(image.Rect(0, 0, b.X, b.Y))
		for y := range b.Y {
			for x := range b.X {
				m.SetNRGBA(x, y, color.NRGBA{uint8(rng.IntN(256)), uint8(x * 9), uint8(rng.IntN(256)), uint8(155 + rng.IntN(101))})
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, m); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, fmt.Sprint(i, ".png")), file.Bytes())
	}
	for _, resize := range Resizes {
		set, err := LoadImages(t.Context(), dir, Options{Size: size, Levels: levels, Resize: resize})
		if err != nil {
			t.Fatal(err)
		}
		if ResizeOf(set.Preprocess) != resize {
			t.Errorf("%q does not name %s", set.Preprocess, resize)
		}
		loaded := slices.Collect(slices.Chunk(slices.Concat(set.Train.Pixels, set.Test.Pixels), size*size))
		for i := range sizes {
			got, err := ReadPicture(filepath.Join(dir, fmt.Sprint(i, ".png")), size, size, levels, resize)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(loaded, func(l []uint16) bool { return slices.Equal(l, got) }) {
				t.Errorf("%s: picture %d is %v, and none of the set", resize, i, got)
			}
		}
	}
}

// TestCentre: the part in the middle with the shape that is asked for.
func TestCentre(t *testing.T) {
	for _, c := range []struct {
		w, h, height, width int
		want                image.Rectangle
	}{
		{9, 5, 4, 4, image.Rect(2, 0, 7, 5)},
		{5, 9, 4, 4, image.Rect(0, 2, 5, 7)},
		{5, 5, 4, 4, image.Rect(0, 0, 5, 5)},
		{8, 8, 2, 4, image.Rect(0, 2, 8, 6)},
		{8, 8, 4, 2, image.Rect(2, 0, 6, 8)},
		{1, 9, 2, 64, image.Rect(0, 4, 1, 5)},
		{9, 1, 64, 2, image.Rect(4, 0, 5, 1)},
	} {
		if got := centre(c.w, c.h, c.height, c.width); got != c.want {
			t.Errorf("%d×%d for %d×%d: %v, want %v", c.w, c.h, c.width, c.height, got, c.want)
		}
	}
}

func TestReadPictureRefuses(t *testing.T) {
	dir := t.TempDir()
	good, text := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	write(t, good, picture(4, 4, grey(9)))
	write(t, text, []byte("text"))
	for _, c := range []struct {
		name                  string
		height, width, levels int
		resize                Resize
		want                  string
	}{
		{good, 0, 4, 4, "", "4×0 pixels: want sides of 1 to 16384"},
		{good, 1 << 13, 1 << 13, 4, "", "8192×8192 pixels: want 33554432 at most"},
		{good, 4, 1 << 15, 4, "", "32768×4 pixels"},
		{good, 4, 4, 1, "", "levels 1: want 2 to 256"},
		{good, 4, 4, 257, "", "levels 257"},
		{good, 4, 4, 4, "cubic", `no way to resize is named "cubic"; there is ["antialias" "bilinear-noantialias"]`},
		{filepath.Join(dir, "c.png"), 4, 4, 4, "", "c.png: no such file"},
		{dir, 4, 4, 4, "", "not a regular file"},
		{text, 4, 4, 4, "", "b.png: cannot be read as PNG or JPEG"},
	} {
		_, err := ReadPicture(c.name, c.height, c.width, c.levels, c.resize)
		if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if errors.Is(err, ErrFormat) != (c.name == text) {
			t.Errorf("%v: ErrFormat is for content", err)
		}
	}
}

package dataset

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
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
		// 255·(1−100/255) = 155.
		{"clear", picture(4, 4, color.NRGBA{0, 0, 0, 0}), []uint16{3, 3, 3, 3}},
		{"half clear", picture(4, 4, color.NRGBA{0, 0, 0, 100}), []uint16{2, 2, 2, 2}},
		{"one pixel", picture(1, 1, grey(200)), []uint16{3, 3, 3, 3}},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "p.png")
		write(t, path, test.file)
		dst, err := ReadPicture(path, PictureOptions{Height: 4, Width: 4, Levels: 4})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if !slices.Equal(dst[:4], test.row) || !slices.Equal(dst, slices.Repeat(test.row, 4)) {
			t.Errorf("%s: got %v, want rows of %v", test.name, dst, test.row)
		}
	}
}

// TestReadPictureGrey: opaque pictures, and those on black, have the levels that they have always had.
func TestReadPictureGrey(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	h := sha256.New()
	name := filepath.Join(t.TempDir(), "p")
	for _, b := range []image.Point{{28, 28}, {7, 9}, {40, 31}, {5, 90}, {3, 3}, {1, 1}} {
		m, deep := image.NewNRGBA(image.Rect(0, 0, b.X, b.Y)), image.NewNRGBA64(image.Rect(0, 0, b.X, b.Y))
		few := image.NewPaletted(image.Rect(0, 0, b.X, b.Y), palette.WebSafe)
		for y := range b.Y {
			for x := range b.X {
				c := color.NRGBA{uint8(rng.IntN(256)), uint8(x * 9), uint8(rng.IntN(256)), 255}
				m.SetNRGBA(x, y, c)
				deep.Set(x, y, color.NRGBA64{uint16(rng.IntN(1 << 16)), uint16(y * 999), uint16(rng.IntN(1 << 16)), uint16(rng.IntN(1 << 16))})
				few.Set(x, y, c)
			}
		}
		var files [4]bytes.Buffer
		for _, err := range []error{
			png.Encode(&files[0], m), png.Encode(&files[1], deep), png.Encode(&files[2], few), jpeg.Encode(&files[3], m, nil),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range files {
			write(t, name, file.Bytes())
			for _, opt := range []PictureOptions{
				{Height: 7, Width: 7, Levels: 5},
				{Height: 16, Width: 4, Levels: 256},
				{Height: 5, Width: 9, Levels: 16, Resize: BilinearNoAntialias},
			} {
				opt.OnBlack = true
				levels, err := ReadPicture(name, opt)
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range levels {
					h.Write([]byte{byte(l)})
				}
			}
		}
	}
	if got, want := fmt.Sprintf("%x", h.Sum(nil)), "98bda8998c2efbc723811bda31ebb09b1530feb1cd2734b7ae2d3cee9b94ea16"; got != want {
		t.Errorf("SHA-256 of the levels is %s, want %s", got, want)
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
			got, err := ReadPicture(filepath.Join(dir, fmt.Sprint(i, ".png")), PictureOptions{Height: size, Width: size, Levels: levels, Resize: resize})
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
		{text, 4, 4, 4, "", "b.png: cannot be read as PNG, JPEG, GIF, BMP, WebP or TIFF"},
	} {
		_, err := ReadPicture(c.name, PictureOptions{Height: c.height, Width: c.width, Levels: c.levels, Resize: c.resize})
		if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if errors.Is(err, ErrFormat) != (c.name == text) {
			t.Errorf("%v: ErrFormat is for content", err)
		}
	}
}

// TestDecodePicture: a picture in memory gets the levels that its file gets, and its faults
// are told in the same way.
func TestDecodePicture(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 9, 7))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 37)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "picture.png")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	opt := PictureOptions{Height: 4, Width: 4, Channels: 3, Levels: 8, Resize: BilinearNoAntialias}
	want, err := ReadPicture(name, opt)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodePicture("picture", b.Bytes(), opt); err != nil || !slices.Equal(got, want) {
		t.Errorf("levels %v, error %v, want %v", got, err, want)
	}
	opt.Limits.Pixels = 62
	if _, err := DecodePicture("picture", b.Bytes(), opt); !errors.Is(err, ErrLimit) {
		t.Errorf("error %v, want ErrLimit", err)
	}
	if _, err := DecodePicture("picture", b.Bytes()[:30], PictureOptions{Height: 4, Width: 4, Levels: 8}); !errors.Is(err, ErrFormat) {
		t.Errorf("error %v, want ErrFormat", err)
	}
	if _, err := DecodePicture("picture", b.Bytes(), PictureOptions{Width: 4, Levels: 8}); !errors.Is(err, ErrOptions) {
		t.Errorf("error %v, want ErrOptions", err)
	}
}

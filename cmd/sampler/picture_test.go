package main

import (
	"image"
	"path/filepath"
	"slices"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/internal/format"
	"pixelcnn/sampler"
)

// TestReadPicture: a picture is resized as the model's training pictures were. To half
// its size, the triangle filter takes 3, 3, 1 parts of the first three columns, then 1, 3,
// 3, 1 of four; the other filter takes the mean of two.
func TestReadPicture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "columns.png")
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range m.Pix {
		m.Pix[i] = []uint8{0, 0, 255, 0, 0, 0, 0, 0}[i%8]
	}
	if err := writePNG(name, m); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		preprocess string
		row        []uint16
	}{
		{"", []uint16{36, 95, 0, 0}}, // 255/7, 255·3/8
		{"resize=16 triangle; levels=4 floor(v*levels/256)", []uint16{36, 95, 0, 0}},
		{"resize=16 bilinear-noantialias; levels=4 floor(v*levels/256)", []uint16{0, 127, 0, 0}}, // 255/2
	} {
		sig := &sampler.Signature{Height: 4, Width: 4, Channels: 1, Levels: 256, Meta: format.Meta{Preprocess: c.preprocess}}
		got, err := readPicture(name, sig, dataset.PictureOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Repeat(c.row, 4); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", c.preprocess, got, want)
		}
	}
}

// TestReadOwn: a picture that the sampler wrote comes back as it was, for each number
// of levels.
func TestReadOwn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.png")
	for levels := 2; levels <= 256; levels++ {
		sig := &sampler.Signature{Height: 1, Width: levels, Channels: 1, Levels: levels}
		row := make([]uint16, levels)
		for level := range row {
			row[level] = uint16(level)
		}
		if err := writePNG(name, sig.Image(row)); err != nil {
			t.Fatal(err)
		}
		got, err := readPicture(name, sig, dataset.PictureOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, row) {
			t.Fatalf("%d levels came back as %v", levels, got)
		}
	}
}

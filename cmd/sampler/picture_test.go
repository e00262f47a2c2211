package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// TestReadPicture: pictures get the levels that training gives them.
func TestReadPicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	dir := t.TempDir()
	var want [][]uint8
	const size, levels = 7, 5
	for i, b := range []image.Point{{28, 28}, {7, 7}, {40, 31}, {5, 90}, {3, 3}} {
		m := image.NewNRGBA(image.Rect(0, 0, b.X, b.Y))
		for y := range b.Y {
			for x := range b.X {
				m.SetNRGBA(x, y, color.NRGBA{uint8(rng.IntN(256)), uint8(x * 9), uint8(rng.IntN(256)), uint8(155 + rng.IntN(101))})
			}
		}
		name := filepath.Join(dir, fmt.Sprint(i, ".png"))
		if err := writePNG(name, m); err != nil {
			t.Fatal(err)
		}
		got, err := readPicture(name, size, size, levels)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, got)
	}
	set, err := dataset.LoadImages(context.Background(), dir, dataset.Options{Size: size, Levels: levels})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for part := range slices.Chunk(slices.Concat(set.Train.Pixels, set.Test.Pixels), size*size) {
		if !slices.ContainsFunc(want, func(levels []uint8) bool { return bytes.Equal(levels, part) }) {
			t.Errorf("none is %v", part)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d pictures, want %d", n, len(want))
	}
}

// TestReadOwn: a picture that the sampler wrote comes back as it was, for each number
// of levels.
func TestReadOwn(t *testing.T) {
	for levels := 2; levels <= 256; levels++ {
		grey := image.NewGray(image.Rect(0, 0, levels, 1))
		for level := range levels {
			grey.Pix[level] = (&sampler.Spec{Height: 1, Width: 1, Levels: levels}).Gray([]uint8{uint8(level)}).Pix[0]
		}
		for level, got := range quantise(grey, 1, levels, levels) {
			if int(got) != level {
				t.Fatalf("%d levels: %d came back as %d", levels, level, got)
			}
		}
	}
}

// TestCentre: the part in the middle with the model's shape.
func TestCentre(t *testing.T) {
	for _, c := range []struct {
		picture       image.Rectangle
		height, width int
		want          image.Point // size
		corner        uint8       // x + 10·y of the first pixel
	}{
		{image.Rect(0, 0, 9, 5), 4, 4, image.Pt(5, 5), 2},
		{image.Rect(0, 0, 5, 9), 4, 4, image.Pt(5, 5), 20},
		{image.Rect(3, 4, 8, 9), 4, 4, image.Pt(5, 5), 43},
		{image.Rect(0, 0, 8, 8), 2, 4, image.Pt(8, 4), 20},
		{image.Rect(0, 0, 8, 8), 4, 2, image.Pt(4, 8), 2},
		{image.Rect(0, 0, 1, 9), 2, 64, image.Pt(1, 1), 40},
	} {
		m := image.NewGray(c.picture)
		for y := c.picture.Min.Y; y < c.picture.Max.Y; y++ {
			for x := c.picture.Min.X; x < c.picture.Max.X; x++ {
				m.SetGray(x, y, color.Gray{Y: uint8(x + 10*y)})
			}
		}
		got := centre(m, c.height, c.width)
		if got.Rect.Size() != c.want || got.Pix[0] != c.corner {
			t.Errorf("%v for %d×%d: %v from %d, want %v from %d", c.picture, c.height, c.width, got.Rect.Size(), got.Pix[0], c.want, c.corner)
		}
	}
}

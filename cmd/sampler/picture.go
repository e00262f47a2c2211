package main

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // a format of the user's pictures
	_ "image/png"  // a format of the user's pictures
	"math/bits"
	"os"
)

const (
	maxPictureSide   = 1 << 14
	maxPicturePixels = 1 << 25
)

// readPicture reads a PNG or JPEG file as levels, [height, width]: in grey, without the
// ends of its longer side, resized by the triangle filter and quantised, by the same
// arithmetic as package dataset's, so that a picture gets the levels that it would have
// in training. That one deals in squares only.
func readPicture(name string, height, width, levels int) ([]uint8, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the picture: %w", err)
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read as PNG or JPEG: %w", name, err)
	}
	if w, h := config.Width, config.Height; w < 1 || h < 1 || w > maxPictureSide || h > maxPictureSide || w*h > maxPicturePixels {
		return nil, fmt.Errorf("%s: %d×%d pixels: want at most %d, and sides of 1 to %d", name, w, h, maxPicturePixels, maxPictureSide)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read as PNG or JPEG: %w", name, err)
	}
	return quantise(centre(picture, height, width), height, width, levels), nil
}

// centre is the largest part in the middle of a picture with the shape of
// height×width, in grey.
func centre(m image.Image, height, width int) *image.Gray {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	if w*height > h*width {
		w = max(1, h*width/height)
	} else {
		h = max(1, w*height/width)
	}
	grey := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(grey, grey.Rect, m, b.Min.Add(image.Pt((b.Dx()-w)/2, (b.Dy()-h)/2)), draw.Src)
	return grey
}

// triangle is the filter from n samples to m: output o is the mean of the inputs from
// first[o] on, weighted by taps[o], whose sum is sum[o]. The distance of input i to
// output o, |(i+½) − (o+½)·n/m|, is a multiple of 1/2m, so the weights are whole.
type triangle struct {
	first []int
	taps  [][]uint64
	sum   []uint64
}

func newTriangle(n, m int) triangle {
	t := triangle{make([]int, m), make([][]uint64, m), make([]uint64, m)}
	for o := range m {
		for i := range n {
			d := m*(2*i+1) - n*(2*o+1)
			w := 2*max(n, m) - max(d, -d)
			if w <= 0 {
				continue
			}
			if t.taps[o] == nil {
				t.first[o] = i
			}
			t.taps[o] = append(t.taps[o], uint64(w))
			t.sum[o] += uint64(w)
		}
	}
	return t
}

// quantise resizes a picture and turns a value v into ⌊v·levels/256⌋, exactly.
func quantise(grey *image.Gray, height, width, levels int) []uint8 {
	n := grey.Rect.Dy()
	across, down := newTriangle(grey.Rect.Dx(), width), newTriangle(n, height)
	rows := make([]uint64, n*width)
	for y := range n {
		for o, taps := range across.taps {
			for i, w := range taps {
				rows[y*width+o] += w * uint64(grey.Pix[y*grey.Stride+across.first[o]+i])
			}
		}
	}
	out := make([]uint8, height*width)
	for oy, taps := range down.taps {
		for ox := range width {
			var s uint64
			for i, w := range taps {
				s += w * rows[(down.first[oy]+i)*width+ox]
			}
			hi, lo := bits.Mul64(s, uint64(levels))
			q, _ := bits.Div64(hi, lo, 256*down.sum[oy]*across.sum[ox])
			out[oy*width+ox] = uint8(q)
		}
	}
	return out
}

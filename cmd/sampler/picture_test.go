package main

import (
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/internal/format"
	"pixelcnn/internal/picture"
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
		got, err := picture.Read(name, sig, dataset.PictureOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Repeat(c.row, 4); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", c.preprocess, got, want)
		}
	}
}

// TestReadInvisible: of the colours of a palette that nobody sees each is its own level.
func TestReadInvisible(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.png")
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	sig := &sampler.Signature{Height: 1, Width: 2, Channels: 1, Levels: 3, Meta: format.Meta{
		Palette: []color.NRGBA{{}, {R: 200}, {B: 90, A: 1}},
	}}
	m.SetNRGBA(0, 0, sig.Meta.Palette[2])
	m.SetNRGBA(1, 0, sig.Meta.Palette[1])
	if err := writePNG(name, m); err != nil {
		t.Fatal(err)
	}
	if got, err := picture.Read(name, sig, dataset.PictureOptions{}); err != nil || !slices.Equal(got, []uint16{2, 1}) {
		t.Errorf("%v, %v, want [2 1]", got, err)
	}
}

// TestReadOwn: a picture that the sampler wrote comes back as it was, for each number
// of levels and of channels, and of the colours of a palette.
func TestReadOwn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.png")
	for try := 2; try <= 4*256; try++ {
		sig := &sampler.Signature{Height: 1, Width: try % 257, Channels: []int{1, 3, 4, 1}[try/257], Levels: try % 257}
		if sig.Levels < 2 {
			continue
		}
		if try/257 == 3 {
			for k := range sig.Levels { // opaque but for the last
				sig.Meta.Palette = append(sig.Meta.Palette, color.NRGBA{uint8(k * 7), uint8(k * 5), uint8(k), 0xff})
			}
			sig.Meta.Palette[sig.Levels-1] = color.NRGBA{}
		}
		levels := sig.Levels
		row := make([]uint16, sig.Symbols())
		for k := range row {
			row[k] = uint16((k + k/levels) % levels)
			if sig.Channels == 4 && k%4 == 3 {
				row[k] = uint16(levels - 1) // a colour without opacity is none
			}
		}
		if err := writePNG(name, sig.Image(row)); err != nil {
			t.Fatal(err)
		}
		got, err := picture.Read(name, sig, dataset.PictureOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, row) {
			t.Fatalf("%d channels of %d levels: %v came back as %v", sig.Channels, levels, row, got)
		}
	}
}

// TestReadColours: a model gets pictures in the colours that it has: three channels, or the nearest of a palette.
func TestReadColours(t *testing.T) {
	name := filepath.Join(t.TempDir(), "colours.png")
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.SetNRGBA(0, 0, color.NRGBA{250, 130, 10, 255})
	m.SetNRGBA(1, 0, color.NRGBA{0, 0, 90, 255})
	if err := writePNG(name, m); err != nil {
		t.Fatal(err)
	}
	black, red, blue := color.NRGBA{A: 255}, color.NRGBA{200, 100, 0, 255}, color.NRGBA{0, 0, 200, 255}
	for _, c := range []struct {
		sig  sampler.Signature
		want []uint16
	}{
		{sampler.Signature{Channels: 1, Levels: 4}, []uint16{2, 0}}, // 0.299·250 + 0.587·130 + 0.114·10 = 152, 0.114·90 = 10
		{sampler.Signature{Channels: 3, Levels: 4}, []uint16{3, 2, 0, 0, 0, 1}},
		{sampler.Signature{Channels: 4, Levels: 2}, []uint16{1, 1, 0, 1, 0, 0, 0, 1}},
		{sampler.Signature{Channels: 1, Levels: 3, Meta: format.Meta{Palette: []color.NRGBA{black, red, blue}}}, []uint16{1, 0}},
		{sampler.Signature{Channels: 1, Levels: 2, Meta: format.Meta{Palette: []color.NRGBA{red, blue}}}, []uint16{0, 1}},
	} {
		c.sig.Height, c.sig.Width = 1, 2
		got, err := picture.Read(name, &c.sig, dataset.PictureOptions{})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d channels, %d colours: %v, %v, want %v", c.sig.Channels, len(c.sig.Meta.Palette), got, err, c.want)
		}
	}
}

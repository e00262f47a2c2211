package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/format"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// colourSignature is that of pictures of a row of pixels.
func colourSignature(width, channels, levels int) *sampler.Signature {
	return &sampler.Signature{Height: 1, Width: width, Channels: channels, Levels: levels}
}

// TestQuantise: colours stand for themselves while there is room; then those of which the
// boxes vary least share one, the mean by pixels.
func TestQuantise(t *testing.T) {
	pixels := map[rgb]int{{0, 0, 0}: 1, {0, 0, 4}: 3, {0, 200, 0}: 1, {250, 200, 0}: 1}
	for n, want := range map[int][]rgb{
		1: {{42, 67, 2}}, // 250/6, 400/6, 12/6
		2: {{0, 0, 3}, {125, 200, 0}},
		3: {{0, 0, 3}, {0, 200, 0}, {250, 200, 0}},
		4: {{0, 0, 0}, {0, 0, 4}, {0, 200, 0}, {250, 200, 0}},
		5: {{0, 0, 0}, {0, 0, 4}, {0, 200, 0}, {250, 200, 0}},
	} {
		colours, index := quantise(pixels, n)
		var got []rgb
		for _, c := range []rgb{{0, 0, 0}, {0, 0, 4}, {0, 200, 0}, {250, 200, 0}} {
			of := colours[index[c]].(color.RGBA)
			got = append(got, rgb{of.R, of.G, of.B})
		}
		if got = slices.Compact(got); !slices.Equal(got, want) || len(colours) != len(want) {
			t.Errorf("%d colours: %v for %v, want %v", n, colours, got, want)
		}
	}
}

// TestQuantiseKeeps: what quantise gives is the same each time, exact up to the room there
// is, and no colour is far from the one that stands for it.
func TestQuantiseKeeps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	for _, n := range []int{1, 251, 252, 253, 2000, 50_000} {
		pixels := map[rgb]int{}
		for len(pixels) < n {
			pixels[rgb{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256))}] = 1 + rng.IntN(9)
		}
		colours, index := quantise(pixels, maxColours)
		again, _ := quantise(pixels, maxColours)
		if !slices.Equal(colours, again) || len(colours) != min(n, maxColours) || len(index) != n {
			t.Fatalf("%d colours became %d, then %d, of %d", n, len(colours), len(again), len(index))
		}
		squares, count := 0.0, 0
		for c, k := range pixels {
			of := colours[index[c]].(color.RGBA)
			for i, v := range []uint8{of.R, of.G, of.B} {
				squares += float64(k) * (float64(v) - float64(c[i])) * (float64(v) - float64(c[i]))
			}
			count += 3 * k
		}
		// Equal cubes for noise have a side of 256/252^(1/3) = 40.5: a variance of 137.
		if most := 137 * 1.3; n <= maxColours && squares > 0 || squares/float64(count) > most {
			t.Errorf("%d colours: mean square %.1f", n, squares/float64(count))
		}
	}
}

// TestSheetColours: a sheet of two pictures of two pixels, in each kind of colours, for a PNG
// and for a GIF or a terminal.
func TestSheetColours(t *testing.T) {
	paletted := colourSignature(2, 1, 3)
	paletted.Meta.Palette = []color.NRGBA{{1, 2, 3, 0xff}, {4, 5, 6, 0xff}, {0, 0, 0, 0}}
	for name, c := range map[string]struct {
		sig     *sampler.Signature
		palette string
		levels  [2][]uint16
		png     string   // of the four pixels
		indices []string // nil where alike
	}{
		"grey":       {colourSignature(2, 1, 4), "", [2][]uint16{{0, 1}, {2, 3}}, "000000ff 555555ff aaaaaaff ffffffff", nil},
		"grey asked": {colourSignature(2, 1, 4), "grey", [2][]uint16{{0, 1}, {2, 3}}, "000000ff 555555ff aaaaaaff ffffffff", nil},
		"gameboy":    {colourSignature(2, 1, 4), "gameboy", [2][]uint16{{0, 1}, {2, 3}}, "0f380fff 306230ff 8bac0fff 9bbc0fff", nil},
		"codes":      {colourSignature(2, 1, 512), "", [2][]uint16{{0, 511}, {256, 2}}, "000000ff ffffffff 808080ff 010101ff", []string{"000000ff ffffffff 808080ff 010101ff"}},
		"RGB":        {colourSignature(2, 3, 256), "", [2][]uint16{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 255, 254, 253}}, "010203ff 040506ff 070809ff fffefdff", nil},
		"RGB, 2":     {colourSignature(2, 3, 2), "", [2][]uint16{{0, 0, 1, 0, 1, 0}, {1, 0, 0, 1, 1, 1}}, "0000ffff 00ff00ff ff0000ff ffffffff", nil},
		"RGBA": {
			colourSignature(2, 4, 256), "",
			[2][]uint16{{1, 2, 3, 255, 4, 5, 6, 0}, {7, 8, 9, 128, 0, 0, 0, 255}},
			"010203ff 04050600 07080980 000000ff",
			[]string{"010203ff ffffffff 838384ff 000000ff"}, // 255·127/255 + 7·128/255 = 130.5
		},
		"a palette":       {paletted, "", [2][]uint16{{0, 1}, {2, 0}}, "010203ff 040506ff 00000000 010203ff", []string{"010203ff 040506ff ffffffff 010203ff"}},
		"another palette": {paletted, "inverse", [2][]uint16{{0, 1}, {2, 0}}, "ffffffff 808080ff 000000ff ffffffff", nil},
	} {
		f := &drawFlags{}
		if c.palette != "" {
			if err := f.palette.Set(c.palette); err != nil {
				t.Fatal(err)
			}
		}
		l, err := layOut(c.sig, geometry{images: 2, scale: 3, gap: 2, columns: 1})
		if err != nil {
			t.Fatal(err)
		}
		show := func(in *inks) string {
			s := newSheet(l, in)
			for place, levels := range c.levels {
				s.add(place, levels)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, s.picture()); err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			if r, g, b, a := m.At(0, 0).RGBA(); r&g&b&a != 0xffff {
				t.Errorf("%s: the frame is not white", name)
			}
			var got []string
			for _, at := range []image.Point{{2, 2}, {7, 4}, {2, 7}, {5, 9}} { // corners of pixels of 3×3
				p := color.NRGBAModel.Convert(m.At(at.X, at.Y)).(color.NRGBA)
				got = append(got, fmt.Sprintf("%02x%02x%02x%02x", p.R, p.G, p.B, p.A))
			}
			return strings.Join(got, " ")
		}
		if got := show(f.inks(c.sig)); got != c.png {
			t.Errorf("%s: PNG %s, want %s", name, got, c.png)
		}
		want := append(c.indices, c.png)[0]
		if got := show(f.indices(c.sig, slices.Concat(c.levels[:]...))); got != want {
			t.Errorf("%s: indices %s, want %s", name, got, want)
		}
	}
}

// TestColourFormats: levels of two pixels as NPY, raw and JSON.
func TestColourFormats(t *testing.T) {
	for _, c := range []struct {
		channels, levels   int
		descr, shape, json string
		raw                []byte
	}{
		{1, 256, "|u1", "(1, 1, 2)", `"height":1,"width":2,"logprob":-1,"logprob_options":0,"levels":[[1,2]]`, []byte{1, 2}},
		{1, 257, "<u2", "(1, 1, 2)", `"height":1,"width":2,"logprob":-1,"logprob_options":0,"levels":[[1,2]]`, []byte{1, 0, 2, 0}},
		{2, 256, "|u1", "(1, 1, 2, 2)", `"height":1,"width":2,"channels":2,"logprob":-1,"logprob_options":0,"levels":[[[1,2],[3,4]]]`, []byte{1, 2, 3, 4}},
		{3, 1 << 16, "<u2", "(1, 1, 2, 3)", `"levels":[[[1,2,3],[4,5,6]]]`, []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0}},
	} {
		sig := colourSignature(2, c.channels, c.levels)
		sample := sampler.Sample{Class: -1, LogProb: -1}
		for k := range sig.Symbols() {
			sample.Levels = append(sample.Levels, uint16(k+1))
		}
		write := func(kind string) string {
			var b bytes.Buffer
			out, err := sinks[kind](&b, sig, &drawFlags{n: 1})
			if err == nil {
				err = out.add(sample)
			}
			if err == nil {
				err = out.close()
			}
			if err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		if got := write("raw"); got != string(c.raw) {
			t.Errorf("raw %q, want %q", got, c.raw)
		}
		npy := write("npy")
		if want := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", c.descr, c.shape); !strings.HasPrefix(npy[10:], want) || npy[128:] != string(c.raw) {
			t.Errorf("NPY %q, want %s and %q", npy, want, c.raw)
		}
		if got := write("json"); !strings.Contains(got, c.json) {
			t.Errorf("JSON %s, want %s", got, c.json)
		}
	}
	// The two bytes of a level are in the order that NPY's type says.
	sample := sampler.Sample{Levels: []uint16{0x1234}}
	var b bytes.Buffer
	if err := (raw{&b, npy.Uint16}).add(sample); err != nil || binary.LittleEndian.Uint16(b.Bytes()) != 0x1234 {
		t.Errorf("% x, error %v", b.Bytes(), err)
	}
}

// TestCheckColour: what cannot be shown is told before anything is drawn.
func TestCheckColour(t *testing.T) {
	paletted := colourSignature(2, 1, 2)
	paletted.Meta = format.Meta{Colour: format.PaletteIndex, Palette: make([]color.NRGBA, 2)}
	for _, c := range []struct {
		sig     *sampler.Signature
		format  string
		preview string
		palette string
		invert  bool
		says    string
	}{
		{colourSignature(2, 2, 4), "png", "none", "", false, "pictures of 2 channels cannot be shown"},
		{colourSignature(2, 5, 4), "gif", "none", "", false, "pictures of 5 channels cannot be shown"},
		{colourSignature(2, 2, 4), "npy", "auto", "", false, "pictures of 2 channels cannot be shown"},
		{colourSignature(2, 2, 4), "npy", "none", "", false, ""},
		{colourSignature(2, 3, 4), "png", "auto", "", true, ""},
		{colourSignature(2, 3, 4), "png", "none", "grey", false, "--palette is for pictures of one channel, the model's have 3"},
		{paletted, "png", "none", "magma", false, ""},
		{paletted, "png", "none", "", true, "--invert is for light and dark"},
	} {
		f := &drawFlags{format: c.format, preview: c.preview, invert: c.invert}
		if c.palette != "" {
			if err := f.palette.Set(c.palette); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.checkColour(c.sig); (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d channels, %+v: error %v, want %q", c.sig.Channels, c, err, c.says)
		}
	}
}

// TestNote: a pixel appears with the last of its channels, one that is given at once.
func TestNote(t *testing.T) {
	g := growth{step: make([]int, 6)} // two pictures of three pixels of two channels
	mask := []bool{true, true, true, false, false, false}
	step := sampler.Step{Levels: make([]uint16, 12), Known: make([]bool, 12)}
	for _, known := range []int{0, 1, 2, 6, 7, 8} {
		step.Known[known] = true
	}
	for number, known := range [][]int{{3}, {4, 9}, {5}, {10}, {11}} {
		for _, k := range known {
			step.Known[k] = true
		}
		step.Number = number + 1
		g.note(step, 2, mask)
	}
	if want := []int{0, 1, 3, 0, 2, 5}; !slices.Equal(g.step, want) || g.steps != 5 {
		t.Errorf("%v in %d steps, want %v", g.step, g.steps, want)
	}
}

package main

import (
	"image"
	"image/color"

	"pixelcnn/internal/format"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler"
)

// inks are what a pixel of a sheet can be: a shade of grey or an index into colours, both of one
// byte, or a colour of four bytes (NRGBA).
type inks struct {
	bytes   int           // of a pixel
	colours color.Palette // nil where there are no indices
	paper   []uint8
	unknown []uint8 // of pixels that are not decided; set for indices only
	keep    []uint8 // of pixels that stay as in the frame before; set for indices only
	// image makes those of an image of its levels, bytes for each pixel.
	image func(levels []uint16) []uint8
}

// maxColours is the number of indices that are left for colours beside those with another use.
const maxColours = 252

// inks are those of a PNG: grey or true colours, or the palette that was asked for.
func (f *drawFlags) inks(sig *sampler.Signature) *inks {
	switch {
	case !f.palette.own() && !f.palette.grey():
		return paletteInks(sig, &f.palette)
	case sig.Colour() == format.Grey || f.palette.grey():
		return &inks{bytes: 1, paper: []uint8{0xff}, image: func(levels []uint16) []uint8 { return shades(levels, sig.Levels, 256) }}
	}
	return &inks{bytes: 4, paper: []uint8{0xff, 0xff, 0xff, 0xff}, image: func(levels []uint16) []uint8 {
		return sig.Image(levels).(*image.NRGBA).Pix
	}}
}

// indices are the inks of a GIF or of a terminal that show these images, [n, H, W, C].
func (f *drawFlags) indices(sig *sampler.Signature, levels []uint16) *inks {
	if sig.Colour() == format.Grey || !f.palette.own() {
		return paletteInks(sig, &f.palette)
	}
	symbols := sig.Symbols()
	pixels := func(levels []uint16) (out []rgb) {
		pix := sig.Image(levels).(*image.NRGBA).Pix
		for i := 0; i < len(pix); i += 4 {
			out = append(out, onWhite(pix[i:]))
		}
		return out
	}
	counts := map[rgb]int{}
	for ; len(levels) > 0; levels = levels[symbols:] {
		for _, c := range pixels(levels[:symbols]) {
			counts[c]++
		}
	}
	colours, index := quantise(counts, maxColours)
	return indexInks(colours, func(levels []uint16) (out []uint8) {
		for _, c := range pixels(levels) {
			out = append(out, index[c])
		}
		return out
	})
}

// paletteInks are a palette's colours, for one channel; with more levels than it has room
// for, neighbours share a colour.
func paletteInks(sig *sampler.Signature, p *palette) *inks {
	n := min(sig.Levels, maxColours)
	return indexInks(p.colours(n), func(levels []uint16) []uint8 { return shades(levels, sig.Levels, n) })
}

// shades are levels as so many shades.
func shades(levels []uint16, of, shades int) []uint8 {
	out := make([]uint8, len(levels))
	for k, level := range levels {
		out[k] = uint8(encoding.Shade(int(level), of, shades))
	}
	return out
}

func indexInks(colours color.Palette, image func(levels []uint16) []uint8) *inks {
	n := uint8(len(colours))
	return &inks{
		bytes: 1, colours: append(colours, color.White, color.Black, unknownColour, color.Transparent),
		paper: []uint8{n}, unknown: []uint8{n + 2}, keep: []uint8{n + 3}, image: image,
	}
}

// rgb is an opaque colour.
type rgb [3]uint8

// onWhite is a colour, NRGBA, on a white ground.
func onWhite(nrgba []uint8) (c rgb) {
	alpha := int(nrgba[3])
	for k := range c {
		c[k] = uint8((int(nrgba[k])*alpha + 255*(255-alpha) + 127) / 255)
	}
	return c
}

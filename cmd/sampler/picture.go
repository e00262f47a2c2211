package main

import (
	"fmt"
	"image/color"
	"slices"

	"pixelcnn/dataset"
	"pixelcnn/internal/format"
	"pixelcnn/sampler"
)

// readPicture reads a file as levels [H, W, C] of the model, in the way that the model's file
// says its training pictures were made, so that a picture gets the levels that it would have in
// training. Where levels are colours of a palette they are the nearest ones.
func readPicture(name string, sig *sampler.Signature, opt dataset.PictureOptions) ([]uint16, error) {
	opt = asTrained(sig, opt)
	switch sig.Colour() {
	case "":
		return nil, fmt.Errorf("%s: the model's pictures have %d channels, those of files 1, 3 or 4", name, sig.Channels)
	case format.PaletteIndex:
		opt.Channels, opt.Levels = 4, 256
	}
	levels, err := dataset.ReadPicture(name, opt)
	if err != nil || sig.Colour() != format.PaletteIndex {
		return levels, err
	}
	var palette color.Palette
	for _, c := range sig.Meta.Palette {
		palette = append(palette, c)
	}
	var nearest []uint16
	for c := range slices.Chunk(levels, 4) {
		at := palette.Index(color.NRGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), uint8(c[3])})
		nearest = append(nearest, uint16(at))
	}
	return nearest, nil
}

// asTrained says how pictures become a model's levels, in addition to opt.
func asTrained(sig *sampler.Signature, opt dataset.PictureOptions) dataset.PictureOptions {
	opt.Height, opt.Width, opt.Channels, opt.Levels = sig.Height, sig.Width, sig.Channels, sig.Levels
	opt.Resize = dataset.ResizeOf(sig.Meta.Preprocess)
	return opt
}

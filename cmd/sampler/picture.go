package main

import (
	"fmt"
	"image/color"
	"os"
	"slices"

	"pixelcnn/dataset"
	"pixelcnn/internal/format"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// readPicture reads a file as levels [H, W, C] of the model, in the way that the model's file
// says its training pictures were made, so that a picture gets the levels that it would have in
// training. Where levels are colours of a palette they are the nearest ones.
func readPicture(name string, sig *sampler.Signature, opt dataset.PictureOptions) ([]uint16, error) {
	opt = asTrained(sig, opt)
	switch colour := sig.Colour(); {
	case colour == "":
		return nil, fmt.Errorf("%s: the model's pictures have %d channels, those of such files 1, 3 or 4: give levels, as NPY", name, sig.Channels)
	case sig.Levels > 256:
		return nil, fmt.Errorf("%s: the model has %d levels, such files 256: give levels, as NPY", name, sig.Levels)
	case colour == format.PaletteIndex:
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

// readLevels reads an NPY file of a picture's levels, [H, W, C] or [1, H, W, C], without C where
// it is 1, as the command writes one with -n 1.
func readLevels(name string, sig *sampler.Signature) ([]uint16, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	h, err := npy.ReadHeader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	shape := imageShape(sig)
	if !slices.Equal(h.Shape, shape) && !slices.Equal(h.Shape, append([]int{1}, shape...)) {
		return nil, fmt.Errorf("%s: its shape is %v, must be %v, that of a picture of the model", name, h.Shape, shape)
	}
	if !h.Type.Integers() {
		return nil, fmt.Errorf("%s: the elements are %s; levels are integers from 0 to %d", name, h.Type, sig.Levels-1)
	}
	levels := make([]uint16, sig.Symbols())
	if err := h.Levels(file, levels, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if top := slices.Max(levels); int(top) >= sig.Levels {
		return nil, fmt.Errorf("%s: it has level %d, the model has %d levels: from 0 to %d", name, top, sig.Levels, sig.Levels-1)
	}
	return levels, nil
}

// asTrained says how pictures become a model's levels, in addition to opt.
func asTrained(sig *sampler.Signature, opt dataset.PictureOptions) dataset.PictureOptions {
	opt.Height, opt.Width, opt.Channels, opt.Levels = sig.Height, sig.Width, sig.Channels, sig.Levels
	opt.Resize = dataset.ResizeOf(sig.Meta.Preprocess)
	return opt
}

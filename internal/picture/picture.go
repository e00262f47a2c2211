// Package picture makes levels of people's pictures, for the command and the server: in the way
// that the model's file says its training pictures were made, so that a picture gets the levels
// that it would have in training.
package picture

import (
	"fmt"
	"image/color"
	"slices"

	"pixelcnn/dataset"
	"pixelcnn/internal/format"
	"pixelcnn/internal/signature"
)

// AsTrained says how pictures become a model's levels, in addition to opt.
func AsTrained(sig *signature.Signature, opt dataset.PictureOptions) dataset.PictureOptions {
	opt.Height, opt.Width, opt.Channels, opt.Levels = sig.Height, sig.Width, sig.Channels, sig.Levels
	opt.Resize = dataset.ResizeOf(sig.Meta.Preprocess)
	return opt
}

// Read reads a file as levels [H, W, C] of the model. Where levels are colours of a palette
// they are the nearest ones.
func Read(name string, sig *signature.Signature, opt dataset.PictureOptions) ([]uint16, error) {
	return read(name, sig, opt, func(opt dataset.PictureOptions) ([]uint16, error) { return dataset.ReadPicture(name, opt) })
}

// Decode is Read for a picture that is in memory; name is what errors call it.
func Decode(name string, data []byte, sig *signature.Signature, opt dataset.PictureOptions) ([]uint16, error) {
	return read(name, sig, opt, func(opt dataset.PictureOptions) ([]uint16, error) { return dataset.DecodePicture(name, data, opt) })
}

func read(name string, sig *signature.Signature, opt dataset.PictureOptions, from func(dataset.PictureOptions) ([]uint16, error)) ([]uint16, error) {
	opt = AsTrained(sig, opt)
	switch colour := sig.Colour(); {
	case colour == "":
		return nil, fmt.Errorf("%s: the model's pictures have %d channels, those of such files 1, 3 or 4: give levels, as NPY", name, sig.Channels)
	case sig.Levels > 256:
		return nil, fmt.Errorf("%s: the model has %d levels, such files 256: give levels, as NPY", name, sig.Levels)
	case colour == format.PaletteIndex:
		opt.Channels, opt.Levels = 4, 256
	}
	levels, err := from(opt)
	if err != nil || sig.Colour() != format.PaletteIndex {
		return levels, err
	}
	var palette color.Palette
	for _, c := range sig.Meta.Palette {
		palette = append(palette, c)
	}
	var nearest []uint16
	for c := range slices.Chunk(levels, 4) {
		c := color.NRGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), uint8(c[3])}
		at := slices.Index(sig.Meta.Palette, c) // colours that nobody sees are all equally near
		if at < 0 {
			at = palette.Index(c)
		}
		nearest = append(nearest, uint16(at))
	}
	return nearest, nil
}

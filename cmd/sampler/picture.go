package main

import (
	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// readPicture reads a file as levels [H, W, C] of the model, in the way that the model's file says its
// training pictures were made, so that a picture gets the levels that it would have in training.
func readPicture(name string, sig *sampler.Signature, opt dataset.PictureOptions) ([]uint16, error) {
	return dataset.ReadPicture(name, asTrained(sig, opt))
}

// asTrained says how pictures become a model's levels, in addition to opt.
func asTrained(sig *sampler.Signature, opt dataset.PictureOptions) dataset.PictureOptions {
	opt.Height, opt.Width, opt.Channels, opt.Levels = sig.Height, sig.Width, sig.Channels, sig.Levels
	opt.Resize = dataset.ResizeOf(sig.Meta.Preprocess)
	return opt
}

package main

import (
	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// readPicture reads a PNG or JPEG file as levels, [height, width] of the model, in the way that the
// model's file says its training pictures were made, so that a picture gets the levels
// that it would have in training.
func readPicture(name string, sig *sampler.Signature) ([]uint16, error) {
	return dataset.ReadPicture(name, sig.Height, sig.Width, sig.Levels, dataset.ResizeOf(sig.Meta.Preprocess))
}

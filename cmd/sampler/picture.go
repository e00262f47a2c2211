package main

import (
	"pixelcnn/dataset"
	"pixelcnn/sampler"
)

// readPicture reads a PNG or JPEG file as levels, [height, width], in the way that the
// model's file says its training pictures were made, so that a picture gets the levels
// that it would have in training.
func readPicture(name string, height, width int, spec *sampler.Spec) ([]uint8, error) {
	return dataset.ReadPicture(name, height, width, spec.Levels, dataset.ResizeOf(spec.Meta.Preprocess))
}

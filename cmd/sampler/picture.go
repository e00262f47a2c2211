package main

import (
	"fmt"
	"slices"

	"pixelcnn/sampler"
)

// readLevels reads an NPY file of a picture's levels, [H, W, C] or [1, H, W, C], without C where
// it is 1, as the command writes one with -n 1.
func readLevels(name string, sig *sampler.Signature) ([]uint16, error) {
	file, h, err := openArray(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
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

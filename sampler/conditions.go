package sampler

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
)

// checkConditions checks a request's conditions, and returns a function that gives those of an
// image.
func (s *Sampler) checkConditions(r Request) (of func(image uint64) []*Tensor, err error) {
	for name := range r.Conditions {
		if !(name == "" && len(s.sig.Conditions) == 1) && !slices.ContainsFunc(s.sig.Conditions, func(c signature.Condition) bool { return c.Name == name }) {
			return nil, fmt.Errorf("%w: the model has no condition %q", ErrConfig, name)
		}
	}
	if s.sig.Conditions == nil {
		return nil, nil
	}
	var all [][]*Tensor // by condition, those of each image
	for _, c := range s.sig.Conditions {
		t := r.Conditions[c.Name]
		if t == nil && len(s.sig.Conditions) == 1 {
			t = r.Conditions[""]
		}
		if t == nil {
			return nil, fmt.Errorf("%w: the model needs condition %q, %v %v for an image (--condition %s=FILE.npy)", ErrConfig, c.Name, c.DType, c.Shape, c.Name)
		}
		images, err := c.Rows(t)
		if err != nil {
			return nil, err
		}
		if last := r.First + uint64(r.N); len(images) > 1 && last > uint64(len(images)) {
			return nil, fmt.Errorf("%w: condition %q has %d rows, and image %d is asked for", ErrConfig, c.Name, len(images), last-1)
		}
		all = append(all, images)
	}
	return func(image uint64) []*Tensor {
		row := make([]*onnx.Tensor, len(all))
		for k, images := range all {
			if row[k] = images[0]; len(images) > 1 {
				row[k] = images[image]
			}
		}
		return row
	}, nil
}

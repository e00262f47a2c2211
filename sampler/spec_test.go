package sampler_test

import (
	"errors"
	"testing"

	"pixelcnn/sampler"
)

// TestNoPicture: what is no image of a model's makes no picture.
func TestNoPicture(t *testing.T) {
	spec := sampler.Spec{Height: 2, Width: 3, Levels: 4}
	for name, c := range map[string]struct {
		spec   sampler.Spec
		levels []uint8
		ok     bool
	}{
		"an image":              {spec, []uint8{0, 1, 2, 3, 2, 1}, true},
		"too few levels":        {spec, make([]uint8, 5), false},
		"too many levels":       {spec, make([]uint8, 7), false},
		"a level beyond":        {spec, []uint8{0, 1, 2, 3, 4, 1}, false},
		"none":                  {spec, nil, false},
		"an empty spec":         {sampler.Spec{}, nil, false},
		"an empty spec, levels": {sampler.Spec{}, make([]uint8, 6), false},
		"one level":             {sampler.Spec{Height: 2, Width: 3, Levels: 1}, make([]uint8, 6), false},
		"negative sizes":        {sampler.Spec{Height: -2, Width: -3, Levels: 4}, make([]uint8, 6), false},
	} {
		if got := c.spec.Gray(c.levels); (got != nil) != c.ok {
			t.Errorf("%s: Gray gives %v", name, got)
		}
		step := sampler.Step{Levels: c.levels, Known: make([]bool, len(c.levels))}
		if got := step.Image(&c.spec, 0); (got != nil) != (c.ok || name == "too many levels") {
			t.Errorf("%s: Image gives %v", name, got)
		}
	}
	step := sampler.Step{Levels: make([]uint8, 12), Known: make([]bool, 12)}
	for i, ok := range map[int]bool{-1: false, 0: true, 1: true, 2: false} {
		if got := step.Image(&spec, i); (got != nil) != ok {
			t.Errorf("image %d of 2 is %v", i, got)
		}
	}
	if got := (sampler.Step{}).Image(&spec, 0); got != nil {
		t.Errorf("image of an empty step is %v", got)
	}
}

// TestNoFile: a spec that was not read from a file says so.
func TestNoFile(t *testing.T) {
	var spec sampler.Spec
	if _, err := spec.Plan(); !errors.Is(err, sampler.ErrModel) {
		t.Errorf("Plan: error %v, want ErrModel", err)
	}
	if d := spec.Describe(); d.Layers != nil {
		t.Errorf("Describe: %+v", d)
	}
}

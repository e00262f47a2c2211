package sampler_test

import (
	"errors"
	"slices"
	"testing"

	"pixelcnn/sampler"
)

// TestNoPicture: what is no image of a model's makes no picture.
func TestNoPicture(t *testing.T) {
	sig := sampler.Signature{Height: 2, Width: 3, Channels: 1, Levels: 4}
	for name, c := range map[string]struct {
		sig    sampler.Signature
		levels []uint16
		ok     bool
	}{
		"an image":                   {sig, []uint16{0, 1, 2, 3, 2, 1}, true},
		"too few levels":             {sig, make([]uint16, 5), false},
		"too many levels":            {sig, make([]uint16, 7), false},
		"a level beyond":             {sig, []uint16{0, 1, 2, 3, 4, 1}, false},
		"none":                       {sig, nil, false},
		"an empty signature":         {sampler.Signature{}, nil, false},
		"an empty signature, levels": {sampler.Signature{}, make([]uint16, 6), false},
		"one level":                  {sampler.Signature{Height: 2, Width: 3, Channels: 1, Levels: 1}, make([]uint16, 6), false},
		"negative sizes":             {sampler.Signature{Height: -2, Width: -3, Channels: 1, Levels: 4}, make([]uint16, 6), false},
	} {
		if got := c.sig.Image(c.levels); (got != nil) != c.ok {
			t.Errorf("%s: Image gives %v", name, got)
		}
		step := sampler.Step{Levels: c.levels, Known: make([]bool, len(c.levels))}
		if got := step.Image(&c.sig, 0); (got != nil) != (c.ok || name == "too many levels") {
			t.Errorf("%s: a step's Image gives %v", name, got)
		}
	}
	step := sampler.Step{Levels: make([]uint16, 12), Known: make([]bool, 12)}
	for i, ok := range map[int]bool{-1: false, 0: true, 1: true, 2: false} {
		if got := step.Image(&sig, i); (got != nil) != ok {
			t.Errorf("image %d of 2 is %v", i, got)
		}
	}
	if got := (sampler.Step{}).Image(&sig, 0); got != nil {
		t.Errorf("image of an empty step is %v", got)
	}
}

// TestStepImage: a pixel is there once all its channels are known.
func TestStepImage(t *testing.T) {
	sig := sampler.Signature{Height: 1, Width: 3, Channels: 3, Levels: 2}
	step := sampler.Step{
		Levels: []uint16{0, 1, 0, 1, 1, 1, 1, 0, 1},
		Known:  []bool{true, true, true, true, true, false, true, true, true},
	}
	want := []uint8{0, 255, 0, 255, 0, 0, 0, 0, 255, 0, 255, 255}
	if got := step.Image(&sig, 0); got == nil || !slices.Equal(got.Pix, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestNoFile: a model that was not read from a file says so.
func TestNoFile(t *testing.T) {
	var m sampler.Model
	if _, err := m.Plan(); !errors.Is(err, sampler.ErrModel) {
		t.Errorf("Plan: error %v, want ErrModel", err)
	}
	if d := m.Describe(); d.Layers != nil {
		t.Errorf("Describe: %+v", d)
	}
}

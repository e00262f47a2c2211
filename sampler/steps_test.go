package sampler_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// TestSteps: what is known only grows, never changes, and ends as what Draw draws.
func TestSteps(t *testing.T) {
	model := file(t, small, 1)
	for _, engine := range engines {
		cfg := settings{Engine: engine, Batch: 2, Threads: 2}
		s := open(t, model, cfg)
		all := draw(t, model, cfg, 7)
		want := all[3*49:]
		known := make([]bool, len(want))
		number, most := 0, 0
		for step, err := range s.Steps(context.Background(), sampler.Request{First: 3, N: 4, Progress: func(done, _ int) { most = done }}) {
			if err != nil {
				t.Fatal(err)
			}
			if number++; step.Number != number {
				t.Errorf("%s: step %d comes as number %d", engine, step.Number, number)
			}
			more := 0
			for k, is := range step.Known {
				if known[k] && !is || is && step.Levels[k] != want[k] {
					t.Fatalf("%s: step %d: pixel %d forgotten or other than drawn", engine, number, k)
				}
				if is && !known[k] {
					more++
				}
			}
			if more == 0 {
				t.Errorf("%s: step %d decides nothing", engine, number)
			}
			copy(known, step.Known)
		}
		if slices.Contains(known, false) || most != len(want) {
			t.Errorf("%s: unfinished after %d steps", engine, number)
		}
		if engine == sampler.Full && number != 49 {
			t.Errorf("%d steps, want one per pixel, 49", number)
		}
	}
}

// TestStepsFixedBatch: a model for two images at a time draws three in two rounds.
func TestStepsFixedBatch(t *testing.T) {
	m, err := onnx.Unmarshal(file(t, small, 1))
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Inputs[0].Shape[0], m.Graph.Outputs[0].Shape[0] = onnx.Fixed(2), onnx.Fixed(2)
	model, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	want := draw(t, file(t, small, 1), settings{}, 3)
	s := open(t, model, settings{Engine: sampler.Full})
	steps := 0
	for step, err := range s.Steps(context.Background(), sampler.Request{N: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		steps = step.Number
		if steps == 49 && (slices.Contains(step.Known[:98], false) || slices.Contains(step.Known[98:], true)) {
			t.Error("after the first round the first two images are not what is known")
		}
		if steps == 98 && !slices.Equal(step.Levels, want) {
			t.Error("other images than with a free batch")
		}
	}
	if steps != 98 {
		t.Errorf("%d steps, want 2·49", steps)
	}
}

// TestStepsInpainting: given pixels are known from the start.
func TestStepsInpainting(t *testing.T) {
	model := file(t, small, 1)
	for _, engine := range engines {
		s := open(t, model, settings{Engine: engine})
		picture, mask := make([]uint16, 49), make([]bool, 49)
		for k := range mask {
			picture[k], mask[k] = uint16(k%5), k >= 42
		}
		var last []uint16
		for step, err := range s.Steps(context.Background(), sampler.Request{N: 2, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask}}) {
			if err != nil {
				t.Fatal(err)
			}
			for k := range mask {
				if mask[k] && !(step.Known[k] && step.Known[49+k] && step.Levels[k] == picture[k]) {
					t.Fatalf("%s: given pixel %d is not known in step %d", engine, k, step.Number)
				}
			}
			if step.Number == 1 {
				img := step.Image(s.Signature(), 1)
				_, _, _, undecided := img.At(3, 3).RGBA()
				r, _, _, given := img.At(4, 6).RGBA() // pixel 46, level 1 of 4
				if undecided != 0 || given != 0xffff || r>>8 != 64 {
					t.Errorf("%s: an undecided pixel has alpha %#x, the given one grey %d, alpha %#x", engine, undecided, r>>8, given)
				}
			}
			last = step.Levels
		}
		all := samples(t, s, sampler.Request{N: 2, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask}})
		if !slices.Equal(last, slices.Concat(all[0].Levels, all[1].Levels)) {
			t.Errorf("%s: other images than Samples draws", engine)
		}
	}
}

func TestStepsEnd(t *testing.T) {
	s := open(t, file(t, small, 1), settings{})
	n := 0
	for _, err := range s.Steps(context.Background(), sampler.Request{N: 1}) {
		if err != nil {
			t.Error(err)
		}
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("%d steps, want 5", n)
	}
	for _, err := range s.Steps(context.Background(), sampler.Request{N: 0}) {
		t.Errorf("a step of no images, error %v", err)
	}
	mask := make([]bool, 49)
	for _, req := range []sampler.Request{
		{N: 1, BestOf: 2},
		{N: 1, Inpainting: sampler.Inpainting{Picture: make([]uint16, 49), Mask: mask, Particles: 2}},
	} {
		for _, err := range s.Steps(context.Background(), req) {
			if !errors.Is(err, sampler.ErrConfig) {
				t.Errorf("%+v: error %v, want ErrConfig", req, err)
			}
		}
	}
}

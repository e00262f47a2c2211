package sampler_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/sampler"
)

// TestBounds: numbers whose products are beyond an int, or what memory could hold, are
// errors that say what is allowed.
func TestBounds(t *testing.T) {
	model := file(t, small, 1)
	compiled, err := oneFile(model, settings{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  settings
		says string
	}{
		{settings{Threads: 1025}, "threads is 1025, must be from 0 (for one per processor) to 1024"},
		{settings{Threads: math.MaxInt}, "to 1024"},
		{settings{Threads: 1 << 58}, "to 1024"},
		{settings{Batch: 1 << 55}, "batch is 36028797018963968; of images of 7×7, 21913098 are the most"},
		{settings{Batch: 1 << 56}, "21913098 are the most"},
		{settings{ClassRun: -1}, "row of a class is -1"},
	} {
		for _, b := range [][]byte{model, compiled} {
			if _, err := opened(env, b, c.cfg); !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: error %v, want ErrConfig that says %q", c.cfg, err, c.says)
			}
		}
	}
	for _, b := range [][]byte{model, compiled} {
		s := open(t, b, settings{Threads: 1024, Batch: 21913098})
		if got := samples(t, s, sampler.Request{N: 3}); !slices.Equal(got[2].Levels, draw(t, model, settings{}, 3)[2*49:]) {
			t.Error("another image with a batch beyond the images")
		}
	}

	s := open(t, model, settings{})
	kept := func(particles int) sampler.Inpainting {
		return sampler.Inpainting{Picture: make([]uint16, 49), Mask: make([]bool, 49), Particles: particles}
	}
	for _, c := range []struct {
		req  sampler.Request
		says string
	}{
		{sampler.Request{N: math.MaxInt}, "number of images is 9223372036854775807"},
		{sampler.Request{N: math.MaxInt/49 + 1}, "188232082384791343 are the most"},
		{sampler.Request{N: 1, BestOf: math.MaxInt}, "best-of is 9223372036854775807"},
		{sampler.Request{N: 1, Inpainting: kept(math.MaxInt)}, "particles is 9223372036854775807"},
		{sampler.Request{N: 1, BestOf: 1 << 32, Inpainting: kept(1 << 32)}, "best-of is 4294967296"},
		{sampler.Request{N: 1, BestOf: 1 << 13, Inpainting: kept(1 << 12)}, "best-of 8192 with 4096 particles: of candidates of 7×7, 21913098 are the most"},
	} {
		for _, err := range s.Samples(context.Background(), c.req) {
			if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: error %v, want ErrConfig that says %q", c.req, err, c.says)
			}
		}
	}
	for _, err := range s.Steps(context.Background(), sampler.Request{N: 1 << 56}) {
		if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "the number of images is 72057594037927936; of") {
			t.Errorf("steps: error %v, want ErrConfig", err)
		}
	}
	// As many as there may be, of which two are taken.
	n := 0
	for sample, err := range s.Samples(context.Background(), sampler.Request{N: math.MaxInt / 49, LevelsOnly: true}) {
		if err != nil || sample.Index != uint64(n) {
			t.Fatalf("image %d of many: number %d, error %v", n, sample.Index, err)
		}
		if n++; n == 2 {
			break
		}
	}
}

// TestClassRun: runs of images have the same class, which those of a list with as many
// entries for each have as well.
func TestClassRun(t *testing.T) {
	file := classFile(t, classes, 2)
	listed := []int{2, 2, 2, 0, 0, 0, 2, 2, 2, 0, 0, 0}
	want := draw(t, file, settings{Classes: listed}, 12)
	if !slices.Equal(draw(t, file, settings{Classes: []int{2, 0}, ClassRun: 3}, 12), want) {
		t.Error("other images with runs of three")
	}
	s := open(t, file, settings{ClassRun: 3})
	var got []int
	for _, sample := range samples(t, s, sampler.Request{First: 1, N: 11, Classes: []int{2, 0}}) {
		got = append(got, sample.Class)
	}
	if !slices.Equal(got, listed[1:]) {
		t.Errorf("classes %v, want %v", got, listed[1:])
	}
}

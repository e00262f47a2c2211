package sampler_test

import (
	"context"
	"errors"
	"testing"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestClosed: use after Close is one and the same error, whatever the engine.
func TestClosed(t *testing.T) {
	model := file(t, small, 1)
	one, err := oneFile(model, settings{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*set, error){
		"incremental": func() (*set, error) { return opened(env, model, settings{}) },
		"full": func() (*set, error) {
			return opened(env, model, settings{Engine: sampler.Full})
		},
		"one-file": func() (*set, error) { return opened(env, one, settings{}) },
	} {
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Errorf("%s: closing: %v", name, err)
		}
		levels := make([]uint16, 49)
		errs := map[string]error{"Draw": s.Fill(context.Background(), 0, levels)}
		_, errs["LogProb"] = s.LogProb(context.Background(), levels)
		for _, err := range s.Samples(context.Background(), sampler.Request{N: 1}) {
			errs["Samples"] = err
		}
		for _, err := range s.Steps(context.Background(), sampler.Request{N: 1}) {
			errs["Steps"] = err
		}
		for _, err := range s.Images(context.Background(), 1) {
			errs["Images"] = err
		}
		for what, err := range errs {
			if !errors.Is(err, sampler.ErrClosed) || !errors.Is(err, runtime.ErrClosed) || errors.Is(err, sampler.ErrModel) {
				t.Errorf("%s: %s: error %v, want ErrClosed", name, what, err)
			}
		}
	}
}

func TestNoRuntime(t *testing.T) {
	if _, err := opened(nil, file(t, small, 1), settings{}); !errors.Is(err, sampler.ErrConfig) {
		t.Errorf("error %v, want ErrConfig", err)
	}
}

package sampler_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestTogether: requests that share batches give what each gives alone, whatever differs
// between them, with either engine and runtime.
func TestTogether(t *testing.T) {
	c := small
	c.Arch, c.Classes, c.Input = "gated", 3, models.OneHot
	model := file(t, c, 3)
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	for _, rt := range []onnx.Runtime{env, inGo} {
		for _, engine := range []sampler.Engine{sampler.Incremental, sampler.Full} {
			s := openOn(t, rt, model, sampler.Config{Engine: engine, Threads: 2})
			rng := rand.New(rand.NewPCG(6, 0))
			for pair := range 12 {
				requests := []sampler.Request{randomRequest(rng), randomRequest(rng)}
				got, err := s.Together(context.Background(), requests)
				if err != nil {
					t.Fatal(err)
				}
				for i, req := range requests {
					var want []sampler.Sample
					for sample, err := range s.Samples(context.Background(), req) {
						if err != nil {
							t.Fatal(err)
						}
						want = append(want, sample)
					}
					if !reflect.DeepEqual(got[i], want) {
						t.Errorf("%s, pair %d: %+v gives %+v alone and %+v beside %+v", engine, pair, req, want, got[i], requests[1-i])
					}
				}
			}
		}
	}
}

// TestTogetherOneFile: runs of a one-file sampler have a temperature each.
func TestTogetherOneFile(t *testing.T) {
	b := mustOneFile(t, file(t, small, 3), settings{}, false)
	s := openOn(t, env, b, sampler.Config{})
	requests := []sampler.Request{
		{N: 3, Parameters: sampler.Parameters{Seed: 1}},
		{N: 2, First: 4, Parameters: sampler.Parameters{Seed: 2, Temperature: 0.5}},
		{N: 1, Parameters: sampler.Parameters{Seed: 3, Temperature: 0.5}},
	}
	got, err := s.Together(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, req := range requests {
		k := 0
		for sample, err := range s.Samples(context.Background(), req) {
			if err != nil || !slices.Equal(got[i][k].Levels, sample.Levels) {
				t.Errorf("request %d, image %d differs, error %v", i, k, err)
			}
			k++
		}
	}
}

// TestTogetherRefused: an invalid request is named.
func TestTogetherRefused(t *testing.T) {
	s := openOn(t, env, file(t, small, 3), sampler.Config{})
	_, err := s.Together(context.Background(), []sampler.Request{{N: 1}, {N: 1, Parameters: sampler.Parameters{TopK: -9}}})
	if err == nil || err.Error() != "request 1: sampler: invalid configuration: top-k is -9, must not be negative" {
		t.Errorf("error %v", err)
	}
	if _, err := s.Together(context.Background(), []sampler.Request{{N: 1 << 24}, {N: 1 << 24}}); err == nil {
		t.Error("more images than fit are taken")
	}
}

// openOn opens a model on a runtime until the test ends.
func openOn(t *testing.T, rt onnx.Runtime, model []byte, cfg sampler.Config) *sampler.Sampler {
	t.Helper()
	s, err := sampler.Open(rt, model, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// randomRequest asks for a few images of the small model with three classes.
func randomRequest(rng *rand.Rand) sampler.Request {
	req := sampler.Request{First: rng.Uint64N(100), N: 1 + rng.IntN(5), Parameters: sampler.Parameters{Seed: rng.Uint64()}}
	maybe := func(f func()) {
		if rng.IntN(2) == 0 {
			f()
		}
	}
	maybe(func() { req.Greedy = true })
	if !req.Greedy {
		maybe(func() { req.Temperature = 0.3 + rng.Float64() })
		maybe(func() { req.TemperatureEnd = 0.3 + rng.Float64() })
		maybe(func() { req.TopK = 1 + rng.IntN(5) })
		maybe(func() { req.TopP = rng.Float64() })
		maybe(func() { req.MinP = 0.3 * rng.Float64() })
		maybe(func() { req.BestOf = 1 + rng.IntN(3) })
	}
	maybe(func() { req.Classes = []int{rng.IntN(3), rng.IntN(3)} })
	maybe(func() { req.LevelsOnly = true })
	maybe(func() { req.Rounded = true })
	maybe(func() {
		req.Inpainting = sampler.Inpainting{Picture: make([]uint16, 49), Mask: make([]bool, 49)}
		for k := range 49 {
			req.Inpainting.Picture[k], req.Inpainting.Mask[k] = uint16(rng.IntN(5)), rng.IntN(3) == 0
		}
		if !req.Greedy {
			maybe(func() { req.Inpainting.Particles = 2 + rng.IntN(4) })
		}
	})
	return req
}

// Package onefiletest compares images of a one-file sampler with the sampler's.
package onefiletest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler"
)

// reach is how far from the boundary between two levels a uniform may be where a whole
// sampler draws another level than the sampler: their logits differ by float32's
// rounding, and the sampler settles such near ties in float64.
const reach = 1e-5

// Compare draws as many images of a model as levels holds, [n, H, W], with the sampler,
// and returns in how many of them levels differ. It is an error where an image differs
// first, in the order of drawing, in a pixel whose uniform is further than that from a
// boundary. cfg and req must be what a one-file sampler can do; req.N is set here.
func Compare(t testing.TB, rt onnx.Runtime, model []byte, cfg sampler.Config, req sampler.Request, levels []uint16) (differ int) {
	t.Helper()
	s, err := sampler.Open(rt, model, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := make([]uint16, len(levels))
	req.N = len(levels) / s.Signature().Pixels()
	if err := s.Draw(context.Background(), req, want); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(m, compile.Options{Height: cfg.Height, Width: cfg.Width})
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := exact.New(p, encoding.Scale{}.Values(p.Outputs))
	if err != nil {
		t.Fatal(err)
	}
	pixels := p.Height * p.Width
	wave := p.Wave()
	for i := range len(levels) / pixels {
		got, want := levels[i*pixels:(i+1)*pixels], want[i*pixels:(i+1)*pixels]
		if slices.Equal(got, want) {
			continue
		}
		differ++
		first := -1
		for k := range pixels {
			if got[k] != want[k] && (first < 0 || wave[k] < wave[first]) {
				first = k
			}
		}
		var conditions [][]float64
		if len(p.Conditions) > 0 {
			class := onnx.NewTensor([]int64{int64(s.Class(req, uint64(i)))}, 1)
			if conditions, err = exact.Conditions(p, []*onnx.Tensor{class}); err != nil {
				t.Fatal(err)
			}
		}
		evaluator.Begin(want, conditions, nil)
		d := distance(evaluator.Outputs(first), req.Temperature, uniform(req.Seed, uint64(i), first))
		t.Logf("image %d differs from pixel %d on, whose uniform is %.1e from a boundary", i, first, d)
		if d > reach {
			t.Errorf("image %d differs from pixel %d on: level %d, the sampler's %d; its uniform is %.1e from a boundary, must be within %g",
				i, first, got[first], want[first], d, reach)
		}
	}
	return differ
}

// uniform is that of a pixel.
func uniform(seed, image uint64, pixel int) (u float64) {
	rng := rand.New(rand.NewPCG(seed, image))
	for range pixel + 1 {
		u = rng.Float64()
	}
	return u
}

// distance is how far u is from the next boundary between two levels.
func distance(logits []float64, temperature, u float64) float64 {
	if temperature == 0 {
		temperature = 1
	}
	top, sum := slices.Max(logits), 0.0
	for _, l := range logits {
		sum += math.Exp((l - top) / temperature)
	}
	nearest, cumulative := 1.0, 0.0
	for _, l := range logits[:len(logits)-1] {
		cumulative += math.Exp((l-top)/temperature) / sum
		nearest = min(nearest, math.Abs(u-cumulative))
	}
	return nearest
}

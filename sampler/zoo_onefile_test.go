package sampler_test

import (
	"math"
	"slices"
	"testing"

	"pixelcnn/sampler"
)

// TestZooOneFile: one-file samplers draw what the networks do, with the log-probabilities of the
// sampler.
func TestZooOneFile(t *testing.T) {
	if testing.Short() {
		t.Skip("the networks are opened and drawn from in TestZoo")
	}
	written := map[string]int{} // by head
	zoo(t, func(t *testing.T, path string, z zooFile) {
		m, err := sampler.ReadFile(path, z.config())
		if err != nil {
			t.Fatal(err)
		}
		one, err := m.OneFile(true)
		if err != nil {
			t.Fatal(err)
		}
		written[m.Head.Name()]++
		s, err := sampler.Open(env, one, sampler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		scorer, err := m.Open(env)
		if err != nil {
			t.Fatal(err)
		}
		defer scorer.Close()
		if s.Signature().Channels != z.Channels {
			t.Fatalf("%d channels, want %d", s.Signature().Channels, z.Channels)
		}
		var name string
		if c := m.Signature.Conditions; c != nil {
			name = c[0].Name
		}
		for _, want := range z.Draws {
			req := z.request(name)
			req.N, req.Seed, req.Temperature = len(want.Levels), want.Seed, want.Temperature
			picture := flat(want.Levels)
			symbols := len(picture) / req.N
			given := sampler.Given{Conditions: req.Conditions}
			if req.Classes != nil {
				given.Classes = slices.Repeat(req.Classes, req.N)
			}
			scores, err := scorer.Score(t.Context(), picture, given)
			if err != nil {
				t.Fatal(err)
			}
			for i := range req.N {
				// The first image as it is drawn, the second with some of it given.
				part := req
				part.First, part.N = uint64(i), 1
				image := picture[i*symbols:][:symbols]
				if i > 0 {
					part.Inpainting.Picture, part.Inpainting.Mask = image, make([]bool, symbols)
					for k := range part.Inpainting.Mask {
						part.Inpainting.Mask[k] = k%5 < 2
					}
				}
				for sample, err := range s.Samples(t.Context(), part) {
					if err != nil {
						t.Fatal(err)
					}
					if differ := different(sample.Levels, image); differ > 0 {
						t.Errorf("image %d at temperature %g: %d of %d symbols differ", i, want.Temperature, differ, symbols)
					}
					if !(math.Abs(sample.LogProb-scores[i]) < 0.02) {
						t.Errorf("image %d has log-probability %.3f, and scores %.3f", i, sample.LogProb, scores[i])
					}
				}
			}
		}
	})
	t.Log(written)
	for _, head := range []string{"bernoulli", "categorical", "logistic-mixture"} {
		if written[head] < 4 {
			t.Errorf("%d files with head %s became one-file samplers", written[head], head)
		}
	}
}

package sampler_test

import (
	"math"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// TestRounded: rounded log-probabilities are the same for every engine and runtime, and
// next to the unrounded ones.
func TestRounded(t *testing.T) {
	c := models.Config{Hidden: 16, Blocks: 2, Kernel: 5, Size: 8, Levels: 4, Classes: 3}
	file := classFile(t, c, 1)
	mask := make([]bool, 64)
	for k := range mask {
		mask[k] = k < 20
	}
	for _, cfg := range []settings{{}, {Temperature: 0.7, TopK: 3}, {Temperature: 2, TemperatureEnd: 0.5, TopP: 0.9}} {
		const n = 150
		want := samples(t, open(t, file, cfg), sampler.Request{N: n, Rounded: true})
		exact := samples(t, open(t, file, cfg), sampler.Request{N: n})
		for i, s := range want {
			for _, x := range [][2]float64{{s.LogProb, exact[i].LogProb}, {s.LogProbDrawn, exact[i].LogProbDrawn}} {
				if math.Abs(x[0]-x[1]) > 0.0051 || x[0] != math.Round(x[0]*100)/100 {
					t.Errorf("%+v, image %d: log-probability %v, %v rounded", cfg, i, x[1], x[0])
				}
			}
		}
		inpainting := sampler.Inpainting{Picture: want[0].Levels, Mask: mask}
		inpainted := samples(t, open(t, file, cfg), sampler.Request{N: n, Rounded: true, Inpainting: inpainting})
		backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
			cfg.Engine = engine
			s, err := opened(rt, file, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, r := range []struct {
				want []sampler.Sample
				c    sampler.Inpainting
			}{{want, sampler.Inpainting{}}, {inpainted, inpainting}} {
				for i, got := range samples(t, s, sampler.Request{N: n, Rounded: true, Inpainting: r.c}) {
					w := r.want[i]
					if got.Class != w.Class || got.LogProb != w.LogProb || got.LogProbDrawn != w.LogProbDrawn || got.LogProbGiven != w.LogProbGiven {
						t.Errorf("%+v, image %d: %v, %v, %v; want %v, %v, %v", cfg, i,
							got.LogProb, got.LogProbDrawn, got.LogProbGiven, w.LogProb, w.LogProbDrawn, w.LogProbGiven)
					}
				}
			}
		})
	}
}

// TestExactLogProbs: what is computed again is what was computed at first.
func TestExactLogProbs(t *testing.T) {
	file := classFile(t, classes, 1)
	mask := make([]bool, 25)
	for k := range mask {
		mask[k] = k%3 == 0
	}
	for _, cfg := range []settings{{}, {Greedy: true}, {Temperature: 0.5, TemperatureEnd: 1.5, TopK: 2}, {TopP: 0.8, MinP: 0.1}} {
		s := open(t, file, cfg)
		for _, c := range []sampler.Inpainting{{}, {Picture: make([]uint16, 25), Mask: mask}} {
			for i, want := range samples(t, s, sampler.Request{N: 20, Inpainting: c}) {
				got := want
				if err := sampler.Exactly(s.Sampler, s.cfg.with(sampler.Request{Inpainting: c}), &got); err != nil {
					t.Fatal(err)
				}
				for _, x := range [][2]float64{
					{got.LogProb, want.LogProb}, {got.LogProbDrawn, want.LogProbDrawn}, {got.LogProbGiven, want.LogProbGiven},
				} {
					if math.Abs(x[0]-x[1]) > 1e-4 {
						t.Errorf("%+v, image %d: log-probability %v, %v in float64", cfg, i, x[1], x[0])
					}
				}
			}
		}
	}
}

package likelihood_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestSeam takes a head that no file has all the way: it is drawn from by the full loop and
// the compiled form, on both runtimes, scored, and written as a one-file sampler. Nothing
// but the signature knows of it.
func TestSeam(t *testing.T) {
	// A model of three outputs a pixel, which stick breaking makes four levels of.
	c := models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 7, Levels: 3}
	var file bytes.Buffer
	if err := export.Write(&file, modeltest.Random(t, c, 4), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	read := func(cfg sampler.Config) *sampler.Model {
		m, err := sampler.Read(file.Bytes(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		m.Head, m.Levels = stick{depth: 4}, 4
		return m
	}
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	const n, pixels = 60, 49
	req := sampler.Request{N: n, Parameters: sampler.Parameters{Seed: 3, Temperature: 1}}
	var want []sampler.Sample
	for _, rt := range []runtime.Runtime{env, inGo} {
		for _, engine := range []sampler.Engine{sampler.Full, sampler.Incremental} {
			s := open(t, read(sampler.Config{Engine: engine}), rt)
			samples := collect(t, s, req)
			var levels []uint16
			for _, sample := range samples {
				levels = append(levels, sample.Levels...)
			}
			if want == nil {
				want = samples
				if slices.Max(levels) != 3 {
					t.Fatalf("the highest level is %d, want 3", slices.Max(levels))
				}
			}
			scores, err := s.LogProb(context.Background(), levels)
			if err != nil {
				t.Fatal(err)
			}
			for i, sample := range samples {
				if !slices.Equal(sample.Levels, want[i].Levels) {
					t.Errorf("%s: image %d is another one than by the full loop", engine, i)
				}
				if math.Abs(sample.LogProb-scores[i]) > 1e-3 {
					t.Errorf("%s: image %d has log-probability %v as drawn, %v as scored", engine, i, sample.LogProb, scores[i])
				}
			}
			// Filters, a ramp and a mask, too.
			more := req
			more.TopK, more.TopP, more.TemperatureEnd = 3, 0.9, 0.5
			more.Inpainting = sampler.Inpainting{Picture: want[0].Levels, Mask: slices.Repeat([]bool{true, false, false, false, false, false, false}, 7)}
			got := collect(t, s, more)
			if full := collect(t, open(t, read(sampler.Config{Engine: sampler.Full}), env), more); !equal(got, full) {
				t.Errorf("%s: with filters and a mask other images than by the full loop", engine)
			}
		}
	}

	one, err := read(sampler.Config{}).OneFile(false)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sampler.Read(one, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for i, sample := range collect(t, open(t, m, env), req) {
		if !slices.Equal(sample.Levels, want[i].Levels) {
			differ++ // a near tie
		} else if math.Abs(sample.LogProb-want[i].LogProb) > 1e-3 {
			t.Errorf("one file: image %d has log-probability %v, want %v", i, sample.LogProb, want[i].LogProb)
		}
	}
	if differ > 1 {
		t.Errorf("one file: %d of %d images are other ones", differ, n)
	}
}

// TestSeamIsExact: the whole network's outputs for a drawn image say its log-probability.
func TestSeamIsExact(t *testing.T) {
	c := models.Config{Hidden: 8, Blocks: 1, Kernel: 3, Size: 4, Levels: 3}
	model := modeltest.Random(t, c, 5)
	var file bytes.Buffer
	if err := export.Write(&file, model, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	m, err := sampler.Read(file.Bytes(), sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m.Head, m.Levels = stick{depth: 4}, 4
	for _, sample := range collect(t, open(t, m, env), sampler.Request{N: 5}) {
		image := make([]float64, 16)
		for k, l := range sample.Levels {
			image[k] = float64(l) / 3
		}
		logits := modeltest.Logits(model, image) // [3, H, W]
		want := 0.0
		for k, l := range sample.Levels {
			left := 1.0
			for j := range 3 {
				p := 1 / (1 + math.Exp(-logits[j*16+k]))
				if int(l) == j {
					want += math.Log(left * p)
				}
				left *= 1 - p
			}
			if l == 3 {
				want += math.Log(left)
			}
		}
		if math.Abs(sample.LogProb-want) > 1e-3 {
			t.Errorf("log-probability %v, by hand %v", sample.LogProb, want)
		}
	}
}

func open(t *testing.T, m *sampler.Model, rt onnx.Runtime) *sampler.Sampler {
	t.Helper()
	s, err := m.Open(rt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func collect(t *testing.T, s *sampler.Sampler, req sampler.Request) (out []sampler.Sample) {
	t.Helper()
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sample)
	}
	return out
}

func equal(a, b []sampler.Sample) bool {
	return slices.EqualFunc(a, b, func(x, y sampler.Sample) bool { return slices.Equal(x.Levels, y.Levels) })
}

package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// oneFile makes a file that holds a whole sampler.
func oneFile(t testing.TB, model []byte, cfg sampler.OneFileConfig) []byte {
	t.Helper()
	b, err := sampler.OneFile(model, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// collect draws what is requested.
func collect(t testing.TB, model []byte, cfg sampler.Config, req sampler.Request) []sampler.Sample {
	t.Helper()
	s, err := sampler.Open(env, model, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out []sampler.Sample
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sample)
	}
	return out
}

// TestOneFile draws from a model and from the file that was made of it.
func TestOneFile(t *testing.T) {
	classes := small
	classes.Arch, classes.Classes, classes.Input = "gated", 3, models.OneHot
	picture, keep := make([]uint8, 49), make([]bool, 49)
	for i := range picture {
		picture[i], keep[i] = uint8(i%5), i%3 == 1
	}
	for name, c := range map[string]struct {
		model models.Config
		cfg   sampler.Config
		file  sampler.OneFileConfig
		req   sampler.Request
	}{
		"plain":         {small, sampler.Config{Seed: 4}, sampler.OneFileConfig{}, sampler.Request{N: 9}},
		"from later on": {small, sampler.Config{Seed: 4, Batch: 2, Temperature: 0.8}, sampler.OneFileConfig{}, sampler.Request{First: 5, N: 5}},
		"drawn classes": {classes, sampler.Config{Seed: 4, Batch: 4}, sampler.OneFileConfig{}, sampler.Request{N: 9}},
		"best":          {classes, sampler.Config{Seed: 4, Classes: []int{2, 1}}, sampler.OneFileConfig{}, sampler.Request{N: 3, BestOf: 4}},
		"completion": {
			classes,
			sampler.Config{Seed: 4, Batch: 2},
			sampler.OneFileConfig{Completion: true},
			sampler.Request{N: 5, Completion: sampler.Completion{Picture: picture, Keep: keep}},
		},
		"nothing kept": {small, sampler.Config{}, sampler.OneFileConfig{Completion: true}, sampler.Request{N: 5}},
		"another size": {small, sampler.Config{Height: 9, Width: 5}, sampler.OneFileConfig{Height: 9, Width: 5}, sampler.Request{N: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			model := file(t, c.model, 3)
			want := collect(t, model, c.cfg, c.req)
			cfg := c.cfg
			cfg.Height, cfg.Width = 0, 0
			got := collect(t, oneFile(t, model, c.file), cfg, c.req)
			if len(got) != len(want) {
				t.Fatalf("%d images, want %d", len(got), len(want))
			}
			for i, w := range want {
				g := got[i]
				if !slices.Equal(g.Levels, w.Levels) || g.Class != w.Class || g.Index != w.Index || math.Abs(g.LogProb-w.LogProb) > 1e-3 {
					t.Errorf("image %d is %v, want %v", i, g, w)
				}
				known := cfg.Temperature == 0 && c.req.Completion.Keep == nil
				if known && math.Abs(g.LogProbOptions-w.LogProbOptions) > 1e-3 || !known && !math.IsNaN(g.LogProbOptions) {
					t.Errorf("image %d was drawn with log-probability %v, want %v", i, g.LogProbOptions, w.LogProbOptions)
				}
			}
		})
	}
}

// TestOneFileMetadata: the file says what the model's said, and its own size.
func TestOneFileMetadata(t *testing.T) {
	b := oneFile(t, file(t, small, 3), sampler.OneFileConfig{Height: 8, Width: 6})
	spec, err := sampler.ReadSpec(b)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Height != 8 || spec.Width != 6 || spec.Levels != small.Levels || spec.Meta.Arch != "pixelcnn" || spec.Meta.Height != 8 {
		t.Errorf("%+v", spec)
	}
	if again := oneFile(t, file(t, small, 3), sampler.OneFileConfig{Height: 8, Width: 6}); !bytes.Equal(b, again) {
		t.Error("the same model gives another file")
	}
}

// TestOneFileCannot: what a whole sampler does not do is an error, not a wrong image.
func TestOneFileCannot(t *testing.T) {
	b := oneFile(t, file(t, small, 3), sampler.OneFileConfig{})
	for name, cfg := range map[string]sampler.Config{
		"temperature end": {TemperatureEnd: 0.5},
		"greedy":          {Greedy: true},
		"top-k":           {TopK: 2},
		"top-p":           {TopP: 0.5},
		"min-p":           {MinP: 0.5},
		"engine":          {Engine: sampler.Full},
		"raster":          {Raster: true},
		"pixel scale":     {PixelScale: 2},
		"class":           {Classes: []int{0}},
	} {
		if _, err := sampler.Open(env, b, cfg); !errors.Is(err, sampler.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sampler.Open(env, b, sampler.Config{Height: 9}); !errors.Is(err, sampler.ErrModel) {
		t.Error("another size:", err)
	}
	if _, err := sampler.OneFile(b, sampler.OneFileConfig{}); !errors.Is(err, sampler.ErrModel) {
		t.Error("compiled twice:", err)
	}
	if _, err := sampler.OneFile(file(t, small, 3), sampler.OneFileConfig{PixelScale: math.Inf(1)}); !errors.Is(err, sampler.ErrConfig) {
		t.Error("infinite scale:", err)
	}
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sampler.Open(rt, b, sampler.Config{}); !errors.Is(err, sampler.ErrModel) {
		t.Error("the runtime in Go:", err)
	}

	s, err := sampler.Open(env, b, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if _, err := s.LogProb(ctx, make([]uint8, 49)); !errors.Is(err, sampler.ErrConfig) {
		t.Error("score:", err)
	}
	if _, err := s.Spec().Plan(); !errors.Is(err, sampler.ErrConfig) {
		t.Error("plan:", err)
	}
	for _, err := range s.Steps(ctx, sampler.Request{N: 1}) {
		if !errors.Is(err, sampler.ErrConfig) {
			t.Error("steps:", err)
		}
	}
	kept := sampler.Completion{Picture: make([]uint8, 49), Keep: make([]bool, 49)}
	for _, c := range []sampler.Completion{kept, {Picture: kept.Picture, Keep: kept.Keep, Particles: 3}} {
		for _, err := range s.Complete(ctx, c, 1) {
			if !errors.Is(err, sampler.ErrConfig) {
				t.Error("completion:", err)
			}
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Draw(stopped, 0, make([]uint8, 49)); !errors.Is(err, context.Canceled) {
		t.Error("stopped:", err)
	}
}

// TestOneFileBroken: files that say that they hold a sampler, and do not.
func TestOneFileBroken(t *testing.T) {
	good := oneFile(t, file(t, small, 3), sampler.OneFileConfig{Completion: true})
	for name, spoil := range map[string]func(m *onnx.Model){
		"version":   func(m *onnx.Model) { m.Metadata[format.Sampler] = "2" },
		"levels":    func(m *onnx.Model) { m.Metadata[format.SamplerLevels] = "many" },
		"an input":  func(m *onnx.Model) { m.Graph.Inputs[0].Name = "noise" },
		"a type":    func(m *onnx.Model) { m.Graph.Inputs[1].DType = onnx.Float32 },
		"a shape":   func(m *onnx.Model) { m.Graph.Outputs[0].Shape = m.Graph.Outputs[0].Shape[:2] },
		"an output": func(m *onnx.Model) { m.Graph.Outputs = m.Graph.Outputs[:1] },
		"keep":      func(m *onnx.Model) { m.Graph.Inputs[3].Name = "label" },
	} {
		m, err := onnx.Unmarshal(good)
		if err != nil {
			t.Fatal(err)
		}
		spoil(m)
		b, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sampler.ReadSpec(b); !errors.Is(err, sampler.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneFileTooLarge: a file that could not be opened again is not begun.
func TestOneFileTooLarge(t *testing.T) {
	model := file(t, models.Config{Hidden: 2, Blocks: 5, Size: 8, Levels: 3}, 1)
	_, err := sampler.OneFile(model, sampler.OneFileConfig{Height: 1024, Width: 1024})
	var limit *onnx.LimitError
	if !errors.Is(err, sampler.ErrModel) || !errors.As(err, &limit) {
		t.Errorf("error %v, want ErrModel and a limit", err)
	}
}

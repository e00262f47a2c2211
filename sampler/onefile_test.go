package sampler_test

import (
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

// collect draws what is requested.
func collect(t testing.TB, model []byte, cfg settings, req sampler.Request) []sampler.Sample {
	t.Helper()
	s, err := opened(env, model, cfg)
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
	picture, mask := make([]uint16, 49), make([]bool, 49)
	for i := range picture {
		picture[i], mask[i] = uint16(i%5), i%3 == 1
	}
	for name, c := range map[string]struct {
		model      models.Config
		cfg        settings
		inpainting bool
		req        sampler.Request
	}{
		"plain":         {small, settings{Seed: 4}, false, sampler.Request{N: 9}},
		"from later on": {small, settings{Seed: 4, Batch: 2, Temperature: 0.8}, false, sampler.Request{First: 5, N: 5}},
		"drawn classes": {classes, settings{Seed: 4, Batch: 4}, false, sampler.Request{N: 9}},
		"best":          {classes, settings{Seed: 4, Classes: []int{2, 1}}, false, sampler.Request{N: 3, BestOf: 4}},
		"inpainting": {
			classes,
			settings{Seed: 4, Batch: 2},
			true,
			sampler.Request{N: 5, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask}},
		},
		"nothing given": {small, settings{}, true, sampler.Request{N: 5}},
		"another size":  {small, settings{Height: 9, Width: 5}, false, sampler.Request{N: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			model := file(t, c.model, 3)
			want := collect(t, model, c.cfg, c.req)
			cfg := c.cfg
			cfg.Height, cfg.Width = 0, 0
			got := collect(t, mustOneFile(t, model, settings{Height: c.cfg.Height, Width: c.cfg.Width}, c.inpainting), cfg, c.req)
			if len(got) != len(want) {
				t.Fatalf("%d images, want %d", len(got), len(want))
			}
			for i, w := range want {
				g := got[i]
				if !slices.Equal(g.Levels, w.Levels) || g.Class != w.Class || g.Index != w.Index || math.Abs(g.LogProb-w.LogProb) > 1e-3 {
					t.Errorf("image %d is %v, want %v", i, g, w)
				}
				known := cfg.Temperature == 0 && c.req.Inpainting.Mask == nil
				if known && math.Abs(g.LogProbDrawn-w.LogProbDrawn) > 1e-3 || !known && !math.IsNaN(g.LogProbDrawn) {
					t.Errorf("image %d was drawn with log-probability %v, want %v", i, g.LogProbDrawn, w.LogProbDrawn)
				}
			}
		})
	}
}

// TestOneFileMetadata: the file says what the model's said, and its own size.
func TestOneFileMetadata(t *testing.T) {
	b := mustOneFile(t, file(t, small, 3), settings{Height: 8, Width: 6}, false)
	sig, err := sampler.Read(b, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if sig.Height != 8 || sig.Width != 6 || sig.Levels != small.Levels || sig.Meta.Arch != "pixelcnn" || sig.Meta.Height != 8 {
		t.Errorf("%+v", sig)
	}
	if again := mustOneFile(t, file(t, small, 3), settings{Height: 8, Width: 6}, false); !slices.Equal(b, again) {
		t.Error("the same model gives another file")
	}
}

// TestOneFileCannot: what a one-file sampler does not do is an error, not a wrong image.
func TestOneFileCannot(t *testing.T) {
	b := mustOneFile(t, file(t, small, 3), settings{}, false)
	for name, cfg := range map[string]settings{
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
		if _, err := opened(env, b, cfg); !errors.Is(err, sampler.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := opened(env, b, settings{Height: 9}); !errors.Is(err, sampler.ErrModel) {
		t.Error("another size:", err)
	}
	if _, err := oneFile(b, settings{}, false); !errors.Is(err, sampler.ErrModel) {
		t.Error("compiled twice:", err)
	}
	if _, err := oneFile(file(t, small, 3), settings{PixelScale: math.Inf(1)}, false); !errors.Is(err, sampler.ErrConfig) {
		t.Error("infinite scale:", err)
	}
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened(rt, b, settings{}); !errors.Is(err, sampler.ErrModel) {
		t.Error("the runtime in Go:", err)
	}

	s, err := opened(env, b, settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if _, err := s.LogProb(ctx, make([]uint16, 49)); !errors.Is(err, sampler.ErrConfig) {
		t.Error("score:", err)
	}
	m, err := sampler.Read(b, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Plan(); !errors.Is(err, sampler.ErrConfig) {
		t.Error("plan:", err)
	}
	for _, err := range s.Steps(ctx, sampler.Request{N: 1}) {
		if !errors.Is(err, sampler.ErrConfig) {
			t.Error("steps:", err)
		}
	}
	given := sampler.Inpainting{Picture: make([]uint16, 49), Mask: make([]bool, 49)}
	for _, c := range []sampler.Inpainting{given, {Picture: given.Picture, Mask: given.Mask, Particles: 3}} {
		for _, err := range s.Inpaint(ctx, c, 1) {
			if !errors.Is(err, sampler.ErrConfig) {
				t.Error("inpainting:", err)
			}
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Fill(stopped, 0, make([]uint16, 49)); !errors.Is(err, context.Canceled) {
		t.Error("stopped:", err)
	}
}

// TestOneFileBroken: files that say that they hold a sampler, and do not.
func TestOneFileBroken(t *testing.T) {
	good := mustOneFile(t, file(t, small, 3), settings{}, true)
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
		if _, err := sampler.Read(b, sampler.Config{}); !errors.Is(err, sampler.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneFileTooLarge: a file that could not be opened again is not begun.
func TestOneFileTooLarge(t *testing.T) {
	model := file(t, models.Config{Hidden: 2, Blocks: 5, Size: 8, Levels: 3}, 1)
	_, err := oneFile(model, settings{Height: 1024, Width: 1024}, false)
	var limit *onnx.LimitError
	if !errors.Is(err, sampler.ErrModel) || !errors.As(err, &limit) {
		t.Errorf("error %v, want ErrModel and a limit", err)
	}
}

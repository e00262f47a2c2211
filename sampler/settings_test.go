package sampler_test

import (
	"context"
	"image"
	"iter"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// settings are a config and a request in one, flat, as tables want them.
type settings struct {
	Height, Width           int
	Channels, Levels        int
	Head, Label             string
	OutputLayout            sampler.Layout
	PixelScale, PixelOffset float64
	Engine                  sampler.Engine
	Raster                  bool
	Batch, Threads          int

	Temperature, TemperatureEnd float64
	Greedy                      bool
	TopK                        int
	TopP, MinP                  float64
	Seed                        uint64
	Classes                     []int
	ClassRun                    int
}

func (c settings) config() sampler.Config {
	return sampler.Config{
		Height: c.Height, Width: c.Width, Channels: c.Channels, Levels: c.Levels, Head: c.Head, OutputLayout: c.OutputLayout, Label: c.Label, PixelScale: c.PixelScale, PixelOffset: c.PixelOffset,
		Engine: c.Engine, Raster: c.Raster, Batch: c.Batch, Threads: c.Threads,
	}
}

// with adds to a request what it does not say itself.
func (c settings) with(req sampler.Request) sampler.Request {
	if req.Parameters == (sampler.Parameters{}) {
		req.Parameters = sampler.Parameters{
			Temperature: c.Temperature, TemperatureEnd: c.TemperatureEnd,
			Greedy: c.Greedy, TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, Seed: c.Seed,
		}
	}
	if req.Classes == nil {
		req.Classes = slices.Clone(c.Classes)
	}
	if req.ClassRun == 0 {
		req.ClassRun = c.ClassRun
	}
	return req
}

// set is a sampler whose requests have settings.
type set struct {
	*sampler.Sampler
	cfg settings
}

// opened opens a model with settings, of which those for requests are checked as well.
func opened(rt onnx.Runtime, model []byte, c settings) (*set, error) {
	s, err := sampler.Open(rt, model, c.config())
	if err != nil {
		return nil, err
	}
	req := c.with(sampler.Request{})
	err = req.Check()
	if err == nil && (c.Classes != nil || s.Signature().ClassInput == "") {
		err = s.Draw(context.Background(), req, nil)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return &set{s, c}, nil
}

// open opens a model until the test ends.
func open(t testing.TB, model []byte, c settings) *set {
	t.Helper()
	s, err := opened(env, model, c)
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

// Fill draws the images from first on into levels, [n, H, W].
func (s *set) Fill(ctx context.Context, first uint64, levels []uint16) error {
	n := len(levels) / s.Signature().Pixels()
	return s.Draw(ctx, s.cfg.with(sampler.Request{First: first, N: n}), levels)
}

func (s *set) Samples(ctx context.Context, req sampler.Request) iter.Seq2[sampler.Sample, error] {
	return s.Sampler.Samples(ctx, s.cfg.with(req))
}

func (s *set) Steps(ctx context.Context, req sampler.Request) iter.Seq2[sampler.Step, error] {
	return s.Sampler.Steps(ctx, s.cfg.with(req))
}

// Inpaint draws n times what a picture leaves open.
func (s *set) Inpaint(ctx context.Context, in sampler.Inpainting, n int) iter.Seq2[sampler.Sample, error] {
	return s.Samples(ctx, sampler.Request{N: n, Inpainting: in})
}

// Class is that of an image.
func (s *set) Class(image uint64) int {
	return s.Sampler.Class(s.cfg.with(sampler.Request{}), image)
}

func (s *set) Images(ctx context.Context, n int) iter.Seq2[image.Image, error] {
	return s.Sampler.Images(ctx, s.cfg.with(sampler.Request{N: n}))
}

// oneFile makes a one-file sampler of a model.
func oneFile(model []byte, c settings, inpainting bool) ([]byte, error) {
	m, err := sampler.Read(model, c.config())
	if err != nil {
		return nil, err
	}
	return m.OneFile(inpainting)
}

// mustOneFile is oneFile for a model of which it can be made.
func mustOneFile(t testing.TB, model []byte, c settings, inpainting bool) []byte {
	t.Helper()
	b, err := oneFile(model, c, inpainting)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

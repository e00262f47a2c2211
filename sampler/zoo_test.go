package sampler_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/sampler"
)

// zooFile is what is beside each file of testdata/zoo: how to read it, and what the network
// that it was exported from says and draws.
type zooFile struct {
	Height, Width, Channels, Levels int
	Read                            struct {
		Head        string  `json:"head"`
		Height      int     `json:"height"`
		Width       int     `json:"width"`
		PixelScale  float64 `json:"pixel_scale"`
		PixelOffset float64 `json:"pixel_offset"`
		StartToken  *int64  `json:"start_token"`
		Class       *int    `json:"class"`
		Condition   string  `json:"condition"`
	}
	Score struct {
		Levels  [][][][]uint16 `json:"levels"` // [n, H, W, C]
		LogProb []float64
	}
	Condition [][]int64
	Draws     []struct {
		Temperature float64
		Seed        uint64
		Levels      [][][][]uint16
	}
}

func flat(levels [][][][]uint16) (out []uint16) {
	for _, image := range levels {
		for _, row := range image {
			out = append(out, slices.Concat(row...)...)
		}
	}
	return out
}

// config is what the file's flags say.
func (z zooFile) config() sampler.Config {
	cfg := sampler.Config{
		Head: z.Read.Head, Height: z.Read.Height, Width: z.Read.Width,
		PixelScale: z.Read.PixelScale, PixelOffset: z.Read.PixelOffset,
	}
	if z.Read.StartToken != nil {
		cfg.StartToken = []int64{*z.Read.StartToken}
	}
	return cfg
}

// request asks for what the file has drawn.
func (z zooFile) request(name string) sampler.Request {
	var req sampler.Request
	if z.Read.Class != nil {
		req.Classes = []int{*z.Read.Class}
	}
	if z.Condition != nil {
		req.Conditions = map[string]*sampler.Tensor{name: {Shape: []int{len(z.Condition), len(z.Condition[0])}, Data: slices.Concat(z.Condition...)}}
	}
	return req
}

// exactLogProb is in place of references that are wrong. That of this file takes a level's
// probability as σ(a) − σ(b), not below 1e-300. In the upper tail, where both are almost 1, the
// difference has lost most of its digits, or is 0, and the reference is up to 1,250 nats too low.
// These are computed in float64 in the logarithmic domain, twice, in different ways.
var exactLogProb = map[string][]float64{
	"testdata/zoo/dynamo/mixture_rgb_strided": {-3120.4662, -2738.6373, -3141.4324, -2810.8896},
}

// zoo calls f for each file.
func zoo(t *testing.T, f func(t *testing.T, path string, z zooFile)) {
	paths, err := filepath.Glob("testdata/zoo/*/*.json")
	if err != nil || len(paths) < 36 {
		t.Fatal(len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var z zooFile
		if err := json.Unmarshal(b, &z); err != nil {
			t.Fatal(path, err)
		}
		name := strings.TrimSuffix(path, ".json")
		if exact := exactLogProb[filepath.ToSlash(name)]; exact != nil {
			z.Score.LogProb = exact
		}
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(name), func(t *testing.T) { f(t, name+".onnx", z) })
	}
}

// TestZoo: files in the forms in which people export networks are read, scored and drawn from as
// the networks that they were exported from.
func TestZoo(t *testing.T) {
	zoo(t, func(t *testing.T, path string, z zooFile) {
		for kind, rt := range runtimes(t) {
			for _, engine := range []sampler.Engine{sampler.Auto, sampler.Full} {
				cfg := z.config()
				cfg.Engine = engine
				s, err := sampler.OpenFile(rt, path, cfg)
				if err != nil {
					t.Error(kind, engine, err)
					continue
				}
				t.Cleanup(func() { s.Close() })
				if _, why := s.Engine(); why != nil && engine == sampler.Auto && kind == "go" {
					t.Log(why)
				}
				var name string
				if c := s.Signature().Conditions; c != nil {
					name = c[0].Name
				}
				req := z.request(name)
				if req.Conditions == nil || engine == sampler.Auto {
					scored(t, s, req, z)
				}
				for _, want := range z.Draws {
					req := req
					req.N, req.LevelsOnly = len(want.Levels), true
					req.Seed, req.Temperature = want.Seed, want.Temperature
					levels := make([]uint16, len(flat(want.Levels)))
					if err := s.Draw(t.Context(), req, levels); err != nil {
						t.Fatal(kind, engine, err)
					}
					if differ := different(levels, flat(want.Levels)); differ > 0 {
						t.Errorf("%s, %s: at temperature %g %d of %d symbols differ", kind, engine, want.Temperature, differ, len(levels))
					}
				}
			}
		}
	})
}

func scored(t *testing.T, s *sampler.Sampler, req sampler.Request, z zooFile) {
	t.Helper()
	given := sampler.Given{Conditions: req.Conditions}
	if req.Classes != nil {
		given.Classes = slices.Repeat(req.Classes, len(z.Score.LogProb))
	}
	got, err := s.Score(t.Context(), flat(z.Score.Levels), given)
	if err != nil {
		t.Error(err)
		return
	}
	for i, want := range z.Score.LogProb {
		if !(math.Abs(got[i]-want) <= 0.01) {
			t.Errorf("image %d scores %.4f, want %.4f", i, got[i], want)
		}
	}
}

func different(a, b []uint16) int {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

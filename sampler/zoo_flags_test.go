package sampler_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// flags are those that the file is read with, by name, each with what it sets.
func (z zooFile) flags() map[string]func(*sampler.Config) {
	all := z.config()
	flags := map[string]func(*sampler.Config){
		"--head": func(cfg *sampler.Config) { cfg.Head = all.Head },
	}
	if all.Head == "logistic-mixture" {
		flags["--levels"] = func(cfg *sampler.Config) { cfg.Levels = z.Levels }
	}
	if all.Height > 0 {
		flags["--height"] = func(cfg *sampler.Config) { cfg.Height = all.Height }
		flags["--width"] = func(cfg *sampler.Config) { cfg.Width = all.Width }
	}
	if all.StartToken != nil {
		flags["--start-token"] = func(cfg *sampler.Config) { cfg.StartToken = all.StartToken }
	}
	return flags
}

// draws tells whether a sampler draws what is beside the file.
func (z zooFile) draws(t *testing.T, s *sampler.Sampler) (same bool, err error) {
	t.Helper()
	var name string
	if c := s.Signature().Conditions; c != nil {
		name = c[0].Name
	}
	for _, want := range z.Draws {
		req := z.request(name)
		req.N, req.LevelsOnly, req.Seed, req.Temperature = len(want.Levels), true, want.Seed, want.Temperature
		levels := make([]uint16, req.N*s.Signature().Symbols())
		if err := s.Draw(t.Context(), req, levels); err != nil {
			return false, err
		}
		if !slices.Equal(levels, flat(want.Levels)) {
			return false, nil
		}
	}
	return true, nil
}

// TestZooWithoutFlags: whoever knows nothing of a file, and gives the flags that the errors
// name, is told of all that it leaves open, and draws what the network does. Only the scale of
// the input is assumed, and that is said.
func TestZooWithoutFlags(t *testing.T) {
	zoo(t, func(t *testing.T, path string, z zooFile) {
		for kind, rt := range runtimes(t) {
			var cfg sampler.Config
			open := z.flags()
			var s *sampler.Sampler
			for s == nil {
				var err error
				if s, err = sampler.OpenFile(rt, path, cfg); err == nil {
					break
				}
				t.Log(kind, err)
				asked := false
				for flag, set := range open {
					if strings.Contains(err.Error(), flag+" ") || strings.HasSuffix(err.Error(), flag) {
						set(&cfg)
						delete(open, flag)
						asked = true
					}
				}
				if !asked {
					t.Fatalf("%s: the error names none of the flags that are not given yet: %v", kind, err)
				}
			}
			t.Cleanup(func() { s.Close() })
			assumed := ""
			for _, f := range s.Signature().Assumed() {
				assumed += f.Flag
			}
			if z.Condition != nil {
				req := sampler.Request{N: 1}
				if err := s.Draw(t.Context(), req, make([]uint16, s.Signature().Symbols())); err == nil || !strings.Contains(err.Error(), "--condition") {
					t.Errorf("%s: without a condition: %v, want an error that names --condition", kind, err)
				}
			}
			same, err := z.draws(t, s)
			if err != nil {
				t.Fatal(kind, err)
			}
			want, scaled := "", s.Signature().Encoding == "scaled"
			if scaled {
				want = "--pixel-range"
			}
			if assumed != want {
				t.Errorf("%s: assumed is %q, want %q", kind, assumed, want)
			}
			if unit := z.Read.PixelScale == 0; same != unit {
				t.Errorf("%s: the draws are the network's: %v, and its scale is the assumed one: %v", kind, same, unit)
			}
		}
	})
}

// TestZooAnnotated: an annotated file has its weights inside and says all of itself: it is
// opened from another folder with no config, draws the same, and ONNX Runtime makes of it what
// it makes of the original.
func TestZooAnnotated(t *testing.T) {
	zoo(t, func(t *testing.T, path string, z zooFile) {
		file, err := sampler.AnnotateFile(path, z.config(), sampler.Annotation{})
		if err != nil {
			t.Fatal(err)
		}
		own := filepath.Join(t.TempDir(), "own.onnx")
		if err := os.WriteFile(own, file, 0o600); err != nil {
			t.Fatal(err)
		}
		for kind, rt := range runtimes(t) {
			s, err := sampler.OpenFile(rt, own, sampler.Config{})
			if err != nil {
				t.Error(kind, err)
				continue
			}
			defer s.Close()
			if a := s.Signature().Assumed(); len(a) > 0 {
				t.Errorf("%s: still assumed: %+v", kind, a)
			}
			if same, err := z.draws(t, s); !same || err != nil {
				t.Errorf("%s: the draws are others: %v", kind, err)
			}
		}
		again, err := sampler.Annotate(file, sampler.Config{}, sampler.Annotation{})
		if err != nil || !bytes.Equal(again, file) {
			t.Errorf("annotated again it is another file: %v", err)
		}
		sameOutputs(t, path, own)
	})
}

// sameOutputs runs two files in ONNX Runtime with the same inputs, and compares all outputs.
func sameOutputs(t *testing.T, paths ...string) {
	t.Helper()
	var want [][]byte
	for _, path := range paths {
		m, err := onnx.ReadFile(path, onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(3, 3))
		shapes := map[string][]int{}
		var inputs, outputs []*onnx.Tensor
		for _, v := range m.Graph.Inputs {
			shape := onnx.Sizes(v.Shape)
			shape[0] = 2
			x := onnx.Zeros(v.DType, shape...)
			for k := range x.Len() {
				x.SetNumber(k, float64(rng.IntN(2)))
			}
			shapes[v.Name], inputs = shape, append(inputs, x)
		}
		simple, err := onnx.Simplify(m, shapes)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range simple.Graph.Outputs {
			outputs = append(outputs, onnx.Zeros(v.DType, onnx.Sizes(v.Shape)...))
		}
		session, err := env.Load(m, onnx.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		binding, err := session.Bind(inputs, outputs)
		if err != nil {
			t.Fatal(err)
		}
		defer binding.Close()
		if err := binding.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got [][]byte
		for _, y := range outputs {
			b, err := binary.Append(nil, binary.LittleEndian, y.Data)
			if err != nil || len(b) == 0 {
				t.Fatal(len(b), err)
			}
			got = append(got, b)
		}
		if want == nil {
			want = got
		} else if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: ONNX Runtime's outputs are others", path)
		}
	}
}

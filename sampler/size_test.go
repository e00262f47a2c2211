package sampler_test

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// TestSizes: in sizes other than that of training each engine and runtime draws the same
// images, and the log-probabilities are those that it drew with.
func TestSizes(t *testing.T) {
	files := map[string][]byte{
		"plain":   file(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 5, Size: 16}, 1),
		"gated":   file(t, models.Config{Arch: "gated", Hidden: 6, Blocks: 2, Kernel: 5, Size: 16}, 1),
		"classes": classFile(t, models.Config{Hidden: 6, Blocks: 1, Kernel: 3, Size: 16, Classes: 3}, 1),
	}
	for _, name := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		b, err := os.ReadFile("testdata/foreign/" + name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	for name, file := range files {
		sizes := [][2]int{{16, 24}, {32, 32}, {8, 5}}
		if len(file) > 100_000 {
			sizes = [][2]int{{8, 5}, {17, 9}} // the full engine takes its time
		}
		if testing.Short() {
			sizes = [][2]int{{8, 5}}
		}
		for _, size := range sizes {
			cfg := settings{Height: size[0], Width: size[1], Seed: 2}
			pixels := size[0] * size[1]
			want := draw(t, file, cfg, 3)
			backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
				n := 3
				if engine == sampler.Full {
					n = 1
				}
				cfg.Engine = engine
				s, err := opened(rt, file, cfg)
				if err != nil {
					t.Fatalf("%s, %v: %v", name, size, err)
				}
				defer s.Close()
				if s.Signature().Height != size[0] || s.Signature().Width != size[1] {
					t.Fatalf("%s: %d×%d, want %v", name, s.Signature().Height, s.Signature().Width, size)
				}
				var levels []uint16
				for i, sample := range samples(t, s, sampler.Request{N: n}) {
					levels = append(levels, sample.Levels...)
					var scored []float64
					if sample.Class < 0 {
						scored, err = s.LogProb(context.Background(), sample.Levels)
					} else {
						scored, err = s.LogProbGivenClass(context.Background(), sample.Levels, []int{sample.Class})
					}
					if err != nil || math.Abs(sample.LogProb-scored[0]) > 1e-3 {
						t.Errorf("%s, %v, image %d: drawn with log-probability %g, scored %v, error %v", name, size, i, sample.LogProb, scored, err)
					}
				}
				if len(levels) != n*pixels || !slices.Equal(levels, want[:n*pixels]) {
					t.Errorf("%s, %v: other images", name, size)
				}
			})
		}
	}
}

// TestSizeIsReference: a model in another size is the one that has these weights and
// that size.
func TestSizeIsReference(t *testing.T) {
	for _, arch := range models.Architectures {
		c := models.Config{Arch: arch, Hidden: 6, Blocks: 2, Kernel: 5, Size: 6, Levels: 3}
		s := open(t, file(t, c, 5), settings{Height: 9, Width: 9})
		m := modeltest.Random(t, c, 5)
		m.Size = 9
		for i, sample := range samples(t, s, sampler.Request{N: 3}) {
			if want, _ := reference(m, sample.Levels, settings{}); math.Abs(sample.LogProb-want) > 1e-4 {
				t.Errorf("%s, image %d: log-probability %g, want %g", arch, i, sample.LogProb, want)
			}
		}
	}
}

// TestFreeSize: a file that leaves the size open draws in the one that is asked for.
func TestFreeSize(t *testing.T) {
	sizes := func(h, w onnx.Dim) []byte {
		m, err := onnx.Unmarshal(file(t, small, 1))
		if err != nil {
			t.Fatal(err)
		}
		m.Metadata = nil
		for _, v := range append(m.Graph.Inputs, m.Graph.Outputs...) {
			v.Shape[2], v.Shape[3] = h, w
		}
		b, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	free := sizes(onnx.Free("h"), onnx.Free("w"))
	want := draw(t, file(t, small, 1), settings{}, 4)
	if !slices.Equal(draw(t, free, settings{Height: 7, Width: 7}, 4), want) {
		t.Error("other images")
	}
	for _, c := range []struct {
		file []byte
		cfg  settings
		says string
	}{
		{free, settings{}, "no height"},
		{free, settings{Height: 7}, "no width"},
		{sizes(onnx.Fixed(7), onnx.Free("w")), settings{}, "no width"},
	} {
		if _, err := opened(env, c.file, c.cfg); !errors.Is(err, sampler.ErrModel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: error %v, want ErrModel that says %q", c.cfg, err, c.says)
		}
	}
	if !slices.Equal(draw(t, sizes(onnx.Fixed(7), onnx.Free("w")), settings{Width: 7}, 4), want) {
		t.Error("other images")
	}
}

func TestSizeRefused(t *testing.T) {
	for _, cfg := range []settings{{Height: -1}, {Width: -7}, {Height: 1 << 30}, {Width: 1<<20 + 1}, {Height: 1 << 11, Width: 1 << 10}} {
		if _, err := opened(env, file(t, small, 1), cfg); !errors.Is(err, sampler.ErrConfig) {
			t.Errorf("%d×%d: error %v, want ErrConfig", cfg.Height, cfg.Width, err)
		}
	}
}

// TestSizeBuiltIn: a graph that cannot be of another size is refused, and the node that
// has the size built in is named.
func TestSizeBuiltIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(f *compiletest.Forms, x *onnx.Value) *onnx.Value
		says  string
	}{
		{"a constant per position", func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			return f.Op("Add", nil, f.Masked(x, 1, 4, 3, false, nil), f.Random(1, 4, formSize, formSize))
		}, `Add that makes "add"`},
		{"a reshape", func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Masked(x, 1, 4, 3, false, nil)
			return f.Op("Reshape", nil, h, compiletest.List(-1, 4, formSize, formSize))
		}, `Reshape that makes "reshape" has the size 6×6 built in`},
		{"a crop", func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Pad", nil, f.Masked(x, 1, 4, 3, false, nil), compiletest.List(0, 0, 1, 0, 0, 0, 0, 0))
			h = f.Op("Slice", nil, h, compiletest.List(0), compiletest.List(formSize), compiletest.List(2))
			h.Node.Name = "crop"
			return f.Op("Add", nil, h, f.Masked(x, 1, 4, 3, false, nil))
		}, `Slice "crop" has the size 6×6 built in`},
	} {
		f := compiletest.NewForms("sizes", 4)
		n, size := onnx.Free("n"), onnx.Fixed(formSize)
		x := f.Input("x", onnx.Float32, n, onnx.Fixed(1), size, size)
		h := c.build(f, x)
		if h.Name == "" {
			h.Name = strings.ToLower(h.Node.Op)
		}
		f.Output(f.Masked(f.Op("Relu", nil, h), 4, formLevels, 3, true, nil), "logits", onnx.Float32, n, onnx.Fixed(formLevels), size, size)
		m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: f.Graph}
		file, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(draw(t, file, settings{}, 1)) != formSize*formSize {
			t.Errorf("%s: it does not draw in its own size", c.name)
		}
		_, err = sampler.Read(file, sampler.Config{Height: 2 * formSize, Width: 2 * formSize})
		if !errors.Is(err, sampler.ErrModel) || !strings.Contains(err.Error(), "it cannot draw images of 12×12") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want ErrModel that says %q", c.name, err, c.says)
		}
	}
}

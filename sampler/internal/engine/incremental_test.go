package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/internal/signature"
	"pixelcnn/runtime"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// compiled makes an incremental engine.
func compiled(t testing.TB, m *onnx.Model, opt compile.Options, conditions func(int, []*onnx.Tensor) []*onnx.Tensor) *engine.Compiled {
	t.Helper()
	e, err := engine.Compile(env, m, opt, conditions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func foreign(t testing.TB, name string) *onnx.Model {
	t.Helper()
	b, err := os.ReadFile("../../testdata/foreign/" + name + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forward runs the whole network on images, [n, H, W], and returns the logits of
// each image, [n, outputs].
func forward(t testing.TB, m *onnx.Model, size []int, levels []uint16, top int, conditions func(int, []*onnx.Tensor) []*onnx.Tensor) [][]float32 {
	t.Helper()
	s, err := env.Load(m, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pixels := 1
	for _, d := range size {
		pixels *= d
	}
	var out [][]float32
	for i := 0; i < len(levels)/pixels; i++ {
		x := make([]float32, pixels)
		for k := range x {
			x[k] = float32(float64(levels[i*pixels+k]) / float64(top))
		}
		var picture *onnx.Tensor
		switch info := s.Inputs()[0]; info.DType {
		case onnx.Int64:
			v := make([]int64, pixels)
			for k := range v {
				v[k] = int64(levels[i*pixels+k])
			}
			picture = onnx.NewTensor(v, size...)
		default:
			picture = onnx.NewTensor(x, size...)
		}
		in := []*onnx.Tensor{picture}
		if conditions != nil {
			in = append(in, conditions(i, nil)...)
		}
		shape := onnx.Sizes(m.Graph.Outputs[0].Shape)
		n := 1
		for k, d := range shape {
			if d < 0 {
				shape[k] = map[bool]int{true: 1, false: size[len(size)-1]}[k == 0]
			}
			n *= shape[k]
		}
		y := onnx.NewTensor(make([]float32, n), shape...)
		b, err := s.Bind(in, []*onnx.Tensor{y})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		b.Close()
		out = append(out, y.Floats())
	}
	return out
}

// follows checks that each pixel of the images is the level that its uniform picks from
// the logits that the whole network gives for the finished image: if it is, the
// engine has seen the right logits everywhere. A level next to it passes where the
// uniform lies within rounding of the border between them.
func follows(t *testing.T, m *onnx.Model, size []int, levels []uint16, top int, seed uint64, conditions func(int, []*onnx.Tensor) []*onnx.Tensor) {
	t.Helper()
	pixels := 1
	for _, d := range size {
		pixels *= d
	}
	head := likelihood.Categorical{Depth: top + 1}
	how, err := draw.Parameters{}.For(head, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := draw.NewDrawer(head)
	uniforms, outputs := make([]float64, pixels), make([]float64, top+1)
	for i, logits := range forward(t, m, size, levels, top, conditions) {
		draw.NewUniforms().Fill(uniforms, 1, seed, uint64(i))
		for k := range pixels {
			got := int(levels[i*pixels+k])
			at, stride := k, pixels
			if shape := m.Graph.Outputs[0].Shape; shape[1].Size != top+1 {
				at, stride = k*(top+1), 1
			}
			for l := range outputs {
				outputs[l] = float64(logits[at+l*stride])
			}
			low := d.Level(how, 1, outputs, nil, max(0, uniforms[k]-1e-5))
			high := d.Level(how, 1, outputs, nil, math.Min(1, uniforms[k]+1e-5))
			if got < low || got > high {
				t.Errorf("image %d, pixel %d: level %d, the whole network's logits say %d", i, k, got, low)
				return
			}
		}
	}
}

// TestRandomGraphs: programs of random graphs draw what the graphs say, in waves and
// in raster order, alone and many at once.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := compiletest.Random(seed, false)
			for _, opt := range []compile.Options{{}, {Raster: true}} {
				e := compiled(t, m.Model, opt, nil)
				for _, batch := range []int{1, 7} {
					levels := make([]uint16, 7*m.Height*m.Width)
					if err := e.Images(context.Background(), 0, levels, 1, seed, batch, 2); err != nil {
						t.Fatal(err)
					}
					follows(t, m.Model, []int{1, 1, m.Height, m.Width}, levels, m.Levels-1, seed, nil)
				}
			}
		})
	}
}

// full draws n images by the whole network.
func full(t *testing.T, m *onnx.Model, n int, seed uint64) []uint16 {
	t.Helper()
	sig, err := signature.Read(m, signature.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(env, sig, engine.Options{Engine: engine.NameFull, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	how, err := draw.Parameters{Seed: seed}.For(sig.Head, sig.Height)
	if err != nil {
		t.Fatal(err)
	}
	levels := make([]uint16, n*sig.Pixels())
	rows := make([]draw.Row, n)
	for i := range rows {
		rows[i] = draw.Row{Image: uint64(i), How: how, Levels: levels[i*sig.Pixels() : (i+1)*sig.Pixels()]}
	}
	if err := e.Draw(context.Background(), rows, engine.Run{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return levels
}

// TestIncrementalIsFull: not one pixel differs between the engines.
func TestIncrementalIsFull(t *testing.T) {
	for _, name := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		m := foreign(t, name)
		const n = 9
		want := full(t, foreign(t, name), n, 3)
		for _, raster := range []bool{true, false} {
			e := compiled(t, m, compile.Options{Raster: raster}, nil)
			for _, batch := range []int{0, 1, 5, 9} {
				got := make([]uint16, len(want))
				if err := e.Images(context.Background(), 0, got, 1, 3, batch, 2); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, raster %v, batch %d: the engines draw different images", name, raster, batch)
				}
			}
		}
	}
}

// TestIncrementalStops: a draw ends with its context, and the next one is right.
func TestIncrementalStops(t *testing.T) {
	m := compiletest.Random(5, false)
	e := compiled(t, m.Model, compile.Options{}, nil)
	levels := make([]uint16, 8*m.Height*m.Width)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, batch := range []int{2, 8} {
		if err := e.Images(ctx, 0, levels, 1, 5, batch, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		if err := e.Images(context.Background(), 0, levels, 1, 5, batch, 2); err != nil {
			t.Fatal(err)
		}
		follows(t, m.Model, []int{1, 1, m.Height, m.Width}, levels, m.Levels-1, 5, nil)
	}
}

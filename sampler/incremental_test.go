package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// compiled makes an incremental engine.
func compiled(t testing.TB, m *onnx.Model, opt compile.Options, labels func(int) []*onnx.Tensor) *sampler.IncrementalEngine {
	t.Helper()
	e, err := sampler.NewIncremental(env, m, opt, labels)
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
	b, err := os.ReadFile("testdata/foreign/" + name + ".onnx")
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
func forward(t testing.TB, m *onnx.Model, size []int, levels []uint8, top int, labels func(int) []*onnx.Tensor) [][]float32 {
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
		if labels != nil {
			in = append(in, labels(i)...)
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

// follows checks that each pixel of the images is the level that its coin picks from
// the logits that the whole network gives for the finished image: if it is, the
// engine has seen the right logits everywhere. A level next to it passes where the
// coin lies within rounding of the border between them.
func follows(t *testing.T, m *onnx.Model, size []int, levels []uint8, top int, seed uint64, labels func(int) []*onnx.Tensor) {
	t.Helper()
	pixels := 1
	for _, d := range size {
		pixels *= d
	}
	for i, logits := range forward(t, m, size, levels, top, labels) {
		coins := sampler.Uniforms(pixels, seed, uint64(i))
		for k := range pixels {
			got := int(levels[i*pixels+k])
			at, stride := k, pixels
			if shape := m.Graph.Outputs[0].Shape; shape[1].Size != top+1 {
				at, stride = k*(top+1), 1
			}
			low := sampler.Level(logits[at:], stride, top+1, 1, max(0, coins[k]-1e-5))
			high := sampler.Level(logits[at:], stride, top+1, 1, math.Min(1, coins[k]+1e-5))
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
					levels := make([]uint8, 7*m.Height*m.Width)
					if err := e.Draw(context.Background(), 0, levels, 1, seed, batch, 2); err != nil {
						t.Fatal(err)
					}
					follows(t, m.Model, []int{1, 1, m.Height, m.Width}, levels, m.Levels-1, seed, nil)
				}
			}
		})
	}
}

// TestIncrementalIsFull: not one pixel differs between the engines.
func TestIncrementalIsFull(t *testing.T) {
	for _, name := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		m := foreign(t, name)
		file, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		const n = 9
		want := draw(t, file, sampler.Config{Engine: sampler.Full, Seed: 3}, n)
		for _, raster := range []bool{true, false} {
			e := compiled(t, m, compile.Options{Raster: raster}, nil)
			for _, batch := range []int{0, 1, 5, 9} {
				got := make([]uint8, len(want))
				if err := e.Draw(context.Background(), 0, got, 1, 3, batch, 2); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
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
	levels := make([]uint8, 8*m.Height*m.Width)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, batch := range []int{2, 8} {
		if err := e.Draw(ctx, 0, levels, 1, 5, batch, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		if err := e.Draw(context.Background(), 0, levels, 1, 5, batch, 2); err != nil {
			t.Fatal(err)
		}
		follows(t, m.Model, []int{1, 1, m.Height, m.Width}, levels, m.Levels-1, 5, nil)
	}
}

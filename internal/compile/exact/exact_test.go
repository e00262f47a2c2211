package exact_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/runtime"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// foreign is a file that PyTorch has written.
func foreign(t testing.TB, name string) *onnx.Model {
	t.Helper()
	b, err := os.ReadFile("../../../sampler/testdata/foreign/" + name + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forward is the logits of a picture, [levels, H, W], by ONNX Runtime.
func forward(t *testing.T, m *onnx.Model, p *compile.Program, picture []float32) []float32 {
	t.Helper()
	s, err := env.Load(m, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logits := make([]float32, p.Outputs*len(picture))
	b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor(picture, 1, 1, p.Height, p.Width)}, []*onnx.Tensor{onnx.NewTensor(logits, 1, p.Outputs, p.Height, p.Width)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return logits
}

// TestExact compares the evaluation in float64, pixel by pixel, with the plain graph
// run by ONNX Runtime, on foreign files and on random graphs.
func TestExact(t *testing.T) {
	worst, skipped, compared := 0.0, 0, 0
	check := func(name string, m *onnx.Model) {
		p, err := compile.Compile(m, compile.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		top := p.Outputs - 1
		values := make([]float32, p.Outputs)
		for l := range values {
			values[l] = float32(float64(l) / float64(top))
		}
		e, err := exact.New(p, values)
		if err != nil {
			skipped++
			t.Log(name, err)
			return
		}
		compared++
		pixels := p.Height * p.Width
		levels, picture := make([]uint16, pixels), make([]float32, pixels)
		rng := rand.New(rand.NewPCG(3, 3))
		for i := range levels {
			levels[i] = uint16(rng.IntN(p.Outputs))
			picture[i] = values[levels[i]]
		}
		want := forward(t, m, p, picture)
		for k, pixel := range []int{0, 1, p.Width, pixels / 2, pixels - 1} {
			e.Begin(levels, nil, ir.Count(k%2*pixels)) // by itself, or many at once
			for l, got := range e.Outputs(pixel) {
				w := float64(want[l*pixels+pixel])
				d := math.Abs(got-w) / (1 + math.Abs(w))
				worst = max(worst, d)
				if !(d < 1e-4) {
					t.Fatalf("%s: pixel %d, level %d: logit %g, ONNX Runtime has %g", name, pixel, l, got, w)
				}
			}
		}
	}
	for _, name := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		check(name, foreign(t, name))
	}
	for seed := range uint64(60) {
		check("random", compiletest.Random(seed, false).Model)
	}
	t.Logf("%d models compared, %d beyond it; largest difference %.2g of 1 + |logit|", compared, skipped, worst)
	if compared < 50 {
		t.Errorf("only %d models compared", compared)
	}
}

func BenchmarkExact(b *testing.B) {
	p, err := compile.Compile(foreign(b, "pixelcnn_torch"), compile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e, err := exact.New(p, []float32{0, 1. / 3, 2. / 3, 1})
	if err != nil {
		b.Fatal(err)
	}
	levels := make([]uint16, 256)
	for b.Loop() {
		e.Begin(levels, nil, nil)
		e.Outputs(136)
	}
}

package goruntime_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

// foreign reads a file that another program has written.
func foreign(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../sampler/testdata/foreign/" + name + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exported writes a model with random weights as the export does.
func exported(t testing.TB, c models.Config, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, seed), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// images binds a model for a batch of random images; free dimensions of the result
// besides the batch are given.
func images(t testing.TB, rt onnx.Runtime, file []byte, batch int, rest ...int) (b onnx.Binding, logits *onnx.Tensor) {
	t.Helper()
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in, out := s.Inputs()[0].Shape, s.Outputs()[0].Shape
	in[0], out[0] = batch, batch
	if slices.Contains(out, -1) {
		out = append([]int{batch}, rest...)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	x := tensorOf(onnx.Float32, in, func(int) float64 { return float64(rng.IntN(4)) / 3 })
	logits = tensorOf(onnx.Float32, out, func(int) float64 { return 0 })
	if b, err = s.Bind([]*onnx.Tensor{x}, []*onnx.Tensor{logits}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, logits
}

func TestAgreesWithONNXRuntime(t *testing.T) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	files := map[string][]byte{
		"pixelcnn_torch":   foreign(t, "pixelcnn_torch"),
		"torch_gated_crop": foreign(t, "torch_gated_crop"),
		"pixelcnn":         exported(t, models.Config{}, 1),
		"narrow":           exported(t, models.Config{Hidden: 6, Blocks: 2, Kernel: 5, Size: 7, Levels: 3}, 2),
		"gated":            exported(t, models.Config{Arch: "gated", Hidden: 32, Blocks: 2}, 3),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			for _, batch := range []int{1, 3, 16} {
				mine, got := images(t, newRuntime(t), file, batch, 4, 16, 16)
				theirs, want := images(t, ort, file, batch, 4, 16, 16)
				run(t, mine)
				run(t, theirs)
				d, largest := furthest(got, want)
				t.Logf("batch %d: largest difference %.2g, largest logit %.2g", batch, d, largest)
				if !(d <= 2e-6*max(largest, 1)) {
					t.Errorf("batch %d: the results differ by %g", batch, d)
				}
				if n := testing.AllocsPerRun(3, func() { run(t, mine) }); n != 0 {
					t.Errorf("batch %d: %g allocations a run", batch, n)
				}
			}
		})
	}
}

// furthest is the largest difference of two tensors' elements, and the largest
// element.
func furthest(got, want *onnx.Tensor) (difference, largest float64) {
	for i, w := range want.Floats() {
		difference = max(difference, math.Abs(float64(got.Floats()[i]-w)))
		largest = max(largest, math.Abs(float64(w)))
	}
	return difference, largest
}

// The exported file, the float64 loops that are written apart from it, and this
// runtime agree.
func TestAgreesWithLoops(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 5, Size: 6, Levels: 3}, 9)
	var file bytes.Buffer
	if err := export.Write(&file, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	s := load(t, file.Bytes(), onnx.SessionOptions{})
	rng := rand.New(rand.NewPCG(1, 9))
	image := make([]float64, 36)
	for i := range image {
		image[i] = float64(float32(rng.IntN(3)) / 2)
	}
	x := tensorOf(onnx.Float32, d(1, 1, 6, 6), func(i int) float64 { return image[i] })
	y := onnx.NewTensor(make([]float32, 108), 1, 3, 6, 6)
	run(t, bind(t, s, []*onnx.Tensor{x}, []*onnx.Tensor{y}))
	want := tensorOf(onnx.Float32, y.Shape, func(i int) float64 { return modeltest.Logits(m, image)[i] })
	if d := distance(y, want); !(d <= 1e-5) {
		t.Errorf("the results differ by %g", d)
	}
}

// Random networks of every kind of node that autoregressive models have.
func TestRandomNetworks(t *testing.T) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	var worst float64
	for seed := range uint64(60) {
		m := compiletest.Random(seed, false)
		file, err := onnx.Marshal(m.Model)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			mine, got := images(t, newRuntime(t), file, 2, m.Levels, m.Height, m.Width)
			theirs, want := images(t, ort, file, 2, m.Levels, m.Height, m.Width)
			run(t, mine)
			run(t, theirs)
			d := distance(got, want)
			if !(d <= 2e-5) {
				t.Errorf("the results differ by %g", d)
			}
			worst = max(worst, d)
		})
	}
	t.Logf("largest difference %.2g", worst)
}

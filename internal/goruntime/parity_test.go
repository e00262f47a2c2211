package goruntime_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

func bindModel(t testing.TB, rt onnx.Runtime, model []byte, batch int, x []float32) (onnx.Binding, []float32) {
	s, err := rt.Load(model, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	in := s.Inputs()[0].Shape
	in[0] = batch
	out := s.Outputs()[0].Shape
	out[0] = batch
	for i, d := range out {
		if d < 0 {
			out[i] = 4
			if i > 1 {
				out[i] = 16
			}
		}
	}
	y := make([]float32, out[0]*out[1]*out[2]*out[3])
	b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor(x, in...)}, []*onnx.Tensor{onnx.NewTensor(y, out...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, y
}

func TestForeign(t *testing.T) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	rt, _ := goruntime.New(goruntime.Config{})
	for _, f := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		model, err := os.ReadFile("../../sampler/testdata/foreign/" + f + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{1, 3, 16} {
			t.Run(fmt.Sprint(f, batch), func(t *testing.T) {
				x := make([]float32, batch*256)
				rng := rand.New(rand.NewPCG(1, 1))
				for i := range x {
					x[i] = float32(rng.IntN(4)) / 3
				}
				b, y := bindModel(t, rt, model, batch, x)
				b2, y2 := bindModel(t, ort, model, batch, x)
				if err := b.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
				if err := b2.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
				var worst float64
				for i := range y {
					worst = max(worst, math.Abs(float64(y[i]-y2[i])))
				}
				t.Log("largest difference", worst)
				if a := testing.AllocsPerRun(10, func() { b.Run(context.Background()) }); a != 0 {
					t.Errorf("%g allocations", a)
				}
			})
		}
	}
}

func BenchmarkForward(b *testing.B) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer ort.Close()
	rt, _ := goruntime.New(goruntime.Config{})
	for _, f := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		model, err := os.ReadFile("../../sampler/testdata/foreign/" + f + ".onnx")
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range []int{1, 16, 64} {
			for name, rt := range map[string]onnx.Runtime{"go": rt, "ort": ort} {
				b.Run(fmt.Sprintf("%s/%d/%s", f, batch, name), func(b *testing.B) {
					x := make([]float32, batch*256)
					r, _ := bindModel(b, rt, model, batch, x)
					for b.Loop() {
						if err := r.Run(context.Background()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

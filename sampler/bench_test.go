package sampler_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// BenchmarkFull draws by the plain loop, for comparison with BenchmarkIncremental.
func BenchmarkFull(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("images=%d", n), func(b *testing.B) {
			benchmarkDraw(b, env, settings{Engine: sampler.Full}, n)
		})
	}
}

// BenchmarkGoIncremental draws with the compiled form on the runtime in Go.
func BenchmarkGoIncremental(b *testing.B) {
	rt, err := runtime.Go()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 16, 64, 256, 1024} {
		b.Run(fmt.Sprintf("images=%d", n), func(b *testing.B) {
			benchmarkDraw(b, rt, settings{Engine: sampler.Incremental}, n)
		})
	}
}

func benchmarkDraw(b *testing.B, rt onnx.Runtime, cfg settings, n int) {
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		b.Fatal(err)
	}
	s, err := opened(rt, model, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	levels := make([]uint16, n*256)
	if cfg.Engine != sampler.Full {
		if err := s.Fill(context.Background(), 0, levels); err != nil { // binds
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := s.Fill(context.Background(), 0, levels); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkDense is one forward pass of 64 images by ONNX Runtime on two threads.
func BenchmarkDense(b *testing.B) {
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		b.Fatal(err)
	}
	s, err := onnx.LoadFile(env, model, onnx.SessionOptions{Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	run, err := s.Bind(
		[]*onnx.Tensor{onnx.NewTensor(make([]float32, 64*256), 64, 1, 16, 16)},
		[]*onnx.Tensor{onnx.NewTensor(make([]float32, 64*4*256), 64, 4, 16, 16)})
	if err != nil {
		b.Fatal(err)
	}
	defer run.Close()
	for b.Loop() {
		if err := run.Run(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

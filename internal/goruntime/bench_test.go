package goruntime_test

import (
	"fmt"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// runtimes are this one and ONNX Runtime, to be measured in turn.
func runtimes(b *testing.B) map[string]onnx.Runtime {
	b.Helper()
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ort.Close() })
	return map[string]onnx.Runtime{"go": newRuntime(b), "ort": ort}
}

// BenchmarkGemm multiplies rows by a constant matrix, on one thread.
func BenchmarkGemm(b *testing.B) {
	all := runtimes(b)
	for _, s := range [][3]int{{64, 64, 32}, {512, 64, 32}, {512, 160, 32}, {512, 32, 64}, {1, 160, 32}, {4, 64, 64}, {32768, 64, 32}} {
		m, k, n := s[0], s[1], s[2]
		file := graph(b, func(g *onnx.Graph) {
			x := g.Input("x", onnx.Float32, onnx.Fixed(m), onnx.Fixed(k))
			w := onnx.Const("", onnx.NewTensor(make([]float32, k*n), k, n))
			bias := onnx.Const("", onnx.NewTensor(make([]float32, n), n))
			g.Output(g.Op("Gemm", nil, x, w, bias), "y", onnx.Float32, onnx.Fixed(m), onnx.Fixed(n))
		})
		for _, who := range []string{"go", "ort"} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, k, n, who), func(b *testing.B) {
				s, err := onnx.LoadFile(all[who], file, onnx.SessionOptions{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				x, err := s.Bind([]*onnx.Tensor{onnx.NewTensor(make([]float32, m*k), m, k)}, []*onnx.Tensor{onnx.NewTensor(make([]float32, m*n), m, n)})
				if err != nil {
					b.Fatal(err)
				}
				defer x.Close()
				for b.Loop() {
					run(b, x)
				}
				b.ReportMetric(2*float64(m*k*n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

// BenchmarkForward is a whole network on one thread.
func BenchmarkForward(b *testing.B) {
	all := runtimes(b)
	for _, name := range []string{"pixelcnn_torch", "torch_gated_crop"} {
		file := foreign(b, name)
		for _, batch := range []int{1, 16, 64} {
			for _, who := range []string{"go", "ort"} {
				b.Run(fmt.Sprintf("%s/%d/%s", name, batch, who), func(b *testing.B) {
					x, _ := images(b, all[who], file, batch, 4, 16, 16)
					for b.Loop() {
						run(b, x)
					}
				})
			}
		}
	}
}

package sampler_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"pixelcnn/sampler"
)

// BenchmarkSamples draws 256 images of the reference model as levels only, and with
// their log-probabilities.
func BenchmarkSamples(b *testing.B) {
	model, err := os.ReadFile("testdata/foreign/pixelcnn_torch.onnx")
	if err != nil {
		b.Fatal(err)
	}
	const n = 256
	for _, temperature := range []float64{1, 0.7} {
		s := open(b, model, settings{Temperature: temperature})
		levels := make([]uint16, n*256)
		report := func(b *testing.B) { b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "images/s") }
		b.Run(fmt.Sprintf("T=%g/Draw", temperature), func(b *testing.B) {
			for b.Loop() {
				if err := s.Fill(context.Background(), 0, levels); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
		for _, levelsOnly := range []bool{true, false} {
			b.Run(fmt.Sprintf("T=%g/Samples/LevelsOnly=%v", temperature, levelsOnly), func(b *testing.B) {
				for b.Loop() {
					samples(b, s, sampler.Request{N: n, LevelsOnly: levelsOnly})
				}
				report(b)
			})
		}
	}
}

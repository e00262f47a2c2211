package engine_test

import (
	"context"
	"fmt"
	"testing"

	"pixelcnn/internal/compile"
)

// BenchmarkIncremental draws with the trained reference model. Memory is per image.
func BenchmarkIncremental(b *testing.B) {
	m := foreign(b, "pixelcnn_torch")
	for _, raster := range []bool{true, false} {
		e := compiled(b, m, compile.Options{Raster: raster}, nil)
		for _, n := range []int{1, 16, 64, 256, 1024} {
			b.Run(fmt.Sprintf("raster=%v/images=%d", raster, n), func(b *testing.B) {
				levels := make([]uint16, n*256)
				run := func() {
					if err := e.Images(context.Background(), 0, levels, 1, 3, 0, 2); err != nil {
						b.Fatal(err)
					}
				}
				run() // binds
				allocs := testing.AllocsPerRun(1, run)
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
				b.ReportMetric(allocs/float64(n), "allocs/image")
			})
		}
	}
}

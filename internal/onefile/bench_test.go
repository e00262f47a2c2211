package onefile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pixelcnn/internal/onefile/onefiletest"
	"pixelcnn/sampler"
)

// BenchmarkOneFile draws with the sampler's own loop and with the file that holds the
// sampler in turn, and reports the medians of both and their ratio. The time an
// operation takes is that of both together.
//
//	go test ./internal/onefile -run '^$' -bench OneFile -benchtime 50x
func BenchmarkOneFile(b *testing.B) {
	models := onefiletest.Trained(b)
	for _, name := range slices.Sorted(maps.Keys(models)) {
		one, inpainting := onefiletest.Make(b, models[name], false), onefiletest.Make(b, models[name], true)
		for _, n := range []int{1, 16, 64} {
			for _, threads := range []int{1, 2} {
				if threads > n {
					continue
				}
				b.Run(fmt.Sprintf("%s/images=%d/threads=%d", name, n, threads), func(b *testing.B) {
					files := [][]byte{models[name], one, inpainting}
					var draw []func()
					for _, file := range files {
						s, err := sampler.Open(env, file, sampler.Config{Threads: threads})
						if err != nil {
							b.Fatal(err)
						}
						defer s.Close()
						levels := make([]uint16, n*s.Signature().Pixels())
						draw = append(draw, func() {
							if err := s.Draw(context.Background(), sampler.Request{N: n}, levels); err != nil {
								b.Fatal(err)
							}
						})
						draw[len(draw)-1]() // binds
					}
					times := make([][]time.Duration, len(draw))
					for b.Loop() {
						for i, f := range draw {
							start := time.Now()
							f()
							times[i] = append(times[i], time.Since(start))
						}
					}
					median := func(i int) float64 {
						slices.Sort(times[i])
						return times[i][len(times[i])/2].Seconds()
					}
					b.ReportMetric(median(0)*1e3, "loop-ms")
					b.ReportMetric(median(1)*1e3, "one-file-ms")
					b.ReportMetric(median(1)/median(0), "ratio")
					b.ReportMetric(median(2)/median(1), "inpainting-ratio")
				})
			}
		}
	}
}

package sampler_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/models/pretrained"
	rt "pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestBurst: many callers at once leave no more behind than a few. The figures are the
// process's own (Linux only), with what the collector has freed still in them.
func TestBurst(t *testing.T) {
	inGo, err := rt.Go()
	if err != nil {
		t.Fatal(err)
	}
	for name, on := range map[string]onnx.Runtime{"go": inGo, "ort": env} {
		s, err := sampler.Open(on, pretrained.Default(), sampler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		draw := func(callers int) {
			var all sync.WaitGroup
			for c := range callers {
				all.Go(func() {
					for i := range 4 {
						req := sampler.Request{First: uint64(4*c + i), N: 1}
						if err := s.Draw(context.Background(), req, make([]uint16, 256)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
		}
		draw(2)
		quiet := resident(t)
		draw(64)
		after := resident(t)
		t.Logf("%s: %d MiB after a quiet run, %d more after 64 callers at once", name, quiet>>20, (after-quiet)>>20)
		if after-quiet > 100<<20 {
			t.Errorf("%s: 64 callers at once left %d MiB behind", name, (after-quiet)>>20)
		}
	}
}

// resident is the memory of the process in bytes.
func resident(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

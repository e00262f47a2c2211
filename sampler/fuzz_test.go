package sampler_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// FuzzOpen opens whatever the bytes hold, by both engines, and draws. What is refused is
// refused in a line, as a model; what is drawn are levels of the model, the same by either
// engine and in short time.
func FuzzOpen(f *testing.F) {
	tiny, _ := tinyModel(f)
	f.Add(tiny)
	f.Add(file(f, models.Config{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 2}, 1))
	f.Add(file(f, models.Config{Arch: "gated", Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 3, Classes: 2}, 1))
	f.Add(mustOneFile(f, tiny, settings{}, false))
	forms, err := filepath.Glob("testdata/forms/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range forms {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	rt, err := runtime.GoWithin(runtime.Limits{FileBytes: 1 << 16, Memory: 1 << 22, TensorBytes: 1 << 20, Operations: 1 << 24})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		begun := time.Now()
		var drawn []uint16
		for _, engine := range []sampler.Engine{sampler.Full, sampler.Auto} {
			levels, err := drawOne(rt, model, engine)
			if err != nil {
				// The rest is the runtime's, about a model that loads and does not run.
				if strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s: error %q", engine, err)
				}
				return
			}
			if drawn == nil {
				drawn = levels
			} else if !slices.Equal(drawn, levels) {
				t.Errorf("%v by the full engine, %v by the compiled one", drawn, levels)
			}
		}
		if spent := time.Since(begun); spent > 10*time.Second {
			t.Errorf("%v", spent)
		}
	})
}

// drawOne draws an image of a model that is small enough; it is nil of another.
func drawOne(rt onnx.Runtime, model []byte, engine sampler.Engine) ([]uint16, error) {
	s, err := opened(rt, model, settings{Engine: engine, Seed: 1, Threads: 1})
	if err != nil {
		if errors.Is(err, sampler.ErrConfig) {
			return nil, nil // its size
		}
		return nil, err
	}
	sig := s.Signature()
	levels := make([]uint16, sig.Height*sig.Width)
	if len(levels) > 64 {
		return nil, s.Close()
	}
	err = s.Fill(context.Background(), 0, levels)
	for _, level := range levels {
		if int(level) >= sig.Levels {
			err = errors.Join(err, errors.New("a level that the model has not\n"))
		}
	}
	return levels, errors.Join(err, s.Close())
}

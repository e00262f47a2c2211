package mutate

import (
	"os"
	"path/filepath"
	"testing"

	"pixelcnn/internal/onnx"
)

// TestFound: the files in testdata/found have ended a process inside ONNX Runtime, or
// panicked here. Each is refused now, before ONNX Runtime sees it, and the sampler refuses
// it too.
func TestFound(t *testing.T) {
	trial, err := newTrial()
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	defer trial.close()
	files, err := filepath.Glob(filepath.Join("testdata", "found", "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.UnmarshalWithin(file, limits)
			if err == nil {
				_, _, err = onnx.Check(m, limits)
			}
			if err == nil {
				t.Fatal("it passes the checks")
			}
			t.Log(err)
			if v := trial.try(file); v.Passed || v.Drew || v.Finding != "" {
				t.Errorf("%+v", v)
			}
		})
	}
}

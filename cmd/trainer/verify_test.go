package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"pixelcnn/export"
	"pixelcnn/export/verify"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

// TestWriteRefuses has a model written whose weights are so large that rounding alone
// sets the readers apart: there must be no file, but with --no-verify.
func TestWriteRefuses(t *testing.T) {
	env, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	m := modeltest.Random(t, models.Config{Hidden: 8, Blocks: 1, Kernel: 3, Size: 6, Levels: 3}, 1)
	for _, w := range m.Weights {
		for i := range w {
			w[i] *= 100
		}
	}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	f := &trainFlags{output: filepath.Join(t.TempDir(), "a.onnx")}
	err = f.write(cmd, env, m, export.Meta{})
	var d *verify.DifferenceError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "--no-verify") {
		t.Errorf("error %v, want a DifferenceError and what to do", err)
	}
	if _, err := os.Stat(f.output); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written (error %v)", err)
	}
	f.noVerify = true
	if err := f.write(cmd, env, m, export.Meta{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.output); err != nil {
		t.Error(err)
	}
}

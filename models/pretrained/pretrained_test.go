package pretrained_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

// maxBytes bounds a model's file: each is a part of every program that imports this.
const maxBytes = 8 << 20

// TestModels: each file of the folder is there under its name, small, and a model of the
// reference task.
func TestModels(t *testing.T) {
	paths, err := filepath.Glob("*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatal("no files", err)
	}
	names := pretrained.Names()
	if len(names) != len(paths) || !slices.Contains(names, "pixelcnn") {
		t.Errorf("names %q of files %q", names, paths)
	}
	for _, path := range paths {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pretrained.Read(strings.TrimSuffix(path, ".onnx"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d; error %v", path, len(got), len(want), err)
		}
		if len(want) > maxBytes {
			t.Errorf("%s has %d bytes, %d are the most", path, len(want), maxBytes)
		}
		spec, err := sampler.ReadSpec(got)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if spec.Height != 16 || spec.Width != 16 || spec.Levels != 4 || spec.Meta.Dataset == "" || spec.Meta.NatsPerDim == 0 {
			t.Errorf("%s: %d×%d in %d levels, metadata %+v", path, spec.Height, spec.Width, spec.Levels, spec.Meta)
		}
	}
}

func TestRead(t *testing.T) {
	for _, name := range []string{"", "none", "pixelcnn.onnx", "../pretrained/pixelcnn"} {
		_, err := pretrained.Read(name)
		if !errors.Is(err, pretrained.ErrName) || !strings.Contains(err.Error(), `"pixelcnn"`) {
			t.Errorf("%q: error %v, want one that lists the names", name, err)
		}
	}
	b, err := pretrained.Read(pretrained.DefaultName())
	if err != nil || !bytes.Equal(b, pretrained.Default()) {
		t.Errorf("the default is another model than the one of its name; error %v", err)
	}
	clear(b)
	if !bytes.HasPrefix(pretrained.Default(), []byte{8}) { // a field of number 1
		t.Error("a caller can change the model of others")
	}
}

func ExampleDefault() {
	spec, err := sampler.ReadSpec(pretrained.Default())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("images of %d×%d in %d levels\n", spec.Height, spec.Width, spec.Levels)
	// Output: images of 16×16 in 4 levels
}

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
		m, err := sampler.Read(got, sampler.Config{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if m.Height != 16 || m.Width != 16 || m.Levels != 4 || m.Meta.Dataset == "" || m.Meta.NatsPerDim == 0 {
			t.Errorf("%s: %d×%d in %d levels, metadata %+v", path, m.Height, m.Width, m.Levels, m.Meta)
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
	m, err := sampler.Read(pretrained.Default(), sampler.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("images of %d×%d in %d levels\n", m.Height, m.Width, m.Levels)
	// Output: images of 16×16 in 4 levels
}

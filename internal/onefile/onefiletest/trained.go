package onefiletest

import (
	"os"
	"path/filepath"
	"testing"

	"pixelcnn/models/pretrained"
	"pixelcnn/sampler"
)

// Trained are the models for which the project promises that a one-file sampler draws the
// sampler's images, by name: the foreign files and its own. It is for tests in folders
// two below the root.
func Trained(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../sampler/testdata/foreign/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatal("no foreign files", err)
	}
	models := map[string][]byte{}
	for _, name := range files {
		if models[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range pretrained.Names() {
		if models["@"+name], err = pretrained.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	return models
}

// Make makes a one-file sampler of a model.
func Make(t testing.TB, model []byte, inpainting bool) []byte {
	t.Helper()
	m, err := sampler.Read(model, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := m.OneFile(inpainting)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Levels widens what a one-file sampler gives.
func Levels(b []uint8) []uint16 {
	out := make([]uint16, len(b))
	for i, l := range b {
		out[i] = uint16(l)
	}
	return out
}

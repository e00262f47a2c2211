// Package internal holds the rules of who may import whom.
package internal

import (
	"os/exec"
	"strings"
	"testing"
)

// deps lists the packages of this module that a package depends on, and "cgo" where
// one of its dependencies outside the standard library uses it.
func deps(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-f",
		"{{if not .Standard}}{{.ImportPath}}{{if .CgoFiles}} cgo{{end}}{{end}}", "pixelcnn/"+pkg).Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := map[string]bool{}
	for _, d := range strings.Fields(string(out)) {
		deps[d] = true
	}
	return deps
}

func TestImports(t *testing.T) {
	for _, c := range []struct {
		pkg   string
		never []string
	}{
		{"models", []string{"pixelcnn/internal/onnx", "pixelcnn/export", "pixelcnn/train", "cgo"}},
		{"dataset", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/runtime", "cgo"}},
		{"export", []string{"pixelcnn/train", "pixelcnn/sampler", "pixelcnn/runtime", "cgo"}},
		{"train", []string{"pixelcnn/export", "pixelcnn/sampler"}},
		{"sampler", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/dataset", "pixelcnn/runtime", "cgo"}},
		{"internal/onnx", []string{"pixelcnn/models", "pixelcnn/runtime", "cgo"}},
		{"runtime", []string{"pixelcnn/train", "pixelcnn/sampler", "pixelcnn/models"}},
	} {
		deps := deps(t, c.pkg)
		for _, never := range c.never {
			if deps[never] {
				t.Errorf("%s depends on %s", c.pkg, never)
			}
		}
	}
	if !deps(t, "runtime")["cgo"] {
		t.Error("runtime does not use cgo, so this test proves nothing")
	}
}

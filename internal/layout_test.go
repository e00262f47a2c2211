package internal

import (
	"maps"
	"os/exec"
	"slices"
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
	const compile = "pixelcnn/internal/compile/"
	for _, c := range []struct {
		pkg   string
		never []string
	}{
		{"models", []string{"pixelcnn/models/pretrained", "pixelcnn/internal/onnx", "pixelcnn/export", "pixelcnn/train", "cgo"}},
		{"models/pretrained", []string{"pixelcnn/models", "pixelcnn/internal/onnx", "cgo"}},
		{"dataset", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/runtime", "cgo"}},
		{"export", []string{"pixelcnn/train", "pixelcnn/sampler", "pixelcnn/runtime", "cgo"}},
		{"train", []string{"pixelcnn/export", "pixelcnn/sampler"}},
		{"sampler", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/dataset", "pixelcnn/runtime", "pixelcnn/models/pretrained", "cgo"}},
		{"internal/onnx", []string{"pixelcnn/models", "pixelcnn/runtime", "cgo"}},
		{"runtime", []string{"pixelcnn/train", "pixelcnn/sampler", "pixelcnn/models"}},
		{"internal/compile/ir", []string{compile + "frontend", compile + "pass", compile + "schedule", compile + "emit", compile + "program"}},
		{"internal/compile/frontend", []string{compile + "pass", compile + "schedule", compile + "emit", compile + "program"}},
		{"internal/compile/pass", []string{compile + "frontend", compile + "schedule", compile + "emit", compile + "program"}},
		{"internal/compile/schedule", []string{compile + "frontend", compile + "pass", compile + "emit", compile + "program"}},
		{"internal/compile/emit", []string{compile + "frontend", compile + "pass", compile + "exact"}},
		{"internal/onefile", []string{compile + "frontend", compile + "pass", compile + "schedule", compile + "emit"}},
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

// TestNoNetworkInside: what draws, exports and runs models has no network code in it, and
// what draws starts no program either.
func TestNoNetworkInside(t *testing.T) {
	for pkg, never := range map[string][]string{
		"sampler": {"net", "net/http", "os/exec"},
		"export":  {"net", "net/http", "os/exec"},
		"models":  {"net", "net/http", "os/exec"},
		"runtime": {"net", "net/http"},
	} {
		out, err := exec.Command("go", "list", "-deps", "pixelcnn/"+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		uses := strings.Fields(string(out))
		for _, n := range never {
			if slices.Contains(uses, n) {
				t.Errorf("%s depends on %s", pkg, n)
			}
		}
	}
}

// TestSecondReader keeps onnx-go and what it needs to the package that verifies exported
// files with it, and to the command that does so. The sampler is the smaller for it.
func TestSecondReader(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", "pixelcnn/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		pkg, deps, _ := strings.Cut(line, " ")
		if strings.Contains(deps, "github.com/owulveryck/onnx-go") || strings.Contains(deps, "gorgonia.org/") {
			users[pkg] = true
		}
	}
	want := map[string]bool{"pixelcnn/export/verify": true, "pixelcnn/cmd/trainer": true}
	if !maps.Equal(users, want) {
		t.Errorf("onnx-go is used by %v, should be by %v", users, want)
	}
}

package internal

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
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

// imports lists what a package imports itself of this module, without "pixelcnn/".
func imports(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "pixelcnn/"+pkg).Output()
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, path := range strings.Fields(string(out)) {
		if path, ok := strings.CutPrefix(path, "pixelcnn/"); ok {
			own = append(own, path)
		}
	}
	return own
}

// TestOnly holds packages to what they may import of this module.
func TestOnly(t *testing.T) {
	const compile = "internal/compile/"
	for pkg, may := range map[string][]string{
		"models":                      {"internal/signature/encoding"},
		"models/pretrained":           {},
		"internal/signature/encoding": {},
		"internal/format":             {},
		"internal/onnx":               {},
		"internal/npy":                {},
		"internal/atomicfile":         {},
		"internal/shard":              {"internal/atomicfile", "internal/npy"},
		"internal/likelihood":         {"internal/goruntime/kernel", "internal/onnx"},
		"internal/signature":          {"internal/format", "internal/likelihood", "internal/onnx", "internal/signature/encoding"},
		compile + "ir":                {"internal/onnx"},
		compile + "frontend":          {"internal/onnx", compile + "ir"},
		compile + "pass":              {"internal/onnx", compile + "ir"},
		compile + "schedule":          {compile + "ir"},
		compile + "program":           {"internal/onnx", compile + "ir"},
		compile + "emit":              {"internal/onnx", compile + "ir", compile + "program", compile + "schedule"},
		compile + "exact":             {"internal/goruntime/kernel", "internal/onnx", compile + "ir", compile + "program"},
		"sampler/internal/draw":       {"internal/likelihood", "internal/onnx", "internal/signature"},
		"sampler": {
			"internal/compile", "internal/format", "internal/goruntime", "internal/likelihood", "internal/onefile", "internal/onnx",
			"internal/signature", "internal/signature/encoding", "sampler/internal/draw", "sampler/internal/engine",
		},
	} {
		for _, path := range imports(t, pkg) {
			if !slices.Contains(may, path) {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}

// TestMap: each package has its place in ARCHITECTURE.md, each file and folder that it names
// is there, and nothing outside of cmd imports cmd.
func TestMap(t *testing.T) {
	b, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "pixelcnn/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimPrefix(line, "pixelcnn/"), " ")
		if path != "internal" && !strings.Contains(string(b), "`"+path+"`") {
			t.Errorf("%s is not on the map", path)
		}
		if strings.Contains(imports, "pixelcnn/cmd/") && !strings.HasPrefix(path, "cmd/") {
			t.Errorf("%s imports cmd", path)
		}
	}
	for line := range strings.Lines(string(b)) {
		var folders []string
		for i, name := range strings.Split(line, "`") {
			is := func(name string) bool { _, err := os.Stat(filepath.Join("..", name)); return err == nil }
			switch within := func(dir string) bool { return is(filepath.Join(dir, name)) }; {
			case i%2 == 0 || strings.ContainsAny(name, " ─():="):
			case strings.Contains(name, "/") || is(name):
				if !is(name) {
					t.Errorf("%s is named, and not there", name)
				}
				folders = append(folders, strings.TrimSuffix(name, "/"), filepath.Dir(name))
			case strings.HasSuffix(name, ".go") && !slices.ContainsFunc(folders, within):
				t.Errorf("%s is named, and not in %s", name, folders)
			}
		}
	}
}

func TestImports(t *testing.T) {
	const compile = "pixelcnn/internal/compile/"
	for _, c := range []struct {
		pkg   string
		never []string
	}{
		{"models", []string{"cgo"}},
		{"internal/onnx", []string{"cgo"}},
		{"dataset", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/runtime", "cgo"}},
		{"export", []string{"pixelcnn/train", "pixelcnn/sampler", "pixelcnn/runtime", "cgo"}},
		{"train", []string{"pixelcnn/export", "pixelcnn/sampler"}},
		{"sampler", []string{"pixelcnn/train", "pixelcnn/export", "pixelcnn/dataset", "pixelcnn/runtime", "pixelcnn/models/pretrained", "cgo"}},
		{"internal/compile", []string{"pixelcnn/internal/signature", "pixelcnn/internal/likelihood", "pixelcnn/internal/compile/exact"}},
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

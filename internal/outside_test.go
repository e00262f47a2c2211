package internal

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutside builds, in a module of its own, what the documents say that programs outside
// can do: the runnable examples of the packages, the one in runtime's own comment, and the
// README's program, which is run.
func TestOutside(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	outside(t, root, modulePath(t, root))
}

// TestModule gives a copy of the project a path that others can fetch, as "make module"
// does, and then another, and uses it from outside.
func TestModule(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds nearly everything again")
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make command")
	}
	root := t.TempDir()
	copyTree(t, "..", root)
	const path = "example.com/you/some.pixels"
	for _, to := range []string{"example.org/before", path} {
		output(t, os.Environ(), "make", "-C", root, "module", "PATH="+to)
		if got := modulePath(t, root); got != to {
			t.Fatalf("the module is %q", got)
		}
	}
	env := append(os.Environ(), "GOWORK=off")
	for _, dir := range []string{root, filepath.Join(root, "examples", "embed")} {
		for pkg := range strings.FieldsSeq(string(output(t, env, "go", "-C", dir, "list", "-deps", "-test", "./..."))) {
			if strings.HasPrefix(pkg, "pixelcnn") || strings.HasPrefix(pkg, "example.org/") {
				t.Errorf("%s still has the old path", pkg)
			}
		}
		if files := output(t, env, "go", "-C", "..", "tool", "gofumpt", "-l", dir); len(files) > 0 {
			t.Errorf("not formatted: %s", files)
		}
	}
	output(t, env, "go", "-C", filepath.Join(root, "examples", "embed"), "build", "-o", os.DevNull, ".")
	outside(t, root, path)

	for _, wrong := range []string{"nobody/can/fetch", "example.com/a b", ""} {
		cmd := exec.Command("make", "-C", root, "module", "PATH="+wrong)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("the path %q is taken: %s", wrong, out)
		}
		if got := modulePath(t, root); got != path {
			t.Errorf("after %q the module is %q", wrong, got)
		}
	}
}

func modulePath(t *testing.T, root string) string {
	t.Helper()
	return strings.TrimSpace(string(output(t, os.Environ(), "go", "-C", root, "list", "-m")))
}

// copyTree copies the project without what is built and what begins with a dot.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		built := rel == "bin" || rel == "out"
		switch hidden := path != from && strings.HasPrefix(d.Name(), "."); {
		case d.IsDir() && (hidden || built):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		case hidden || !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outside does so with the copy of this module in root, whose path is module.
func outside(t *testing.T, root, module string) {
	t.Helper()
	dir := t.TempDir()
	write := func(text string, path ...string) {
		t.Helper()
		name := filepath.Join(append([]string{dir}, path...)...)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path ...string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	embed := read("examples", "embed", "go.mod")
	write(strings.NewReplacer("module example/embed", "module example.com/outside", "../..", root).Replace(embed), "go.mod")
	write(read("go.sum"), "go.sum")
	for _, pkg := range []string{"dataset", "runtime", "sampler", "train"} {
		write(read(pkg, "example_test.go"), pkg, "example_test.go")
	}
	write(fmt.Sprintf(`package main

import (
	"context"

	%q
)

func main() { _ = run(context.Background(), nil, make([]float32, 256), make([]float32, 1024)) }

func run(ctx context.Context, file []byte, pixels, logits []float32) error {
%s	return err
}
`, module+"/runtime", snippet(t, filepath.Join(root, "runtime", "doc.go"))), "comment", "main.go")
	_, program, found := strings.Cut(read("README.md"), "```go\npackage main\n")
	program, _, ended := strings.Cut(program, "```\n")
	if !found || !ended {
		t.Fatal("README.md has no program")
	}
	write("package main\n"+program, "clothes", "main.go")

	env := append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	output(t, env, "go", "-C", dir, "vet", "./...")
	output(t, env, "go", "-C", filepath.Join(dir, "clothes"), "run", ".")
	if drawn, err := filepath.Glob(filepath.Join(dir, "clothes", "*.png")); err != nil || len(drawn) != 16 {
		t.Errorf("the README's program has drawn %v (error %v)", drawn, err)
	}
}

// snippet is the first piece of code in the comment of the package of a file.
func snippet(t *testing.T, file string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var p comment.Parser
	for _, block := range p.Parse(parsed.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok {
			return code.Text
		}
	}
	t.Fatalf("%s: its comment has no code", file)
	return ""
}

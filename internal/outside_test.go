package internal

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
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
	outside(t, root, "pixelcnn")
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

	env := append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
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

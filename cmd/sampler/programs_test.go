package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/clitest"
)

// buildHere builds a program as if its file were in a folder of the repository.
func buildHere(t *testing.T, source string) (program string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "main.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "clothes", "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{file: []byte(source), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(dir, "clothes.exe")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./clothes")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, source)
	}
	return program
}

// goBlocks are a document's blocks of Go.
func goBlocks(t *testing.T, name string) (sources []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range clitest.Blocks(string(text)) {
		if b.Language == "go" {
			sources = append(sources, b.Text)
		}
	}
	if len(sources) == 0 {
		t.Fatalf("%s has no Go", name)
	}
	return sources
}

// TestReadmeProgram builds and runs the README's program, whose main has ten lines.
func TestReadmeProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	source := goBlocks(t, "../../README.md")[0]
	_, body, _ := strings.Cut(source, "func main() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	if lines := strings.Count(body, "\n") + 1; lines > 10 {
		t.Errorf("its main has %d lines", lines)
	}
	dir := guideFolder(t)
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "pixelcnn.onnx"), filepath.Join(dir, "out", "pixelcnn.onnx")); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(buildHere(t, source))
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if pictures, _ := filepath.Glob(filepath.Join(dir, "clothes-*.png")); len(pictures) != 16 {
		t.Errorf("it wrote %q", pictures)
	}
}

// TestGuideProgram builds the guide's lines of Go, with bodies for their loops.
func TestGuideProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	for _, lines := range goBlocks(t, guide) {
		var uses strings.Builder
		for _, m := range regexp.MustCompile(`(?m)^(\w+), err :=`).FindAllStringSubmatch(lines, -1) {
			uses.WriteString("\tuse(" + m[1] + ", err)\n")
		}
		lines = regexp.MustCompile(`for (\w+), err := range (.*) \{ … \}`).ReplaceAllString(lines, "for $1, err := range $2 { use($1, err) }")
		buildHere(t, `package main

import (
	"context"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

func use(...any) {}

func main() {
	var (
		ctx    = context.Background()
		env    *runtime.Env
		model  []byte
		levels []uint16
		mask   []bool
	)
`+lines+uses.String()+"}\n")
	}
}

package main

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pixelcnn/cmd/internal/clitest"
)

// documents are those whose commands TestDocuments runs. The guide is TestGuide's.
var documents = []string{"README.md", "docs/models.md", "docs/sampling.md", "docs/trainer.md", "docs/training.md"}

// inline finds commands within text that draw from a model.
var inline = regexp.MustCompile("`(sampler [^`]*--model [^`]*)`")

// leftOut are the commands of documents that the test does not run, and why. Those of
// make are looked up in the Makefile.
var leftOut = map[string]string{
	"make demo":                      "it trains for minutes",
	"bin/sampler install-runtime":    "it fetches; a script tries it with a file",
	"go run ./clothes":               "TestReadmeProgram builds and runs it",
	"go build -o bin/ ./cmd/sampler": "the test has built it",
}

// TestDocuments runs each line of the blocks that are marked sh, and what inline finds, one
// after the other, each document's in a folder of its own, with the programs as make builds them. Each must
// succeed, and write what its -o, --output, --plot, --svg and --metrics say. Training ends
// after two steps.
func TestDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the programs")
	}
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "bin")
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/trainer", "./cmd/sampler")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	skipped := map[string]bool{}
	for _, name := range documents {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		dir := documentFolder(t, bin)
		commands := 0
		for _, b := range clitest.Blocks(string(text)) {
			if !slices.Contains([]string{"sh", "go", "python", "text"}, b.Language) {
				t.Errorf("%s has a block marked %q, must be sh, go, python or text:\n%s", name, b.Language, b.Text)
			}
			if b.Language != "sh" {
				continue
			}
			for line := range strings.Lines(b.Text) {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				commands++
				command, _, _ := strings.Cut(line, " #")
				command = strings.TrimSpace(command)
				if leftOut[command] != "" {
					skipped[command] = true
					continue
				}
				runLine(t, dir, name, command)
			}
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			commands++
			runLine(t, dir, name, "bin/"+strings.Join(strings.Fields(m[1]), " "))
		}
		if commands == 0 && name != "docs/training.md" { // it has training only
			t.Errorf("%s has no commands", name)
		}
	}
	for command, why := range leftOut {
		if !skipped[command] {
			t.Errorf("%s, left out because %s, is in no document", command, why)
		}
		if target, ok := strings.CutPrefix(command, "make "); ok {
			dry := exec.Command("make", append([]string{"-n"}, strings.Fields(target)...)...)
			dry.Dir = "../.."
			if out, err := dry.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
}

// written finds the files that a command names to write.
var written = regexp.MustCompile(`(?:-o|--output|--plot|--svg|--metrics) ([^ ]+)`)

func runLine(t *testing.T, dir, document, line string) {
	t.Helper()
	run := line
	if strings.HasPrefix(line, "bin/trainer ") && strings.Contains(line, "-o ") {
		run += " --steps 2 --warmup 0 --batch 8"
	}
	for _, m := range written.FindAllStringSubmatch(line, -1) {
		_ = os.Remove(filepath.Join(dir, m[1])) // of an earlier command
	}
	cmd := exec.Command("sh", "-c", run)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "PIXELCNN_DATA="+filepath.Join(dir, "fashion-mnist"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %s: %v\n%s", document, line, err, out)
		return
	}
	for _, m := range written.FindAllStringSubmatch(line, -1) {
		if m[1] == "-" {
			continue
		}
		name := m[1]
		if isPattern(name) {
			name = fileOf(name, 0)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %s: %v", document, line, err)
		}
	}
}

// documentFolder is the guide's, with the programs of a folder, pictures to learn, a
// model where make demo leaves one, and two from elsewhere.
func documentFolder(t *testing.T, bin string) string {
	t.Helper()
	dir := guideFolder(t)
	if err := os.Symlink(bin, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pictures", "docs", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "pixelcnn.onnx"), filepath.Join(dir, "out", "pixelcnn.onnx")); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"mine.onnx": "bernoulli_logit.onnx", "gpt.onnx": "next_token.onnx"} {
		b, err := os.ReadFile(filepath.Join("../../sampler/testdata/zoo/script", file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		m := image.NewGray(image.Rect(0, 0, 40+i, 50))
		for p := range m.Pix {
			m.Pix[p] = uint8(p * (i + 1))
		}
		if err := writePNG(filepath.Join(dir, "pictures", fmt.Sprintf("%d.png", i)), m); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

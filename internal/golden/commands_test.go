package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

// commands are the built commands, and the folder in which they run.
type commands struct {
	bin, root string
	version   string // ONNX Runtime's, empty where there is none
}

func newCommands(t *testing.T) *commands {
	t.Helper()
	c := &commands{bin: *bin, root: t.TempDir()}
	var err error
	if c.bin == "" {
		c.bin = t.TempDir()
		watchSources(t)
		out, err := exec.Command("go", "build", "-o", c.bin, "pixelcnn/cmd/sampler", "pixelcnn/cmd/trainer").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	} else if c.bin, err = filepath.Abs(c.bin); err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`ONNX Runtime ([0-9.]+)`).FindSubmatch(c.command(t, c.root, "trainer --version")); m != nil {
		c.version = string(m[1])
	}
	return c
}

// watchSources looks at each file of the commands' code, so that a result from the test
// cache is not taken once one has changed: the cache does not see what go build reads.
func watchSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		if err == nil && slices.Contains([]string{".go", ".s", ".onnx", ".mod", ".sum"}, filepath.Ext(path)) {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// command runs a command line in a folder and returns what it wrote to standard output.
func (c *commands) command(t *testing.T, dir, line string) []byte {
	t.Helper()
	args := strings.Fields(line)
	cmd := exec.Command(filepath.Join(c.bin, args[0]), args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=", "COLORTERM=", "TERM=xterm")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, &stderr)
	}
	return out
}

// sums runs a case, with each of the flags that change nothing as well, and returns the
// sums of what it wrote. It skips one that needs ONNX Runtime where there is none.
func (c *commands) sums(t *testing.T, g golden) map[string]string {
	t.Helper()
	wrote := c.wrote(t, g.run)
	for _, flags := range g.same {
		if c.version == "" && strings.Contains(flags, "ort") {
			continue
		}
		run := slices.Clone(g.run)
		run[len(run)-1] += " " + flags
		compare(t, "the same with "+flags, wrote, c.wrote(t, run))
	}
	return wrote
}

// wrote runs command lines in a folder of their own and sums the files that they leave in
// it, and their standard output as stdout.
func (c *commands) wrote(t *testing.T, lines []string) map[string]string {
	t.Helper()
	if c.version == "" && slices.ContainsFunc(lines, needsLibrary) {
		t.Skip("ONNX Runtime is not installed: bin/sampler install-runtime")
	}
	dir, err := os.MkdirTemp(c.root, "run-")
	if err != nil {
		t.Fatal(err)
	}
	var stdout []byte
	for _, line := range lines {
		stdout = append(stdout, c.command(t, dir, line)...)
	}
	sums := map[string]string{}
	if len(stdout) > 0 {
		sums["stdout"] = sum(stdout)
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		sums[path] = sum(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) == 0 {
		t.Fatal("it wrote nothing")
	}
	return sums
}

// needsLibrary tells whether a command line needs ONNX Runtime.
func needsLibrary(line string) bool {
	return strings.HasPrefix(line, "trainer ") || strings.Contains(line, "--runtime ort")
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// where is what stands in the record of a case.
func (c *commands) where(on on) string {
	switch on {
	case release:
		return regexp.MustCompile(`^go[0-9]+\.[0-9]+`).FindString(goruntime.Version())
	case library:
		set := ""
		if cpu.X86.HasAVX2 && cpu.X86.HasFMA { // else products and sums are rounded apart
			set = "-fma"
		}
		return "onnxruntime-" + c.version + "-" + goruntime.GOOS + "-" + goruntime.GOARCH + set
	}
	return ""
}

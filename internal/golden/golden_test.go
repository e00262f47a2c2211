package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/cpu"
)

var (
	update = flag.Bool("update", false, "write testdata/golden.txt anew")
	bin    = flag.String("bin", "", "folder with the commands, in place of building them")
)

// golden is a case: what its command lines write.
type golden struct {
	name string
	// run are command lines. They have a folder of their own; what the test has made is in
	// the one above.
	run []string
	// same are flags that may be added to the last of them and change no byte.
	same []string
	on   on
}

// on says what the bytes of a case depend on.
type on int

const (
	nothing   on = iota
	release      // Go's, whose compression a PNG has
	processor    // its instructions, and ONNX Runtime's version
)

// place is where the test runs.
type place struct {
	lib string // version of ONNX Runtime, empty where there is none
}

// where is what stands in the record of a case.
func (p place) where(on on) string {
	switch on {
	case release:
		return regexp.MustCompile(`^go[0-9]+\.[0-9]+`).FindString(goruntime.Version())
	case processor:
		set := ""
		if goruntime.GOARCH == "amd64" { // by what ONNX Runtime and Go choose their code
			switch {
			case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ:
				set = "-avx512"
			case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
				set = "-avx2"
			case cpu.X86.HasAVX:
				set = "-avx"
			}
		}
		return goruntime.GOARCH + set + "+onnxruntime-" + p.lib
	}
	return ""
}

// key names a line of the record.
type key struct{ name, file, where string }

func TestGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the commands and runs them some hundred times")
	}
	c := newCommands(t)
	writeInputs(t, c.root)
	recorded := readRecord(t)
	var mu sync.Mutex // guards made
	made := map[key]string{}
	t.Run("case", func(t *testing.T) {
		for _, g := range cases(t) {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				wrote := c.sums(t, g)
				where := c.where(g.on)
				if *update {
					mu.Lock()
					defer mu.Unlock()
					for file, sum := range wrote {
						made[key{g.name, file, where}] = sum
					}
					return
				}
				want, elsewhere := map[string]string{}, map[string]bool{}
				for k, sum := range recorded {
					if k.name == g.name && k.where == where {
						want[k.file] = sum
					} else if k.name == g.name {
						elsewhere[k.where] = true
					}
				}
				if len(want) == 0 && len(elsewhere) > 0 {
					t.Skipf("recorded for %q, this is %s: run it there, or record it here with -update",
						slices.Sorted(maps.Keys(elsewhere)), where)
				}
				compare(t, "the record", wrote, want)
			})
		}
	})
	if !*update || t.Failed() {
		return
	}
	// Other places' lines stay, and those of cases that were not run.
	names := map[string]bool{}
	for _, g := range cases(t) {
		names[g.name] = true
	}
	ran := map[string]string{}
	for k := range made {
		ran[k.name] = k.where
	}
	for k, sum := range recorded {
		where, again := ran[k.name]
		if names[k.name] && (!again || k.where != where && k.where != "" && where != "") {
			made[k] = sum
		}
	}
	writeRecord(t, made)
}

// TestRecord checks that the record and the table have the same cases.
func TestRecord(t *testing.T) {
	if *update {
		t.Skip("it is being written")
	}
	names := map[string]bool{}
	for _, g := range cases(t) {
		if names[g.name] {
			t.Errorf("two cases are called %s", g.name)
		}
		names[g.name] = true
	}
	recorded := map[string]bool{}
	for k := range readRecord(t) {
		if recorded[k.name] = true; !names[k.name] {
			t.Errorf("%s is recorded, but no case", k.name)
		}
	}
	for name := range names {
		if !recorded[name] {
			t.Errorf("%s is not recorded", name)
		}
	}
}

// compare reports the files of which have and want, sums by file, differ.
func compare(t *testing.T, with string, have, want map[string]string) {
	t.Helper()
	files := maps.Clone(want)
	maps.Copy(files, have)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		switch h, w := have[file], want[file]; {
		case h == "":
			t.Errorf("%s is not written, as it is by %s", file, with)
		case w == "":
			t.Errorf("%s is written, but not by %s", file, with)
		case h != w:
			t.Errorf("%s has the sum %s, and %s by %s", file, h, w, with)
		}
	}
}

// commands are the built commands, and the folder in which they run.
type commands struct {
	place
	bin, root string
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
		c.lib = string(m[1])
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
		if c.lib == "" && strings.Contains(flags, "ort") {
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
	if c.lib == "" && slices.ContainsFunc(lines, needsLibrary) {
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

const record = "testdata/golden.txt"

func readRecord(t *testing.T) map[key]string {
	t.Helper()
	b, err := os.ReadFile(record)
	if err != nil && !*update {
		t.Fatal(err)
	}
	sums := map[key]string{}
	for line := range strings.Lines(string(b)) {
		f := append(strings.Fields(line), "")
		if len(f) != 4 && len(f) != 5 {
			t.Fatalf("%s: %q is no line of it", record, line)
		}
		sums[key{f[0], f[1], f[3]}] = f[2]
	}
	return sums
}

func writeRecord(t *testing.T, sums map[key]string) {
	t.Helper()
	var lines []string
	for k, sum := range sums {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(k.name, k.file, sum, k.where))+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(record, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

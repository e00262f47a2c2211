package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// weak is a module of its own with the package of testdata, so that what is found there
// is written elsewhere.
func weak(t *testing.T) {
	t.Helper()
	source, err := os.ReadFile("testdata/weak/weak_test.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"weak_test.go": source, "go.mod": []byte("module example.com/weak\n\ngo 1.26\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// A target that fails does not keep the next one from its turn, and what it has found
// is left in testdata.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("fuzzes for seconds")
	}
	weak(t)
	var out bytes.Buffer
	err := run(t.Context(), []string{"./..."}, time.Hour, 4*time.Second, &out)
	if err == nil || err.Error() != "1 of 2 targets failed" {
		t.Errorf("error %v; output:\n%s", err, &out)
	}
	for _, line := range []string{
		`(?m)^example.com/weak FuzzFails +(\d+|\?) executions, +(\d+|\?) new interesting, 2s: FAILED$`,
		`(?m)^example.com/weak FuzzHolds +[1-9]\d* executions, +\d+ new interesting, 2s: ok$`,
	} {
		if !regexp.MustCompile(line).Match(out.Bytes()) {
			t.Errorf("no line is like %s:\n%s", line, &out)
		}
	}
	if found, _ := filepath.Glob("testdata/fuzz/FuzzFails/*"); len(found) != 1 {
		t.Errorf("left %v in testdata", found)
	}
}

// Only a turn that merely ended late is excused.
func TestLate(t *testing.T) {
	for said, want := range map[string]bool{
		"--- FAIL: FuzzX (2.86s)\n    context deadline exceeded\nFAIL\nexit status 1\n":                                 true,
		"--- FAIL: FuzzX (0.06s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:10: context deadline exceeded\nFAIL\n": false,
		"--- FAIL: FuzzX (0.06s)\n    context deadline exceeded\n    \n    Failing input written to testdata/x\nFAIL\n": false,
		"--- FAIL: FuzzX (0.06s)\n    fuzzing process hung or terminated unexpectedly: exit status 2\nFAIL\n":           false,
	} {
		if late.MatchString(said) != want {
			t.Errorf("%q: excused is %v", said, !want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	weak(t)
	for _, test := range []struct {
		pattern string
		each    time.Duration
		want    string
	}{
		{"./...", 0, "a time must be positive"},
		{"./none", time.Second, "go list: "},
		{"errors", time.Second, "no targets in errors"},
	} {
		if err := run(t.Context(), []string{test.pattern}, test.each, 0, new(bytes.Buffer)); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s for %v: error %v, want %s", test.pattern, test.each, err, test.want)
		}
	}
}

// The targets of the repository are found without a list.
func TestList(t *testing.T) {
	targets, err := list(t.Context(), []string{"pixelcnn/..."})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []target{{"pixelcnn/internal/onnx", "FuzzUnmarshal"}, {"pixelcnn/internal/compile", "FuzzCompile"}, {"pixelcnn/runtime", "FuzzUnpack"}} {
		if !slices.Contains(targets, want) {
			t.Errorf("%v is not among %v", want, targets)
		}
	}
}

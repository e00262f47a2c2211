package runtime

import (
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// fakeLibrary compiles C source to a shared library of that path.
func fakeLibrary(t *testing.T, path, source string) string {
	t.Helper()
	if goruntime.GOOS == "windows" {
		t.Skip("the C compiler is called in the Unix way")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler (cc) to make a fake library with")
	}
	c := filepath.Join(t.TempDir(), "fake.c")
	write(t, c, source)
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", path, c).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// fakeORT is a library that says it is ONNX Runtime of some version, and has no
// interface to offer.
func fakeORT(version string) string {
	return strings.ReplaceAll(`
		#include <stddef.h>
		#include <stdint.h>
		static const void *get_api(uint32_t v) { (void)v; return NULL; }
		static const char *get_version(void) { return VERSION; }
		static struct { const void *(*a)(uint32_t); const char *(*v)(void); } base = { get_api, get_version };
		void *OrtGetApiBase(void) { return &base; }
	`, "VERSION", version)
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantMessage checks that err is one line that holds every part.
func wantMessage(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not hold %q", err, p)
		}
	}
}

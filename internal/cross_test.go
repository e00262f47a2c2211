package internal

import (
	"bytes"
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var cross = flag.Bool("cross", false, "build the sampler for every platform")

// platforms are those that the sampler is built for without cgo.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64", "js/wasm"}

// maxSampler is the largest size of a sampler without cgo and symbols, in bytes, and maxStatic
// that of one for Linux, which needs nothing else.
const (
	maxSampler = 25e6
	maxStatic  = 20e6
)

// TestCross builds the sampler for every platform, as one file with no cgo, and draws the
// same images with those that can be run here: this platform's, and WebAssembly under
// Node.js, where that is installed. There the tests of the kernels, of which WebAssembly
// has the portable ones, are run, too.
func TestCross(t *testing.T) {
	if !*cross {
		t.Skip("builds for other platforms are run by make cross")
	}
	dir := t.TempDir()
	var drawn []byte
	for _, platform := range platforms {
		t.Run(strings.ReplaceAll(platform, "/", "-"), func(t *testing.T) {
			goos, goarch, _ := strings.Cut(platform, "/")
			file := filepath.Join(dir, "sampler-"+goos+"-"+goarch)
			env := append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
			output(t, env, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "pixelcnn/cmd/sampler")
			// These have files for one platform and assembly. To vet all, with what their tests
			// import, takes as long as the build.
			output(t, env, "go", "vet", "pixelcnn/runtime", "pixelcnn/internal/goruntime/kernel")
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.1f MB", float64(info.Size())/1e6)
			if info.Size() > maxSampler {
				t.Errorf("%d bytes, should be at most %.0f", info.Size(), maxSampler)
			}
			if goos == "linux" {
				if info.Size() > maxStatic {
					t.Errorf("%d bytes, should be at most %.0f", info.Size(), maxStatic)
				}
				checkStatic(t, file)
			}
			command := []string{file}
			switch {
			case platform == "js/wasm":
				if _, err := exec.LookPath("node"); err != nil {
					t.Skip("built, but not run: there is no node command")
				}
				goroot := strings.TrimSpace(string(output(t, env, "go", "env", "GOROOT")))
				node := []string{"node", "--stack-size=8192", filepath.Join(goroot, "lib", "wasm", "wasm_exec_node.js")}
				output(t, env, "go", "test", "-short", "-exec", strings.Join(node, " "), "pixelcnn/internal/goruntime/kernel")
				command = append(node, file)
			case platform != runtime.GOOS+"/"+runtime.GOARCH:
				return
			}
			images := draw(t, command)
			if drawn == nil {
				drawn = images
			}
			if len(images) != 2*16*16 || !bytes.Equal(images, drawn) {
				t.Errorf("%d bytes of images, other than those of the first platform", len(images))
			}
		})
	}
}

// draw draws two images with the runtime in Go and returns their levels.
func draw(t *testing.T, command []string) []byte {
	t.Helper()
	args := append(command, "--model", "../sampler/testdata/foreign/pixelcnn_torch.onnx", "--runtime", "go", "-n", "2", "--format", "raw", "-o", "-")
	begin := time.Now()
	images := output(t, os.Environ(), args...)
	t.Logf("two images in %v, start included", time.Since(begin).Round(time.Millisecond))
	return images
}

// checkStatic tells whether a program needs no loader and no shared library.
func checkStatic(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is linked dynamically: it has a segment %v", p.Type)
		}
	}
	if s := f.Section(".dynamic"); s != nil {
		t.Error("it is linked dynamically: it has a section .dynamic")
	}
}

// output runs a command and returns its standard output.
func output(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out.Bytes()
}

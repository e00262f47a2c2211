package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sampler": main})
}

// TestScripts runs the real command on the scripts of testdata/script. Each finds
// tiny.onnx, an untrained model of 6×6 pixels and 3 levels, in its folder.
func TestScripts(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var model bytes.Buffer
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 6, Levels: 3}, 1)
	if err := export.Write(&model, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", cache) // where ONNX Runtime is
			e.Setenv("HOME", e.WorkDir)
			return os.WriteFile(filepath.Join(e.WorkDir, "tiny.onnx"), model.Bytes(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pngsize": pngSize,
			"idx":     idx,
			"usage":   func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, 2, args) },
			"fails":   func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, 1, args) },
		},
	})
}

// exits runs a command and checks its status, and that its error is one line.
func exits(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit status %d", args, err, want)
	}
	message := strings.TrimSuffix(ts.ReadFile("stderr"), "Try 'sampler --help'.\n")
	if strings.Count(message, "\n") != 1 {
		ts.Fatalf("%v: not one line on stderr", args)
	}
}

// pngSize checks the size of a picture: pngsize FILE WIDTHxHEIGHT.
func pngSize(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	c, err := png.DecodeConfig(f)
	ts.Check(err)
	if got := fmt.Sprintf("%dx%d", c.Width, c.Height); (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// idx writes a small data set of n images of 28×28 into a folder: idx FOLDER N.
func idx(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	images := binary.BigEndian.AppendUint32(nil, 2051)
	for _, d := range []int{n, 28, 28} {
		images = binary.BigEndian.AppendUint32(images, uint32(d))
	}
	labels := binary.BigEndian.AppendUint32(nil, 2049)
	labels = binary.BigEndian.AppendUint32(labels, uint32(n))
	for i := range n {
		labels = append(labels, byte(i%10))
		for p := range 28 * 28 {
			images = append(images, byte(p*(i+3)%256))
		}
	}
	for _, part := range []string{"train", "t10k"} {
		ts.Check(os.WriteFile(filepath.Join(dir, part+"-images-idx3-ubyte"), images, 0o600))
		ts.Check(os.WriteFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), labels, 0o600))
	}
}

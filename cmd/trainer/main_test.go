package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pixelcnn/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trainer": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, func(string) error { return nil }, map[string]clitest.Command{
		"array":     array,
		"encoder":   encoderFile,
		"gather":    gatherShards,
		"interrupt": interrupt,
		"metrics":   metrics,
		"pngs":      pngs,
	})
}

// interrupt runs the trainer and sends SIGINT once its metrics file has a line:
// interrupt METRICS ARG… . It must exit with 130.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath("trainer")
	ts.Check(err)
	cmd := exec.Command(path, append(args[1:], "--metrics", args[0])...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	ts.Check(cmd.Start())
	for range 600 {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		ts.Fatalf("exit status %d, want 130: %s", code, stderr.String())
	}
}

// metrics checks that a file has at least a line for each step, and the fields of
// the contract: metrics FILE.
func metrics(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	steps, evaluations := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); {
		var o map[string]any
		ts.Check(json.Unmarshal(s.Bytes(), &o))
		want := "step epoch loss step_ms images_per_s"
		if _, ok := o["step"]; ok {
			steps++
		} else {
			evaluations++
			want = "epoch split nll_nats_per_dim nll_bits_per_dim"
		}
		for _, field := range strings.Fields(want) {
			if _, ok := o[field]; !ok {
				ts.Fatalf("no %q in %s", field, s.Text())
			}
		}
	}
	if steps == 0 || evaluations == 0 {
		ts.Fatalf("%d steps and %d evaluations", steps, evaluations)
	}
}

// pngs writes small pictures: pngs FOLDER N.
func pngs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o777))
	for i := range n {
		img := image.NewGray(image.Rect(0, 0, 9+i, 12))
		for p := range img.Pix {
			img.Pix[p] = uint8(p * (i + 1))
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.png", i)))
		ts.Check(err)
		ts.Check(errors.Join(png.Encode(f, img), f.Close()))
	}
}

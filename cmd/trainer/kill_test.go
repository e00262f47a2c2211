//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pixelcnn/internal/modeltest"
)

var kills = flag.Int("kills", 4, "how often TestKill kills the trainer")

// killArgs is a run of about a second, with a checkpoint every 4 steps.
var killArgs = strings.Fields("--hidden 32 --blocks 2 --kernel 3 --size 6 --levels 3 --epochs 40 --batch 16 --ema 0.9 --validation 4")

// TestKill kills the trainer at random moments and lets it go on, again and again: what
// is in place is always whole, and each run ends with the file and the metrics of the
// undisturbed one and leaves nothing else. With -kills 200 it is the long form.
func TestKill(t *testing.T) {
	for _, runtime := range []string{"go", "ort"} {
		t.Run(runtime, func(t *testing.T) { testKill(t, runtime) })
	}
}

func testKill(t *testing.T, runtime string) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := modeltest.WriteIDX(data, 64); err != nil {
		t.Fatal(err)
	}
	whole := newVictim(t, runtime, filepath.Join(dir, "whole"), data, nil)
	start := time.Now()
	whole.attempt(nil)
	took := time.Since(start)
	want := read(t, whole.output)

	rng := rand.New(rand.NewPCG(1, 0))
	done, runs, found, exports, resumed := 0, 0, 0, 0, 0
	for done < *kills {
		runs++
		v := newVictim(t, runtime, filepath.Join(dir, "run"), data, want)
		for life := 0; ; life++ {
			var moment func(v *victim)
			switch {
			case done == *kills || life == 12: // enough for one run
			case rng.IntN(3) == 0: // any moment
				delay := time.Duration(rng.Float64() * float64(took))
				moment = func(*victim) { time.Sleep(delay) }
			case rng.IntN(3) == 0: // while the model is written
				delay := time.Duration(rng.IntN(3)) * time.Millisecond / 2
				moment = func(v *victim) { v.await(v.dir, 1); time.Sleep(delay) }
			default: // while a checkpoint is
				n, delay := 1+rng.IntN(8), time.Duration(rng.IntN(3))*time.Millisecond/2
				moment = func(v *victim) { v.await(v.checkpoints, n); time.Sleep(delay) }
			}
			if len(v.checkpointFiles()) > 0 {
				resumed++
			}
			if !v.attempt(moment) {
				break
			}
			done++
			half, export := v.inspect()
			if half > 0 {
				found++
			}
			if export {
				exports++
			}
		}
		if got := read(t, v.output); !bytes.Equal(got, want) {
			t.Fatalf("run %d: the file is not that of the undisturbed run", runs)
		}
		if got, want := losses(t, v.metrics), losses(t, whole.metrics); got != want {
			t.Fatalf("run %d: the metrics are\n%s\nundisturbed they are\n%s", runs, got, want)
		}
		if left := v.temporaries(); len(left) > 0 {
			t.Errorf("run %d left %q", runs, left)
		}
		if err := os.RemoveAll(v.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills in %d runs of %v, %d times resumed; %d kills left a temporary, %d of them that of the model",
		done, runs, took.Round(time.Millisecond), resumed, found, exports)
}

// A victim is a run of the trainer that is killed and goes on.
type victim struct {
	t               *testing.T
	runtime         string
	dir, data       string
	checkpoints     string
	output, metrics string
	want            []byte // what the output must be, where it is there
	process         *exec.Cmd
	ended           chan error
}

func newVictim(t *testing.T, runtime, dir, data string, want []byte) *victim {
	t.Helper()
	v := &victim{
		t: t, runtime: runtime, dir: dir, data: data, want: want, checkpoints: filepath.Join(dir, "checkpoints"),
		output: filepath.Join(dir, "model.onnx"), metrics: filepath.Join(dir, "metrics.jsonl"),
	}
	if err := os.MkdirAll(v.checkpoints, 0o777); err != nil {
		t.Fatal(err)
	}
	return v
}

// start starts the trainer, or has it go on. What it says is in stderr once it has ended.
func (v *victim) start() (stderr *strings.Builder) {
	v.t.Helper()
	args := append([]string{"--runtime", v.runtime, "--data", v.data, "--checkpoint", v.checkpoints, "--metrics", v.metrics, "-o", v.output}, killArgs...)
	if len(v.checkpointFiles()) > 0 {
		args = append(args, "--resume")
	}
	stderr = &strings.Builder{}
	v.process, v.ended = exec.Command("trainer", args...), make(chan error, 1)
	v.process.Stderr = stderr
	if err := v.process.Start(); err != nil {
		v.t.Fatal(err)
	}
	go func() { v.ended <- v.process.Wait() }()
	return stderr
}

// attempt starts the trainer and kills it when moment returns. It reports whether that came
// before the end.
func (v *victim) attempt(moment func(*victim)) (killed bool) {
	v.t.Helper()
	stderr := v.start()
	if moment != nil {
		moment(v)
		_ = v.process.Process.Kill() // it may have ended
	}
	err := <-v.ended
	if err != nil && (moment == nil || v.process.ProcessState.Exited()) {
		v.t.Fatalf("%v: %v\n%s", v.process.Args, err, stderr)
	}
	return err != nil
}

// await returns when a temporary has appeared in a folder n times, or the process ends.
func (v *victim) await(dir string, n int) {
	for there := false; ; time.Sleep(50 * time.Microsecond) {
		select {
		case err := <-v.ended:
			v.ended <- err
			return
		default:
		}
		names, _ := filepath.Glob(filepath.Join(dir, ".*.tmp"))
		if before := there; !before && len(names) > 0 {
			if n--; n == 0 {
				return
			}
		}
		there = len(names) > 0
	}
}

func (v *victim) checkpointFiles() []string {
	files, err := filepath.Glob(filepath.Join(v.checkpoints, "step-*.checkpoint"))
	if err != nil {
		v.t.Fatal(err)
	}
	return files
}

// temporaries lists what is there beside the files that should be.
func (v *victim) temporaries() (files []string) {
	for _, dir := range []string{v.dir, v.checkpoints} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			v.t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}

// inspect checks what a killed process has left: checkpoints are whole, and no more than
// three, the output is whole or not there, and there is no more than one temporary in a
// folder. It tells the number of temporaries, and whether one is the output's.
func (v *victim) inspect() (half int, export bool) {
	v.t.Helper()
	files := v.checkpointFiles()
	for _, file := range files {
		b := read(v.t, file)
		n := len(b) - sha256.Size
		if n < 0 {
			v.t.Fatalf("%s has %d bytes", file, len(b))
		}
		if sum := sha256.Sum256(b[:n]); !bytes.Equal(sum[:], b[n:]) {
			v.t.Fatalf("%s is not whole", file)
		}
	}
	if len(files) > 3 { // two, and one that was not removed yet
		v.t.Errorf("%d checkpoints: %q", len(files), files)
	}
	if b, err := os.ReadFile(v.output); err == nil && !bytes.Equal(b, v.want) {
		v.t.Fatalf("%s has %d bytes that are not those of the undisturbed run", v.output, len(b))
	}
	left := v.temporaries()
	for _, file := range left {
		export = export || filepath.Dir(file) == v.dir
	}
	if len(left) > 2 {
		v.t.Errorf("temporaries pile up: %q", left)
	}
	return len(left), export
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// losses is the metrics but for the times. Each line must be whole.
func losses(t *testing.T, path string) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	for line := range strings.Lines(string(read(t, path))) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%s: %v in %q", path, err, line)
		}
		delete(o, "step_ms")
		delete(o, "images_per_s")
		if err := encoder.Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// TestDataCutShort cuts the data off while a run is learning them: it has read them, and
// ends as it would have.
func TestDataCutShort(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := modeltest.WriteIDX(data, 64); err != nil {
		t.Fatal(err)
	}
	whole := newVictim(t, "go", filepath.Join(dir, "whole"), data, nil)
	whole.attempt(nil)
	v := newVictim(t, "go", filepath.Join(dir, "run"), data, nil)
	stderr := v.start()
	v.await(v.checkpoints, 1)
	files, err := filepath.Glob(filepath.Join(data, "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("data %q, %v", files, err)
	}
	for _, file := range files {
		if err := os.Truncate(file, 100); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.ended) > 0 {
		t.Error("the run was over before")
	}
	if err := <-v.ended; err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if !bytes.Equal(read(t, v.output), read(t, whole.output)) {
		t.Error("the file is another")
	}
}

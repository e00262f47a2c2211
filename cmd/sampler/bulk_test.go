//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestIndexedJob does what Kubernetes does with an Indexed Job: for each index a process with
// JOB_COMPLETION_INDEX, several at a time, run again until it succeeds; of some there are two at
// once, which can happen where a node is cut off. Processes are ended as pods are, with SIGTERM,
// or killed. Gathered, it is what one process draws, and nothing else is left.
func TestIndexedJob(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const images, completions, parallelism = 240, 6, 3
	dir := t.TempDir()
	draw := []string{"--model", "@gated", "-n", fmt.Sprint(images), "--seed", "3", "--quiet"}
	whole := filepath.Join(dir, "whole.npy")
	if out, err := exec.Command("sampler", append(draw, "-o", whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	task := append(draw, "--shard", fmt.Sprintf("auto/%d", completions), "-o", filepath.Join(dir, "out")+"/", "--save-every", "5", "--threads", "1")

	var ended atomic.Int32
	// pod runs a process of an index, and ends it after a while if end is a signal.
	pod := func(index int, end syscall.Signal, after time.Duration) error {
		cmd := exec.Command("sampler", task...)
		cmd.Env = append(os.Environ(), fmt.Sprintf("JOB_COMPLETION_INDEX=%d", index))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		if end != 0 {
			stop := time.AfterFunc(after, func() {
				ended.Add(1)
				_ = cmd.Process.Signal(end)
			})
			defer stop.Stop()
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("index %d: %w: %s", index, err, stderr.String())
		}
		return nil
	}
	indexes := make(chan int)
	var workers sync.WaitGroup
	for w := range parallelism {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for index := range indexes {
				const backoffLimitPerIndex = 3
				for try := 0; ; try++ {
					var end syscall.Signal // the last try is left alone
					if try < backoffLimitPerIndex {
						end = []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[rng.IntN(2)]
					}
					after := time.Duration(rng.IntN(400)) * time.Millisecond
					var twin sync.WaitGroup
					if index%2 == 0 {
						twin.Go(func() { _ = pod(index, end, after/2) })
					}
					err := pod(index, end, after)
					twin.Wait()
					if err == nil {
						break
					}
					if end == 0 {
						t.Error(err)
						break
					}
				}
			}
		})
	}
	for index := range completions {
		indexes <- index
	}
	close(indexes)
	workers.Wait()

	gathered := filepath.Join(dir, "gathered.npy")
	if out, err := exec.Command("sampler", "gather", filepath.Join(dir, "out"), "-o", gathered).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err1 := os.ReadFile(whole)
	got, err2 := os.ReadFile(gathered)
	if err1 != nil || err2 != nil || !bytes.Equal(want, got) {
		t.Errorf("what was gathered is not one run's (%v, %v)", err1, err2)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left", e.Name())
		}
	}
	if ended.Load() == 0 {
		t.Error("no process was ended, so this proves nothing")
	}
	t.Logf("%d processes were ended", ended.Load())
}

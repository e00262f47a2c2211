package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pixelcnn/models"
)

// TestResume compares an undisturbed run with one that is stopped twice, in the
// middle of an epoch, byte by byte.
func TestResume(t *testing.T) {
	for _, schedule := range Schedules {
		m, data := small(t), stripes(37, 5, 3)
		cfg := Config{Steps: 40, Batch: 8, Seed: 11, LearningRate: 0.01, Schedule: schedule, Threads: 2}
		whole := start(t, m, data, cfg)
		want := curve(t, whole)

		cfg.Checkpoint = filepath.Join(t.TempDir(), "made", "by", "the", "run")
		var got, gotEpochs []float64
		for _, stop := range []int{17, 23, 40} {
			ctx, cancel := context.WithCancel(context.Background())
			tr := start(t, m, data, cfg)
			err := tr.Run(ctx, func(s Step) error {
				got = append(got, s.Loss)
				gotEpochs = append(gotEpochs, s.EpochLoss)
				if s.Step == stop {
					cancel()
				}
				return nil
			})
			cancel()
			if stop < 40 && !errors.Is(err, context.Canceled) || stop == 40 && err != nil {
				t.Fatalf("stopped at %d: error %v", stop, err)
			}
			if tr.Steps() != stop {
				t.Errorf("stopped after %d steps, want %d", tr.Steps(), stop)
			}
			cfg.Resume, cfg.Threads = true, cfg.Threads%3+1
			if stop == 40 && !equal(tr.Weights(), whole.Weights()) {
				t.Errorf("%s: other weights after a resume", schedule)
			}
			if files, err := Checkpoints(tr.store.dir); err != nil || len(files) != 2 {
				t.Errorf("checkpoints %q, %v: want two", files, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: another loss curve after a resume", schedule)
		}
		// The last epoch's mean is over steps of two runs.
		sum := 0.0
		for _, x := range want[35:39] {
			sum += x * 8
		}
		if mean := (sum + want[39]*5) / 37; math.Abs(gotEpochs[39]-mean) > 1e-12 {
			t.Errorf("mean of the last epoch %v, want %v", gotEpochs[39], mean)
		}
	}
}

// trained makes a folder with checkpoints of steps 3 and 6, and the run's settings.
func trained(t *testing.T) (dir string, cfg Config) {
	t.Helper()
	dir = t.TempDir()
	cfg = Config{Epochs: 2, Batch: 4, Checkpoint: dir}
	curve(t, start(t, small(t), stripes(12, 5, 3), cfg))
	cfg.Resume = true
	return dir, cfg
}

func TestCheckpointsDamaged(t *testing.T) {
	dir, cfg := trained(t)
	data := stripes(12, 5, 3)
	last := filepath.Join(dir, "step-000000006.checkpoint")
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty":   {},
		"cut":     whole[:len(whole)-1],
		"half":    whole[:len(whole)/2],
		"flipped": append(bytes.Clone(whole[:len(whole)-100]), append([]byte{^whole[len(whole)-100]}, whole[len(whole)-99:]...)...),
		"foreign": []byte("something else"),
	} {
		if err := os.WriteFile(last, content, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(last, 1); !errors.Is(err, ErrCheckpointFormat) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := start(t, small(t), data, cfg).Steps(); got != 3 {
			t.Errorf("%s: resumed after step %d, want the one before the damaged, 3", name, got)
		}
	}
	// The damaged one is written anew, and the good one kept.
	tr := start(t, small(t), data, cfg)
	curve(t, tr)
	if again, err := os.ReadFile(last); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("step 6 was not made again as it was: %v", err)
	}
	if files, err := Checkpoints(tr.store.dir); err != nil || len(files) != 2 {
		t.Errorf("checkpoints %q, %v", files, err)
	}

	for _, f := range []string{last, filepath.Join(dir, "step-000000003.checkpoint")} {
		if err := os.Truncate(f, 50); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New(env(), small(t), data, cfg); !errors.Is(err, ErrCheckpointFormat) || strings.Contains(err.Error(), "\n") {
		t.Errorf("nothing but damaged ones: error %v", err)
	}
}

func TestCheckpointMismatch(t *testing.T) {
	_, good := trained(t)
	for want, change := range map[string]func(*Config){
		"learning rate 0.001, not 0.002": func(c *Config) { c.LearningRate = 0.002 },
		"batch 4, not 5":                 func(c *Config) { c.Batch = 5 },
		"seed 0, not 7":                  func(c *Config) { c.Seed = 7 },
		"schedule constant, not cosine":  func(c *Config) { c.Schedule = Cosine },
		"warm-up 0, not 2":               func(c *Config) { c.Warmup = 2 },
		"weight decay 0, not 0.1":        func(c *Config) { c.WeightDecay = 0.1 },
		"clip norm 0, not 2":             func(c *Config) { c.ClipNorm = 2 },
		"EMA 0, not 0.5":                 func(c *Config) { c.EMA = 0.5 },
		"flip false, not true":           func(c *Config) { c.Flip = true },
	} {
		cfg := good
		change(&cfg)
		_, err := New(env(), small(t), stripes(12, 5, 3), cfg)
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "with "+want+":") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	var mismatch *MismatchError
	if _, err := New(env(), small(t), stripes(13, 5, 3), good); !errors.As(err, &mismatch) || mismatch.Setting != "training data" {
		t.Errorf("other data: error %v", err)
	}
	held := good
	held.Validation = stripes(3, 5, 3)
	if _, err := New(env(), small(t), stripes(12, 5, 3), held); !errors.As(err, &mismatch) || mismatch.Setting != "validation data" || mismatch.Have != "none" {
		t.Errorf("with validation: error %v", err)
	}
	begun := small(t)
	begun.Weights = start(t, small(t), stripes(12, 5, 3), Config{Seed: 9}).Weights()
	if _, err := New(env(), begun, stripes(12, 5, 3), good); !errors.As(err, &mismatch) || mismatch.Setting != "initial weights" || mismatch.Have != "drawn by the seed" {
		t.Errorf("with weights to start from: error %v", err)
	}
	wider, err := models.New(models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 5, Levels: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(env(), wider, stripes(12, 5, 3), good); !errors.As(err, &mismatch) || mismatch.Setting != "hidden" {
		t.Errorf("another model: error %v", err)
	}
	good.Epochs = 3
	if tr := start(t, small(t), stripes(12, 5, 3), good); len(curve(t, tr)) != 3 {
		t.Error("a run cannot be made longer")
	}
}

func TestCheckpointFolder(t *testing.T) {
	dir, cfg := trained(t)
	cfg.Resume = false
	if _, err := New(env(), small(t), stripes(12, 5, 3), cfg); !errors.Is(err, ErrCheckpointExists) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a start over another run's checkpoints: error %v", err)
	}
	cfg.Resume = true
	for _, cfg.Checkpoint = range []string{t.TempDir(), filepath.Join(dir, "gone")} {
		if _, err := New(env(), small(t), stripes(12, 5, 3), cfg); !errors.Is(err, ErrNoCheckpoint) || !strings.Contains(err.Error(), cfg.Checkpoint) {
			t.Errorf("error %v, want one that there is no checkpoint", err)
		}
	}
	cfg.Checkpoint, cfg.Resume = filepath.Join(dir, "step-000000006.checkpoint"), false
	if _, err := New(env(), small(t), stripes(12, 5, 3), cfg); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file for a folder: error %v", err)
	}
}

// TestCheckpointEvery checks that time-based checkpoints are written and change nothing.
func TestCheckpointEvery(t *testing.T) {
	m, data := small(t), stripes(12, 5, 3)
	plain := start(t, m, data, Config{Steps: 5})
	curve(t, plain)
	cfg := Config{Steps: 5, Checkpoint: t.TempDir(), CheckpointEvery: time.Nanosecond}
	tr := start(t, m, data, cfg)
	err := tr.Run(context.Background(), func(s Step) error {
		if _, err := os.Stat(tr.store.path(s.Step - 1)); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil || !equal(tr.Weights(), plain.Weights()) {
		t.Errorf("checkpoints change the result, or %v", err)
	}
}

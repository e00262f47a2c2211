package train

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAllFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		x    []float32
		want bool
	}{
		{nil, true},
		{[]float32{0, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}, true},
		{[]float32{math.MaxFloat32, math.MaxFloat32, 1, 1, math.MaxFloat32, math.MaxFloat32, 1, 1}, true},
		{[]float32{inf, 1, 1, 1}, false},
		{[]float32{1, 1, 1, 1, 1, -inf, 1, 1}, false},
		{[]float32{1, 1, inf, 1, 1, 1, -inf, 1}, false},
		{[]float32{1, 1, 1, nan}, false},
	} {
		if got := allFinite(c.x); got != c.want {
			t.Errorf("%v: %v", c.x, got)
		}
	}
}

// TestGradientOverflows starts from weights under which the loss is finite, and so is
// what Adam would make of the parameters, but the square of the gradient is not. The
// step that meets it is named, and weights, average and checkpoint stay as they were.
func TestGradientOverflows(t *testing.T) {
	for _, cfg := range []Config{{}, {EMA: 0.9}, {ClipNorm: 1}} {
		m, data := small(t), stripes(9, 5, 3)
		first := start(t, m, data, Config{Seed: 1})
		m.Weights = first.Weights()
		for _, w := range m.Weights {
			for i := range w {
				w[i] *= 1e3
			}
		}
		cfg.Steps, cfg.Batch, cfg.Checkpoint = 9, 3, t.TempDir()
		tr := start(t, m, data, cfg)
		err := tr.Run(context.Background(), nil)
		var diverged *DivergedError
		if cfg.ClipNorm > 0 { // float64 holds the norm, and the gradient is scaled down
			if err != nil || tr.Steps() != 9 {
				t.Errorf("%+v: error %v after %d steps, want none", cfg, err, tr.Steps())
			}
			continue
		}
		if !errors.As(err, &diverged) || diverged.Step != 1 || !finite(diverged.Loss) || diverged.Loss < 1e19 {
			t.Fatalf("%+v: error %v, want one of divergence in step 1", cfg, err)
		}
		if tr.Steps() != 0 || !equal(tr.Weights(), m.Weights) {
			t.Errorf("%+v: after %d steps, other weights", cfg, tr.Steps())
		}
		files, err := Checkpoints(tr.store.dir)
		if err != nil || len(files) != 1 || files[0] != tr.store.path(0) {
			t.Errorf("checkpoints %v, %v, want the first one", files, err)
		}
	}
}

// TestEvaluateDiverged: a likelihood that is not finite is no result.
func TestEvaluateDiverged(t *testing.T) {
	m, data := small(t), stripes(9, 5, 3)
	m.Weights = start(t, m, data, Config{Seed: 1}).Weights()
	for _, w := range m.Weights {
		for i := range w {
			w[i] *= 1e10
		}
	}
	tr := start(t, m, data, Config{})
	var diverged *DivergedError
	if l, err := tr.Evaluate(context.Background(), data); !errors.As(err, &diverged) || finite(diverged.Loss) {
		t.Errorf("likelihood %v, error %v, want one of divergence", l, err)
	}
}

// TestMonotonic: the times from which durations come have a monotonic reading, which a
// clock that is set does not move.
func TestMonotonic(t *testing.T) {
	tr := start(t, small(t), stripes(9, 5, 3), Config{Steps: 2, Batch: 3, Checkpoint: t.TempDir()})
	if err := tr.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if s := tr.savedAt.String(); !strings.Contains(s, " m=") {
		t.Errorf("the time of the checkpoint, %s, is the wall clock's", s)
	}
}

// TestClockSetBack gives checkpoints the times of a clock that went backwards between
// them: it is the step that says which is the latest.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Steps: 6, Batch: 3, Checkpoint: dir}
	tr := start(t, small(t), stripes(9, 5, 3), cfg)
	if err := tr.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	files, err := Checkpoints(tr.store.dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("checkpoints %v, %v", files, err)
	}
	for i, f := range files { // the latest first
		then := tr.savedAt.AddDate(10*i-20, 0, 0)
		if err := os.Chtimes(f, then, then); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Resume = true
	if next := start(t, small(t), stripes(9, 5, 3), cfg); next.Steps() != 6 {
		t.Errorf("resumed after step %d, want 6", next.Steps())
	}
}

// TestCheckpointCannotBeWritten loses the checkpoint folder under a run, and then is
// interrupted: both are told.
func TestCheckpointCannotBeWritten(t *testing.T) {
	for _, interrupt := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "run")
		tr := start(t, small(t), stripes(9, 5, 3), Config{Epochs: 5, Batch: 3, Checkpoint: dir})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		err := tr.Run(ctx, func(s Step) error {
			if s.Step == 2 {
				if err := os.RemoveAll(dir); err != nil {
					return err
				}
				if interrupt {
					cancel()
				}
			}
			return nil
		})
		var path *fs.PathError
		if !errors.As(err, &path) || !strings.HasPrefix(path.Path, dir) || errors.Is(err, context.Canceled) != interrupt {
			t.Errorf("interrupted %v: error %v", interrupt, err)
		}
	}
}

// TestLitter: what a killed run has left of a checkpoint goes when training starts.
func TestLitter(t *testing.T) {
	for _, resume := range []bool{false, true} {
		dir := t.TempDir()
		cfg := Config{Steps: 3, Batch: 3, Checkpoint: dir}
		if resume {
			if err := start(t, small(t), stripes(9, 5, 3), cfg).Run(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
		}
		litter := filepath.Join(dir, ".step-000000002.checkpoint.0.tmp")
		mine := filepath.Join(dir, ".mine.0.tmp")
		for _, path := range []string{litter, mine} {
			if err := os.WriteFile(path, []byte(magic), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Resume = resume
		start(t, small(t), stripes(9, 5, 3), cfg)
		left, err := filepath.Glob(filepath.Join(dir, ".*"))
		if err != nil || !slices.Equal(left, []string{mine}) {
			t.Errorf("resume %v: left %q, %v", resume, left, err)
		}
	}
}

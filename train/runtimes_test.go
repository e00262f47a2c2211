package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// TestInGo has the tests that run a graph run again, with the runtime in Go.
func TestInGo(t *testing.T) {
	another = inGo
	defer func() { another = nil }()
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"adam", TestAdam},
		{"weight decay", TestWeightDecay},
		{"average", TestAverageOfRun},
		{"clip", TestClip},
		{"clip above", TestClipAbove},
		{"resume", TestResume},
		{"checkpoint every", TestCheckpointEvery},
		{"gradients", TestGradients},
		{"logits", TestLogits},
		{"cross entropy", TestCrossEntropyIsStable},
		{"gradient of a batch", TestGradientOfBatch},
		{"likelihood", TestLikelihood},
		{"overflow", TestGradientOverflows},
		{"evaluation of what diverged", TestEvaluateDiverged},
		{"learns", TestTrainingLearns},
		{"threads", TestThreads},
		{"steps", TestSteps},
		{"diverges", TestDiverges},
		{"callback stops", TestCallbackStops},
		{"evaluation stops", TestEvaluateStops},
		{"closed", TestClosed},
		{"large batch", TestLargeBatch},
		{"of every kind", TestRunsOfEveryKind},
		{"best", TestBest},
		{"resume everything", TestResumeEverything},
		{"threads, everything", TestThreadsEverything},
		{"profile", TestProfileOfTraining},
	} {
		t.Run(c.name, c.test)
	}
}

// TestRuntimesAgree compares the losses of two runs that differ in the runtime, step by
// step, and the weights that they end with.
func TestRuntimesAgree(t *testing.T) {
	m := classed(t)
	data := stripes(100, m.Size, m.Levels)
	var losses [2][]float64
	var weights [2]map[string][]float32
	for i, rt := range runtimes {
		tr, err := New(rt.runtime(), m, data, Config{Steps: 40, Batch: 20, EMA: 0.9, ClipNorm: 1, WeightDecay: 0.01})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(context.Background(), func(s Step) error { losses[i] = append(losses[i], s.Loss); return nil }); err != nil {
			t.Fatal(err)
		}
		weights[i] = tr.Weights()
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	worst := 0.0
	for i, l := range losses[0] {
		worst = max(worst, math.Abs(l-losses[1][i]))
	}
	apart := 0.0
	for name, w := range weights[0] {
		for i, x := range w {
			apart = max(apart, math.Abs(float64(x-weights[1][name][i])))
		}
	}
	t.Logf("losses of 40 steps differ by %.2g at most, weights by %.2g", worst, apart)
	if len(losses[0]) != 40 || worst > 1e-5 || apart > 1e-4 {
		t.Errorf("of %d steps, losses differ by %.3g and weights by %.3g", len(losses[0]), worst, apart)
	}
	if slices.Equal(losses[0], losses[1]) {
		t.Error("no loss differs: this is one runtime, twice")
	}
}

// TestResumeWithRuntime: a run goes on with the runtime that it began with.
func TestResumeWithRuntime(t *testing.T) {
	for i, rt := range runtimes {
		dir := t.TempDir()
		cfg := Config{Steps: 2, Batch: 6, Checkpoint: dir}
		tr, err := New(rt.runtime(), small(t), stripes(12, 5, 3), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(tr.Run(context.Background(), nil), tr.Close()); err != nil {
			t.Fatal(err)
		}
		if name, err := RuntimeOf(dir); err != nil || name != rt.name {
			t.Errorf("the runtime of the checkpoints is %q, want %q; error %v", name, rt.name, err)
		}
		cfg.Resume = true
		other := runtimes[1-i]
		var mismatch *MismatchError
		if _, err := New(other.runtime(), small(t), stripes(12, 5, 3), cfg); !errors.As(err, &mismatch) ||
			mismatch.Setting != "runtime" || mismatch.Have != rt.name || mismatch.Got != other.name {
			t.Errorf("resumed with %s: error %v", other.name, err)
		}
	}
	if _, err := RuntimeOf(t.TempDir()); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("of an empty folder: error %v", err)
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pixelcnn/dataset"
	"pixelcnn/models"
)

// equal tells whether two sets of weights are the same bit by bit.
func equal(a, b map[string][]float32) bool {
	return maps.EqualFunc(a, b, func(x, y []float32) bool { return slices.Equal(x, y) })
}

// curve runs a trainer to its end and returns the losses.
func curve(t *testing.T, tr *Trainer) (losses []float64) {
	t.Helper()
	if err := tr.Run(context.Background(), func(s Step) error { losses = append(losses, s.Loss); return nil }); err != nil {
		t.Fatal(err)
	}
	return losses
}

func TestTrainingLearns(t *testing.T) {
	m, data := small(t), stripes(60, 5, 3)
	tr := start(t, m, data, Config{Epochs: 20, Batch: 20, LearningRate: 0.01, Seed: 1})
	before, err := tr.Evaluate(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	losses := curve(t, tr)
	after, err := tr.Evaluate(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	if len(losses) != 60 || math.Abs(losses[0]-math.Log(3)) > 0.2 || after.NatsPerDim > 0.45 || after.NatsPerDim > before.NatsPerDim/2 {
		t.Errorf("%d steps from loss %v to %v; likelihood from %v to %v", len(losses), losses[0], losses[len(losses)-1], before, after)
	}
	l := newPacking(m)
	packed, err := l.pack(tr.Weights())
	if err != nil {
		t.Fatal(err)
	}
	params := make([]float64, len(packed))
	for i, x := range packed {
		params[i] = float64(x)
	}
	want := 0.0
	for _, nll := range exactNLL(m, l, shapeOf(m, 1), params, data.Pixels) {
		want += nll / float64(len(data.Pixels))
	}
	if math.Abs(after.NatsPerDim-want) > 1e-5 || after.Images != 60 {
		t.Errorf("likelihood %+v, want %v", after, want)
	}
}

// TestThreads trains with tails in batch and pass on different numbers of threads.
func TestThreads(t *testing.T) {
	m, data := small(t), stripes(37, 5, 3)
	cfg := Config{Epochs: 3, Batch: 16, Seed: 4, Threads: 1}
	one := start(t, m, data, cfg)
	want := curve(t, one)
	if len(want) != 9 {
		t.Errorf("%d steps, want 9: no image is left out", len(want))
	}
	for _, threads := range []int{2, 3, 20} {
		cfg.Threads = threads
		tr := start(t, m, data, cfg)
		if got := curve(t, tr); !slices.Equal(got, want) || !equal(tr.Weights(), one.Weights()) {
			t.Errorf("%d threads: another result", threads)
		}
	}
	cfg.Seed++
	if slices.Equal(curve(t, start(t, m, data, cfg)), want) {
		t.Error("another seed, the same curve")
	}
}

// TestCurve compares 200 steps with those of the straightforward graph: the whole batch
// in one pass.
func TestCurve(t *testing.T) {
	m, data := small(t), stripes(37, 5, 3)
	cfg := Config{Steps: 200, Batch: 16, Seed: 2}
	plain := start(t, m, data, cfg)
	plain.engine.images = 16
	want := curve(t, plain)
	for i, loss := range curve(t, start(t, m, data, cfg)) {
		if math.Abs(loss-want[i]) > 1e-4 {
			t.Fatalf("step %d: loss %v, want %v", i+1, loss, want[i])
		}
	}
}

// TestSteps checks what is told about each step of an epoch of 7 images in threes.
func TestSteps(t *testing.T) {
	m := small(t)
	tr := start(t, m, stripes(7, 5, 3), Config{Steps: 5, Batch: 3})
	var got []string
	sum, images := 0.0, 0.0
	err := tr.Run(context.Background(), func(s Step) error {
		got = append(got, fmt.Sprint(s.Step, s.Steps, s.Epoch, s.EpochDone))
		n := 3.0
		if s.EpochDone {
			n = 1
		}
		sum, images = sum+n*s.Loss, images+n
		if math.Abs(s.EpochLoss-sum/images) > 1e-12 {
			t.Errorf("step %d: mean of the epoch %v, want %v", s.Step, s.EpochLoss, sum/images)
		}
		if s.EpochDone {
			sum, images = 0, 0
		}
		if s.Duration <= 0 || s.ImagesPerSecond != n/s.Duration.Seconds() || (s.Left > 0) != (s.Step < s.Steps) {
			t.Errorf("times: %+v", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "[1 5 1 false 2 5 1 false 3 5 1 true 4 5 2 false 5 5 2 false]"
	if fmt.Sprint(got) != want || tr.Steps() != 5 {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestStartsFromWeights(t *testing.T) {
	m, data := small(t), stripes(9, 5, 3)
	tr := start(t, m, data, Config{Steps: 2})
	curve(t, tr)
	m.Weights = tr.Weights()
	again := start(t, m, data, Config{Seed: 99})
	if !equal(again.Weights(), m.Weights) {
		t.Error("the model's weights were not taken")
	}
	m.Weights = map[string][]float32{}
	if _, err := New(env(), m, data, Config{}); err == nil || !strings.Contains(err.Error(), "stem_weight has 0 elements") {
		t.Errorf("weights that are not there: %v", err)
	}
}

func TestDiverges(t *testing.T) {
	dir := t.TempDir()
	tr := start(t, small(t), stripes(9, 5, 3), Config{Steps: 9, Batch: 3, LearningRate: 1e30, Checkpoint: dir})
	var diverged *DivergedError
	if err := tr.Run(context.Background(), nil); !errors.As(err, &diverged) || diverged.Step < 2 {
		t.Fatalf("error %v, want one of divergence after the first step", err)
	}
	files, err := Checkpoints(tr.store.dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("checkpoints %v, %v", files, err)
	}
	for _, f := range files {
		_, vectors, err := read(f, tr.engine.packing.len)
		if err != nil {
			t.Error(err)
		}
		for _, x := range vectors[0] {
			if !finite(float64(x)) {
				t.Fatalf("%s holds %v", f, x)
			}
		}
	}
}

func TestCallbackStops(t *testing.T) {
	mine := errors.New("mine")
	tr := start(t, small(t), stripes(9, 5, 3), Config{})
	err := tr.Run(context.Background(), func(s Step) error {
		if s.Step == 2 {
			return mine
		}
		return nil
	})
	if err != mine || tr.Steps() != 2 {
		t.Errorf("error %v after %d steps, want mine after 2", err, tr.Steps())
	}
}

func TestEvaluateStops(t *testing.T) {
	tr := start(t, small(t), stripes(9, 5, 3), Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tr.Evaluate(ctx, stripes(9, 5, 3)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestRefuses(t *testing.T) {
	m := small(t)
	good := stripes(4, 5, 3)
	for want, c := range map[string]struct {
		data *dataset.Split
		cfg  Config
	}{
		"epochs is -1, must be 1 or more":            {good, Config{Epochs: -1}},
		"batch is -1, must be 1 or more":             {good, Config{Batch: -1}},
		"threads is -2, must be 1 or more":           {good, Config{Threads: -2}},
		"steps is -3, must be 0 or more":             {good, Config{Steps: -3}},
		"with 4 steps in each":                       {good, Config{Epochs: math.MaxInt, Batch: 1}},
		"learning rate is -1, must be a positive":    {good, Config{LearningRate: -1}},
		"learning rate is NaN, must be a positive":   {good, Config{LearningRate: math.NaN()}},
		"learning rate is +Inf, must be a positive":  {good, Config{LearningRate: math.Inf(1)}},
		`no schedule is named "x"; there is ["const`: {good, Config{Schedule: "x"}},
		"time between checkpoints is -1ns, must not": {good, Config{CheckpointEvery: -1}},
		"warm-up is -1, must be 0 or more":           {good, Config{Warmup: -1}},
		"warm-up is 10 steps, and the whole run is":  {good, Config{Warmup: 10}},
		"patience is -1, must be 0 or more":          {good, Config{Patience: -1}},
		"patience is 2, and there are no validation": {good, Config{Patience: 2}},
		"weight decay is -1, must be 0 or a positi":  {good, Config{WeightDecay: -1}},
		"weight decay is NaN, must be 0 or a positi": {good, Config{WeightDecay: math.NaN()}},
		"weight decay is 2, which at a learning":     {good, Config{WeightDecay: 2, LearningRate: 0.5}},
		"clip norm is -1, must be 0 or a positive":   {good, Config{ClipNorm: -1}},
		"clip norm is +Inf, must be 0 or a positive": {good, Config{ClipNorm: math.Inf(1)}},
		"EMA is 1, must be 0 or more and less than":  {good, Config{EMA: 1}},
		"EMA is NaN, must be 0 or more and less":     {good, Config{EMA: math.NaN()}},
		"to resume, name the checkpoint folder":      {good, Config{Resume: true}},
		"images of 6×6 pixels for a model of 5×5":    {stripes(4, 6, 3), Config{}},
		"image 0 has level 3, and the model has 3":   {stripes(4, 5, 4), Config{}},
		"0 pixels are no whole number of images":     {stripes(0, 5, 3), Config{}},
		"24 pixels are no whole number of images":    {&dataset.Split{Size: 5, Pixels: make([]uint16, 24)}, Config{}},
	} {
		_, err := New(env(), m, c.data, c.cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, want)
		}
		if c.data == good && !errors.Is(err, ErrConfig) {
			t.Errorf("%v is no ErrConfig", err)
		}
	}
	if _, err := New(nil, m, good, Config{}); !errors.Is(err, ErrConfig) {
		t.Errorf("no runtime: error %v", err)
	}
	if _, err := New(env(), m, nil, Config{}); !errors.Is(err, ErrData) {
		t.Errorf("no images: error %v", err)
	}
	for _, m := range []*models.Model{nil, {}} {
		if _, err := New(env(), m, good, Config{}); !errors.Is(err, models.ErrConfig) {
			t.Errorf("no model: error %v", err)
		}
	}
	tr := start(t, m, good, Config{})
	if _, err := tr.Evaluate(context.Background(), stripes(4, 5, 4)); err == nil {
		t.Error("evaluated levels that the model does not have")
	}
}

// TestClosed: what a closed trainer has learnt is still there, and it says that it is closed.
func TestClosed(t *testing.T) {
	data := stripes(4, 5, 3)
	tr, err := New(env(), small(t), data, Config{Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	curve(t, tr)
	before := tr.Weights()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if !equal(tr.Weights(), before) {
		t.Error("other weights")
	}
	_, evaluated := tr.Evaluate(t.Context(), data)
	for name, err := range map[string]error{"Run": tr.Run(t.Context(), nil), "Evaluate": evaluated} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := tr.Close(); err != nil {
		t.Errorf("closed again: error %v", err)
	}
}

// TestLargeBatch: a batch has the images that there are.
func TestLargeBatch(t *testing.T) {
	m, data := small(t), stripes(4, 5, 3)
	want := curve(t, start(t, m, data, Config{Epochs: 2, Batch: 4}))
	if got := curve(t, start(t, m, data, Config{Epochs: 2, Batch: math.MaxInt})); !slices.Equal(got, want) {
		t.Errorf("losses %v, want %v", got, want)
	}
}

func TestLeft(t *testing.T) {
	for _, c := range []struct {
		spent      time.Duration
		done, more int
		want       time.Duration
	}{
		{6 * time.Second, 3, 5, 10 * time.Second},
		{2, 3, 5, 0},
		{time.Second, 1, 0, 0},
		{time.Second, 1, math.MaxInt, math.MaxInt64},
	} {
		if got := left(c.spent, c.done, c.more); got != c.want {
			t.Errorf("%v for %d, and %d more: %v, want %v", c.spent, c.done, c.more, got, c.want)
		}
	}
}

func TestRunsOfEveryKind(t *testing.T) {
	for _, c := range []models.Config{
		{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 2},
		{Hidden: 4, Blocks: 1, Kernel: 3, Size: 64, Levels: 256},
	} {
		m, err := models.New(c)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := New(env(), m, stripes(3, c.Size, c.Levels), Config{Steps: 2, Batch: 2})
		if err != nil {
			t.Fatal(err)
		}
		for i, loss := range curve(t, tr) {
			if want := math.Log(float64(c.Levels)); math.Abs(loss-want) > 0.5 {
				t.Errorf("%+v: step %d has loss %v, want about %v", c, i+1, loss, want)
			}
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// everything is a configuration with all that changes a run turned on.
func everything() Config {
	return Config{
		Epochs: 12, Batch: 8, Seed: 5, LearningRate: 0.02, Schedule: Cosine, Warmup: 7,
		WeightDecay: 0.1, ClipNorm: 0.3, EMA: 0.9, Flip: true,
		Validation: stripes(10, 5, 3), Patience: 8,
	}
}

// TestBest trains for long on few images, so that others become less likely again.
func TestBest(t *testing.T) {
	m, data := small(t), stripes(4, 5, 3)
	var all []Validation
	cfg := Config{
		Epochs: 60, Batch: 2, LearningRate: 0.03, Validation: stripes(30, 5, 3),
		OnValidation: func(v Validation) error { all = append(all, v); return nil },
	}
	tr := start(t, m, data, cfg)
	if _, ok := tr.Best(); ok {
		t.Error("a best one before the first")
	}
	weights := map[int]map[string][]float32{}
	err := tr.Run(context.Background(), func(s Step) error {
		weights[s.Step] = tr.engine.packing.unpack(tr.engine.params)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 60 {
		t.Fatalf("%d validations, want 60", len(all))
	}
	least := all[0]
	for i, v := range all {
		best := i == 0 || v.NatsPerDim < least.NatsPerDim
		if v.Step != 2*(i+1) || v.Epoch != i+1 || v.Images != 30 || v.Best != best || v.Stop {
			t.Errorf("validation %d: %+v, best %v", i, v, best)
		}
		if best {
			least = v
		}
	}
	if last := all[59].NatsPerDim; least.Step == 120 || last < least.NatsPerDim+0.01 {
		t.Fatalf("best %+v, last %v: the test shows nothing", least, last)
	}
	if best, ok := tr.Best(); !ok || best != least {
		t.Errorf("best %+v, want %+v", best, least)
	}
	if !equal(tr.Weights(), weights[least.Step]) {
		t.Errorf("the weights are not those of step %d", least.Step)
	}
	if l, err := tr.Evaluate(context.Background(), cfg.Validation); err != nil || l != least.Likelihood {
		t.Errorf("evaluated %v, %v, want %v", l, err, least)
	}

	// With patience it ends early, after the first three in a row with nothing better.
	cfg.Patience = 3
	want := 3
	for all[want-1].Best || all[want-2].Best || all[want-3].Best {
		want++
	}
	all = nil
	impatient := start(t, m, data, cfg)
	curve(t, impatient)
	if len(all) != want || want == 60 || !all[want-1].Stop || all[want-2].Stop {
		t.Errorf("stopped after %d epochs, want %d: %+v", len(all), want, all[len(all)-1])
	}
	if more := curve(t, impatient); more != nil {
		t.Errorf("%d steps more when run again", len(more))
	}
}

// TestValidationAtEnd: a run that ends within an epoch is validated there too.
func TestValidationAtEnd(t *testing.T) {
	var steps []int
	cfg := Config{
		Steps: 5, Batch: 2, Validation: stripes(3, 5, 3),
		OnValidation: func(v Validation) error { steps = append(steps, v.Step*100+v.Epoch); return nil },
	}
	curve(t, start(t, small(t), stripes(6, 5, 3), cfg))
	if !slices.Equal(steps, []int{301, 502}) {
		t.Errorf("validated after %v", steps)
	}
}

func TestOnValidationStops(t *testing.T) {
	mine := errors.New("mine")
	cfg := Config{Batch: 2, Validation: stripes(3, 5, 3), OnValidation: func(Validation) error { return mine }}
	tr := start(t, small(t), stripes(6, 5, 3), cfg)
	if err := tr.Run(context.Background(), nil); err != mine || tr.Steps() != 3 {
		t.Errorf("error %v after %d steps, want mine after 3", err, tr.Steps())
	}
}

// TestResumeEverything stops a run within an epoch, at an epoch's last step before its
// validation, and in a validation's callback, and compares it with an undisturbed one.
func TestResumeEverything(t *testing.T) {
	m, data := classed(t), stripes(37, 5, 3)
	type told struct {
		losses, norms []float64
		validations   []Validation
	}
	run := func(cfg Config, stop, stopValidation int) (*Trainer, told) {
		var got told
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		cfg.OnValidation = func(v Validation) error {
			got.validations = append(got.validations, v)
			if v.Step == stopValidation {
				cancel()
			}
			return nil
		}
		tr := start(t, m, data, cfg)
		err := tr.Run(ctx, func(s Step) error {
			got.losses, got.norms = append(got.losses, s.Loss), append(got.norms, s.GradientNorm)
			if s.Step == stop {
				cancel()
			}
			return nil
		})
		if stopped := max(stop, stopValidation); stopped > 0 && (!errors.Is(err, context.Canceled) || tr.Steps() != stopped) || stopped == 0 && err != nil {
			t.Fatalf("stopped after %d steps: error %v", tr.Steps(), err)
		}
		return tr, got
	}
	whole, want := run(everything(), 0, 0)
	if n := len(want.validations); n != 12 || slices.Max(want.norms) < 0.3 || slices.Min(want.norms) <= 0 {
		t.Fatalf("%d validations, norms %v: the test shows too little", n, want.norms)
	}

	cfg := everything()
	cfg.Checkpoint = filepath.Join(t.TempDir(), "run")
	var got told
	var last *Trainer
	for i, stop := range [][2]int{{3, 0}, {10, 0}, {0, 15}, {22, 0}, {0, 0}} {
		tr, part := run(cfg, stop[0], stop[1])
		got.losses, got.norms = append(got.losses, part.losses...), append(got.norms, part.norms...)
		got.validations = append(got.validations, part.validations...)
		cfg.Resume, cfg.Threads = true, i%3+1
		last = tr
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || !slices.Equal(got.losses, want.losses) || !slices.Equal(got.norms, want.norms) {
		t.Error("another course after a resume")
	}
	if !slices.Equal(got.validations, want.validations) || !equal(last.Weights(), whole.Weights()) {
		t.Errorf("other weights after a resume:\n%+v\n%+v", got.validations, want.validations)
	}
	for name, pair := range map[string][2][]float32{
		"parameters": {last.engine.params, whole.engine.params}, "average": {last.engine.average, whole.engine.average},
		"first moment": {last.engine.moment1, whole.engine.moment1}, "second moment": {last.engine.moment2, whole.engine.moment2},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("another %s after a resume", name)
		}
	}
	// Once more, when all is done.
	again, none := run(cfg, 0, 0)
	if none.losses != nil || none.validations != nil || !equal(again.Weights(), whole.Weights()) {
		t.Errorf("a finished run goes on: %+v", none)
	}
}

// TestResumeStopped: a run that ended for lack of patience stays ended.
func TestResumeStopped(t *testing.T) {
	cfg := Config{Epochs: 60, Batch: 2, LearningRate: 0.03, Validation: stripes(30, 5, 3), Patience: 2, Checkpoint: t.TempDir()}
	first := start(t, small(t), stripes(4, 5, 3), cfg)
	if n := len(curve(t, first)); n == 120 {
		t.Fatal("did not stop early: the test shows nothing")
	}
	cfg.Resume = true
	again := start(t, small(t), stripes(4, 5, 3), cfg)
	if more := curve(t, again); more != nil || !equal(again.Weights(), first.Weights()) {
		t.Errorf("went on for %d steps, or with other weights", len(more))
	}
	cfg.Patience = 4
	if more := curve(t, start(t, small(t), stripes(4, 5, 3), cfg)); more == nil {
		t.Error("more patience is of no use")
	}
}

// TestThreadsEverything: nothing that can be turned on depends on the threads.
func TestThreadsEverything(t *testing.T) {
	m, data := classed(t), stripes(37, 5, 3)
	cfg := everything()
	cfg.Threads = 1
	one := start(t, m, data, cfg)
	want := curve(t, one)
	for _, cfg.Threads = range []int{2, 7} {
		tr := start(t, m, data, cfg)
		if got := curve(t, tr); !slices.Equal(got, want) || !equal(tr.Weights(), one.Weights()) {
			t.Errorf("%d threads: another result", cfg.Threads)
		}
	}
}

// TestFlip: mirrored images do not matter where they are their own mirror images, and
// do where they are not.
func TestFlip(t *testing.T) {
	m, data := small(t), stripes(37, 5, 3)
	flipped, _, err := data.Flipped([]int{0, 1, 2, 3}, slices.Repeat([]bool{true}, 37))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(flipped.Pixels, data.Pixels[:4*25]) {
		t.Fatal("symmetric images: the test shows nothing")
	}
	same := stripes(37, 5, 3)
	for i := range same.Pixels {
		if x := i % 5; x > 2 {
			same.Pixels[i] = same.Pixels[i-2*(x-2)]
		}
	}
	for name, c := range map[string]struct {
		pixels []uint16
		want   bool
	}{"asymmetric": {data.Pixels, false}, "symmetric": {same.Pixels, true}} {
		split := *data
		split.Pixels = c.pixels
		cfg := Config{Epochs: 2, Batch: 16, Seed: 1}
		plain := curve(t, start(t, m, &split, cfg))
		cfg.Flip = true
		if got := slices.Equal(curve(t, start(t, m, &split, cfg)), plain); got != c.want {
			t.Errorf("%s: the same curve: %v, want %v", name, got, c.want)
		}
	}
}

// TestValidationDiverges: weights that are finite but worth nothing.
func TestValidationDiverges(t *testing.T) {
	m := small(t)
	tr := start(t, m, stripes(4, 5, 3), Config{Epochs: 1, Validation: stripes(4, 5, 3)})
	tr.step = 1
	for i := range tr.engine.params {
		tr.engine.params[i] = math.MaxFloat32
	}
	var diverged *DivergedError
	if err := tr.validate(context.Background()); !errors.As(err, &diverged) {
		t.Errorf("error %v, want one of divergence", err)
	}
}

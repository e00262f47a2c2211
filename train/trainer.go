package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// A Trainer trains one model on one data set. It must not be used by two goroutines
// at once.
type Trainer struct {
	cfg    Config
	model  *models.Model
	data   *dataset.Split
	digest string // of data's pixels
	engine *engine

	step      int     // steps done
	epochNLL  float64 // of the steps done in this epoch, in nats
	order     []int   // of this epoch
	orderOf   int     // the epoch that order is of; -1 for none
	store     *store  // nil for none
	savedStep int     // step of the latest checkpoint; -1 for none
	savedAt   time.Time
}

// Step is what [Trainer.Run] tells about a step that it has taken.
type Step struct {
	Step            int           // its number, counted from 1 over all runs
	Steps           int           // the last one's
	Epoch           int           // its epoch, counted from 1
	EpochDone       bool          // it was the last of its epoch
	Loss            float64       // mean over the batch before the update, in nats/dim
	EpochLoss       float64       // mean of the epoch so far, in nats/dim
	Duration        time.Duration // of this step
	Left            time.Duration // until the last step, at the mean pace of this run
	ImagesPerSecond float64       // of this step
}

// DivergedError tells that the loss or the weights are no longer finite numbers.
// No checkpoint has been written since; a lower learning rate may help.
type DivergedError struct {
	Step int     // the step that met it
	Loss float64 // that step's, in nats/dim
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("train: step %d diverged: its loss is %v or a weight is not finite; try a lower learning rate", e.Step, e.Loss)
}

// New prepares to train m on data, whose levels must be of m's size and below
// m.Levels. It starts from m.Weights, from weights drawn by cfg.Seed where that is
// nil, or from a checkpoint where cfg.Resume is set. m is not changed; see
// [Trainer.Weights].
//
// Errors: what [Config] refuses, as [ErrConfig]; what [Trainer.Run] can meet of
// checkpoints; the runtime's. Close the trainer when done.
func New(rt onnx.Runtime, m *models.Model, data *dataset.Split, cfg Config) (*Trainer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := check(m, data); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data.Pixels)
	t := &Trainer{cfg: cfg, model: m, data: data, digest: hex.EncodeToString(sum[:]), orderOf: -1, savedStep: -1}
	l := newLayout(m)
	params := l.initial(cfg.Seed)
	if m.Weights != nil {
		if params, err = l.pack(m.Weights); err != nil {
			return nil, err
		}
	}
	if t.engine, err = newEngine(rt, m, l, params, cfg.Threads, cfg.Profile); err != nil {
		return nil, err
	}
	if cfg.Checkpoint != "" {
		if err := t.openStore(); err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	return t, nil
}

// check tells whether the model can be run on data.
func check(m *models.Model, data *dataset.Split) error {
	if data.Size != m.Size {
		return fmt.Errorf("train: images of %d×%d pixels for a model of %d×%d", data.Size, data.Size, m.Size, m.Size)
	}
	if n := len(data.Pixels); n == 0 || n%(m.Size*m.Size) != 0 {
		return fmt.Errorf("train: %d pixels are no whole number of images of %d×%d", n, m.Size, m.Size)
	}
	for i, level := range data.Pixels {
		if int(level) >= m.Levels {
			return fmt.Errorf("train: image %d has level %d, and the model has %d levels", i/(m.Size*m.Size), level, m.Levels)
		}
	}
	return nil
}

// Close frees what the runtime holds.
func (t *Trainer) Close() error { return t.engine.close() }

// Weights returns the parameters in the form of [models.Model].Weights, as they are now.
func (t *Trainer) Weights() map[string][]float32 { return t.engine.layout.unpack(t.engine.params) }

// Steps returns the number of steps done, resumed ones included.
func (t *Trainer) Steps() int { return t.step }

// perEpoch is the number of steps in an epoch.
func (t *Trainer) perEpoch() int { return (t.data.N() + t.cfg.Batch - 1) / t.cfg.Batch }

// last is the number of the last step.
func (t *Trainer) last() int {
	if t.cfg.Steps > 0 {
		return t.cfg.Steps
	}
	return t.cfg.Epochs * t.perEpoch()
}

// Run trains to the end of the last epoch and calls on, where it is not nil, after
// each step; on may call [Trainer.Evaluate] and [Trainer.Weights]. An error of on
// stops the training and is returned as it is.
//
// When ctx ends, the step being taken is given up, a checkpoint is written and an
// error returned that wraps ctx's. A loss that is not finite is a [*DivergedError].
func (t *Trainer) Run(ctx context.Context, on func(Step) error) error {
	if err := t.save(); err != nil {
		return err
	}
	var spent time.Duration
	for first := t.step; t.step < t.last(); {
		s, err := t.take(ctx)
		if err != nil {
			return err
		}
		spent += s.Duration
		s.Left = spent / time.Duration(t.step-first) * time.Duration(t.last()-t.step)
		if on != nil {
			if err := on(s); err != nil {
				if e := t.save(); e != nil {
					return errors.Join(err, e)
				}
				return err
			}
		}
		if t.store != nil && (s.EpochDone || time.Since(t.savedAt) >= t.cfg.CheckpointEvery) {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return t.save()
}

// take takes one step.
func (t *Trainer) take(ctx context.Context) (Step, error) {
	start := time.Now()
	n := t.perEpoch()
	epoch, at := t.step/n, t.step%n
	if at == 0 {
		t.epochNLL = 0
	}
	if t.orderOf != epoch {
		t.order, t.orderOf = t.data.Order(t.cfg.Seed, epoch), epoch
	}
	batch := t.order[at*t.cfg.Batch : min(t.data.N(), (at+1)*t.cfg.Batch)]
	nll, err := t.engine.gradient(ctx, t.data.Pixels, batch)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("train: stopped after step %d: %w", t.step, ctx.Err())
		}
		if e := t.save(); e != nil {
			err = errors.Join(err, e)
		}
		return Step{}, err
	}
	area := float64(t.model.Size * t.model.Size)
	dims := float64(len(batch)) * area
	if !finite(nll) {
		return Step{}, &DivergedError{Step: t.step + 1, Loss: nll / dims}
	}
	rate := t.cfg.LearningRate * t.cfg.Schedule.rate(t.step+1, t.last())
	if err := t.engine.update(1/dims, rate, t.step+1); err != nil {
		return Step{}, err
	}
	t.step++
	t.epochNLL += nll
	took := time.Since(start)
	seen := min(t.data.N(), (at+1)*t.cfg.Batch)
	return Step{
		Step: t.step, Steps: t.last(), Epoch: epoch + 1, EpochDone: at == n-1,
		Loss: nll / dims, EpochLoss: t.epochNLL / (float64(seen) * area),
		Duration: took, ImagesPerSecond: float64(len(batch)) / took.Seconds(),
	}, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

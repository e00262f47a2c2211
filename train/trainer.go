package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"pixelcnn/dataset"
	"pixelcnn/internal/atomicfile"
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
	start  string // SHA-256 of the packed m.Weights, in hex; empty where they were drawn

	runtime string // name of what runs the steps; empty for ONNX Runtime
	engine  *engine
	closed  bool

	step      int     // steps done
	epochNLL  float64 // of the steps done in this epoch, in nats
	order     []int   // of this epoch
	flips     []bool  // of this epoch; nil where off
	orderOf   int     // the epoch that they are of; -1 for none
	store     *store  // nil for none
	savedStep int     // step of the latest checkpoint; -1 for none
	savedAt   time.Time

	validated  int        // step of the latest validation; 0 for none
	stale      int        // validations since the best
	best       Validation // zero for none
	bestParams []float32  // packed
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
	GradientNorm    float64       // before clipping; 0 where Config.ClipNorm is off
}

// ErrData is wrapped by errors about images that do not fit the model.
var ErrData = errors.New("train: unsuitable images")

// ErrClosed is wrapped by the error of any use of a [Trainer] after its Close, but for
// [Trainer.Weights].
var ErrClosed = onnx.ErrClosed

var errClosed = fmt.Errorf("train: trainer %w", ErrClosed)

// DivergedError tells that the loss or the weights are no longer finite numbers.
// The trainer keeps the weights from before the step, and the latest checkpoint is of
// finite ones; a lower learning rate may help.
type DivergedError struct {
	Step int     // the step that met it
	Loss float64 // that step's, in nats/dim, or that of an evaluation after it
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("train: step %d diverged: its loss is %v or a weight is not finite; try a lower learning rate", e.Step, e.Loss)
}

// New prepares to train m on data, whose levels must be of m's size and below
// m.Levels. It starts from m.Weights, from weights drawn by cfg.Seed where that is
// nil, or from a checkpoint where cfg.Resume is set. m is not changed; see
// [Trainer.Weights].
//
// Errors: what [Config] refuses, as [ErrConfig]; a model that [models.New] did not make,
// as [models.ErrConfig]; images that do not fit, as [ErrData];
// of checkpoints, [ErrNoCheckpoint], [ErrCheckpointExists], [ErrCheckpointFormat],
// [*MismatchError] and [*fs.PathError]; the runtime's. Close the trainer when done.
func New(rt onnx.Runtime, m *models.Model, data *dataset.Split, cfg Config) (*Trainer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if rt == nil {
		return nil, fmt.Errorf("%w: there is no runtime", ErrConfig)
	}
	if err := check(m, data); err != nil {
		return nil, err
	}
	t := &Trainer{cfg: cfg, model: m, data: data, digest: digest(m, data), orderOf: -1, savedStep: -1}
	if n := t.perEpoch(); cfg.Epochs > math.MaxInt/n {
		return nil, fmt.Errorf("%w: epochs is %d, must be %d or less with %d steps in each", ErrConfig, cfg.Epochs, math.MaxInt/n, n)
	}
	if cfg.Validation != nil {
		if err := check(m, cfg.Validation); err != nil {
			return nil, fmt.Errorf("%w (of the validation images)", err)
		}
	}
	if cfg.Warmup >= t.last() {
		return nil, fmt.Errorf("%w: warm-up is %d steps, and the whole run is %d", ErrConfig, cfg.Warmup, t.last())
	}
	if name := onnx.NameOf(rt); name != "ort" {
		t.runtime = name
	}
	l := newPacking(m)
	params := l.initial(cfg.Seed, cfg.Init)
	if m.Weights != nil {
		if params, err = l.pack(m.Weights); err != nil {
			return nil, err
		}
		t.start = weightsDigest(params)
	}
	if t.engine, err = newEngine(rt, m, l, params, cfg); err != nil {
		return nil, err
	}
	if cfg.Checkpoint != "" {
		err := t.openStore()
		if err == nil {
			err = atomicfile.Sweep(t.store.dir, filePrefix) // of runs that were killed
		}
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	return t, nil
}

// check tells whether the model can be run on data. Its errors wrap ErrData, or
// [models.ErrConfig] where the model is not one that [models.New] made.
func check(m *models.Model, data *dataset.Split) error {
	if err := m.Valid(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if data == nil {
		return fmt.Errorf("%w: there are none", ErrData)
	}
	if data.Size != m.Size {
		return fmt.Errorf("%w: images of %d×%d pixels for a model of %d×%d", ErrData, data.Size, data.Size, m.Size, m.Size)
	}
	if n := len(data.Pixels); n == 0 || n%(m.Size*m.Size) != 0 {
		return fmt.Errorf("%w: %d pixels are no whole number of images of %d×%d", ErrData, n, m.Size, m.Size)
	}
	for i, level := range data.Pixels {
		if int(level) >= m.Levels {
			return fmt.Errorf("%w: image %d has level %d, and the model has %d levels", ErrData, i/(m.Size*m.Size), level, m.Levels)
		}
	}
	if m.Classes == 0 {
		return nil
	}
	if len(data.Labels) != data.N() {
		return fmt.Errorf("%w: %d labels for %d images, and the model has %d classes", ErrData, len(data.Labels), data.N(), m.Classes)
	}
	for i, class := range data.Labels {
		if int(class) >= m.Classes {
			return fmt.Errorf("%w: image %d is of class %d, and the model has %d classes", ErrData, i, class, m.Classes)
		}
	}
	return nil
}

// digest is the SHA-256 of what the model learns from the images, in hex.
func digest(m *models.Model, data *dataset.Split) string {
	h := sha256.New()
	levels := make([]byte, len(data.Pixels))
	for i, level := range data.Pixels {
		levels[i] = byte(level)
	}
	h.Write(levels)
	if m.Classes > 0 {
		h.Write(data.Labels)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// weightsDigest is the SHA-256 of packed parameters as little-endian float32, in hex.
func weightsDigest(params []float32) string {
	b := make([]byte, 0, 4*len(params))
	for _, x := range params {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Close frees what the runtime holds. Closing again does nothing.
func (t *Trainer) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	return t.engine.close()
}

// Weights returns the parameters in the form of [models.Model].Weights: those that were
// best on the validation images, where there are some and an epoch is done; else the
// moving average, where that is on; else those of now.
func (t *Trainer) Weights() map[string][]float32 { return t.engine.packing.unpack(t.result()) }

// Steps returns the number of steps done, resumed ones included.
func (t *Trainer) Steps() int { return t.step }

// perEpoch is the number of steps in an epoch.
func (t *Trainer) perEpoch() int { return (t.data.N()-1)/t.cfg.Batch + 1 }

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
// error returned that wraps ctx's. A loss or a weight that is not finite is a
// [*DivergedError], a checkpoint that cannot be written an [*fs.PathError]; both leave
// the checkpoints that there are as they were.
func (t *Trainer) Run(ctx context.Context, on func(Step) error) error {
	if t.closed {
		return errClosed
	}
	if err := t.save(); err != nil {
		return err
	}
	if err := t.validate(ctx); err != nil { // where the run was stopped before it
		return t.saved(err)
	}
	var spent time.Duration
	for first := t.step; t.step < t.last() && !t.stopped(); {
		s, err := t.take(ctx)
		if err != nil {
			return err
		}
		spent += s.Duration
		s.Left = left(spent, t.step-first, t.last()-t.step)
		if on != nil {
			if err := on(s); err != nil {
				return t.saved(err)
			}
		}
		if err := t.validate(ctx); err != nil {
			return t.saved(err)
		}
		if t.store != nil && (s.EpochDone || time.Since(t.savedAt) >= t.cfg.CheckpointEvery) {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return t.save()
}

// left is how long some more steps take, at the pace of those done. Of more than a
// Duration can say, about 292 years, it is the most that it can.
func left(spent time.Duration, done, more int) time.Duration {
	pace := spent / time.Duration(done)
	if pace > 0 && more > int(math.MaxInt64/pace) {
		return math.MaxInt64
	}
	return pace * time.Duration(more)
}

// saved writes a checkpoint before err is returned.
func (t *Trainer) saved(err error) error {
	if e := t.save(); e != nil {
		return errors.Join(err, e)
	}
	return err
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
		if t.cfg.Flip {
			t.flips = t.data.Flips(t.cfg.Seed, epoch)
		}
	}
	data, batch := t.data, t.order[at*t.cfg.Batch:min(t.data.N(), (at+1)*t.cfg.Batch)]
	if t.cfg.Flip {
		var err error
		if data, batch, err = t.data.Flipped(batch, t.flips); err != nil {
			return Step{}, err
		}
	}
	nll, err := t.engine.gradient(ctx, data, batch)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("train: stopped after step %d: %w", t.step, ctx.Err())
		}
		return Step{}, t.saved(err)
	}
	area := float64(t.model.Size * t.model.Size)
	dims := float64(len(batch)) * area
	if !finite(nll) {
		return Step{}, &DivergedError{Step: t.step + 1, Loss: nll / dims}
	}
	rate := t.cfg.LearningRate * t.cfg.Schedule.rate(t.step+1, t.cfg.Warmup, t.last())
	norm, err := t.engine.update(1/dims, rate, t.step+1)
	if errors.Is(err, errDiverged) {
		err = &DivergedError{Step: t.step + 1, Loss: nll / dims}
	}
	if err != nil {
		return Step{}, err
	}
	t.step++
	t.epochNLL += nll
	took := max(time.Since(start), 1) // a coarse clock may not have moved
	seen := min(t.data.N(), (at+1)*t.cfg.Batch)
	return Step{
		Step: t.step, Steps: t.last(), Epoch: epoch + 1, EpochDone: at == n-1,
		Loss: nll / dims, EpochLoss: t.epochNLL / (float64(seen) * area),
		Duration: took, ImagesPerSecond: float64(len(batch)) / took.Seconds(),
		GradientNorm: norm,
	}, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

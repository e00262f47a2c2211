package train

import (
	"errors"
	"fmt"
	"math"
	goruntime "runtime"
	"slices"
	"time"

	"pixelcnn/dataset"
)

// ErrConfig is wrapped by every error about a [Config].
var ErrConfig = errors.New("train: invalid configuration")

// Config says how to train. The zero value is ten epochs of the reference schedule
// on all cores, with no checkpoints.
type Config struct {
	// Epochs is the number of passes over the data. Default 10.
	Epochs int
	// Steps, where not zero, is the number of steps to take, whatever the epochs.
	Steps int
	// Batch is the number of images a step. Default 128. An epoch's last step has
	// what is left.
	Batch int
	// LearningRate is Adam's. Default 1e-3.
	LearningRate float64
	// Init is the range of the initial weights. Default [FanIn].
	Init Init
	// Schedule is the course of the learning rate. Default [Constant].
	Schedule Schedule
	// Warmup is the number of steps over which the learning rate rises evenly from 0 to
	// LearningRate; Schedule runs over the steps after them. It must leave at least one.
	Warmup int
	// WeightDecay shrinks weights by that share of themselves, times the learning rate,
	// in each step, apart from Adam's gradient: AdamW (Loshchilov and Hutter, "Decoupled
	// Weight Decay Regularization", 2019, algorithm 2). Biases and the embeddings of
	// classes are left alone. 0, the default, is off; customary is 0.01.
	WeightDecay float64
	// ClipNorm, where not 0, scales a step's gradient down to that Euclidean norm where
	// it is longer (Pascanu et al., "On the difficulty of training recurrent neural
	// networks", 2013, algorithm 1). The gradient is that of the loss in nats/dim by
	// all parameters. [Step].GradientNorm tells the norm.
	ClipNorm float64
	// EMA, where not 0, is the decay of a moving average of the parameters, below 1;
	// customary is 0.999. The average is then what is evaluated and returned in place
	// of the parameters. Its decay rises from 2/11 in the first step, so that the
	// initial weights are soon forgotten.
	EMA float64
	// Flip mirrors images left to right, each with probability ½ in each epoch.
	Flip bool
	// Seed chooses the initial weights, the order of the images and their flips.
	Seed uint64
	// Threads is the number of passes that run at once; the result does not depend
	// on it. More than 16 are of no use. Default: the number of cores.
	Threads int

	// Validation, where not nil, are images kept out of training. They are evaluated at
	// the end of each epoch and of the run, and the weights under which they are most
	// likely are those that the trainer returns.
	Validation *dataset.Split
	// Patience, where not 0, ends training when that many validations have brought
	// nothing better.
	Patience int
	// OnValidation, where not nil, is called after each validation. An error stops the
	// training and is returned as it is.
	OnValidation func(Validation) error

	// Checkpoint is a folder to keep checkpoints in, made where it is missing. Two
	// are kept, the latest and the one before. Empty means none.
	Checkpoint string
	// CheckpointEvery is the time between two checkpoints. Default one minute. There
	// is also one at the start, at the end of each epoch, and when training stops.
	CheckpointEvery time.Duration
	// Resume goes on from the latest checkpoint in Checkpoint.
	Resume bool

	// Profile, where not empty, is the prefix of the name of the file to which the
	// runtime writes how long each operator of the step took, on [Trainer.Close].
	// [ReadProfile] reads it.
	Profile string
}

// withDefaults checks the configuration and fills in its defaults.
func (c Config) withDefaults() (Config, error) {
	if c.Epochs == 0 {
		c.Epochs = 10
	}
	if c.Batch == 0 {
		c.Batch = 128
	}
	if c.LearningRate == 0 {
		c.LearningRate = 1e-3
	}
	if c.Init == "" {
		c.Init = FanIn
	}
	if c.Schedule == "" {
		c.Schedule = Constant
	}
	if c.Threads == 0 {
		c.Threads = goruntime.GOMAXPROCS(0)
	}
	if c.CheckpointEvery == 0 {
		c.CheckpointEvery = time.Minute
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"epochs", c.Epochs}, {"batch", c.Batch}, {"threads", c.Threads}} {
		if f.value < 1 {
			return c, fmt.Errorf("%w: %s is %d, must be 1 or more", ErrConfig, f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"steps", c.Steps}, {"warm-up", c.Warmup}, {"patience", c.Patience}} {
		if f.value < 0 {
			return c, fmt.Errorf("%w: %s is %d, must be 0 or more", ErrConfig, f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"weight decay", c.WeightDecay}, {"clip norm", c.ClipNorm}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			return c, fmt.Errorf("%w: %s is %v, must be 0 or a positive number", ErrConfig, f.name, f.value)
		}
	}
	switch {
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0):
		return c, fmt.Errorf("%w: learning rate is %v, must be a positive number", ErrConfig, c.LearningRate)
	case !slices.Contains(Inits, c.Init):
		return c, fmt.Errorf("%w: no range of initial weights is named %q; there is %q", ErrConfig, c.Init, Inits)
	case !slices.Contains(Schedules, c.Schedule):
		return c, fmt.Errorf("%w: no schedule is named %q; there is %q", ErrConfig, c.Schedule, Schedules)
	case !(c.EMA >= 0 && c.EMA < 1):
		return c, fmt.Errorf("%w: EMA is %v, must be 0 or more and less than 1", ErrConfig, c.EMA)
	case c.WeightDecay*c.LearningRate >= 1:
		return c, fmt.Errorf("%w: weight decay is %v, which at a learning rate of %v leaves nothing of the weights", ErrConfig, c.WeightDecay, c.LearningRate)
	case c.Patience > 0 && c.Validation == nil:
		return c, fmt.Errorf("%w: patience is %d, and there are no validation images to wait for", ErrConfig, c.Patience)
	case c.CheckpointEvery < 0:
		return c, fmt.Errorf("%w: time between checkpoints is %v, must not be negative", ErrConfig, c.CheckpointEvery)
	case c.Resume && c.Checkpoint == "":
		return c, fmt.Errorf("%w: to resume, name the checkpoint folder", ErrConfig)
	}
	return c, nil
}

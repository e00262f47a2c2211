package train

import (
	"errors"
	"fmt"
	"math"
	goruntime "runtime"
	"slices"
	"time"
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
	// Schedule is the course of the learning rate. Default [Constant].
	Schedule Schedule
	// Seed chooses the initial weights and the order of the images.
	Seed uint64
	// Threads is the number of passes that run at once; the result does not depend
	// on it. More than 16 are of no use. Default: the number of cores.
	Threads int

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
	switch {
	case c.Steps < 0:
		return c, fmt.Errorf("%w: steps is %d, must be 0 or more", ErrConfig, c.Steps)
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0):
		return c, fmt.Errorf("%w: learning rate is %v, must be a positive number", ErrConfig, c.LearningRate)
	case !slices.Contains(Schedules, c.Schedule):
		return c, fmt.Errorf("%w: no schedule is named %q; there is %q", ErrConfig, c.Schedule, Schedules)
	case c.CheckpointEvery < 0:
		return c, fmt.Errorf("%w: time between checkpoints is %v, must not be negative", ErrConfig, c.CheckpointEvery)
	case c.Resume && c.Checkpoint == "":
		return c, fmt.Errorf("%w: to resume, name the checkpoint folder", ErrConfig)
	}
	return c, nil
}

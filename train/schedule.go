package train

import "math"

// Schedule is the course of the learning rate over the steps.
type Schedule string

// The schedules.
const (
	Constant Schedule = "constant" // the default
	Cosine   Schedule = "cosine"   // falls along half a cosine from Config.LearningRate to 0
)

// Schedules lists them.
var Schedules = []Schedule{Constant, Cosine}

// rate is the factor of the learning rate at a step, counted from 1, of all: step/warmup
// in the first warmup steps, then the schedule over the others.
func (s Schedule) rate(step, warmup, steps int) float64 {
	switch {
	case step <= warmup:
		return float64(step) / float64(warmup)
	case s == Cosine:
		return (1 + math.Cos(math.Pi*float64(step-warmup-1)/float64(steps-warmup))) / 2
	}
	return 1
}

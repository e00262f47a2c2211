package train

import "slices"

// averageDecay is the decay of the moving average in the step-th update, counted from
// 1: min(decay, (1+step)/(10+step)), as TensorFlow's ExponentialMovingAverage has it
// with num_updates.
func averageDecay(decay float64, step int) float64 {
	return min(decay, float64(1+step)/float64(10+step))
}

// follow moves avg towards params: avg' = avg + (1−decay)·(params − avg). The
// conversion keeps compilers from fusing the two operations.
func follow(avg, params []float32, decay float64) {
	rest := float32(1 - decay)
	for i, p := range params {
		avg[i] += float32(rest * (p - avg[i]))
	}
}

// smoothed is the moving average of the parameters, where that is on, else the
// parameters.
func (e *engine) smoothed() []float32 {
	if e.average != nil {
		return e.average
	}
	return e.params
}

// with calls f with other parameters in the place of those that training changes.
func (e *engine) with(params []float32, f func() error) error {
	kept := slices.Clone(e.params)
	place := func(params []float32) {
		copy(e.params, params)
		e.packing.turn(e.turned, e.params)
	}
	place(params)
	defer place(kept)
	return f()
}

package train

import "context"

// Validation is what [Config].OnValidation is told.
type Validation struct {
	Likelihood      // of Config.Validation
	Step       int  // after which it was measured
	Epoch      int  // that step's, counted from 1
	Best       bool // none before was as good
	Stop       bool // the training ends here, as Config.Patience wants it
}

// Best returns the validation whose weights the trainer returns, and whether there has
// been one yet.
func (t *Trainer) Best() (Validation, bool) { return t.best, t.best.Step > 0 }

// result is the packed parameters that the trainer returns: the best on validation
// images, where there are some; else the moving average, where that is on; else the
// parameters as they are.
func (t *Trainer) result() []float32 {
	if t.best.Step > 0 {
		return t.bestParams
	}
	return t.engine.smoothed()
}

// stopped tells whether validations have not got better for too long.
func (t *Trainer) stopped() bool { return t.cfg.Patience > 0 && t.stale >= t.cfg.Patience }

// validate evaluates the validation images, where it is time and not done yet, and keeps
// the weights if they are the best.
func (t *Trainer) validate(ctx context.Context) error {
	due := t.step > 0 && (t.step%t.perEpoch() == 0 || t.step == t.last())
	if t.cfg.Validation == nil || !due || t.validated == t.step {
		return nil
	}
	l, err := t.likelihood(ctx, t.engine.smoothed(), t.cfg.Validation)
	if err != nil {
		return err
	}
	v := Validation{Likelihood: l, Step: t.step, Epoch: (t.step-1)/t.perEpoch() + 1}
	v.Best = t.best.Step == 0 || l.NatsPerDim < t.best.NatsPerDim
	t.stale++
	if v.Best {
		t.best, t.stale = v, 0
		t.bestParams = append(t.bestParams[:0], t.engine.smoothed()...)
	}
	v.Stop = t.stopped()
	t.validated, t.savedStep = t.step, -1 // a checkpoint of this step lacks it
	if t.cfg.OnValidation != nil {
		return t.cfg.OnValidation(v)
	}
	return nil
}

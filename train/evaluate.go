package train

import (
	"context"
	"fmt"
	"math"

	"pixelcnn/dataset"
)

// Likelihood is how well a model predicts images.
type Likelihood struct {
	NatsPerDim float64 // mean negative log-likelihood of a pixel
	StdErr     float64 // standard error of NatsPerDim over the images; 0 for one image
	Images     int
}

// BitsPerDim is NatsPerDim in bits.
func (l Likelihood) BitsPerDim() float64 { return l.NatsPerDim / math.Ln2 }

// Evaluate returns the likelihood of all of data under the weights that
// [Trainer.Weights] returns. When ctx ends, it returns an error that wraps ctx's. A
// likelihood that is not finite is a [*DivergedError].
func (t *Trainer) Evaluate(ctx context.Context, data *dataset.Split) (Likelihood, error) {
	if t.closed {
		return Likelihood{}, errClosed
	}
	if err := check(t.model, data); err != nil {
		return Likelihood{}, err
	}
	return t.likelihood(ctx, t.result(), data)
}

// likelihood evaluates data under the packed parameters given.
func (t *Trainer) likelihood(ctx context.Context, params []float32, data *dataset.Split) (Likelihood, error) {
	var nll []float32
	err := t.engine.with(params, func() (err error) {
		nll, err = t.engine.likelihoods(ctx, data)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("train: evaluation stopped: %w", ctx.Err())
		}
		return Likelihood{}, err
	}
	l := summary(nll, t.model.Size*t.model.Size)
	if !finite(l.NatsPerDim) {
		return Likelihood{}, &DivergedError{Step: t.step, Loss: l.NatsPerDim}
	}
	return l, nil
}

// summary summarises the images' negative log-likelihoods, in nats.
func summary(nll []float32, dims int) Likelihood {
	n := float64(len(nll))
	mean := 0.0
	for _, x := range nll {
		mean += float64(x) / n
	}
	squares := 0.0
	for _, x := range nll {
		squares += (float64(x) - mean) * (float64(x) - mean)
	}
	l := Likelihood{NatsPerDim: mean / float64(dims), Images: len(nll)}
	if len(nll) > 1 {
		l.StdErr = math.Sqrt(squares/(n-1)/n) / float64(dims)
	}
	return l
}

package likelihood_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

func TestBernoulli(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	const logits, probabilities = likelihood.Logits, likelihood.Probabilities
	for _, c := range []struct {
		form    likelihood.Form
		outputs []float64
		earlier []uint16
		want    float64 // probability of level 1; NaN where nothing can be drawn
	}{
		{logits, []float64{0}, nil, 0.5},
		{logits, []float64{math.Log(3)}, nil, 0.75},
		{logits, []float64{5, -math.Log(3)}, []uint16{1}, 0.25},
		{logits, []float64{-1000}, nil, 0},
		{logits, []float64{-inf}, nil, 0},
		{logits, []float64{inf}, nil, nan},
		{logits, []float64{nan}, nil, nan},
		{probabilities, []float64{0.25}, nil, 0.25},
		{probabilities, []float64{0.5, 0.25, 0.75}, []uint16{1, 1}, 0.75},
		{probabilities, []float64{0}, nil, 0},
		{probabilities, []float64{1}, nil, 1 / (1 + 0x1p-26)}, // of a float32 that is rounded to 1
		{probabilities, []float64{1 + 1e-7}, nil, 1 / (1 + 0x1p-26)},
		{probabilities, []float64{-1e-7}, nil, nan},
		{probabilities, []float64{1.1}, nil, nan},
		{probabilities, []float64{nan}, nil, nan},
	} {
		head := likelihood.Bernoulli{Channels: len(c.outputs), Form: c.form}
		lp, ok := likelihood.LogSoftmax(head.LogProbs(c.outputs, c.earlier, make([]float64, head.Scratch())), 1)
		if ok == math.IsNaN(c.want) || ok && !(math.Abs(math.Exp(lp)-c.want) < 1e-15) {
			t.Errorf("%s %v after %v: %v, %v, want %v", c.form, c.outputs, c.earlier, math.Exp(lp), ok, c.want)
		}
	}
	head := likelihood.Bernoulli{Channels: 3}
	check(t, head, logitsOf(head))
	checkNodes(t, env, head, logitsOf(head), true)
	checkNodes(t, env, likelihood.Bernoulli{}, logitsOf(likelihood.Bernoulli{}), true)
	head.Form = probabilities
	try := trial{
		func(rng *rand.Rand) []float64 {
			o := make([]float64, 3)
			for k := range o {
				o[k] = float64(float32(1 / (1 + math.Exp(8*rng.NormFloat64()))))
			}
			return o
		},
		func(rng *rand.Rand, outputs []float64) []float64 {
			off := make([]float64, 3)
			for k, p := range outputs { // of a logit that is off, rounded
				logit := math.Log(p) - math.Log1p(-p)
				if p == 1 {
					logit = 17.5
				}
				logit += (2*rng.Float64() - 1) * likelihood.Rounding * (1 + math.Abs(logit))
				off[k] = float64(float32(1 / (1 + math.Exp(-logit))))
			}
			return off
		},
	}
	check(t, head, try)
	checkNodes(t, env, head, try, false)
}

package likelihood_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

func sigma(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// TestMixture: distributions worked out by hand. Of three levels, −1, 0 and 1, a level's half
// width is 1/2.
func TestMixture(t *testing.T) {
	half := sigma(0.5)
	for _, c := range []struct {
		name    string
		head    likelihood.Mixture
		outputs []float64
		earlier []uint16
		want    []float64
	}{
		{"one component", likelihood.Mixture{Depth: 3, Components: 1}, []float64{7, 0, 0}, nil, []float64{1 - half, 2*half - 1, 1 - half}},
		{"two levels", likelihood.Mixture{Depth: 2, Components: 1}, []float64{0, math.Log(3), 0}, nil, []float64{0.25, 0.75}},
		{
			"a scale of 2",
			likelihood.Mixture{Depth: 3, Components: 1},
			[]float64{0, 0, math.Ln2},
			nil,
			[]float64{sigma(-0.25), sigma(0.25) - sigma(-0.25), sigma(-0.25)},
		},
		{
			"two components, of a quarter and three",
			likelihood.Mixture{Depth: 3, Components: 2},
			[]float64{0, math.Log(3), 0, 0.5, 0, 0},
			nil,
			[]float64{
				0.25*(1-half) + 0.75*sigma(-1),
				0.25*(2*half-1) + 0.75*(0.5-sigma(-1)),
				0.25*(1-half) + 0.75*0.5,
			},
		},
		{
			"one that never is",
			likelihood.Mixture{Depth: 3, Components: 2},
			[]float64{0, math.Inf(-1), 0, 0.5, 0, 0},
			nil,
			[]float64{1 - half, 2*half - 1, 1 - half},
		},
		{"the least scale", likelihood.Mixture{Depth: 3, Components: 1}, []float64{0, 0.5, -50}, nil, []float64{0, 0.5, 0.5}},
		{
			"a great scale",
			likelihood.Mixture{Depth: 3, Components: 1},
			[]float64{0, 0, 100},
			nil,
			[]float64{0.5, 0.25 * math.Exp(-100), 0.5},
		},
		// Blocks of three: mean, log-scale, coefficient of red, green and blue.
		{"red", likelihood.Mixture{Depth: 3, Channels: 3, Components: 1}, []float64{0, 0, 0, 9, 5, 5, 9, 5, 5, 9}, nil, []float64{1 - half, 2*half - 1, 1 - half}},
		{
			"green after red 1: the mean is 0.25 + 0.5·1",
			likelihood.Mixture{Depth: 3, Channels: 3, Components: 1},
			[]float64{0, 0, 0, math.Atanh(0.5), 0.25, 0, 9, 5, 5, 9},
			[]uint16{2},
			[]float64{sigma(-1.25), sigma(-0.25) - sigma(-1.25), sigma(0.25)},
		},
		{
			"blue after red −1 and green 1: the mean is 0.25·−1 − 0.5·1 + 1",
			likelihood.Mixture{Depth: 3, Channels: 3, Components: 1},
			[]float64{0, 0, 0, 9, 5, 5, math.Atanh(0.25), 1, 0, math.Atanh(-0.5)},
			[]uint16{0, 2},
			[]float64{sigma(-0.75), sigma(0.25) - sigma(-0.75), sigma(-0.25)},
		},
		{
			// Red is 1 with probability 1−σ(1/2) under the first component, with 1/2 under the second.
			"the component's posterior",
			likelihood.Mixture{Depth: 3, Channels: 3, Components: 2},
			[]float64{
				0, 0,
				0, 0.5, 0, 0, 0, 0, // red
				0, 0.5, 0, 0, 0, 0, // green
				0, 0, 0, 0, 0, 0,
			},
			[]uint16{2},
			[]float64{
				((1-half)*(1-half) + 0.5*sigma(-1)) / (1 - half + 0.5),
				((1-half)*(2*half-1) + 0.5*(0.5-sigma(-1))) / (1 - half + 0.5),
				((1-half)*(1-half) + 0.5*0.5) / (1 - half + 0.5),
			},
		},
	} {
		scratch := make([]float64, c.head.Scratch())
		for level, want := range c.want {
			lp, ok := likelihood.LogSoftmax(c.head.LogProbs(c.outputs, c.earlier, scratch), level)
			one, _, _ := c.head.LogProb(c.outputs, c.earlier, level, scratch)
			if !ok || math.Abs(math.Exp(lp)-want) > 1e-14+1e-13*want || math.Abs(one-lp) > 1e-13*(1+math.Abs(lp)) {
				t.Errorf("%s: level %d has probability %v, alone %v, want %v", c.name, level, math.Exp(lp), math.Exp(one), want)
			}
		}
		if len(c.outputs) != c.head.Outputs() {
			t.Errorf("%s: %d outputs, want %d", c.name, c.head.Outputs(), len(c.outputs))
		}
	}
}

// TestMixtureFar: far from every component a log-probability is that of the tail, e^−|z|.
func TestMixtureFar(t *testing.T) {
	head := likelihood.Mixture{Depth: 256, Components: 1}
	scratch := make([]float64, head.Scratch())
	per := math.Exp(7)
	for _, c := range []struct {
		mean  float64
		level int
		want  float64
	}{
		{-1, 255, -(2 - 1./255) * per},
		{1, 0, -(2 - 1./255) * per},
		{-1, 200, -(2*200./255-1./255)*per + math.Log(-math.Expm1(-2./255*per))},
		{1e6, 0, -(1e6 + 1 - 1./255) * per},
	} {
		logs := head.LogProbs([]float64{0, c.mean, -9}, nil, scratch)
		if got := logs[c.level]; math.Abs(got-c.want) > 1e-12*math.Abs(c.want) {
			t.Errorf("mean %g: level %d has log-probability %v, want %v", c.mean, c.level, got, c.want)
		}
	}
}

func TestMixtureUnusable(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	head := likelihood.Mixture{Depth: 4, Channels: 3, Components: 2}
	for at := range head.Outputs() {
		for _, bad := range []float64{nan, inf, -inf} {
			outputs := make([]float64, head.Outputs())
			outputs[at] = bad
			scratch := make([]float64, head.Scratch())
			usable := true
			for c := range 3 {
				_, ok := likelihood.Top(head.LogProbs(outputs, make([]uint16, c), scratch))
				level, _, _ := head.Invert(outputs, make([]uint16, c), 0.5, scratch)
				_, _, scored := head.LogProb(outputs, make([]uint16, c), 1, scratch)
				if ok != scored || ok != (level >= 0) {
					t.Errorf("output %d = %v: LogProbs %v, LogProb %v, level %d", at, bad, ok, scored, level)
				}
				usable = usable && ok
			}
			block := (at - 2) % 6 / 2 // mean, log-scale, coefficient
			want := bad == -inf && (at < 2 || block == 1)
			if usable != want {
				t.Errorf("output %d = %v: usable %v, want %v", at, bad, usable, want)
			}
		}
	}
}

// TestMixtures checks mixtures of all kinds, with means about the levels and scales from
// the least to those of the whole picture.
func TestMixtures(t *testing.T) {
	for _, head := range []likelihood.Mixture{
		{Depth: 2, Components: 1},
		{Depth: 4, Components: 3},
		{Depth: 256, Components: 10},
		{Depth: 3000, Components: 5},
		{Depth: 2, Channels: 3, Components: 2},
		{Depth: 256, Channels: 3, Components: 5},
	} {
		wide := logitsOf(head)
		try := trial{func(rng *rand.Rand) []float64 {
			o := wide.outputs(rng)
			k := head.Components
			for c := range head.Symbols() {
				own := o[k+c*(len(o)-k)/head.Symbols():]
				for i := range k {
					own[i] = float64(float32(own[i] / 3))
					own[k+i] = float64(float32(own[k+i] - 3))
				}
			}
			return o
		}, wide.off}
		check(t, head, try)
		check(t, head, wide)
		if head.Depth <= 256 {
			checkNodes(t, env, head, try, true)
		}
	}
}

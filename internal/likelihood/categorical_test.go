package likelihood_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/runtime"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

func TestCategorical(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct {
		outputs []float64
		level   int
		want    float64 // NaN where nothing can be drawn
	}{
		{[]float64{0, 0}, 1, -math.Ln2},
		{[]float64{0, math.Log(3)}, 1, math.Log(0.75)},
		{[]float64{1000, 1000 + math.Log(3)}, 0, math.Log(0.25)},
		{[]float64{inf, 0, 0}, 2, -math.Ln2},
		{[]float64{inf, 0}, 0, inf},
		{[]float64{inf, inf}, 0, math.NaN()},
		{[]float64{0, math.NaN()}, 0, math.NaN()},
		{[]float64{0, math.Inf(1)}, 0, math.NaN()},
	} {
		head := likelihood.Categorical{Depth: len(c.outputs)}
		got, ok := likelihood.LogSoftmax(head.LogProbs(c.outputs, nil, nil), c.level)
		if ok == math.IsNaN(c.want) || ok && got != c.want && !(math.Abs(got-c.want) < 1e-12) {
			t.Errorf("%v, level %d: %v, %v, want %v", c.outputs, c.level, got, ok, c.want)
		}
	}
	for _, levels := range []int{2, 4, 17, 256} {
		head := likelihood.Categorical{Depth: levels}
		check(t, head, logitsOf(head))
		checkNodes(t, env, head, logitsOf(head), true)
	}
}

// TestCategoricalChannels: each channel has its own part of the outputs.
func TestCategoricalChannels(t *testing.T) {
	outputs := []float64{0, 1, 2, 3, 4, 5}
	for _, c := range []struct {
		head    likelihood.Categorical
		earlier []uint16
		want    []float64
	}{
		{likelihood.Categorical{Depth: 2, Channels: 3}, nil, []float64{0, 1}},
		{likelihood.Categorical{Depth: 2, Channels: 3}, []uint16{1}, []float64{2, 3}},
		{likelihood.Categorical{Depth: 2, Channels: 3}, []uint16{1, 0}, []float64{4, 5}},
		{likelihood.Categorical{Depth: 3, Channels: 2}, []uint16{2}, []float64{3, 4, 5}},
		{likelihood.Categorical{Depth: 6}, nil, outputs},
		{likelihood.Categorical{Depth: 2, Channels: 3, Form: likelihood.Probabilities}, nil, []float64{math.Inf(-1), 0}},
		{likelihood.Categorical{Depth: 2, Channels: 3, Form: likelihood.Probabilities}, []uint16{1, 0}, []float64{math.Log(4), math.Log(5)}},
	} {
		got := c.head.LogProbs(outputs, c.earlier, make([]float64, c.head.Scratch()))
		if !slices.EqualFunc(got, c.want, func(x, y float64) bool { return x == y || math.Abs(x-y) < 1e-15 }) {
			t.Errorf("%+v after %v: %v, want %v", c.head, c.earlier, got, c.want)
		}
		if n := c.head.Outputs(); n != 6 {
			t.Errorf("%+v has %d outputs, want 6", c.head, n)
		}
	}
	head := likelihood.Categorical{Depth: 5, Channels: 3}
	check(t, head, logitsOf(head))
	checkNodes(t, env, head, logitsOf(head), true)
}

// TestProbabilities: the outputs of a Softmax, in float32.
func TestProbabilities(t *testing.T) {
	for _, size := range []float64{1, 10, 40} {
		head := likelihood.Categorical{Depth: 7, Channels: 2, Form: likelihood.Probabilities}
		try := trial{
			func(rng *rand.Rand) []float64 {
				out := make([]float64, 14)
				for c := range 2 {
					sum := 0.0
					for k := range 7 {
						out[c*7+k] = math.Exp(size * rng.NormFloat64())
						sum += out[c*7+k]
					}
					for k := range 7 {
						out[c*7+k] = float64(float32(out[c*7+k] / sum))
					}
				}
				return out
			},
			func(rng *rand.Rand, outputs []float64) []float64 {
				off := slices.Clone(outputs)
				for k, p := range off {
					if p > 0 {
						off[k] = p * math.Exp((2*rng.Float64()-1)*likelihood.Rounding*(1-math.Log(p)))
					}
				}
				return off
			},
		}
		check(t, head, try)
		checkNodes(t, env, head, try, false)
	}
	if _, ok := likelihood.Top((likelihood.Categorical{Depth: 2, Form: likelihood.Probabilities}).LogProbs([]float64{-1, 2}, nil, make([]float64, 2))); ok {
		t.Error("a negative probability can be drawn from")
	}
}

// TestStick: by hand, and the check for another head.
func TestStick(t *testing.T) {
	// σ(0) = 1/2: of each rest, half is taken.
	got := stick{depth: 3}.LogProbs([]float64{0, 0}, nil, make([]float64, 3))
	for k, want := range []float64{-math.Ln2, -2 * math.Ln2, -2 * math.Ln2} {
		if math.Abs(got[k]-want) > 1e-15 {
			t.Errorf("level %d: %v, want %v", k, got[k], want)
		}
	}
	check(t, stick{depth: 5}, logitsOf(stick{depth: 5}))
	checkNodes(t, env, stick{depth: 5}, logitsOf(stick{depth: 5}), true)
}

package likelihood_test

import (
	"math"
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
		check(t, env, likelihood.Categorical{Depth: levels})
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
	check(t, env, stick{depth: 5})
}

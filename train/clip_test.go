package train

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestClipFactor(t *testing.T) {
	for _, c := range []struct{ norm, limit, want float64 }{
		{0, 1, 1}, {0.5, 1, 1}, {1, 1, 1}, {2, 1, 0.5}, {8, 2, 0.25}, {1 << 40, 1, 1. / (1 << 40)},
	} {
		if got := clipFactor(c.norm, c.limit); got != c.want {
			t.Errorf("norm %v, limit %v: %v, want %v", c.norm, c.limit, got, c.want)
		}
	}
}

func TestSquares(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want float64
	}{
		{nil, 0},
		{[]float32{1, 2, 3, 4}, 30},
		{[]float32{1, -2, 3, 4, 5, 6, 7, -8}, 204},
		{[]float32{1e30, 0, 0, 1e30}, 2 * float64(float32(1e30)) * float64(float32(1e30))},
	} {
		if got := squares(c.x); got != c.want {
			t.Errorf("%v: %v, want %v", c.x, got, c.want)
		}
	}
}

// TestClip compares the norm with that of the lanes' sum in float64, and the first
// moment after a step, a tenth of the gradient, with the clipped gradient.
func TestClip(t *testing.T) {
	m, data := small(t), stripes(37, 5, 3)
	for _, limit := range []float64{1e-3, 0.05, 1e6} {
		tr := start(t, m, data, Config{Batch: 37, ClipNorm: limit})
		s, err := tr.take(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		gradient := make([]float64, tr.engine.packing.len)
		norm := 0.0
		for i := range gradient {
			for _, l := range tr.engine.lanes {
				gradient[i] += float64(l[i]) / (37 * 25)
			}
			norm += gradient[i] * gradient[i]
		}
		norm = math.Sqrt(norm)
		if math.Abs(s.GradientNorm-norm) > 1e-6*norm {
			t.Errorf("norm %v, want %v", s.GradientNorm, norm)
		}
		if clipped := norm > limit; clipped != (limit < 1) {
			t.Errorf("norm %v, limit %v: the test shows nothing", norm, limit)
		}
		for i, g := range gradient {
			want := 0.1 * g * min(1, limit/norm)
			if got := float64(tr.engine.moment1[i]); math.Abs(got-want) > 1e-5*limit*0.1 && math.Abs(got-want) > 1e-6*math.Abs(want) {
				t.Errorf("limit %v: moment %d is %v, want %v", limit, i, got, want)
				break
			}
		}
	}
}

// TestClipAbove: a limit that is never reached changes no bit.
func TestClipAbove(t *testing.T) {
	m, data := small(t), stripes(37, 5, 3)
	cfg := Config{Steps: 12, Batch: 16, LearningRate: 0.01}
	plain := start(t, m, data, cfg)
	want := curve(t, plain)
	cfg.ClipNorm = 1e6
	clipped := start(t, m, data, cfg)
	if !slices.Equal(curve(t, clipped), want) || !equal(clipped.Weights(), plain.Weights()) {
		t.Error("another result")
	}
	cfg.ClipNorm = 0.01
	if slices.Equal(curve(t, start(t, m, data, cfg)), want) {
		t.Error("a low limit, the same curve")
	}
}

package onefiletest

import (
	"math"
	"testing"
)

// TestDistance: with logits ln 1, ln 2, ln 1 the boundaries are at 1/4 and 3/4; at
// temperature 1/2 the weights are 1, 4, 1, and they are at 1/6 and 5/6.
func TestDistance(t *testing.T) {
	logits := []float64{0, math.Ln2, 0}
	for _, c := range []struct{ temperature, u, want float64 }{
		{1, 0.25, 0}, {1, 0.5, 0.25}, {0, 0.7, 0.05}, {1, 0, 0.25}, {1, 0.95, 0.2}, {0.5, 0.5, 1. / 3}, {0.5, 0.8, 5./6 - 0.8},
	} {
		if got := distance(logits, c.temperature, c.u); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("at temperature %g, %g is %g from a boundary, want %g", c.temperature, c.u, got, c.want)
		}
	}
}

// TestUniform: the first numbers of PCG(1, 2), as math/rand/v2 gives them.
func TestUniform(t *testing.T) {
	for k, want := range []float64{0.6764556596678251, 0.4613862177205994, 0.5085473976760264} {
		if got := uniform(1, 2, k); got != want {
			t.Errorf("number %d is %v, want %v", k, got, want)
		}
	}
}

package signature

import (
	"math"
	"testing"
)

// TestSumOut: the class summed out, by hand.
func TestSumOut(t *testing.T) {
	s := &Signature{Prior: []float64{0.25, 0.75}}
	got := s.SumOut([]float64{math.Log(0.4), math.Log(0.8), 0, 0})
	if len(got) != 2 || math.Abs(got[0]-math.Log(0.7)) > 1e-12 || math.Abs(got[1]) > 1e-12 {
		t.Errorf("%v, want log 0.7 and 0", got)
	}
}

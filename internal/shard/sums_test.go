package shard

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func TestSums(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct {
		logProb      []float64
		dims         int
		mean, stderr float64
	}{
		{[]float64{-4}, 2, 2, 0},
		{[]float64{-2, -4}, 1, 3, 1},                      // deviations 1 and 1: √(2/1/2)
		{[]float64{-1, -2, -6}, 1, 3, 1.5275252316519468}, // 4+1+9 = 14: √(14/2/3)
		{[]float64{-2, -4}, 2, 1.5, 0.5},
		{[]float64{0, 0}, 3, 0, 0},
		{[]float64{-2, inf}, 1, math.Inf(1), math.NaN()},
		{nil, 1, math.NaN(), math.NaN()},
		{[]float64{-math.Pi}, 1, 3294199.0 / (1 << 20), 0}, // π·2²⁰ = 3294198.99…
	} {
		var s Sums
		for _, lp := range c.logProb {
			s.Add(lp)
		}
		mean, stderr := s.NLL(c.dims)
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if !same(mean, c.mean) || !same(stderr, c.stderr) {
			t.Errorf("%v of %d: %v ± %v, want %v ± %v", c.logProb, c.dims, mean, stderr, c.mean, c.stderr)
		}
		if math.Signbit(mean) || math.Signbit(stderr) && !math.IsNaN(stderr) {
			t.Errorf("%v: %v ± %v", c.logProb, mean, stderr)
		}
	}
}

// TestSumsInParts: however images are divided, and in whatever order the parts are merged, and
// by way of JSON, the sums are the same to the last bit, and near to sums of floats.
func TestSumsInParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	const n, dims = 1000, 784
	logProb := make([]float64, n)
	var whole Sums
	sum, squares := 0.0, 0.0
	for i := range logProb {
		logProb[i] = -math.Exp(8 * rng.NormFloat64()) // over many magnitudes
		whole.Add(logProb[i])
		sum += logProb[i]
		squares += logProb[i] * logProb[i]
	}
	mean, stderr := whole.NLL(dims)
	about := math.Sqrt((squares-sum*sum/n)/(n-1)/n) / dims
	if math.Abs(mean+sum/n/dims) > 1e-9*mean || math.Abs(stderr-about) > 1e-6*stderr {
		t.Errorf("%v ± %v, of floats %v ± %v", mean, stderr, -sum/n/dims, about)
	}
	for range 20 {
		parts := make([]Sums, 1+rng.IntN(9))
		for _, lp := range logProb {
			parts[rng.IntN(len(parts))].Add(lp)
		}
		var all Sums
		for _, i := range rng.Perm(len(parts)) {
			b, err := json.Marshal(&parts[i])
			if err != nil {
				t.Fatal(err)
			}
			var back Sums
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			all.Merge(&back)
		}
		if m, e := all.NLL(dims); m != mean || e != stderr || all.Images != n {
			t.Errorf("%d parts: %v ± %v of %d, want %v ± %v", len(parts), m, e, all.Images, mean, stderr)
		}
	}
}

func TestSumsJSON(t *testing.T) {
	var s Sums
	s.Add(-1.5)
	s.Add(math.Inf(-1))
	b, err := json.Marshal(&s)
	if want := `{"images":1,"impossible":1,"logprob_sum":"-1.5","logprob_squares_sum":"2.25"}`; err != nil || string(b) != want {
		t.Errorf("%s, error %v, want %s", b, err, want)
	}
	for _, bad := range []string{
		`{"images":-1,"logprob_sum":"0","logprob_squares_sum":"0"}`,
		`{"images":1,"logprob_sum":"","logprob_squares_sum":"0"}`,
		`{"images":1,"logprob_sum":"1e999999999","logprob_squares_sum":"0"}`,
		`{"images":1,"logprob_sum":"0.1","logprob_squares_sum":"0"}`, // no multiple of 2⁻²⁰
		`{"images":1,"logprob_sum":"1/3","logprob_squares_sum":"0"}`,
	} {
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

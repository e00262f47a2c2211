package shard

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Sums are sums over images' log-probabilities. Each is rounded to 2⁻²⁰ nat, which is less than the
// error of float32 outputs, and summed as an integer, so that the sums depend neither on the order
// of the images nor on which were summed together.
type Sums struct {
	Images     int // finite ones
	Impossible int // images of probability 0
	sum        big.Int
	squares    big.Int // of the rounded ones
}

const unit = 1 << 20 // of a nat

// Add adds the log-probability of an image, in nats.
func (s *Sums) Add(logProb float64) {
	if math.IsInf(logProb, -1) {
		s.Impossible++
		return
	}
	s.Images++
	x, _ := big.NewFloat(math.RoundToEven(logProb * unit)).Int(nil)
	s.sum.Add(&s.sum, x)
	s.squares.Add(&s.squares, x.Mul(x, x))
}

// Merge adds the sums of other images.
func (s *Sums) Merge(other *Sums) {
	s.Images += other.Images
	s.Impossible += other.Impossible
	s.sum.Add(&s.sum, &other.sum)
	s.squares.Add(&s.squares, &other.squares)
}

// NLL is the mean negative log-likelihood of the images in nats per dimension, where an image has
// dims of them, and its standard error. Both are rounded once. With an image of probability 0 the
// mean is infinite, and the error is NaN.
func (s *Sums) NLL(dims int) (mean, stderr float64) {
	if s.Impossible > 0 {
		return math.Inf(1), math.NaN()
	}
	if s.Images == 0 {
		return math.NaN(), math.NaN()
	}
	n, scale := big.NewInt(int64(s.Images)), big.NewInt(int64(dims)*unit)
	total := new(big.Int).Neg(&s.sum)
	mean, _ = new(big.Rat).SetFrac(total, new(big.Int).Mul(n, scale)).Float64()
	// Σ(x−mean)² = (nΣx² − (Σx)²)/n
	of := new(big.Int).Mul(n, &s.squares)
	of.Sub(of, total.Mul(total, total))
	by := big.NewInt(int64(max(1, s.Images-1)))
	by.Mul(by, n).Mul(by, n).Mul(by, scale).Mul(by, scale)
	variance, _ := new(big.Rat).SetFrac(of, by).Float64()
	return mean + 0, math.Sqrt(variance) // no -0
}

// A sum in JSON is a decimal number of nats, exact, in a string.
type sumsJSON struct {
	Images     int    `json:"images"`
	Impossible int    `json:"impossible,omitempty"`
	Sum        string `json:"logprob_sum"`
	Squares    string `json:"logprob_squares_sum"`
}

// MarshalJSON makes the sums exact decimal numbers.
func (s *Sums) MarshalJSON() ([]byte, error) {
	return json.Marshal(sumsJSON{s.Images, s.Impossible, decimal(&s.sum, 20), decimal(&s.squares, 40)})
}

// UnmarshalJSON reads what [Sums.MarshalJSON] writes.
func (s *Sums) UnmarshalJSON(b []byte) error {
	var j sumsJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	s.Images, s.Impossible = j.Images, j.Impossible
	if s.Images < 0 || s.Impossible < 0 || !parse(&s.sum, j.Sum, 20) || !parse(&s.squares, j.Squares, 40) {
		return fmt.Errorf("%w: the sums %s are none", ErrShard, b)
	}
	return nil
}

// decimal is x/2^bits.
func decimal(x *big.Int, bits uint) string {
	text := new(big.Rat).SetFrac(x, new(big.Int).Lsh(big.NewInt(1), bits)).FloatString(int(bits))
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// parse sets x to a decimal number times 2^bits, and reports whether that is an integer.
func parse(x *big.Int, text string, bits uint) bool {
	if len(text) > 200 || strings.Trim(text, "-.0123456789") != "" {
		return false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), bits)))
	x.Set(r.Num())
	return r.IsInt()
}

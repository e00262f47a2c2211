// Package encoding is the arithmetic between a level, the number that a network reads
// in its place, and the byte or shade that shows it. It is the only place for it:
//
//	values := encoding.Scale{}.Values(4)    // 0, 1/3, 2/3, 1
//	grey := encoding.Shade(3, 4, 256)       // 255
//	level := encoding.Quantise(200, 1, 4)   // 3
//
// Another encoding is added here; package signature says which file has it and fills a
// run's inputs with it.
package encoding

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Scale turns a level into the number that a network reads: level·Factor + Offset. A
// Factor of 0 stands for 1/(levels−1), that of this project's own files, so the zero
// value is level/(levels−1), in [0, 1].
type Scale struct{ Factor, Offset float64 }

// Check tells whether both numbers are finite.
func (s Scale) Check() error {
	for _, x := range []float64{s.Factor, s.Offset} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("pixel scale %g and offset %g must be finite", s.Factor, s.Offset)
		}
	}
	return nil
}

// Values tabulates the number of each level, [levels].
func (s Scale) Values(levels int) []float32 {
	v := make([]float32, levels)
	for level := range v {
		if s.Factor == 0 {
			// The division is the trainer's: a product with 1/(levels−1) rounds otherwise.
			v[level] = float32(float64(level)/float64(levels-1) + s.Offset)
		} else {
			v[level] = float32(float64(float64(level)*s.Factor) + s.Offset)
		}
	}
	return v
}

// Unit is the factor with which levels become numbers in [0, 1]: 1/(levels−1).
func Unit(levels int) float64 { return 1 / float64(levels-1) }

// Steps is the inverse of [Unit]: how many levels there are to 1.
func Steps(levels int) float64 { return float64(levels - 1) }

// Ratio is what the weights of a layer that was trained on level·factor are multiplied
// by where it is to read numbers in [0, 1].
func Ratio(factor float64, levels int) float32 { return float32(factor / Unit(levels)) }

// ErrUneven is wrapped by the error of [Fit].
var ErrUneven = errors.New("the input values of the levels cannot be told apart, or are not in equal steps")

// Fit finds the factor and the offset of values, as [Scale.Values] gives them. It fails
// where a level cannot be told from its number: (value − offset)/factor must round to it.
func Fit(values []float32) (factor, offset float32, err error) {
	factor, offset = (values[len(values)-1]-values[0])/float32(len(values)-1), values[0]
	for k, x := range values {
		if math.Round(float64((x-offset)/factor)) != float64(k) {
			return 0, 0, fmt.Errorf("%w: %v", ErrUneven, values)
		}
	}
	return factor, offset, nil
}

// Shade is a level as one of so many shades, from 0 for the first level to shades−1 for
// the last: level·(shades−1)/(levels−1), rounded up. With that rounding [Quantise] gives
// the level again.
func Shade(level, levels, shades int) int {
	return (level*(shades-1) + levels - 2) / (levels - 1)
}

// Quantise is the level of a byte v: ⌊v·levels/256⌋. The byte comes as the sum of bytes
// with weights that have the sum whole: v = sum/whole. It must not be over 255.
func Quantise(sum, whole uint64, levels int) int {
	hi, lo := bits.Mul64(sum, uint64(levels))
	q, _ := bits.Div64(hi, lo, 256*whole) // below levels, so it fits
	return int(q)
}

// OfUnit is the level of a brightness v from 0 to 1: ⌊v·levels⌋, and the last one for 1.
func OfUnit(v float64, levels int) int { return min(int(v*float64(levels)), levels-1) }

// Invert turns light and dark round.
func Invert(level, levels int) int { return levels - 1 - level }

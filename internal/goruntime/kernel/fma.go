package kernel

import "math"

// exactFMA is x·y + z, rounded once.
//
// The product of two float32 is exact in float64. Its sum with z is not, and
// rounding twice differs from rounding once where the first lands halfway between
// two float32. There, and where the result may be subnormal, the float64 is first
// rounded to odd, which makes the second rounding right: Boldo and Melquiond,
// "Emulation of a FMA and correctly rounded sums", IEEE Trans. Comp. 57 (2008).
func exactFMA(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	s := p + float64(z)
	if doubtful(s) {
		s = roundToOdd(p, float64(z), s)
	}
	return float32(s)
}

// doubtful tells whether rounding s to float32 may be a rounding too many: where it
// lies halfway between two float32, or below the normal ones. Zero is exact.
func doubtful(s float64) bool {
	b := math.Float64bits(s)
	return b&(1<<29-1) == 1<<28 || b<<1-1 < 0x381<<53-1
}

// roundToOdd corrects s = p + q where it is not exact and its last bit is even.
func roundToOdd(p, q, s float64) float64 {
	t := s - p
	e := (p - (s - t)) + (q - t) // the error of s, exactly
	b := math.Float64bits(s)
	if e == 0 || e != e || b&1 == 1 {
		return s
	}
	if (e > 0) == (s > 0) {
		b++
	} else {
		b--
	}
	return math.Float64frombits(b)
}

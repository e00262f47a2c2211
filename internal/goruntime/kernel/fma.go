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
	p, q := float64(x)*float64(y), float64(z)
	s := p + q
	if b := math.Float64bits(s); b&(1<<29-1) == 1<<28 || b&(0x7ff<<52) < 0x381<<52 {
		return float32(roundToOdd(p, q, s))
	}
	return float32(s)
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

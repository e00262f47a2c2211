package kernel

import "math"

// Decay64 writes e^a, element by element, for a ≤ 0, with the bits of [Decay]. Like every
// function of vectors it panics where the slices differ in length; dst may be a.
func Decay64(dst, a []float64) { double(dst, a, decay64, Decay) }

// Decay is e^x for x ≤ 0, the same bits on every processor. math.Exp is not: it is assembly
// on some architectures and may be fused on others. Its relative error stays below 5e-16 where
// the result is a normal number; below -708 it returns 0, and for what is no number.
//
// e^x = 2^k · 2^(j/64) · e^r with |r| ≤ ln2/128, after Tang, "Table-driven implementation of
// the exponential function", ACM TOMS 15 (1989). The float64 conversions forbid fused
// multiply-add, which not every processor has.
func Decay(x float64) float64 {
	const (
		perStep = 64 / math.Ln2
		stepHi  = 0x1.62e42fep-7 // ln2/64, its upper 28 bits: n·stepHi is exact
		stepLo  = 0x1.f473de6af278fp-36
	)
	if !(x >= -708) {
		return 0
	}
	k := int(float64(x*perStep) - 0.5) // rounds to nearest, as x ≤ 0
	n := float64(k)
	r := (x - float64(n*stepHi)) - float64(n*stepLo)
	p := 1.0 / 120
	p = float64(p*r) + 1.0/24
	p = float64(p*r) + 1.0/6
	p = float64(p*r) + 0.5
	p = float64(p*r) + 1
	p = float64(p * r)
	t := twoTo[k&63]
	y := t + float64(t*p)
	return y * math.Float64frombits(uint64(1023+k>>6)<<52)
}

// twoTo[j] is 2^(j/64), each within an ulp or two: products of repeated square
// roots, which IEEE 754 rounds alike everywhere.
var twoTo = func() (t [64]float64) {
	var root [6]float64 // 2^(1/2), 2^(1/4), …, 2^(1/64)
	for i, r := 0, 2.0; i < 6; i++ {
		r = math.Sqrt(r)
		root[i] = r
	}
	for j := range t {
		t[j] = 1
		for i, r := range root {
			if j>>(5-i)&1 == 1 {
				t[j] *= r
			}
		}
	}
	return t
}()

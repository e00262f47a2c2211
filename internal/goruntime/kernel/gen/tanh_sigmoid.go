package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// prepareTanhSigmoid takes both arguments side by side, so that the processor has more to do
// at a time.
func prepareTanhSigmoid() func(x [][]VecVirtual) []VecVirtual {
	zero, one, sign := set.vector(), splat("one", 1), splat("sign", float32(math.Copysign(0, -1)))
	VXORPS(zero, zero, zero)
	return func(x [][]VecVirtual) []VecVirtual {
		a, b := x[0], x[1]
		s, below := likes(a), make([]chooser, len(b))
		most, low, high := splat("tanhMost", 20), splat("sigmoidLow", -88), splat("sigmoidHigh", 30)
		for i, x := range a {
			VANDPS(sign, x, s[i])
			VXORPS(s[i], x, x)
			VADDPS(x, x, x)
			VMINPS(x, most, x)
		}
		for i, x := range b {
			below[i] = set.less(x, low)
			VMAXPS(x, low, x)
			VMINPS(x, high, x)
		}
		p, t := decays(slices.Concat(a, b), len(a))
		e, d := p[:len(a)], p[len(a):]
		for i, p := range p {
			rest := set.vector()
			if i < len(a) {
				VSUBPS(t[i], one, rest)
				VFNMADD213PS(rest, t[i], p)
			} else {
				VADDPS(t[i], one, rest)
				VFMADD213PS(rest, t[i], p)
			}
		}
		for i, e := range e {
			y := set.vector()
			VSUBPS(e, one, y)
			VFMADD213PS(d[i], d[i], y)
			VDIVPS(y, e, e)
			below[i].choose(zero, e)
			VORPS(s[i], e, e)
		}
		return e
	}
}

// prepareFastTanhSigmoid takes both arguments side by side, too.
func prepareFastTanhSigmoid() func(x [][]VecVirtual) []VecVirtual {
	one, shift := splat("one", 1), splat("shift", 0x1.8p23)
	return func(x [][]VecVirtual) []VecVirtual {
		both := slices.Concat(x[0], x[1])
		n := likes(both)
		for i, list := range x {
			low, high, by := splat("aLow", -10), splat("aHigh", 10), splat("minusTwiceLog2e", -2/math.Ln2)
			if i > 0 {
				low, high, by = splat("bLow", -30), splat("bHigh", 30), splat("minusLog2e", -1/math.Ln2)
			}
			for k, x := range list {
				n := n[i*len(list)+k]
				VMAXPS(x, low, x)
				VMINPS(x, high, x)
				VMOVAPS(shift, n)
				VFMADD231PS(x, by, n)
				whole := set.vector()
				VSUBPS(shift, n, whole)
				VFMSUB213PS(whole, by, x)
				VPSLLD(Imm(23), n, n)
			}
		}
		p := polynomial(both, powerSeries...)
		for i, p := range p {
			VPADDD(n[i], p, p)
		}
		t, u := p[:len(x[0])], p[len(x[0]):]
		for i, t := range t {
			d := set.vector()
			VADDPS(one, t, d)
			VSUBPS(t, one, t)
			VFMADD213PS(d, d, u[i])
			VDIVPS(u[i], t, t)
		}
		return t
	}
}

// powerSeries is that of twoToThe.
var powerSeries = []coefficient{{"power5", 0x1.5bba14p-10}, {"power4", 0x1.3cea88p-7}, {"power3", 0x1.c6b752p-5}, {"power2", 0x1.ebf9bcp-3}, {"power1", 0x1.62e42ap-1}, {"one", 1}}

// decays gives e^-x as 2^n·(1 + p), that is p and 2^n. Of the first few the last digits of ln2 do
// not matter.
func decays(x []VecVirtual, few int) (p, t []VecVirtual) {
	t = likes(x)
	log2e, shift, one := splat("log2e", 1/math.Ln2), splat("shift", 0x1.8p23), splat("one", 1)
	ln2, hi, lo := splat("ln2", math.Ln2), splat("ln2Hi", 0x1.62e4p-1), splat("ln2Lo", 0x1.7f7d1cp-20)
	for i, r := range x {
		n := set.vector()
		VMOVAPS(shift, t[i])
		VFNMADD231PS(log2e, r, t[i])
		VSUBPS(shift, t[i], n)
		if i < few {
			VFMADD231PS(ln2, n, r)
		} else {
			VFMADD231PS(hi, n, r)
			VFMADD231PS(lo, n, r)
		}
		VPSLLD(Imm(23), t[i], t[i])
		VPADDD(one, t[i], t[i]) // the exponent's bias is that of 1
	}
	p = polynomial(x, decaySeries...)
	for i, r := range x {
		square := set.vector()
		VMULPS(r, r, square)
		VFMSUB213PS(r, square, p[i])
	}
	return p, t
}

// decaySeries is that of decay1.
var decaySeries = []coefficient{{"decay6", 0x1.6a4eccp-10}, {"decay5", -0x1.12399cp-7}, {"decay4", 0x1.5558bp-5}, {"decay3", -0x1.555492p-3}, {"decay2", 0x1.fffffcp-2}}

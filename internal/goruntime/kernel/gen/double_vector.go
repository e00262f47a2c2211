package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// doubles writes a function of a vector of float64, whose length is a multiple of the
// instructions' vectors. Its Go counterpart in package kernel does the same operations in the
// same order, and the comments are there.
func doubles(s isa, name string, f func(x VecVirtual) VecVirtual) {
	toDouble(s, name+"64", "float64", 8, func(a Mem) VecVirtual {
		x := s.vector()
		VMOVUPD(a, x)
		return f(x)
	})
}

// toDouble writes a function of a vector of a type, so many bytes each, which f reads.
func toDouble(s isa, name, from string, size int, f func(a Mem) VecVirtual) {
	TEXT(name+s.name, NOSPLIT, "func(dst *float64, a *"+from+", n int)")
	Doc("works on n elements.")
	Pragma("noescape")
	dst, a := Load(Param("dst"), GP64()), Load(Param("a"), GP64())
	n := Load(Param("n"), GP64())
	set = s
	lanes := s.bytes / 8
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	VMOVUPD(f(Mem{Base: a}), Mem{Base: dst})
	ADDQ(Imm(uint64(lanes*size)), a)
	ADDQ(Imm(uint64(s.bytes)), dst)
	SUBQ(Imm(uint64(lanes)), n)
	JMP(LabelRef("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}

// widened is float32 as float64.
func widened(a Mem) VecVirtual {
	x := set.vector()
	VCVTPS2PD(a, x)
	return x
}

// How round64 rounds.
const (
	toNearest   = 0
	down        = 1
	towardsZero = 3
)

// round64 makes x whole.
func round64(how int, x VecVirtual) {
	if set == avx512 {
		VRNDSCALEPD(Imm(uint64(how)), x, x)
	} else {
		VROUNDPD(Imm(uint64(how)), x, x)
	}
}

// splat64 is a vector of one constant.
func splat64(name string, x float64) VecVirtual {
	v := set.vector()
	name += "64"
	m, ok := tables[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		DATA(0, U64(math.Float64bits(x)))
		tables[name] = m
	}
	VBROADCASTSD(m, v)
	return v
}

// lessOne makes of x the nearest integer n to x/ln2 and e^(x − n·ln2) − 1.
func lessOne(x VecVirtual) (n, p VecVirtual) {
	n = set.vector()
	VMULPD(splat64("log2e", 1/math.Ln2), x, n)
	round64(toNearest, n)
	VFNMADD231PD(splat64("ln2Hi", 0x1.62e42fefap-1), n, x)
	VFNMADD231PD(splat64("ln2Lo", 0x1.cf79abc9e3b39p-40), n, x)
	factorial := 1.0
	for k := 2.0; k <= 13; k++ {
		factorial *= k
	}
	q := splat64("exp13", 1/factorial)
	for k := 13; k > 2; k-- {
		factorial /= float64(k)
		VFMADD213PD(splat64(fmt.Sprint("exp", k-1), 1/factorial), x, q)
	}
	p = set.vector()
	VMULPD(x, x, p)
	VFMADD213PD(x, q, p)
	return n, p
}

// power is 2ⁿ for whole numbers n from −1022 to 1023. It adds 3·2⁵¹, after which the last bits
// are those of n, and moves them to where the exponent is.
func power(n VecVirtual) VecVirtual {
	e := set.vector()
	VADDPD(splat64("shift", 3<<51), n, e)
	VPSLLQ(Imm(52), e, e)
	VPADDQ(splat64("one", 1), e, e)
	return e
}

func exp64(x VecVirtual) VecVirtual {
	VMAXPD(x, splat64("expLow", -746), x)
	VMINPD(x, splat64("expHigh", 710), x)
	n, p := lessOne(x)
	VADDPD(splat64("one", 1), p, p)
	half := set.vector()
	VMULPD(splat64("half", 0.5), n, half)
	round64(down, half)
	VSUBPD(half, n, n)
	VMULPD(power(half), p, p)
	VMULPD(power(n), p, p)
	return p
}

// expm164 is e^x − 1 for x ≤ 0.
func expm164(x VecVirtual) VecVirtual {
	VMAXPD(x, splat64("expm1Low", -60), x)
	n, p := lessOne(x)
	t, u := power(n), set.vector()
	VSUBPD(splat64("one", 1), t, u)
	VFMADD213PD(u, t, p)
	return p
}

func elu64(x VecVirtual) VecVirtual {
	zero, above := set.vector(), set.vector()
	VXORPD(zero, zero, zero)
	VMAXPD(x, zero, above)
	VMINPD(x, zero, x)
	e := expm164(x)
	VADDPD(above, e, e)
	return e
}

func sigmoid64(x VecVirtual) VecVirtual {
	one := splat64("one", 1)
	VXORPD(splat64("sign", math.Copysign(0, -1)), x, x)
	e := exp64(x)
	VADDPD(one, e, e)
	VDIVPD(e, one, e)
	return e
}

func tanh64(x VecVirtual) VecVirtual {
	sign := splat64("sign", math.Copysign(0, -1))
	m, s := set.vector(), set.vector()
	VORPD(sign, x, m) // −|x|
	VANDPD(sign, x, s)
	VADDPD(m, m, m)
	e := expm164(m)
	d := set.vector()
	VADDPD(splat64("two", 2), e, d)
	VDIVPD(d, e, e)
	VANDNPD(e, sign, e) // tanh |x|
	VORPD(s, e, e)
	return e
}

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of vectors take n elements, eight at a time with AVX2, where the rest is
// masked, and sixteen at a time with AVX-512, where it is left. Their Go counterparts in package kernel do the same operations in the
// same order, and the comments are there.

// set is what the functions are written with now.
var set = avx2

// A function computes vectors from as many others, one step of all of them after the other:
// a processor looks only so far ahead for what it can do meanwhile.
type function func(x []VecVirtual) []VecVirtual

// unary writes a function of one vector, which takes so many at a time.
func unary(name string, lanes int, prepare func() function) {
	vectors(name, 1, lanes, func() func(x [][]VecVirtual) []VecVirtual {
		f := prepare()
		return func(x [][]VecVirtual) []VecVirtual { return f(x[0]) }
	})
}

// binary writes a function of two vectors.
func binary(name string, lanes int, f func(x, y VecVirtual) VecVirtual) {
	vectors(name, 2, lanes, func() func(x [][]VecVirtual) []VecVirtual {
		return func(x [][]VecVirtual) (out []VecVirtual) {
			for i, a := range x[0] {
				out = append(out, f(a, x[1][i]))
			}
			return out
		}
	})
}

// vectors writes a function of one or two arguments, which takes so many vectors of each at a
// time, and then those that are left one by one.
func vectors(name string, args, lanes int, prepare func() func(x [][]VecVirtual) []VecVirtual) {
	name += set.name
	signature := "func(dst, a *float32, n int)"
	if args == 2 {
		signature = "func(dst, a, b *float32, n int)"
	}
	TEXT(name, NOSPLIT, signature)
	Doc(name + " works on n elements.")
	dst := Load(Param("dst"), GP64())
	from := []Register{Load(Param("a"), GP64())}
	if args == 2 {
		from = append(from, Load(Param("b"), GP64()))
	}
	n := Load(Param("n"), GP64())
	f := prepare()

	loop := func(label, end string, lanes int) {
		Label(label)
		CMPQ(n, Imm(uint64(lanes*set.bytes/4)))
		JL(LabelRef(end))
		var x [][]VecVirtual
		for _, p := range from {
			var list []VecVirtual
			for i := range lanes {
				v := set.vector()
				VMOVUPS(Mem{Base: p, Disp: i * set.bytes}, v)
				list = append(list, v)
			}
			x = append(x, list)
			ADDQ(U32(uint32(lanes*set.bytes)), p)
		}
		for i, y := range f(x) {
			VMOVUPS(y, Mem{Base: dst, Disp: i * set.bytes})
		}
		ADDQ(U32(uint32(lanes*set.bytes)), dst)
		SUBQ(Imm(uint64(lanes*set.bytes/4)), n)
		JMP(LabelRef(label))
	}
	if lanes > 1 {
		loop("lanes", "loop", lanes)
	}
	loop("loop", "rest", 1)

	Label("rest")
	if set == avx512 {
		VZEROUPPER()
		RET()
		return
	}
	TESTQ(n, n)
	JZ(LabelRef("end"))
	table := GP64()
	LEAQ(maskTable(), table)
	NEGQ(n)
	mask := YMM()
	VMOVDQU(Mem{Base: table, Index: n, Scale: 4, Disp: 32}, mask)
	var x [][]VecVirtual
	for _, p := range from {
		v := YMM()
		VMASKMOVPS(Mem{Base: p}, mask, v)
		x = append(x, []VecVirtual{v})
	}
	VMASKMOVPS(f(x)[0], mask, Mem{Base: dst})
	Label("end")
	VZEROUPPER()
	RET()
}

var tables = map[string]Mem{}

// maskTable is eight words of ones and then eight of zeros.
func maskTable() Mem {
	if m, ok := tables["masks"]; ok {
		return m
	}
	m := GLOBL("masks8", RODATA|NOPTR)
	for i := range 16 {
		word := uint32(0)
		if i < 8 {
			word = math.MaxUint32
		}
		DATA(4*i, U32(word))
	}
	tables["masks"] = m
	return m
}

// splat is a vector of one constant.
func splat(name string, x float32) VecVirtual {
	v := set.vector()
	VBROADCASTSS(splatOf(name, x), v)
	return v
}

// splatOf is where a constant lies.
func splatOf(name string, x float32) Mem {
	m, ok := tables[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		DATA(0, U32(math.Float32bits(x)))
		tables[name] = m
	}
	return m
}

func add(x, y VecVirtual) VecVirtual {
	VADDPS(y, x, x)
	return x
}

func mul(x, y VecVirtual) VecVirtual {
	VMULPS(y, x, x)
	return x
}

func sub(x, y VecVirtual) VecVirtual {
	VSUBPS(y, x, x)
	return x
}

func div(x, y VecVirtual) VecVirtual {
	VDIVPS(y, x, x)
	return x
}

// larger and smaller give the second argument where either is not a number; the
// first is then put back.
func larger(x, y VecVirtual) VecVirtual {
	z := set.vector()
	VMAXPS(y, x, z)
	return keepNaN(x, z)
}

func smaller(x, y VecVirtual) VecVirtual {
	z := set.vector()
	VMINPS(y, x, z)
	return keepNaN(x, z)
}

func keepNaN(x, y VecVirtual) VecVirtual {
	nan := set.vector()
	VCMPPS(Imm(3), x, x, nan) // unordered
	VBLENDVPS(nan, x, y, y)
	return y
}

func prepareRelu() function {
	zero := set.vector()
	VXORPS(zero, zero, zero)
	return inPlace(func(x VecVirtual) { VMAXPS(x, zero, x) })
}

func prepareSqrt() function { return inPlace(func(x VecVirtual) { VSQRTPS(x, x) }) }

// inPlace is a step on each vector.
func inPlace(f func(x VecVirtual)) function {
	return func(x []VecVirtual) []VecVirtual {
		for _, x := range x {
			f(x)
		}
		return x
	}
}

// likes makes as many vectors.
func likes(x []VecVirtual) []VecVirtual {
	out := make([]VecVirtual, len(x))
	for i := range out {
		out[i] = set.vector()
	}
	return out
}

// polynomial is that of z by Horner's rule, the coefficients from the highest on. They are
// read as they come, once for all vectors.
func polynomial(z []VecVirtual, coefficients ...coefficient) []VecVirtual {
	p := likes(z)
	for k, c := range coefficients {
		if k == 0 {
			for i := range p {
				VBROADCASTSS(splatOf(c.name, c.x), p[i])
			}
			continue
		}
		v := splat(c.name, c.x)
		for i := range p {
			VFMADD213PS(v, z[i], p[i])
		}
	}
	return p
}

type coefficient struct {
	name string
	x    float32
}

// prepareExp keeps what every round needs in registers.
func prepareExp() function {
	low, high := splat("expLow", -104), splat("expHigh", 89)
	log2e := splat("log2e", 1/math.Ln2)
	return func(x []VecVirtual) []VecVirtual {
		n := likes(x)
		for i, r := range x {
			VMAXPS(r, low, r)
			VMINPS(r, high, r)
			VMULPS(log2e, r, n[i])
			set.round(n[i])
		}
		lessLn2(x, n)
		p := polynomial(x, append(series[:len(series):len(series)], coefficient{"one", 1}, coefficient{"one", 1})...)
		for i := range p {
			set.scale(n[i], p[i])
		}
		return p
	}
}

// series is that of the exponential, from the highest coefficient to that of the square.
var series = []coefficient{{"exp7", 1. / 5040}, {"exp6", 1. / 720}, {"exp5", 1. / 120}, {"exp4", 1. / 24}, {"exp3", 1. / 6}, {"exp2", 1. / 2}}

// lessLn2 takes n·ln2 off x.
func lessLn2(x, n []VecVirtual) {
	for _, c := range []coefficient{{"ln2Hi", 0x1.62e4p-1}, {"ln2Lo", 0x1.7f7d1cp-20}} {
		v := splat(c.name, c.x)
		for i, r := range x {
			VFNMADD231PS(v, n[i], r)
		}
	}
}

// scale multiplies p by 2^n, where n has no fraction, rounding once.
func (s isa) scale(n, p VecVirtual) {
	if s == avx512 {
		VSCALEFPS(n, p, p)
		return
	}
	VCVTPS2DQ(n, n)
	half := s.vector()
	VPSRAD(Imm(1), n, half)
	VPSUBD(half, n, n)
	for _, e := range []VecVirtual{half, n} {
		VPSLLD(Imm(23), e, e)
		VPADDD(splat("one", 1), e, e) // the exponent's bias is that of 1
		VMULPS(e, p, p)
	}
}

func prepareElu() function {
	zero, one := set.vector(), splat("one", 1)
	VXORPS(zero, zero, zero)
	log2e, low := splat("log2e", 1/math.Ln2), splat("eluLow", -30)
	return func(x []VecVirtual) []VecVirtual {
		above, n := likes(x), likes(x)
		for i, r := range x {
			VMAXPS(r, zero, above[i])
			VMINPS(r, zero, r)
			VMAXPS(r, low, r)
			VMULPS(log2e, r, n[i])
			set.round(n[i])
		}
		lessLn2(x, n)
		q, p := polynomial(x, series...), likes(x)
		for i, r := range x {
			VMULPS(r, r, p[i])
			VFMADD213PS(r, q[i], p[i])
			VCVTPS2DQ(n[i], n[i])
			VPSLLD(Imm(23), n[i], n[i])
			VPADDD(one, n[i], n[i]) // the exponent's bias is that of 1
			less := set.vector()
			VSUBPS(one, n[i], less)
			VFMADD213PS(less, n[i], p[i])
			VADDPS(above[i], p[i], p[i])
		}
		return p
	}
}

func prepareErf() function {
	low, high := splat("erfLow", -4), splat("erfHigh", 4)
	least, most := splat("minusOne", -1), splat("one", 1)
	return func(x []VecVirtual) []VecVirtual {
		z := likes(x)
		for i, x := range x {
			VMAXPS(x, low, x)
			VMINPS(x, high, x)
			VMULPS(x, x, z[i])
		}
		p := polynomial(z, coefficient{"erfP0", -2.72614225801306e-10}, coefficient{"erfP1", 2.77068142495902e-8}, coefficient{"erfP2", -2.10102402082508e-6},
			coefficient{"erfP3", -5.69250639462346e-5}, coefficient{"erfP4", -7.34990630326855e-4}, coefficient{"erfP5", -2.95459980854025e-3}, coefficient{"erfP6", -1.60960333262415e-2})
		q := polynomial(z, coefficient{"erfQ0", -1.45660718464996e-5}, coefficient{"erfQ1", -2.13374055278905e-4}, coefficient{"erfQ2", -1.68282697438203e-3},
			coefficient{"erfQ3", -7.37332916720468e-3}, coefficient{"erfQ4", -1.42647390514189e-2})
		for i, x := range x {
			VMULPS(x, p[i], p[i])
			VDIVPS(q[i], p[i], p[i])
			VMAXPS(p[i], least, p[i])
			VMINPS(p[i], most, p[i])
		}
		return p
	}
}

func prepareSigmoid() function {
	exp := prepareExp()
	one, sign := splat("one", 1), splat("sign", float32(math.Copysign(0, -1)))
	return func(x []VecVirtual) []VecVirtual {
		for _, x := range x {
			VXORPS(sign, x, x)
		}
		e := exp(x)
		for _, e := range e {
			VADDPS(one, e, e)
			VDIVPS(e, one, e)
		}
		return e
	}
}

func prepareTanh() function {
	exp := prepareExp()
	one, sign := splat("one", 1), splat("sign", float32(math.Copysign(0, -1)))
	return func(x []VecVirtual) []VecVirtual {
		// Near zero: x + x·z·p(z), with z = x².
		z := likes(x)
		for i, x := range x {
			VMULPS(x, x, z[i])
		}
		p := polynomial(z, coefficient{"tanh4", -5.70498872745e-3}, coefficient{"tanh3", 2.06390887954e-2}, coefficient{"tanh2", -5.37397155531e-2},
			coefficient{"tanh1", 1.33314422036e-1}, coefficient{"tanh0", -3.33332819422e-1})
		for i, x := range x {
			VMULPS(z[i], p[i], p[i])
			VFMADD213PS(x, x, p[i])
		}
		// Elsewhere: ±(1 - 2/(exp(2|x|) + 1)).
		s, m := likes(x), likes(x)
		near := make([]chooser, len(x))
		limit := splat("tanhNear", 0.625)
		for i, x := range x {
			VANDPS(sign, x, s[i])
			VXORPS(s[i], x, m[i])
			near[i] = set.less(m[i], limit)
			VADDPS(m[i], m[i], m[i])
		}
		e := exp(m)
		for i, e := range e {
			VADDPS(one, e, e)
			VDIVPS(e, one, e)
			VADDPS(e, e, e)
			VSUBPS(e, one, e)
			VORPS(s[i], e, e)
			near[i].choose(p[i], e)
		}
		return e
	}
}

// round rounds to the nearest integers, halves to even ones.
func (s isa) round(x VecVirtual) {
	if s == avx512 {
		VRNDSCALEPS(Imm(0), x, x)
	} else {
		VROUNDPS(Imm(0), x, x)
	}
}

// less compares, element by element.
func (s isa) less(x, y VecVirtual) chooser {
	if s == avx512 {
		k := K()
		VCMPPS(Imm(0x11), y, x, k)
		return chooser{mask: k}
	}
	v := YMM()
	VCMPPS(Imm(0x11), y, x, v)
	return chooser{vector: v}
}

// chooser is the result of a comparison.
type chooser struct {
	mask   OpmaskVirtual
	vector VecVirtual
}

// choose puts elements of x into y where the comparison is true.
func (c chooser) choose(x, y VecVirtual) {
	if c.mask != nil {
		VMOVAPS(x, c.mask, y)
	} else {
		VBLENDVPS(c.vector, x, y, y)
	}
}

package main

import (
	"fmt"
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

// vectors writes a function of one or two vectors.
func vectors(name string, args int, prepare func() func(x []VecVirtual) VecVirtual) {
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

	Label("loop")
	CMPQ(n, Imm(uint64(set.bytes/4)))
	JL(LabelRef("rest"))
	var x []VecVirtual
	for _, p := range from {
		v := set.vector()
		VMOVUPS(Mem{Base: p}, v)
		x = append(x, v)
		ADDQ(Imm(uint64(set.bytes)), p)
	}
	VMOVUPS(f(x), Mem{Base: dst})
	ADDQ(Imm(uint64(set.bytes)), dst)
	SUBQ(Imm(uint64(set.bytes/4)), n)
	JMP(LabelRef("loop"))

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
	x = x[:0]
	for _, p := range from {
		v := YMM()
		VMASKMOVPS(Mem{Base: p}, mask, v)
		x = append(x, v)
	}
	VMASKMOVPS(f(x), mask, Mem{Base: dst})
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

func add(x []VecVirtual) VecVirtual {
	VADDPS(x[1], x[0], x[0])
	return x[0]
}

func mul(x []VecVirtual) VecVirtual {
	VMULPS(x[1], x[0], x[0])
	return x[0]
}

func sub(x []VecVirtual) VecVirtual {
	VSUBPS(x[1], x[0], x[0])
	return x[0]
}

func div(x []VecVirtual) VecVirtual {
	VDIVPS(x[1], x[0], x[0])
	return x[0]
}

// larger and smaller give the second argument where either is not a number; the
// first is then put back.
func larger(x []VecVirtual) VecVirtual {
	y := set.vector()
	VMAXPS(x[1], x[0], y)
	return keepNaN(x[0], y)
}

func smaller(x []VecVirtual) VecVirtual {
	y := set.vector()
	VMINPS(x[1], x[0], y)
	return keepNaN(x[0], y)
}

func keepNaN(x, y VecVirtual) VecVirtual {
	nan := set.vector()
	VCMPPS(Imm(3), x, x, nan) // unordered
	VBLENDVPS(nan, x, y, y)
	return y
}

func prepareRelu() func(x []VecVirtual) VecVirtual {
	zero := set.vector()
	VXORPS(zero, zero, zero)
	return func(x []VecVirtual) VecVirtual {
		VMAXPS(x[0], zero, x[0])
		return x[0]
	}
}

// prepareExp keeps what every round needs in registers; the polynomial's
// coefficients are read as they come.
func prepareExp() func(x []VecVirtual) VecVirtual {
	low, high := splat("expLow", -104), splat("expHigh", 89)
	log2e := splat("log2e", 1/math.Ln2)
	return func(x []VecVirtual) VecVirtual {
		VMAXPS(x[0], low, x[0])
		VMINPS(x[0], high, x[0])
		n := set.vector()
		VMULPS(log2e, x[0], n)
		set.round(n)
		r := x[0]
		VFNMADD231PS(splat("ln2Hi", 0x1.62e4p-1), n, r)
		VFNMADD231PS(splat("ln2Lo", 0x1.7f7d1cp-20), n, r)
		p := splat("exp7", 1./5040)
		VFMADD213PS(splat("exp6", 1./720), r, p)
		VFMADD213PS(splat("exp5", 1./120), r, p)
		VFMADD213PS(splat("exp4", 1./24), r, p)
		VFMADD213PS(splat("exp3", 1./6), r, p)
		VFMADD213PS(splat("exp2", 1./2), r, p)
		VFMADD213PS(splat("one", 1), r, p)
		VFMADD213PS(splat("one", 1), r, p)
		VCVTPS2DQ(n, n)
		half := set.vector()
		VPSRAD(Imm(1), n, half)
		VPSUBD(half, n, n)
		for _, e := range []VecVirtual{half, n} {
			VPSLLD(Imm(23), e, e)
			VPADDD(splat("one", 1), e, e) // the exponent's bias is that of 1
			VMULPS(e, p, p)
		}
		return p
	}
}

func prepareElu() func(x []VecVirtual) VecVirtual {
	zero, one := set.vector(), splat("one", 1)
	VXORPS(zero, zero, zero)
	log2e, low := splat("log2e", 1/math.Ln2), splat("eluLow", -30)
	return func(x []VecVirtual) VecVirtual {
		above, r := set.vector(), x[0]
		VMAXPS(r, zero, above)
		VMINPS(r, zero, r)
		VMAXPS(r, low, r)
		n := set.vector()
		VMULPS(log2e, r, n)
		set.round(n)
		VFNMADD231PS(splat("ln2Hi", 0x1.62e4p-1), n, r)
		VFNMADD231PS(splat("ln2Lo", 0x1.7f7d1cp-20), n, r)
		q := splat("exp7", 1./5040)
		VFMADD213PS(splat("exp6", 1./720), r, q)
		VFMADD213PS(splat("exp5", 1./120), r, q)
		VFMADD213PS(splat("exp4", 1./24), r, q)
		VFMADD213PS(splat("exp3", 1./6), r, q)
		VFMADD213PS(splat("exp2", 1./2), r, q)
		p := set.vector()
		VMULPS(r, r, p)
		VFMADD213PS(r, q, p)
		VCVTPS2DQ(n, n)
		VPSLLD(Imm(23), n, n)
		VPADDD(one, n, n) // the exponent's bias is that of 1
		less := set.vector()
		VSUBPS(one, n, less)
		VFMADD213PS(less, n, p)
		VADDPS(above, p, p)
		return p
	}
}

func prepareErf() func(x []VecVirtual) VecVirtual {
	low, high := splat("erfLow", -4), splat("erfHigh", 4)
	least, most := splat("minusOne", -1), splat("one", 1)
	// polynomial is that of z with coefficients from the highest on.
	polynomial := func(name string, z VecVirtual, coefficients ...float32) VecVirtual {
		p := splat(name+"0", coefficients[0])
		for i, c := range coefficients[1:] {
			VFMADD213PS(splat(fmt.Sprint(name, i+1), c), z, p)
		}
		return p
	}
	return func(x []VecVirtual) VecVirtual {
		VMAXPS(x[0], low, x[0])
		VMINPS(x[0], high, x[0])
		z := set.vector()
		VMULPS(x[0], x[0], z)
		p := polynomial("erfP", z, -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2)
		q := polynomial("erfQ", z, -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2)
		VMULPS(x[0], p, p)
		VDIVPS(q, p, p)
		VMAXPS(p, least, p)
		VMINPS(p, most, p)
		return p
	}
}

func prepareSigmoid() func(x []VecVirtual) VecVirtual {
	exp := prepareExp()
	one, sign := splat("one", 1), splat("sign", float32(math.Copysign(0, -1)))
	return func(x []VecVirtual) VecVirtual {
		VXORPS(sign, x[0], x[0])
		e := exp(x)
		VADDPS(one, e, e)
		VDIVPS(e, one, e)
		return e
	}
}

func prepareTanh() func(x []VecVirtual) VecVirtual {
	exp := prepareExp()
	one, sign := splat("one", 1), splat("sign", float32(math.Copysign(0, -1)))
	return func(x []VecVirtual) VecVirtual {
		// Near zero: x + x·z·p(z), with z = x².
		z := set.vector()
		VMULPS(x[0], x[0], z)
		p := splat("tanh4", -5.70498872745e-3)
		VFMADD213PS(splat("tanh3", 2.06390887954e-2), z, p)
		VFMADD213PS(splat("tanh2", -5.37397155531e-2), z, p)
		VFMADD213PS(splat("tanh1", 1.33314422036e-1), z, p)
		VFMADD213PS(splat("tanh0", -3.33332819422e-1), z, p)
		VMULPS(z, p, p)
		VFMADD213PS(x[0], x[0], p)
		// Elsewhere: ±(1 - 2/(exp(2|x|) + 1)).
		s, m := set.vector(), set.vector()
		VANDPS(sign, x[0], s)
		VXORPS(s, x[0], m)
		near := set.less(m, splat("tanhNear", 0.625))
		VADDPS(m, m, m)
		e := exp([]VecVirtual{m})
		VADDPS(one, e, e)
		VDIVPS(e, one, e)
		VADDPS(e, e, e)
		VSUBPS(e, one, e)
		VORPS(s, e, e)
		near.choose(p, e)
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

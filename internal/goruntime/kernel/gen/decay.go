package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// decay64 is e^x for x ≤ 0, 0 below −708 and for what is no number.
func decay64(x VecVirtual) VecVirtual {
	low, r := splat64("decayLow", -708), set.vector()
	VMAXPD(low, x, r) // low for what is no number
	n := set.vector()
	VMULPD(splat64("perStep", 64/math.Ln2), r, n)
	VSUBPD(splat64("half", 0.5), n, n)
	round64(towardsZero, n)
	part := set.vector()
	VMULPD(splat64("stepHi", 0x1.62e42fep-7), n, part)
	VSUBPD(part, r, r)
	VMULPD(splat64("stepLo", 0x1.f473de6af278fp-36), n, part)
	VSUBPD(part, r, r)
	p := splat64("decay5", 1.0/120)
	for _, c := range []struct {
		name string
		x    float64
	}{{"decay4", 1.0 / 24}, {"decay3", 1.0 / 6}, {"half", 0.5}, {"one", 1}} {
		VMULPD(r, p, p)
		VADDPD(splat64(c.name, c.x), p, p)
	}
	VMULPD(r, p, p)
	// With 3·2⁵¹ added, the last bits of n are those of the sum.
	VADDPD(splat64("shift", 3<<51), n, n)
	t := look64(n, "last", 63)("twoTo", 0)
	VMULPD(t, p, p)
	VADDPD(t, p, p)
	VPSRLQ(Imm(6), n, n)
	VPADDQ(splatBits("bias", 1023), n, n)
	VPSLLQ(Imm(52), n, n)
	VMULPD(n, p, p)
	const atLeast = 13 // false for what is no number
	if set == avx512 {
		k := K()
		VCMPPD(Imm(atLeast), low, x, k)
		VMOVAPD_Z(p, k, p)
	} else {
		VCMPPD(Imm(atLeast), low, x, x)
		VANDPD(x, p, p)
	}
	return p
}

// look64 is what a table of the package has at the places that the last bits of n say.
func look64(n VecVirtual, bits string, mask uint64) func(table string, offset int) VecVirtual {
	at := set.vector()
	if set == avx512 {
		VPANDQ(splatBits(bits, mask), n, at)
	} else {
		VPAND(splatBits(bits, mask), n, at)
	}
	wide, narrow, base := K(), set.vector(), GP64() // all lanes; a gathering clears it
	return func(table string, offset int) VecVirtual {
		found := set.vector()
		LEAQ(Mem{Symbol: Symbol{Name: "·" + table}, Base: StaticBase}, base)
		from := Mem{Base: base, Disp: offset, Index: at, Scale: 8}
		if set == avx512 {
			KXNORB(wide, wide, wide)
			VGATHERQPD(from, wide, found)
		} else {
			VPCMPEQQ(narrow, narrow, narrow)
			VGATHERQPD(narrow, from, found)
		}
		return found
	}
}

// erf64 is the error function, by its power series about the nearest of the table's centers.
func erf64(x VecVirtual) VecVirtual {
	sign := splat64("sign", math.Copysign(0, -1))
	s, d, n := set.vector(), set.vector(), set.vector()
	VANDPD(sign, x, s)
	VANDNPD(x, sign, d)
	VMINPD(d, splat64("erfEnd", 6), d) // what is no number stays
	VMULPD(splat64("erfCenters", 16), d, n)
	round64(toNearest, n)
	VFNMADD231PD(splat64("erfStep", 1.0/16), n, d)
	VADDPD(splat64("shift", 3<<51), n, n)
	coefficient := look64(n, "erfMask", 127)
	const terms = 10
	p := coefficient("erfSeries", (terms-1)*128*8)
	for k := terms - 2; k >= 0; k-- {
		VFMADD213PD(coefficient("erfSeries", k*128*8), d, p)
	}
	VORPD(s, p, p)
	return p
}

// splatBits is a vector of one whole number.
func splatBits(name string, n uint64) VecVirtual { return splat64(name, math.Float64frombits(n)) }

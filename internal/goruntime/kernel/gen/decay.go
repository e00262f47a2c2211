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
	const towardsZero = 3
	if set == avx512 {
		VRNDSCALEPD(Imm(towardsZero), n, n)
	} else {
		VROUNDPD(Imm(towardsZero), n, n)
	}
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
	t := gather64(n)
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

// gather64 is 2^(j/64), j being the last six bits of each of n.
func gather64(n VecVirtual) VecVirtual {
	j, t := set.vector(), set.vector()
	if set == avx512 {
		VPANDQ(splatBits("last", 63), n, j)
	} else {
		VPAND(splatBits("last", 63), n, j)
	}
	base := GP64()
	LEAQ(powers(), base)
	from := Mem{Base: base, Index: j, Scale: 8}
	if set == avx512 {
		k := K()
		KXNORB(k, k, k)
		VGATHERQPD(from, k, t)
	} else {
		all := set.vector()
		VPCMPEQQ(all, all, all)
		VGATHERQPD(all, from, t)
	}
	return t
}

// powers are 2^(j/64), as package kernel makes them.
func powers() Mem {
	const name = "twoTo64"
	m, ok := tables[name]
	if ok {
		return m
	}
	m = GLOBL(name, RODATA|NOPTR)
	tables[name] = m
	for j := range 64 {
		x := 1.0
		for i, root := 0, math.Sqrt2; i < 6; i, root = i+1, math.Sqrt(root) {
			if j>>(5-i)&1 == 1 {
				x *= root
			}
		}
		DATA(8*j, U64(math.Float64bits(x)))
	}
	return m
}

// splatBits is a vector of one whole number.
func splatBits(name string, n uint64) VecVirtual { return splat64(name, math.Float64frombits(n)) }

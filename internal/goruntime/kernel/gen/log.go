package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// log64 is log x for normal numbers over 0. It does what math.Log does on amd64, rounding for
// rounding: x = 2^k · (1 + f) with 1 + f over √½ and no more than √2, and
// log(1 + f) = f − f²/2 + s·(f²/2 + R) with s = f/(2 + f).
func log64(x VecVirtual) VecVirtual {
	const (
		fraction = 1<<52 - 1
		least    = 0x3FE6A09E667F3BCE // the bits of what comes after √½
	)
	one := math.Float64bits(1)
	k, f := set.vector(), set.vector()
	// With this added, the exponent is k + 1023, and the fraction is that of least + 1 + f.
	VPADDQ(splatBits("logLift", one-least), x, x)
	VANDPD(splatBits("logFraction", fraction), x, f)
	VPADDQ(splatBits("logLeast", least), f, f)
	VSUBPD(splat64("one", 1), f, f)
	// As the last bits of 2⁵², k + 1023 is a number.
	VPSRLQ(Imm(52), x, k)
	VORPD(splat64("logWhole", 1<<52), k, k)
	VSUBPD(splat64("logBias", 1<<52+1023), k, k)

	s, s2, s4 := set.vector(), set.vector(), set.vector()
	VADDPD(splat64("two", 2), f, s)
	VDIVPD(s, f, s)
	VMULPD(s, s, s2)
	VMULPD(s2, s2, s4)
	odd := polynomial64(s4, "logOdd", 1.479819860511658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01, 6.666666666666735130e-01)
	VMULPD(odd, s2, odd)
	even := polynomial64(s4, "logEven", 1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01)
	VMULPD(even, s4, even)
	VADDPD(even, odd, odd) // R
	half := set.vector()
	VMULPD(splat64("half", 0.5), f, half)
	VMULPD(f, half, half)

	VADDPD(half, odd, odd)
	VMULPD(odd, s, s)
	low := set.vector()
	VMULPD(splat64("logLow", 1.90821492927058770002e-10), k, low)
	VADDPD(low, s, s)
	VSUBPD(s, half, half)
	VSUBPD(f, half, half)
	VMULPD(splat64("logHigh", 6.93147180369123816490e-01), k, k) // ln2's upper 32 bits
	VSUBPD(half, k, k)
	return k
}

// polynomial64 is that of z by Horner's rule, each step rounded twice, the coefficients from the
// highest on.
func polynomial64(z VecVirtual, name string, coefficients ...float64) VecVirtual {
	p := splat64(name+"0", coefficients[0])
	for i, c := range coefficients[1:] {
		VMULPD(z, p, p)
		VADDPD(splat64(fmt.Sprint(name, i+1), c), p, p)
	}
	return p
}

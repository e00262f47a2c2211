package likelihood

import "math"

// Log is the natural logarithm, the same bits on every processor, which those of math.Log
// are not. Its error stays below one unit in the last place.
//
// x = 2^k · (1 + f) with 1 + f from √½ to √2, and log(1 + f) = f − f²/2 + s·(f²/2 + R),
// s = f/(2 + f), as in Sun's fdlibm, whose polynomial R is taken here. The float64
// conversions forbid fused multiply-add.
func Log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01 // its upper 32 bits: k·ln2Hi is exact
		ln2Lo = 1.90821492927058770002e-10
	)
	switch {
	case x == 0:
		return math.Inf(-1)
	case !(x > 0):
		return math.NaN()
	case math.IsInf(x, 1):
		return x
	}
	f, exponent := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		exponent--
	}
	f--
	k := float64(exponent)
	s := f / (2 + f)
	s2 := float64(s * s)
	r := 1.479819860511658591e-01
	for _, c := range [...]float64{
		1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
		2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
	} {
		r = float64(r*s2) + c
	}
	r = float64(r * s2)
	half := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((half - (float64(s*(half+r)) + float64(k*ln2Lo))) - f)
}

// log1p is log(1 + x) for x from 0 to 1. The quotient takes out what 1 + x is off by (W.
// Kahan; Higham, Accuracy and Stability of Numerical Algorithms, section 1.14).
func log1p(x float64) float64 {
	if y := 1 + x; y != 1 {
		return float64(Log(y) * (x / (y - 1)))
	}
	return x
}

// oneMinusExp is 1 − e^−x for x ≥ 0, also where that is small.
func oneMinusExp(x float64) float64 {
	switch y := Exp(-x); {
	case y == 1:
		return x
	case y < 0.5:
		return 1 - y
	default:
		return float64((1 - y) * (-x / Log(y)))
	}
}

// softplus is log(1 + e^x), and its derivative.
func softplus(x float64) (y, change float64) {
	e := Exp(-math.Abs(x))
	change = 1 / (1 + e)
	if x < 0 {
		change = float64(change * e)
	}
	return max(x, 0) + log1p(e), change
}

// sigmoid is 1/(1 + e^−x), and 1 less that, either of which may be small.
func sigmoid(x float64) (p, rest float64) {
	e := Exp(-math.Abs(x))
	big := 1 / (1 + e)
	if x < 0 {
		return float64(e * big), big
	}
	return big, float64(e * big)
}

// tanh is the hyperbolic tangent.
func tanh(x float64) float64 {
	t := oneMinusExp(2*math.Abs(x)) / (1 + Exp(-2*math.Abs(x)))
	return math.Copysign(t, x)
}

// growth is e^x − 1 or a little more, for x ≥ 0. Only bounds are made of it.
func growth(x float64) float64 {
	if x <= 1 {
		return x + x*x
	}
	return math.Expm1(min(x, 700))
}

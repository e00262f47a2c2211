package kernel

import "math"

// Exp64 writes e^a, element by element, within 1.5 ulp, the same bits on every processor. Like
// every function of vectors it panics where the slices differ in length; dst may be a.
func Exp64(dst, a []float64) { double(dst, a, exp64, exp1of64) }

// Elu64 writes a where that is over 0, else e^a − 1, within 2 ulp.
func Elu64(dst, a []float64) { double(dst, a, elu64, elu1of64) }

// Sigmoid64 writes 1/(1 + e^-a), within 3 ulp.
func Sigmoid64(dst, a []float64) { double(dst, a, sigmoid64, sigmoid1of64) }

// Tanh64 writes the hyperbolic tangent of a, within 4 ulp.
func Tanh64(dst, a []float64) { double(dst, a, tanh64, tanh1of64) }

// Widen64 writes a as float64.
func Widen64(dst []float64, a []float32) {
	double(dst, a, widen64, func(x float32) float64 { return float64(x) })
}

// double calls many for the first elements, which tells how many it did, and one for each of
// the others.
func double[T float32 | float64](dst []float64, a []T, many func(dst []float64, a []T) int, one func(T) float64) {
	if len(dst) != len(a) {
		panic("kernel: vectors of different lengths")
	}
	for i := many(dst, a); i < len(a); i++ {
		dst[i] = one(a[i])
	}
}

// lessOne64 is the nearest integer n to x/ln2, and e^r − 1 for the rest, |r| ≤ ln2/2, by its
// power series, of which the terms that are left out add up to less than 5e-18.
func lessOne64(x float64) (n, p float64) {
	n = math.RoundToEven(x * (1 / math.Ln2))
	r := math.FMA(-n, 0x1.62e42fefap-1, x)
	r = math.FMA(-n, 0x1.cf79abc9e3b39p-40, r)
	q := inverseFactorials[13]
	for k := 12; k >= 2; k-- {
		q = math.FMA(q, r, inverseFactorials[k])
	}
	return n, math.FMA(q, float64(r*r), r)
}

var inverseFactorials = func() (f [14]float64) {
	factorial := 1.0
	for k := range f {
		if k > 1 {
			factorial *= float64(k)
		}
		f[k] = 1 / factorial
	}
	return f
}()

// power64 is 2ⁿ, for whole numbers from −1022 to 1023.
func power64(n float64) float64 { return math.Float64frombits(uint64(int64(n)+1023) << 52) }

// exp1of64 is e^x = 2ⁿ·e^r. The two halves of n are multiplied in one after the other, so
// that results may be subnormal or infinite.
func exp1of64(x float64) float64 {
	if x != x {
		return x
	}
	n, p := lessOne64(min(max(x, -746), 710))
	half := math.Floor(n * 0.5)
	return float64((p+1)*power64(half)) * power64(n-half)
}

// expm1of64 is e^x − 1 for x ≤ 0: 2ⁿ·(e^r − 1) + (2ⁿ − 1), which loses nothing next to 0.
func expm1of64(x float64) float64 {
	if x != x {
		return x
	}
	n, p := lessOne64(max(x, -60))
	t := power64(n)
	return math.FMA(p, t, t-1)
}

func elu1of64(x float64) float64 { return max(x, 0) + expm1of64(min(x, 0)) }

func sigmoid1of64(x float64) float64 { return 1 / (1 + exp1of64(-x)) }

// tanh1of64 is −e/(e + 2) for e = e^(−2|x|) − 1, with the sign of x.
func tanh1of64(x float64) float64 {
	m := -math.Abs(x)
	e := expm1of64(m + m)
	return math.Copysign(e/(e+2), x)
}

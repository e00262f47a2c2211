package kernel

import "math"

// relu1 keeps what is not a number, as the assembly does, and minus zero.
func relu1(x float32) float32 {
	if 0 > x {
		return 0
	}
	return x
}

// sqrt1 is rounded twice, which is as if it were once: a float64 has enough bits.
func sqrt1(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// exp1 is e^x within 1.1 ulp. With n = round(x/ln2) and |r| ≤ ln2/2,
// e^x = 2^n · e^r, the latter by its power series, whose rest is below 6e-9. The two
// halves of n are multiplied in one after the other, so that results may be
// subnormal or infinite.
func exp1(x float32) float32 {
	if -104 > x {
		x = -104
	}
	if 89 < x {
		x = 89
	}
	if x != x {
		return x
	}
	n := float32(math.RoundToEven(float64(float32(x * (1 / math.Ln2)))))
	r := fma(-n, 0x1.62e4p-1, x)
	r = fma(-n, 0x1.7f7d1cp-20, r)
	p := float32(1. / 5040)
	for _, c := range [...]float32{1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1, 1} {
		p = fma(p, r, c)
	}
	i := int32(n)
	half := i >> 1
	p = float32(p * math.Float32frombits(uint32(half+127)<<23))
	return float32(p * math.Float32frombits(uint32(i-half+127)<<23))
}

// elu1 is max(x, 0) + e^min(x, 0) − 1. The latter is 2^n·(e^r − 1) + (2^n − 1), which loses
// nothing next to 0.
func elu1(x float32) float32 {
	if x != x {
		return x
	}
	below := max(min(x, 0), -30)
	n := float32(math.RoundToEven(float64(float32(below * (1 / math.Ln2)))))
	r := fma(-n, 0x1.62e4p-1, below)
	r = fma(-n, 0x1.7f7d1cp-20, r)
	q := float32(1. / 5040)
	for _, c := range [...]float32{1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2} {
		q = fma(q, r, c)
	}
	p := fma(q, float32(r*r), r)
	t := math.Float32frombits(uint32(int32(n)+127) << 23)
	return float32(max(x, 0) + fma(p, t, t-1))
}

// erf1 is x·P(x²)/Q(x²), with the polynomials of Eigen's generic_fast_erf_float
// (eigen.tuxfamily.org): within 4e-7.
func erf1(x float32) float32 {
	if x != x {
		return x
	}
	x = min(max(x, -4), 4)
	z := float32(x * x)
	polynomial := func(p float32, coefficients ...float32) float32 {
		for _, c := range coefficients {
			p = fma(p, z, c)
		}
		return p
	}
	p := polynomial(-2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2)
	q := polynomial(-1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2)
	return min(max(float32(x*p)/q, -1), 1)
}

// sigmoid1 is 1/(1 + e^-x).
func sigmoid1(x float32) float32 { return 1 / (1 + exp1(-x)) }

// tanh1 is x + x³·p(x²) near zero, with the polynomial of Cephes' tanhf
// (S. Moshier, netlib.org/cephes), and ±(1 - 2/(e^2|x| + 1)) elsewhere.
func tanh1(x float32) float32 {
	m := float32(math.Abs(float64(x)))
	if m < 0.625 {
		z := float32(x * x)
		p := float32(-5.70498872745e-3)
		for _, c := range [...]float32{2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1} {
			p = fma(p, z, c)
		}
		return fma(float32(p*z), x, x)
	}
	q := 1 / (exp1(m+m) + 1)
	return float32(math.Copysign(float64(1-float32(q+q)), float64(x)))
}

// tanhSigmoid1 is tanh(a)·sigmoid(b). The former is ±e/(2 - e) with e = 1 - e^-2|a|, the latter
// 1/(1 + e^-b): one division for both. With e^-x = 2^n·(1 + p), e is (1 - 2^n) - 2^n·p, and the
// divisor (1 + 2^n) + 2^n·p. Both lose little, the former nothing next to 0.
func tanhSigmoid1(a, b float32) float32 {
	if a != a || b != b {
		return a + b
	}
	x := min(2*float32(math.Abs(float64(a))), 20)
	n, t := twoTo1(x)
	r := fma(n, math.Ln2, x) // near enough: 2^n is small where the error of n·ln2 is not
	e := fma(-decay1(r), t, 1-t)

	x = min(max(b, -88), 30)
	n, t = twoTo1(x)
	r = fma(n, 0x1.62e4p-1, x)
	r = fma(n, 0x1.7f7d1cp-20, r)
	d := fma(decay1(r), t, 1+t)

	y := e / fma(1-e, d, d)
	if b < -88 {
		y = 0
	}
	return float32(math.Copysign(float64(y), float64(a)))
}

// fastTanhSigmoid1 is tanh(a)·sigmoid(b) as (1 − t)/((1 + t)·(1 + u)), where t = e^-2a and
// u = e^-b: near 0, tanh has the rounding of numbers near 1.
func fastTanhSigmoid1(a, b float32) float32 {
	t, u := twoToThe(min(max(a, -10), 10), -2/math.Ln2), twoToThe(min(max(b, -30), 30), -1/math.Ln2)
	d := 1 + t
	return (1 - t) / fma(u, d, d)
}

// twoToThe is 2^(x·by) within 1.6e-7 of it, where that is a normal number. The polynomial is the
// one of least relative error for 2^r − 1, |r| ≤ ½, without a constant term.
func twoToThe(x, by float32) float32 {
	n := fma(by, x, 0x1.8p23) // its last bits are the whole number
	r := fma(by, x, -(n - 0x1.8p23))
	p := float32(0x1.5bba14p-10)
	for _, c := range [...]float32{0x1.3cea88p-7, 0x1.c6b752p-5, 0x1.ebf9bcp-3, 0x1.62e42ap-1, 1} {
		p = fma(p, r, c)
	}
	return math.Float32frombits(math.Float32bits(p) + math.Float32bits(n)<<23)
}

// twoTo1 is n = round(-x/ln2), and 2^n, which is made of the last bits of n + 1.5·2^23.
func twoTo1(x float32) (n, t float32) {
	const shift = 0x1.8p23
	n = fma(-x, 1/math.Ln2, shift)
	return n - shift, math.Float32frombits(math.Float32bits(n)<<23 + math.Float32bits(1))
}

// decay1 is e^-r - 1 where |r| is at most half of ln2, by a polynomial that makes the largest error
// small: 4e-9 of e^-r.
func decay1(r float32) float32 {
	p := float32(0x1.6a4eccp-10)
	for _, c := range [...]float32{-0x1.12399cp-7, 0x1.5558bp-5, -0x1.555492p-3, 0x1.fffffcp-2} {
		p = fma(p, r, c)
	}
	return fma(p, float32(r*r), -r)
}

// larger1 is the larger of two, and smaller1 the smaller; both keep what is not a
// number.
func larger1(x, y float32) float32 {
	if x > y || x != x {
		return x
	}
	return y
}

func smaller1(x, y float32) float32 {
	if x < y || x != x {
		return x
	}
	return y
}

func add1(x, y float32) float32 { return x + y }

func sub1(x, y float32) float32 { return x - y }

func mul1(x, y float32) float32 { return x * y }

func div1(x, y float32) float32 { return x / y }

func apply(dst, a []float32, f func(float32) float32) {
	for i, x := range a {
		dst[i] = f(x)
	}
}

func apply2(dst, a, b []float32, f func(x, y float32) float32) {
	for i, x := range a {
		dst[i] = f(x, b[i])
	}
}

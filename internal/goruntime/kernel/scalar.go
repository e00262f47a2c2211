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

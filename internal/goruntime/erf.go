package goruntime

import "math"

// erfSteps is how many parts of 1 there are between entries of erfTable, erfEnd where erf is
// 1 in float32.
const (
	erfSteps = 128
	erfEnd   = 4
)

// erfTable is erf and its slope times the step at 0, 1/erfSteps, …, erfEnd.
var erfTable = func() (t [erfEnd*erfSteps + 2][2]float64) {
	for i := range t {
		x := float64(i) / erfSteps
		t[i] = [2]float64{math.Erf(x), 2 / math.SqrtPi * math.Exp(-x*x) / erfSteps}
	}
	return t
}()

// erf is the error function within 1e-9 of itself, by Hermite's cubics. The conversions
// keep products and sums from being fused: then the result is the same everywhere.
func erf(v float32) float32 {
	x := math.Abs(float64(v))
	switch {
	case x < 1.0/16: // 2/√π · x · (1 − x²/3 + x⁴/10 − x⁶/42)
		s := float64(x * x)
		s = 1 - float64(s*(1.0/3-float64(s*(1.0/10-float64(s*(1.0/42))))))
		return float32(float64(v) * (2 / math.SqrtPi * s))
	case x >= erfEnd:
		return float32(math.Copysign(1, float64(v)))
	case x != x:
		return v
	}
	x *= erfSteps
	i := int(x)
	t := x - float64(i)
	a, b := &erfTable[i], &erfTable[i+1]
	d := b[0] - a[0]
	// a + t·(a' + t·(3d − 2a' − b' + t·(a' + b' − 2d)))
	c3 := a[1] + b[1] - float64(2*d)
	c2 := float64(3*d) - float64(2*a[1]) - b[1]
	y := a[0] + float64(t*(a[1]+float64(t*(c2+float64(t*c3)))))
	return float32(math.Copysign(y, float64(v)))
}

func erfs(dst, a []float32) {
	for i, x := range a {
		dst[i] = erf(x)
	}
}

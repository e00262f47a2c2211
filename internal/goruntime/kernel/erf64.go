package kernel

import "math"

// Erf64 writes the error function of a, within 2 ulp, the same bits on every processor.
func Erf64(dst, a []float64) { double(dst, a, erf64, erf1of64) }

// erf1of64 is erf x by its power series about the nearest multiple of 1/16.
func erf1of64(x float64) float64 {
	if x != x {
		return x
	}
	d := min(math.Abs(x), 6) // erf 6 is 1
	n := math.RoundToEven(d * 16)
	d -= n / 16 // exact
	p := erfSeries[erfTerms-1][int(n)]
	for k := erfTerms - 2; k >= 0; k-- {
		p = math.FMA(p, d, erfSeries[k][int(n)])
	}
	return math.Copysign(p, x)
}

// erfTerms is the terms of a series, up to d⁹: what is left out is below 4e-18, for |d| ≤ 1/32.
const erfTerms = 10

// erfSeries has, by term and center n/16, erf⁽ᵏ⁾(n/16)/k!. The values themselves are added up from
// center to center, with what rounding loses.
var erfSeries = func() (series [erfTerms][128]float64) {
	value, lost := 0.0, 0.0
	for n := range 6*16 + 1 {
		terms := erfTaylor(float64(n) / 16)
		series[0][n] = value
		for k := 1; k < erfTerms; k++ {
			series[k][n] = terms[k]
		}
		// From a center to the next are twice the odd terms, about the middle.
		terms = erfTaylor((float64(n) + 0.5) / 16)
		step := 0.0
		for k := erfTerms - 1; k > 0; k -= 2 {
			step = math.FMA(step, 1.0/(32*32), terms[k])
		}
		step = float64(step*(1.0/16)) - lost
		next := value + step
		lost = (next - value) - step
		value = next
	}
	return series
}()

// erfTaylor is erf⁽ᵏ⁾(x)/k! for k > 0: 2/√π·e^(−x²)·(−1)ᵏ⁻¹·Hₖ₋₁(x)/k!, with Hermite's
// polynomials Hₖ₊₁ = 2x·Hₖ − 2k·Hₖ₋₁.
func erfTaylor(x float64) (terms [erfTerms]float64) {
	factor := float64(2 / math.SqrtPi * exp1of64(float64(-x*x)))
	before, h := 0.0, 1.0
	for k := 1; k < erfTerms; k++ {
		factor /= float64(k)
		terms[k] = float64(factor * h)
		factor = -factor
		before, h = h, float64(2*x*h)-float64(2*float64(k-1)*before)
	}
	return terms
}

package kernel

import "unsafe"

func add(dst, a, b []float32)     { ofTwo(dst, a, b, add1, addAVX2, addAVX512) }
func sub(dst, a, b []float32)     { ofTwo(dst, a, b, sub1, subAVX2, subAVX512) }
func mul(dst, a, b []float32)     { ofTwo(dst, a, b, mul1, mulAVX2, mulAVX512) }
func div(dst, a, b []float32)     { ofTwo(dst, a, b, div1, divAVX2, nil) }
func larger(dst, a, b []float32)  { ofTwo(dst, a, b, larger1, maxAVX2, nil) }
func smaller(dst, a, b []float32) { ofTwo(dst, a, b, smaller1, minAVX2, nil) }

func tanhSigmoid(dst, a, b []float32) {
	ofTwo(dst, a, b, tanhSigmoid1, tanhSigmoidAVX2, tanhSigmoidAVX512)
}

func fastTanhSigmoid(dst, a, b []float32) {
	ofTwo(dst, a, b, fastTanhSigmoid1, fastTanhSigmoidAVX2, fastTanhSigmoidAVX512)
}

func relu(dst, a []float32)    { ofOne(dst, a, relu1, reluAVX2, nil) }
func sqrt(dst, a []float32)    { ofOne(dst, a, sqrt1, sqrtAVX2, nil) }
func exp(dst, a []float32)     { ofOne(dst, a, exp1, expAVX2, expAVX512) }
func elu(dst, a []float32)     { ofOne(dst, a, elu1, eluAVX2, eluAVX512) }
func erf(dst, a []float32)     { ofOne(dst, a, erf1, erfAVX2, erfAVX512) }
func sigmoid(dst, a []float32) { ofOne(dst, a, sigmoid1, sigmoidAVX2, sigmoidAVX512) }
func tanh(dst, a []float32)    { ofOne(dst, a, tanh1, tanhAVX2, tanhAVX512) }

// ofTwo calls what the processor has: five, where there is one, for as many elements as suit it,
// and two for what is left.
func ofTwo(dst, a, b []float32, one func(x, y float32) float32, two, five func(dst, a, b *float32, n int)) {
	if !hasAVX2 {
		apply2(dst, a, b, one)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && five != nil && n > 0 {
		five(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), n)
		if dst, a, b = dst[n:], a[n:], b[n:]; len(dst) == 0 {
			return
		}
	}
	two(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

// ofOne is ofTwo for functions of one vector.
func ofOne(dst, a []float32, one func(float32) float32, two, five func(dst, a *float32, n int)) {
	if !hasAVX2 {
		apply(dst, a, one)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && five != nil && n > 0 {
		five(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	two(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

// addRows does the first columns, and tells how many.
func addRows(dst, a []float32, nextA int, row []float32, nextRow, rows, columns int) int {
	n, lot := columns&^15, rows*columns
	if !hasAVX2 || n == 0 || lot == 0 {
		return 0
	}
	add := addRowsAVX2
	if hasAVX512 {
		add = addRowsAVX512
	}
	add(&dst[0], &a[0], &row[0], 4*n, rows, len(dst)/lot, bytes(columns), bytes(lot), bytes(nextA), bytes(nextRow))
	return n
}

package kernel

import "unsafe"

// addProduct64 does the first columns, and tells how many.
func addProduct64(c []float64, rowC int, a []float64, rowA int, b []float64, rowB, m, n, k int) int {
	if !hasAVX2 {
		return 0
	}
	n &^= 7
	for i, rows := 0, 0; i < m; i += rows {
		switch {
		case hasAVX512 && m-i >= 8:
			rows = 8
		case m-i >= 4:
			rows = 4
		default:
			rows = 1
		}
		for j, columns := 0, 0; j < n; j += columns {
			f := double1x8AVX2
			columns = 8
			switch {
			case rows == 4:
				f = double4x8AVX2
			case rows == 8 && n-j >= 24 && n-j != 32: // which is twice 16
				f, columns = double8x24AVX512, 24
			case rows == 8 && n-j >= 16:
				f, columns = double8x16AVX512, 16
			case rows == 8:
				f = double8x8AVX512
			}
			const size = 8
			f(&c[i*rowC+j], uintptr(rowC*size), &a[i*rowA], uintptr(rowA*size), &b[j], uintptr(rowB*size), k)
		}
	}
	return n
}

func decay64(dst, a []float64) int   { return double1(dst, a, decay64AVX2, decay64AVX512) }
func log64(dst, a []float64) int     { return double1(dst, a, log64AVX2, log64AVX512) }
func erf64(dst, a []float64) int     { return double1(dst, a, erf64AVX2, erf64AVX512) }
func exp64(dst, a []float64) int     { return double1(dst, a, exp64AVX2, exp64AVX512) }
func elu64(dst, a []float64) int     { return double1(dst, a, elu64AVX2, elu64AVX512) }
func sigmoid64(dst, a []float64) int { return double1(dst, a, sigmoid64AVX2, sigmoid64AVX512) }
func tanh64(dst, a []float64) int    { return double1(dst, a, tanh64AVX2, tanh64AVX512) }

func widen64(dst []float64, a []float32) int { return double1(dst, a, widen64AVX2, widen64AVX512) }

// double1 does the first elements with the vectors that the processor has, and tells how many.
func double1[T float32 | float64](dst []float64, a []T, two, five func(dst *float64, a *T, n int)) int {
	n := 0
	if hasAVX512 {
		n = len(a) &^ 7
		five(unsafe.SliceData(dst), unsafe.SliceData(a), n)
	} else if hasAVX2 {
		n = len(a) &^ 3
		two(unsafe.SliceData(dst), unsafe.SliceData(a), n)
	}
	return n
}

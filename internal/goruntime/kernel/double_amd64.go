package kernel

import "unsafe"

// addProduct64 does the first columns, and tells how many.
func addProduct64(c []float64, rowC int, a []float64, rowA int, b []float64, rowB, m, n, k int) int {
	if !hasAVX2 {
		return 0
	}
	const size = 8
	n &^= 7
	for i := 0; i < m; {
		rows, f, j := 4, double4AVX2, 0
		if m-i < rows {
			rows, f = 1, double1AVX2
		}
		if hasAVX512 && m-i >= 8 {
			for rows = 8; j+16 <= n; j += 16 {
				double8AVX512(&c[i*rowC+j], uintptr(rowC*size), &a[i*rowA], uintptr(rowA*size), &b[j], uintptr(rowB*size), k)
			}
		}
		for ; j < n; j += 8 {
			for r := i; r < i+rows; r += min(rows, 4) {
				f(&c[r*rowC+j], uintptr(rowC*size), &a[r*rowA], uintptr(rowA*size), &b[j], uintptr(rowB*size), k)
			}
		}
		i += rows
	}
	return n
}

func exp64(dst, a []float64) int     { return double1(dst, a, exp64AVX2, exp64AVX512) }
func elu64(dst, a []float64) int     { return double1(dst, a, elu64AVX2, elu64AVX512) }
func sigmoid64(dst, a []float64) int { return double1(dst, a, sigmoid64AVX2, sigmoid64AVX512) }
func tanh64(dst, a []float64) int    { return double1(dst, a, tanh64AVX2, tanh64AVX512) }

// double1 does the first elements with the vectors that the processor has, and tells how many.
func double1(dst, a []float64, two, five func(dst, a *float64, n int)) int {
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

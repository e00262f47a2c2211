package kernel

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

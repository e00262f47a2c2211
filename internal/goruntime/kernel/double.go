package kernel

import "math"

// AddProduct64 adds A·B to C, all in float64 and row-major: C is [m, n] with its rows rowC
// apart, A [m, k], B [k, n] with their rows rowA and rowB apart. Each product is added in
// the order of k, rounded once with its sum, so that the result is the same on every
// processor.
func AddProduct64(c []float64, rowC int, a []float64, rowA int, b []float64, rowB, m, n, k int) {
	if m == 0 || n == 0 || k == 0 {
		return
	}
	_, _, _ = c[(m-1)*rowC+n-1], a[(m-1)*rowA+k-1], b[(k-1)*rowB+n-1]
	done := addProduct64(c, rowC, a, rowA, b, rowB, m, n, k)
	for i := range m {
		row := a[i*rowA : i*rowA+k]
		for j := done; j < n; j++ {
			sum := c[i*rowC+j]
			for l, x := range row {
				sum = math.FMA(x, b[l*rowB+j], sum)
			}
			c[i*rowC+j] = sum
		}
	}
}

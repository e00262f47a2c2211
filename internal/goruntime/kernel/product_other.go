//go:build !amd64

package kernel

// packTurned packs the first rows of a panel whose columns lie step apart, and returns how
// many.
func packTurned([]float32, []float32, int, int) int { return 0 }

// Fast tells whether the kernels are vector instructions throughout.
func Fast() bool { return false }

// block computes the rows lo to hi-1 of C, over k0 ≤ k < k1; end tells that there
// are no more columns of A.
func (p *Product) block(lo, hi, k0, k1 int, end bool) { p.portable(lo, hi, k0, k1, end) }

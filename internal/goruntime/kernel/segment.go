//go:build amd64 || arm64

package kernel

import "unsafe"

// segment is some columns of A, at least one.
type segment struct {
	a         unsafe.Pointer
	row, step uintptr
	k         int
}

// segments lists the columns k0 ≤ k < k1 of A, from row m on, and returns how many
// segments they are.
func (p *Product) segments(list *[MaxLeft]segment, m, k0, k1 int) int {
	n, first := 0, 0
	for i := range p.A {
		a := &p.A[i]
		if from, k := a.cut(first, k0, k1); k > 0 {
			list[n] = segment{at(a.Data, m*a.Row+from*a.Step), bytes(a.Row), bytes(a.Step), k}
			n++
		}
		first += a.K
	}
	return n
}

func bytes(n int) uintptr { return 4 * uintptr(n) }

func at(s []float32, i int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i)
}

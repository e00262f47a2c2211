//go:build amd64 || arm64

package kernel

import "unsafe"

// segment is some columns of A, at least one.
type segment struct {
	a         unsafe.Pointer
	row, step uintptr
	k         int
	b         unsafe.Pointer // its first row of B, in the panel that the list is for
}

// segments lists the columns k0 ≤ k < k1 of A, from row m on, of a lot that begins at
// element lot of each factor, for the panel of B that begins at element b, and returns
// how many segments they are.
func (p *Product) segments(list []segment, m, lot, k0, k1, b int) int {
	n, first := 0, 0
	for i := range p.A {
		a := &p.A[i]
		b += a.Skip * p.StepB
		if from, k := a.cut(first, k0, k1); k > 0 {
			// One field after the other: a whole struct would be put together elsewhere and
			// copied in larger pieces than it was written in, for which processors wait.
			s := &list[n]
			s.a = at(a.Data, lot+m*a.Row+from*a.Step)
			s.row, s.step, s.k = bytes(a.Row), bytes(a.Step), k
			s.b = at(p.B, b+from*p.StepB)
			n++
		}
		first += a.K
		b += a.K * p.StepB
	}
	return n
}

func bytes(n int) uintptr { return 4 * uintptr(n) }

func at(s []float32, i int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i)
}

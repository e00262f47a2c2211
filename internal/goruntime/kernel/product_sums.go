//go:build !arm64

package kernel

// accumulate adds the products of some rows, from row m of a lot that begins at element
// lot of each factor, for k0 ≤ k < k1, to their sums.
func (p *Product) accumulate(s *sums, rows, m, lot, n, k0, k1 int) {
	for r := range rows {
		acc := (*[Panel]float32)(s[r*Panel:])
		first, skipped := 0, 0
		for i := range p.A {
			a := &p.A[i]
			skipped += a.Skip
			from, count := a.cut(first, k0, k1)
			for k := from; k < from+count; k++ {
				x := a.Data[lot+(m+r)*a.Row+k*a.Step]
				b := (*[Panel]float32)(p.B[n/Panel*p.NextB+(first+skipped+k)*p.StepB:])
				axpy(acc, x, b)
			}
			first += a.K
		}
	}
}

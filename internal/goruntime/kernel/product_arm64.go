package kernel

// accumulate adds the products of some rows, for k0 ≤ k < k1, to their sums.
func (p *Product) accumulate(s *sums, rows, m, n, k0, k1 int) {
	var list [MaxLeft]segment
	count := p.segments(&list, m, k0, k1)
	if count == 0 {
		return
	}
	b := (*float32)(at(p.B, n/Panel*p.NextB+k0*p.StepB))
	if rows == sumRows {
		sum4(&s[0], &list[0], count, b, bytes(p.StepB))
		return
	}
	for r := range rows {
		count := p.segments(&list, m+r, k0, k1)
		sum1(&s[r*Panel], &list[0], count, b, bytes(p.StepB))
	}
}

// sum4 adds the products of four rows and a panel to 4×16 sums.
//
//go:noescape
func sum4(sums *float32, s *segment, count int, b *float32, stepB uintptr)

// sum1 is sum4 for one row.
//
//go:noescape
func sum1(sums *float32, s *segment, count int, b *float32, stepB uintptr)

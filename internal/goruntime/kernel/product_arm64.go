package kernel

// accumulate adds the products of some rows, from row m of a lot that begins at element
// lot of each factor, for k0 ≤ k < k1, to their sums.
func (p *Product) accumulate(s *sums, rows, m, lot, n, k0, k1 int) {
	var list [maxLeft]segment
	b := n / Panel * p.NextB
	if rows == sumRows {
		for i := range p.segments(list[:], m, lot, k0, k1, b) {
			sum4(&s[0], &list[i], 1, (*float32)(list[i].b), bytes(p.StepB))
		}
		return
	}
	for r := range rows {
		for i := range p.segments(list[:], m+r, lot, k0, k1, b) {
			sum1(&s[r*Panel], &list[i], 1, (*float32)(list[i].b), bytes(p.StepB))
		}
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

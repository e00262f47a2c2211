package kernel

// sums are those of up to four rows and one panel, row by row.
type sums [sumRows * Panel]float32

const sumRows = 4

// portable computes the rows lo to hi-1 of C, over k0 ≤ k < k1; end tells that
// there are no more columns of A.
func (p *Product) portable(lo, hi, k0, k1 int, end bool) {
	var s sums
	for n := 0; n < p.N; n += Panel {
		width := min(Panel, p.N-n)
		for lot := range max(1, p.Lots) {
			for m := lo; m < hi; m += sumRows {
				apart := max(1, p.Apart)
				rows, at := min(sumRows, hi-m), lot*p.NextLot+m*apart
				for r := range rows {
					p.start(s[r*Panel:][:width], at+r*apart, n, k0)
				}
				p.accumulate(&s, rows, m, lot*p.NextA, n, k0, k1)
				for r := range rows {
					row := s[r*Panel:][:width]
					if end {
						p.finish(row, at+r*apart, n)
					}
					copy(p.C[(at+r*apart)*p.RowC+n:], row)
				}
			}
		}
	}
}

// start sets the sums of a row to what they start from.
func (p *Product) start(s []float32, m, n, k0 int) {
	switch {
	case k0 > 0:
		copy(s, p.C[m*p.RowC+n:])
	case p.Init == nil:
		clear(s)
	case p.Column:
		for i := range s {
			s[i] = p.Init[m*p.RowInit]
		}
	default:
		copy(s, p.Init[m*p.RowInit+n:])
	}
}

// finish does to a row what comes after the sums.
func (p *Product) finish(s []float32, m, n int) {
	if p.Gate != nil {
		for i, g := range p.Gate[m*p.RowGate+n:][:len(s)] {
			s[i] *= step1(float32(p.Slope * g))
		}
	}
	if p.Add != nil {
		for i, x := range p.Add[m*p.RowAdd+n:][:len(s)] {
			s[i] += x
		}
	}
	if p.Relu {
		for i, x := range s {
			s[i] = relu1(x)
		}
	}
}

// step1 is min(max(x, 0), 1), and what is not a number where x is not.
func step1(x float32) float32 {
	if 1 < x {
		return 1
	}
	return relu1(x)
}

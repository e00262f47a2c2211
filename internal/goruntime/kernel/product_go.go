package kernel

// portable computes the rows lo to hi-1 of C, over k0 ≤ k < k1; end tells that
// there are no more columns of A.
func (p *Product) portable(lo, hi, k0, k1 int, end bool) {
	for n := 0; n < p.N; n += Panel {
		width := min(Panel, p.N-n)
		for m := lo; m < hi; m++ {
			var acc [Panel]float32
			c := p.C[m*p.RowC+n:][:width]
			switch {
			case k0 > 0:
				copy(acc[:], c)
			case p.Init != nil && p.Column:
				for i := range acc {
					acc[i] = p.Init[m*p.RowInit]
				}
			case p.Init != nil:
				copy(acc[:], p.Init[m*p.RowInit+n:][:width])
			}
			first := 0
			for s := range p.A {
				a := &p.A[s]
				from, count := a.cut(first, k0, k1)
				for k := from; k < from+count; k++ {
					x := a.Data[m*a.Row+k*a.Step]
					b := (*[Panel]float32)(p.B[n/Panel*p.NextB+(first+k)*p.StepB:])
					for i, y := range b {
						acc[i] = fma(x, y, acc[i])
					}
				}
				first += a.K
			}
			if end {
				p.finish(acc[:width], m, n)
			}
			copy(c, acc[:])
		}
	}
}

func (p *Product) finish(acc []float32, m, n int) {
	if p.Add != nil {
		for i, x := range p.Add[m*p.RowAdd+n:][:len(acc)] {
			acc[i] += x
		}
	}
	if p.Relu {
		for i, x := range acc {
			acc[i] = relu1(x)
		}
	}
}

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// naive evaluates the definition of p's element (m, n).
func naive(p *Product, m, n int) float32 {
	var sum float32
	if p.Init != nil {
		if p.Column {
			sum = p.Init[m*p.RowInit]
		} else {
			sum = p.Init[m*p.RowInit+n]
		}
	}
	first := 0
	for _, a := range p.A {
		for k := range a.K {
			sum = exactFMA(a.Data[m*a.Row+k*a.Step], p.B[n/Panel*p.NextB+(first+k)*p.StepB+n%Panel], sum)
		}
		first += a.K
	}
	if p.Add != nil {
		sum += p.Add[m*p.RowAdd+n]
	}
	if p.Relu {
		sum = max(sum, 0)
	}
	return sum
}

func random(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return s
}

// randomProduct draws sizes, strides and options.
func randomProduct(rng *rand.Rand) *Product {
	p := &Product{M: rng.IntN(40), N: 1 + rng.IntN(80), Relu: rng.IntN(2) == 0}
	pad := func() int { return rng.IntN(3) * rng.IntN(5) }
	for range 1 + rng.IntN(3)*rng.IntN(4) {
		a := Left{K: rng.IntN(50), Step: 1}
		if rng.IntN(30) == 0 {
			a.K = blockK + rng.IntN(600)
		}
		a.Row = a.K + pad()
		if rng.IntN(3) == 0 { // transposed
			a.Row, a.Step = 1, p.M+pad()
		}
		a.Data = random(rng, max(0, (p.M-1)*a.Row+(a.K-1)*a.Step+1)+1)
		p.A = append(p.A, a)
	}
	k := p.k()
	panels := (p.N + Panel - 1) / Panel
	if rng.IntN(3) == 0 { // B as it is
		p.StepB, p.NextB = panels*Panel+pad(), Panel
		p.B = random(rng, k*p.StepB)
	} else {
		p.StepB, p.NextB = Panel, k*Panel
		p.B = random(rng, PackedLen(k, p.N))
	}
	p.RowC = p.N + pad()
	p.C = random(rng, p.M*p.RowC)
	switch rng.IntN(4) {
	case 0:
		p.Init, p.RowInit = random(rng, p.N), 0
	case 1:
		p.RowInit = p.N + pad()
		p.Init = random(rng, p.M*p.RowInit)
	case 2:
		p.Init, p.RowInit, p.Column = random(rng, p.M), 1, true
	}
	switch rng.IntN(3) {
	case 0:
		p.Add, p.RowAdd = random(rng, p.N), 0
	case 1:
		p.RowAdd = p.N + pad()
		p.Add = random(rng, p.M*p.RowAdd)
	}
	return p
}

func TestProductMatchesDefinition(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			p := randomProduct(rng)
			before := append([]float32{}, p.C...)
			p.Rows(0, p.M)
			for i, got := range p.C {
				m, n := i/p.RowC, i%p.RowC
				want := before[i] // between the rows
				if n < p.N {
					want = naive(p, m, n)
				}
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("M, N, K = %d, %d, %d, C(%d, %d) = %g, want %g", p.M, p.N, p.k(), m, n, got, want)
				}
			}
		}
	})
}

// A row's result does not depend on the rows that are computed with it.
func TestRowsAreIndependent(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for range 100 {
			p := randomProduct(rng)
			if p.M == 0 {
				continue
			}
			p.Rows(0, p.M)
			m := rng.IntN(p.M)
			want := fmt.Sprint(p.C[m*p.RowC:][:p.N])
			clear(p.C[m*p.RowC:][:p.N])
			p.Rows(m, m+1)
			if got := fmt.Sprint(p.C[m*p.RowC:][:p.N]); got != want {
				t.Fatalf("row %d of %d alone is %s, among all %s", m, p.M, got, want)
			}
		}
	})
}

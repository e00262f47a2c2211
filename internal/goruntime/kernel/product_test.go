package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// naive evaluates the definition of p's element (m, n) of a lot.
func naive(p *Product, lot, row, n int) float32 {
	var sum float32
	m := lot*p.NextLot + row*max(1, p.Apart)
	if p.Init != nil {
		if p.Column {
			sum = p.Init[m*p.RowInit]
		} else {
			sum = p.Init[m*p.RowInit+n]
		}
	}
	first := 0 // row of B
	for _, a := range p.A {
		first += a.Skip
		for k := range a.K {
			sum = exactFMA(a.Data[lot*p.NextA+row*a.Row+k*a.Step], p.B[n/Panel*p.NextB+(first+k)*p.StepB+n%Panel], sum)
		}
		first += a.K
	}
	if p.Gate != nil {
		sum *= step1(float32(p.Slope * p.Gate[m*p.RowGate+n]))
	}
	if p.Add != nil {
		sum += p.Add[m*p.RowAdd+n]
	}
	if p.Relu && sum < 0 {
		sum = 0
	}
	return sum
}

func TestStep(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range [][2]float32{{-2, 0}, {0, 0}, {0.25, 0.25}, {1, 1}, {3, 1}, {nan, nan}} {
		if got := step1(c[0]); got != c[1] && c[1] == c[1] || got == got && c[1] != c[1] {
			t.Errorf("step of %g is %g, want %g", c[0], got, c[1])
		}
	}
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
	if rng.IntN(8) == 0 { // several tiles of each kind
		p.M += rng.IntN(90)
	}
	rows := p.M // of C
	if rng.IntN(3) == 0 {
		if rng.IntN(4) > 0 {
			p.M = min(p.M, 1+rng.IntN(14))
		}
		p.Lots, p.NextLot, p.NextA = rng.IntN(5), p.M+rng.IntN(9), rng.IntN(50)
		rows = p.M + max(0, p.Lots-1)*p.NextLot
		if rng.IntN(2) == 0 && p.M > 0 { // the rows of the lots take turns
			p.Lots = 1 + rng.IntN(4)
			p.Apart, p.NextLot = p.Lots+rng.IntN(3), 1
			rows = p.M * p.Apart
		}
	}
	pad := func() int { return rng.IntN(3) * rng.IntN(5) }
	skips, factors := rng.IntN(2), 1+rng.IntN(3)*rng.IntN(4)
	if rng.IntN(8) == 0 {
		factors = 60
	}
	depth := 0 // rows of B
	for range factors {
		a := Left{K: rng.IntN(50), Step: 1, Skip: skips * rng.IntN(3) * rng.IntN(9)}
		if rng.IntN(30) == 0 {
			a.K = blockK + rng.IntN(600)
		}
		a.Row = a.K + pad()
		if rng.IntN(3) == 0 { // transposed
			a.Row, a.Step = 1, p.M+pad()
		}
		a.Data = random(rng, max(0, (p.M-1)*a.Row+(a.K-1)*a.Step+max(0, p.Lots-1)*p.NextA+1)+1)
		p.A = append(p.A, a)
		depth += a.Skip + a.K
	}
	panels := (p.N + Panel - 1) / Panel
	if rng.IntN(3) == 0 { // B as it is
		p.StepB, p.NextB = panels*Panel+pad(), Panel
		p.B = random(rng, depth*p.StepB)
	} else {
		p.StepB, p.NextB = Panel, depth*Panel
		p.B = random(rng, PackedLen(depth, p.N))
	}
	p.RowC = p.N + pad()
	p.C = random(rng, rows*p.RowC)
	switch rng.IntN(4) {
	case 0:
		p.Init, p.RowInit = random(rng, p.N), 0
	case 1:
		p.RowInit = p.N + pad()
		p.Init = random(rng, rows*p.RowInit)
	case 2:
		p.Init, p.RowInit, p.Column = random(rng, rows), 1, true
	}
	if rng.IntN(3) == 0 {
		p.RowGate, p.Slope = p.N+pad(), []float32{1e38, 1, -2}[rng.IntN(3)]
		p.Gate = random(rng, rows*p.RowGate)
	}
	switch rng.IntN(3) {
	case 0:
		p.Add, p.RowAdd = random(rng, p.N), 0
	case 1:
		p.RowAdd = p.N + pad()
		p.Add = random(rng, rows*p.RowAdd)
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
				lot, row := 0, m
				switch {
				case p.Apart > 0:
					if lot, row = m%p.Apart, m/p.Apart; lot >= p.Lots {
						row = p.M
					}
				case p.Lots > 1:
					lot = min(m/p.NextLot, p.Lots-1)
					row = m - lot*p.NextLot
				}
				if n < p.N && row < p.M {
					want = naive(p, lot, row, n)
				}
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("M, N, K = %d, %d, %d, C(%d, %d) = %g, want %g", p.M, p.N, p.k(), m, n, got, want)
				}
			}
		}
	})
}

func TestRowsDoNotAllocate(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for range 40 {
			p := randomProduct(rng)
			if n := testing.AllocsPerRun(1, func() { p.Rows(0, p.M) }); n > 0 {
				t.Fatalf("%g allocations for %d rows, %d columns and %d factors", n, p.M, p.N, len(p.A))
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
			row := p.C[m*max(1, p.Apart)*p.RowC:][:p.N]
			want := fmt.Sprint(row)
			clear(row)
			p.Rows(m, m+1)
			if got := fmt.Sprint(row); got != want {
				t.Fatalf("row %d of %d alone is %s, among all %s", m, p.M, got, want)
			}
		}
	})
}

func TestPack(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for range 300 {
			k, n := rng.IntN(40), 1+rng.IntN(50)
			row, step := 1, k+rng.IntN(3)
			if rng.IntN(2) == 0 {
				row, step = n+rng.IntN(3), 1
			}
			b := random(rng, max(0, (k-1)*row+(n-1)*step)+1)
			got := random(rng, PackedLen(k, n))
			Pack(got, b, k, n, row, step)
			for i, x := range got {
				panel, r, c := i/(Panel*k), i/Panel%k, i%Panel
				want := float32(0)
				if column := panel*Panel + c; column < n {
					want = b[r*row+column*step]
				}
				if x != want {
					t.Fatalf("%d×%d, row %d, step %d: row %d, column %d is %g, want %g", k, n, row, step, r, panel*Panel+c, x, want)
				}
			}
		}
	})
}

// One row and a B that is not packed, as attention multiplies a query with its keys.
func TestOneRow(t *testing.T) {
	forEachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{48, 64, 72, 80, 1024} {
			for _, k := range []int{0, 3, 4, 32, 508, 520, 1026} {
				for init := range 3 {
					p := &Product{M: 2, N: n, StepB: n + 5, NextB: Panel, RowC: n, C: make([]float32, 2*n)}
					step := 1 + rng.IntN(3)
					p.A = []Left{{Data: random(rng, 2*k*step+1), K: k, Row: k * step, Step: step}}
					p.B = random(rng, k*p.StepB+Panel)
					if k == 0 {
						p.A = nil
					}
					switch init {
					case 1:
						p.Init, p.RowInit = random(rng, n), 0
					case 2:
						copy(p.C, random(rng, 2*n))
						p.Init, p.RowInit = append([]float32{}, p.C...), n
					}
					p.Rows(1, 2)
					for i, got := range p.C[n:] {
						if want := naive(p, 0, 1, i); math.Float32bits(got) != math.Float32bits(want) {
							t.Fatalf("N, K = %d, %d, start %d: C(%d) = %g, want %g", n, k, init, i, got, want)
						}
					}
				}
			}
		}
	})
}

package kernel

// Panel is the number of columns of B that lie side by side where B is packed.
const Panel = 16

// Left is a factor that stands left in a product: M×K numbers, of which (m, k) is
// Data[m·Row + k·Step].
type Left struct {
	Data      []float32
	Row, Step int
	K         int
	Skip      int // rows of B between those of the factor before and its own
}

// Product is C = relu((Init + A·B) ∘ step(Gate) + Add), where Init, the gate, Add and
// relu are optional, and A may be several matrices side by side. B and C are views of
// slices:
//
//	B(k, n) = B[n/16·NextB + k·StepB + n mod 16]
//	C(m, n) = C[m·RowC + n]
//
// B is read 16 columns at a time, so the slice must reach that far at every row of
// every panel. C may not overlap A or B; it may be Init, and Add where all is done [AtOnce].
//
// The M rows may be the first of several lots, which differ in where they begin only.
type Product struct {
	M, N int

	Apart   int // rows of C, Init, Gate and Add from one of a lot's to the next; 0 for one
	Lots    int // 0 for one
	NextLot int // rows of C, Init, Gate and Add from a lot to the next
	NextA   int // elements of each factor from a lot to the next

	A []Left

	B            []float32
	StepB, NextB int

	C    []float32
	RowC int

	// Init is what the sums start from; nil is zero. Init(m, n) = Init[m·RowInit + n],
	// or Init[m·RowInit] where Column is set.
	Init    []float32
	RowInit int
	Column  bool

	// Gate(m, n) = Gate[m·RowGate + n] multiplies the sum by step(g) = min(max(Slope·g,
	// 0), 1), unless nil.
	Gate    []float32
	RowGate int
	Slope   float32

	// Add(m, n) = Add[m·RowAdd + n] is added at the end, unless nil.
	Add    []float32
	RowAdd int

	Relu bool

	checked int // columns of A, where Check has been called
}

// Check makes Rows spare its checks from now on: neither the fields nor the slices of
// which A consists may change any more. It panics where Rows would.
func (p *Product) Check() {
	p.checked = 0
	if p.M > 0 && p.N > 0 {
		p.check(0, p.M)
		p.checked = p.k()
	}
}

// Blocks are sized so that two panels of B stay in the first-level cache, and the
// rows of A that pass over them in the second.
const (
	blockK     = 512
	blockBytes = 256 << 10
	maxLeft    = 12 // factors in a block
)

// AtOnce tells whether the sums over k columns of A, in so many matrices, are done before any of
// them is written.
func AtOnce(factors, k int) bool { return k <= blockK && factors <= maxLeft }

// Rows computes the rows lo to hi-1 of C, in each lot. Calls for different rows may run at once.
// It panics where the slices are too short, or lo and hi out of range.
func (p *Product) Rows(lo, hi int) {
	if lo < 0 || hi > p.M {
		panic("kernel: rows out of range")
	}
	if lo >= hi || p.N <= 0 {
		return
	}
	k := p.checked
	if k == 0 {
		k = p.k()
		p.check(lo, hi)
	}
	if AtOnce(len(p.A), k) && (hi-lo)*max(1, p.Lots)*k <= blockBytes/4 {
		p.block(lo, hi, 0, k, true)
		return
	}
	step := max(16, blockBytes/4/min(k, blockK))
	for ; lo < hi; lo += step {
		for i := 0; i < k; {
			end := p.blockEnd(i)
			p.block(lo, min(lo+step, hi), i, end, end == k)
			i = end
		}
	}
}

// blockEnd is where a block of columns of A ends that begins at k0.
func (p *Product) blockEnd(k0 int) int {
	first, factors := 0, 0
	for i := range p.A {
		from, n := p.A[i].cut(first, k0, k0+blockK)
		if n > 0 {
			if factors++; factors > maxLeft {
				return first + from
			}
		}
		first += p.A[i].K
	}
	return min(k0+blockK, first)
}

// k is the number of columns of A.
func (p *Product) k() int {
	k := 0
	for i := range p.A {
		k += p.A[i].K
	}
	return k
}

// check touches the last element that a call reads or writes of each matrix.
func (p *Product) check(lo, hi int) {
	if min(lo, p.StepB, p.NextB, p.RowC, p.RowInit, p.RowGate, p.RowAdd, p.Apart, p.NextLot, p.NextA) < 0 {
		panic("kernel: negative stride")
	}
	more := max(0, p.Lots-1)
	last := (hi-1)*max(1, p.Apart) + more*p.NextLot
	rows, used := 0, 0 // of B
	for i := range p.A {
		a := &p.A[i]
		if min(a.K, a.Row, a.Step, a.Skip) < 0 {
			panic("kernel: negative size or stride")
		}
		rows += a.Skip + a.K
		if a.K > 0 {
			_ = a.Data[(hi-1)*a.Row+(a.K-1)*a.Step+more*p.NextA]
			used = rows
		}
	}
	if used > 0 {
		_ = p.B[(p.N-1)/Panel*p.NextB+(used-1)*p.StepB+Panel-1]
	}
	_ = p.C[last*p.RowC+p.N-1]
	if p.Init != nil {
		at := last * p.RowInit
		if !p.Column {
			at += p.N - 1
		}
		_ = p.Init[at]
	}
	if p.Gate != nil {
		_ = p.Gate[last*p.RowGate+p.N-1]
	}
	if p.Add != nil {
		_ = p.Add[last*p.RowAdd+p.N-1]
	}
}

// cut returns the part of factor i that lies within k0 ≤ k < k1, where first is the
// number of columns before it: where it begins, and how many columns it has.
func (a *Left) cut(first, k0, k1 int) (from, n int) {
	from = max(0, k0-first)
	return from, max(0, min(a.K, k1-first)-from)
}

// PackedLen is the length of a packed K×N matrix.
func PackedLen(k, n int) int { return (n + Panel - 1) / Panel * Panel * k }

// Pack writes B(k, n) = b[k·row + n·step] to dst in panels: a [Product] reads it
// with StepB = Panel and NextB = K·Panel. Columns past the last are zero.
func Pack(dst, b []float32, k, n, row, step int) {
	for j := 0; j < n; j += Panel {
		d := dst[:k*Panel]
		dst = dst[k*Panel:]
		if k == 0 {
			continue
		}
		width, from := min(Panel, n-j), 0
		columns := b[j*step:]
		if row == 1 && width == Panel {
			from = packTurned(d, columns, k, step)
		}
		for i := from; i < k; i++ {
			r := d[i*Panel:][:Panel]
			if step == 1 {
				clear(r[copy(r, columns[i*row:][:width]):])
				continue
			}
			for c := range r {
				r[c] = 0
				if c < width {
					r[c] = columns[i*row+c*step]
				}
			}
		}
	}
}

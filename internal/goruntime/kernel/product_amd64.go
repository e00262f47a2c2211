package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
)

// Fast tells whether the kernels are vector instructions throughout.
func Fast() bool { return hasAVX2 }

// packTurned packs the first rows of a panel whose columns lie step apart, and returns how
// many.
func packTurned(dst, b []float32, k, step int) int {
	rows := k &^ 7
	if !hasAVX2 || rows == 0 {
		return 0
	}
	_, _ = dst[rows*Panel-1], b[(Panel-1)*step+rows-1]
	for c := 0; c < Panel; c += 8 {
		pack8AVX2(&dst[c], &b[c*step], bytes(step), rows/8)
	}
	return rows
}

// tile is what the assembly works on: some rows and at most two panels. Distances
// are in bytes.
type tile struct {
	stepB, nextB uintptr
	c            unsafe.Pointer
	rowC         uintptr
	init         unsafe.Pointer
	rowInit      uintptr
	gate         unsafe.Pointer
	rowGate      uintptr
	slope        float32
	_            float32
	add          unsafe.Pointer
	rowAdd       uintptr
	mask         *int32
	flags        uint64
	count        int // segments
	segments     [maxLeft]segment
}

// Bits of tile.flags, as in gen.
const (
	flagFull   = 1 << iota // all columns of the last panel are there
	flagColumn             // init has one element per row
	flagRelu
)

// masks[Panel-n:] is a mask of n columns.
var masks = func() (m [2 * Panel]int32) {
	for i := range Panel {
		m[i] = -1
	}
	return m
}()

// block computes the rows lo to hi-1 of C, over k0 ≤ k < k1; end tells that there
// are no more columns of A. The caller has checked that the slices are long enough.
func (p *Product) block(lo, hi, k0, k1 int, end bool) {
	if !hasAVX2 {
		p.portable(lo, hi, k0, k1, end)
		return
	}
	if hi-lo == 1 && p.row(lo, k0, k1) {
		return
	}
	wide := Panel
	if hasAVX512 {
		wide = 2 * Panel
	}
	for n := 0; n < p.N; n += wide {
		p.columns(lo, hi, n, min(wide, p.N-n), k0, k1, end)
	}
}

// row computes a row of C where B, which is not packed, is read once only, and so from memory:
// tiles would read a little of each of its rows at a time. It tells whether it has.
func (p *Product) row(m, k0, k1 int) bool {
	k := k1 - k0
	if !hasAVX512 || len(p.A) != 1 || p.A[0].Skip > 0 || p.Lots > 1 || p.NextB != Panel || p.N < 4*Panel || p.N%Panel != 0 || k == 0 || k%4 != 0 ||
		p.Gate != nil || p.Add != nil || p.Relu || p.Init != nil && p.Column {
		return false
	}
	a, first := &p.A[0], m*max(1, p.Apart)
	c := p.C[first*p.RowC:][:p.N]
	switch {
	case k0 > 0: // it goes on
	case p.Init == nil:
		clear(c)
	default:
		copy(c, p.Init[first*p.RowInit:])
	}
	row4AVX512(&c[0], p.N, &a.Data[m*a.Row+k0*a.Step], bytes(a.Step), &p.B[k0*p.StepB], bytes(p.StepB), k/4)
	return true
}

// columns computes one or two panels of the block, from column n on. It fills in the
// tile itself and not by methods, since a pointer that is written through another
// counts as one that escapes, and this must not allocate.
func (p *Product) columns(lo, hi, n, width, k0, k1 int, end bool) {
	apart := max(1, p.Apart)
	first := lo * apart // row of C
	t := tile{
		stepB: bytes(p.StepB), nextB: bytes(p.NextB),
		c:       at(p.C, first*p.RowC+n),
		rowC:    bytes(apart * p.RowC),
		rowInit: bytes(apart * p.RowInit), rowAdd: bytes(apart * p.RowAdd),
		mask: &masks[(Panel-width%Panel)%Panel],
	}
	t.count = p.segments(&t.segments, lo, 0, k0, k1, n/Panel*p.NextB)
	if width%Panel == 0 {
		t.flags |= flagFull
	}
	rowInit := p.RowInit
	switch {
	case k0 > 0:
		t.init, t.rowInit, rowInit = t.c, t.rowC, p.RowC
	case p.Init != nil && p.Column:
		t.init = at(p.Init, first*p.RowInit)
		t.flags |= flagColumn
	case p.Init != nil:
		t.init = at(p.Init, first*p.RowInit+n)
	}
	if end {
		if p.Gate != nil {
			t.gate, t.rowGate, t.slope = at(p.Gate, first*p.RowGate+n), bytes(apart*p.RowGate), p.Slope
		}
		if p.Add != nil {
			t.add = at(p.Add, first*p.RowAdd+n)
		}
		if p.Relu {
			t.flags |= flagRelu
		}
	}
	for lots, left := max(1, p.Lots), hi-lo; ; {
		down := t.run(left, width > Panel) // rows of A to the next tile
		next, nextA := down*apart, 0       // rows of C and elements of A, beside
		if left -= down; left == 0 {
			if lots--; lots == 0 {
				return
			}
			left = hi - lo
			down, nextA = down-left, p.NextA // from the first row of this lot
			next = down*apart + p.NextLot
		}
		for i := range t.count {
			s := &t.segments[i]
			s.a = unsafe.Add(s.a, down*int(s.row)+4*nextA)
		}
		t.c = unsafe.Add(t.c, 4*next*p.RowC)
		if t.init != nil {
			t.init = unsafe.Add(t.init, 4*next*rowInit)
		}
		if t.gate != nil {
			t.gate = unsafe.Add(t.gate, 4*next*p.RowGate)
		}
		if t.add != nil {
			t.add = unsafe.Add(t.add, 4*next*p.RowAdd)
		}
	}
}

// run computes the first of the rows that are left and returns how many.
func (t *tile) run(left int, twoPanels bool) int {
	switch {
	case !hasAVX512:
		return t.runAVX2(left)
	case twoPanels:
		return t.run32(left)
	}
	return t.run16(left)
}

func (t *tile) runAVX2(left int) int {
	switch {
	case left >= 6:
		tile6x16AVX2(t)
		return 6
	case left >= 4:
		tile4x16AVX2(t)
		return 4
	case left == 3:
		tile3x16AVX2(t)
		return 3
	case left == 2:
		tile2x16AVX2(t)
		return 2
	}
	tile1x16AVX2(t)
	return 1
}

func (t *tile) run16(left int) int {
	switch {
	case left > 16 || left == 12:
		tile12x16AVX512(t)
		return 12
	case left >= 8:
		tile8x16AVX512(t)
		return 8
	case left >= 6:
		tile6x16AVX512(t)
		return 6
	case left >= 4:
		tile4x16AVX512(t)
		return 4
	case left == 3:
		tile3x16AVX512(t)
		return 3
	case left == 2:
		tile2x16AVX512(t)
		return 2
	}
	tile1x16AVX512(t)
	return 1
}

func (t *tile) run32(left int) int {
	switch {
	case left > 16 || left == 12:
		tile12x32AVX512(t)
		return 12
	case left >= 8:
		tile8x32AVX512(t)
		return 8
	case left >= 6:
		tile6x32AVX512(t)
		return 6
	case left >= 4:
		tile4x32AVX512(t)
		return 4
	case left == 3:
		tile3x32AVX512(t)
		return 3
	case left == 2:
		tile2x32AVX512(t)
		return 2
	}
	tile1x32AVX512(t)
	return 1
}

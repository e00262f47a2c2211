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

// tile is what the assembly works on: tiles of some rows and at most two panels, one below
// the other. Distances are in bytes. The pointers are to the first row of a lot and stay
// there, since none may leave its slice: the assembly moves row.
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
	row          int     // first row of the next tile
	end          int     // tiles follow up to this row, after the first
	a            uintptr // from the segments' a to the lot's
	b            uintptr // from the segments' b to the panel's
	count        int     // segments
	segments     *segment
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
	// A list is cleared before it is filled, and most products have one factor.
	if len(p.A) == 1 {
		var list [1]segment
		p.panels(list[:], lo, hi, k0, k1, end)
		return
	}
	var list [maxLeft]segment
	p.panels(list[:], lo, hi, k0, k1, end)
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

// panels computes the block, one or two panels at a time. It fills in the tile itself and
// not by methods, since a pointer that is written through another counts as one that
// escapes, and this must not allocate.
func (p *Product) panels(list []segment, lo, hi, k0, k1 int, end bool) {
	wide := Panel
	if hasAVX512 {
		wide = 2 * Panel
	}
	apart := max(1, p.Apart)
	first := lo * apart // row of C
	t := tile{
		stepB: bytes(p.StepB), nextB: bytes(p.NextB),
		rowC:     bytes(apart * p.RowC),
		count:    p.segments(list, lo, 0, k0, k1, 0),
		segments: &list[0],
	}
	rowInit := p.RowInit
	if k0 > 0 {
		rowInit = p.RowC
	}
	t.rowInit = bytes(apart * rowInit)
	if end {
		if p.Gate != nil {
			t.rowGate, t.slope = bytes(apart*p.RowGate), p.Slope
		}
		t.rowAdd = bytes(apart * p.RowAdd)
		if p.Relu {
			t.flags |= flagRelu
		}
	}
	if p.Column && k0 == 0 {
		t.flags |= flagColumn
	}
	for n := 0; n < p.N; n += wide {
		width := min(wide, p.N-n)
		t.mask = &masks[(Panel-width%Panel)%Panel]
		if width%Panel == 0 {
			t.flags |= flagFull
		} else {
			t.flags &^= flagFull
		}
		t.b = bytes(n / Panel * p.NextB)
		t.c = at(p.C, first*p.RowC+n)
		switch {
		case k0 > 0:
			t.init = t.c
		case p.Init != nil && p.Column:
			t.init = at(p.Init, first*p.RowInit)
		case p.Init != nil:
			t.init = at(p.Init, first*p.RowInit+n)
		}
		if end {
			if p.Gate != nil {
				t.gate = at(p.Gate, first*p.RowGate+n)
			}
			if p.Add != nil {
				t.add = at(p.Add, first*p.RowAdd+n)
			}
		}
		t.a = 0
		for lots := p.Lots; ; {
			t.run(hi-lo, width > Panel)
			if lots--; lots <= 0 {
				break
			}
			t.a += bytes(p.NextA)
			t.c = unsafe.Add(t.c, 4*p.NextLot*p.RowC)
			if t.init != nil {
				t.init = unsafe.Add(t.init, 4*p.NextLot*rowInit)
			}
			if t.gate != nil {
				t.gate = unsafe.Add(t.gate, 4*p.NextLot*p.RowGate)
			}
			if t.add != nil {
				t.add = unsafe.Add(t.add, 4*p.NextLot*p.RowAdd)
			}
		}
	}
}

// run computes the rows of a lot.
func (t *tile) run(rows int, twoPanels bool) {
	t.row = 0
	switch {
	case !hasAVX512:
		t.runAVX2(rows)
	case twoPanels:
		t.run32(rows)
	default:
		t.run16(rows)
	}
}

func (t *tile) runAVX2(left int) {
	if left >= 6 {
		t.end = left - left%6
		left %= 6
		tile6x16AVX2(t)
	}
	if left >= 4 {
		tile4x16AVX2(t)
		left -= 4
	}
	switch left {
	case 3:
		tile3x16AVX2(t)
	case 2:
		tile2x16AVX2(t)
	case 1:
		tile1x16AVX2(t)
	}
}

// twelves is how many rows tiles of twelve rows compute, before those of fewer. The last
// sixteen are for two tiles of eight: the fewer rows a tile has, the slower it is.
func twelves(rows int) int {
	if rows%12 != 0 {
		rows = max(0, rows-5)
	}
	return rows - rows%12
}

func (t *tile) run16(left int) {
	if t.end = twelves(left); t.end > 0 {
		left -= t.end
		tile12x16AVX512(t)
	}
	if left >= 8 {
		t.end += left &^ 7
		left &= 7
		tile8x16AVX512(t)
	}
	switch {
	case left >= 6:
		tile6x16AVX512(t)
		left -= 6
	case left >= 4:
		tile4x16AVX512(t)
		left -= 4
	}
	switch left {
	case 3:
		tile3x16AVX512(t)
	case 2:
		tile2x16AVX512(t)
	case 1:
		tile1x16AVX512(t)
	}
}

func (t *tile) run32(left int) {
	if t.end = twelves(left); t.end > 0 {
		left -= t.end
		tile12x32AVX512(t)
	}
	if left >= 8 {
		t.end += left &^ 7
		left &= 7
		tile8x32AVX512(t)
	}
	switch {
	case left >= 6:
		tile6x32AVX512(t)
		left -= 6
	case left >= 4:
		tile4x32AVX512(t)
		left -= 4
	}
	switch left {
	case 3:
		tile3x32AVX512(t)
	case 2:
		tile2x32AVX512(t)
	case 1:
		tile1x32AVX512(t)
	}
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is a set of vector instructions.
type isa struct {
	name  string
	bytes int // of a vector
}

var (
	avx2   = isa{"AVX2", 32}
	avx512 = isa{"AVX512", 64}
)

func (s isa) vector() VecVirtual {
	if s == avx512 {
		return ZMM()
	}
	return YMM()
}

// panel is the width of a packed panel of B, in bytes.
const panel = 64

// Offsets into the struct tile of package kernel, which tests check.
const (
	offStepB   = 8 * iota // bytes from a row of B to the next
	offNextB              // bytes from a panel of B to the next
	offC                  // first element of C
	offRowC               // bytes from a row of C to the next
	offInit               // what the sums start from, nil for zero
	offRowInit            // bytes from a row of it to the next
	offGate               // what gates the sums, nil for nothing
	offRowGate            // bytes from a row of it to the next
	offSlope              // of the gate's step, a float32
	offAdd                // what is added at the end, nil for nothing
	offRowAdd             // bytes from a row of it to the next
	offMask               // 16 int32, -1 for each column of the last panel that is there
	offFlags
	offRow      // first row of the next tile
	offEnd      // tiles follow up to this row, after the first
	offA        // bytes to add to where the segments' columns of A begin
	offB        // the same of B
	offCount    // segments
	offSegments // the first of them
)

// Offsets into the struct segment, some columns of A.
const (
	segmentA    = 8 * iota // first element
	segmentRow             // bytes from a row to the next
	segmentStep            // bytes from a column to the next
	segmentK               // columns; at least one
	segmentB               // first element of its rows of B
	segmentSize
)

// Bits of the field flags.
const (
	flagFull   = 1 << iota // all columns of the last panel are there
	flagColumn             // init has one element per row
	flagRelu
)

// rowsAt gives operands for rows of memory, from base on, ld bytes apart. More
// than six need a second base, which the caller moves along with the first.
type rowsAt struct {
	bases []Register
	ld    [6]Register // multiples of the distance: 1, 3 and 5 are there
}

func newRowsAt(base, ld Register, rows int) *rowsAt {
	r := &rowsAt{bases: []Register{base}}
	r.ld[1] = ld
	if rows > 3 {
		r.ld[3] = GP64()
		LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, r.ld[3])
	}
	if rows > 5 {
		r.ld[5] = GP64()
		LEAQ(Mem{Base: ld, Index: ld, Scale: 4}, r.ld[5])
	}
	if rows > 6 {
		second := GP64()
		LEAQ(Mem{Base: base, Index: r.ld[3], Scale: 2}, second)
		r.bases = append(r.bases, second)
	}
	return r
}

func (r *rowsAt) at(row, disp int) Mem {
	m := Mem{Base: r.bases[row/6], Disp: disp}
	switch i := row % 6; i {
	case 0:
	case 3, 5:
		m.Index, m.Scale = r.ld[i], 1
	default: // 1, 2, 4
		m.Index, m.Scale = r.ld[1], uint8(i)
	}
	return m
}

func field(t Register, offset int) Register {
	r := GP64()
	MOVQ(Mem{Base: t, Disp: offset}, r)
	return r
}

// moved moves base down to the tile's first row.
func moved(t, base, ld Register) Register {
	down := GP64()
	MOVQ(ld, down)
	IMULQ(Mem{Base: t, Disp: offRow}, down)
	ADDQ(down, base)
	return base
}

// tile writes a function that computes rows × vecs vectors of C, some times.
func tile(s isa, rows, vecs int) {
	columns := vecs * s.bytes / 4
	name := fmt.Sprintf("tile%dx%d%s", rows, columns, s.name)
	TEXT(name, NOSPLIT, "func(t *uint64)")
	Doc(fmt.Sprintf("%s computes some tiles of %d rows and up to %d columns of C.", name, rows, columns))
	Pragma("noescape")
	t := Load(Param("t"), GP64())

	acc := make([][]VecVirtual, rows)
	for i := range acc {
		for range vecs {
			acc[i] = append(acc[i], s.vector())
		}
	}
	perPanel := panel / s.bytes // vectors in a panel
	last := vecs - perPanel     // first vector of the last panel
	mask := s.masks(t, perPanel)
	// where is the place of vector v within a row that is not packed.
	where := func(v int) int { return v * s.bytes }

	each := func(f func(i, v int)) {
		for i := range rows {
			for v := range vecs {
				f(i, v)
			}
		}
	}

	// rowsOf gives operands for the tile's rows of a matrix.
	rowsOf := func(base Register, distance int) *rowsAt {
		ld := field(t, distance)
		return newRowsAt(moved(t, base, ld), ld, rows)
	}

	// Sums start from zero, from rows, or from one element per row.
	Label("tile")
	init := field(t, offInit)
	TESTQ(init, init)
	JZ(LabelRef("zero"))
	from := rowsOf(init, offRowInit)
	TESTB(U8(flagColumn), Mem{Base: t, Disp: offFlags})
	JNZ(LabelRef("column"))
	TESTB(U8(flagFull), Mem{Base: t, Disp: offFlags})
	JZ(LabelRef("part"))
	each(func(i, v int) { VMOVUPS(from.at(i, where(v)), acc[i][v]) })
	JMP(LabelRef("sum"))
	Label("part")
	each(func(i, v int) {
		if v >= last {
			mask.load(from.at(i, where(v)), acc[i][v], v-last)
		} else {
			VMOVUPS(from.at(i, where(v)), acc[i][v])
		}
	})
	JMP(LabelRef("sum"))
	Label("column")
	for i := range rows {
		VBROADCASTSS(from.at(i, 0), acc[i][0])
		for v := 1; v < vecs; v++ {
			VMOVAPS(acc[i][0], acc[i][v])
		}
	}
	JMP(LabelRef("sum"))
	Label("zero")
	each(func(i, v int) { s.zero(acc[i][v]) })

	Label("sum")
	count := field(t, offCount)
	TESTQ(count, count)
	JZ(LabelRef("end"))
	segment := field(t, offSegments)
	b, stepB := GP64(), field(t, offStepB)
	second := Register(b)
	if last > 0 {
		second = field(t, offNextB)
	}
	Label("segment")
	first, rowA, stepA := field(segment, segmentA), field(segment, segmentRow), field(segment, segmentStep)
	ADDQ(Mem{Base: t, Disp: offA}, first)
	a := newRowsAt(moved(t, first, rowA), rowA, rows)
	k := field(segment, segmentK)
	MOVQ(Mem{Base: segment, Disp: segmentB}, b)
	ADDQ(Mem{Base: t, Disp: offB}, b)
	// The next tile's rows are fetched meanwhile, as if they lay end to end: A mostly comes from
	// memory, a few columns at a time, which the processor does not foresee.
	ahead := Register(nil)
	if rows >= 8 {
		ahead = GP64()
		IMUL3Q(Imm(uint64(rows)), Mem{Base: segment, Disp: segmentRow}, ahead)
		ADDQ(a.bases[0], ahead)
	}
	Label("loop")
	bv := make([]VecVirtual, vecs)
	for v := range bv {
		bv[v] = s.vector()
		m := Mem{Base: b, Disp: v * s.bytes}
		if last > 0 && v >= last {
			m = Mem{Base: b, Index: second, Scale: 1, Disp: (v - last) * s.bytes}
		}
		VMOVUPS(m, bv[v])
	}
	for i := range rows {
		x := s.vector()
		VBROADCASTSS(a.at(i, 0), x)
		for v := range vecs {
			VFMADD231PS(bv[v], x, acc[i][v])
		}
	}
	if ahead != nil {
		PREFETCHT0(Mem{Base: ahead})
		ADDQ(Imm(uint64(4*rows)), ahead)
	}
	for _, base := range a.bases {
		ADDQ(stepA, base)
	}
	ADDQ(stepB, b)
	DECQ(k)
	JNZ(LabelRef("loop"))
	ADDQ(Imm(segmentSize), segment)
	DECQ(count)
	JNZ(LabelRef("segment"))
	Label("end")

	gate := field(t, offGate)
	TESTQ(gate, gate)
	JZ(LabelRef("gated"))
	gates := rowsOf(gate, offRowGate)
	low := s.vector()
	s.zero(low)
	// The smaller of one and x, like the larger of zero and x, is x where x is not a number.
	step := func(i, v int, x VecVirtual) {
		y := s.vector()
		VBROADCASTSS(Mem{Base: t, Disp: offSlope}, y)
		VMULPS(y, x, x)
		VMAXPS(x, low, x)
		VBROADCASTSS(splatOf("one", 1), y)
		VMINPS(x, y, x)
		VMULPS(x, acc[i][v], acc[i][v])
	}
	TESTB(U8(flagFull), Mem{Base: t, Disp: offFlags})
	JZ(LabelRef("gatepart"))
	each(func(i, v int) {
		x := s.vector()
		VMOVUPS(gates.at(i, where(v)), x)
		step(i, v, x)
	})
	JMP(LabelRef("gated"))
	Label("gatepart")
	each(func(i, v int) {
		x := s.vector()
		if v >= last {
			mask.load(gates.at(i, where(v)), x, v-last)
		} else {
			VMOVUPS(gates.at(i, where(v)), x)
		}
		step(i, v, x)
	})
	Label("gated")

	add := field(t, offAdd)
	TESTQ(add, add)
	JZ(LabelRef("added"))
	addend := rowsOf(add, offRowAdd)
	TESTB(U8(flagFull), Mem{Base: t, Disp: offFlags})
	JZ(LabelRef("addpart"))
	each(func(i, v int) { VADDPS(addend.at(i, where(v)), acc[i][v], acc[i][v]) })
	JMP(LabelRef("added"))
	Label("addpart")
	each(func(i, v int) {
		if v >= last {
			x := s.vector()
			mask.load(addend.at(i, where(v)), x, v-last)
			VADDPS(x, acc[i][v], acc[i][v])
		} else {
			VADDPS(addend.at(i, where(v)), acc[i][v], acc[i][v])
		}
	})
	Label("added")

	TESTB(U8(flagRelu), Mem{Base: t, Disp: offFlags})
	JZ(LabelRef("store"))
	zero := s.vector()
	s.zero(zero)
	// The larger of zero and x is x where x is not a number.
	each(func(i, v int) { VMAXPS(acc[i][v], zero, acc[i][v]) })

	Label("store")
	c := rowsOf(field(t, offC), offRowC)
	TESTB(U8(flagFull), Mem{Base: t, Disp: offFlags})
	JZ(LabelRef("storepart"))
	each(func(i, v int) { VMOVUPS(acc[i][v], c.at(i, where(v))) })
	JMP(LabelRef("next"))
	Label("storepart")
	each(func(i, v int) {
		if v >= last {
			mask.store(acc[i][v], c.at(i, where(v)), v-last)
		} else {
			VMOVUPS(acc[i][v], c.at(i, where(v)))
		}
	})
	Label("next")
	row := field(t, offRow)
	ADDQ(Imm(uint64(rows)), row)
	MOVQ(row, Mem{Base: t, Disp: offRow})
	CMPQ(row, Mem{Base: t, Disp: offEnd})
	JLT(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

func (s isa) zero(v VecVirtual) {
	if s.bytes == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// masked loads and stores the columns of the last panel that are there; part is
// the vector within that panel.
type masked interface {
	load(m Mem, v VecVirtual, part int)
	store(v VecVirtual, m Mem, part int)
}

// masks reads the mask from t. AVX2 has too few registers to keep it, and reads it
// again at each use.
func (s isa) masks(t Register, perPanel int) masked {
	if s.bytes == 64 {
		k, v := K(), ZMM()
		VMOVDQU32(Mem{Base: field(t, offMask)}, v)
		VPMOVD2M(v, k)
		return opmask{k}
	}
	return vecmask{t}
}

type opmask struct{ k OpmaskVirtual }

func (o opmask) load(m Mem, v VecVirtual, _ int)  { VMOVUPS_Z(m, o.k, v) }
func (o opmask) store(v VecVirtual, m Mem, _ int) { VMOVUPS(v, o.k, m) }

type vecmask struct{ t Register }

func (o vecmask) mask(part int) VecVirtual {
	v := YMM()
	VMOVDQU(Mem{Base: field(o.t, offMask), Disp: part * 32}, v)
	return v
}

func (o vecmask) load(m Mem, v VecVirtual, part int)  { VMASKMOVPS(m, o.mask(part), v) }
func (o vecmask) store(v VecVirtual, m Mem, part int) { VMASKMOVPS(v, o.mask(part), m) }

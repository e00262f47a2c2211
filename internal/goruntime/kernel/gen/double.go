package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// double writes a function that adds to so many vectors of each of so many rows of C the product
// of rows of A, whose columns are neighbours, and k rows of B, all in float64. The steps from
// row to row are in bytes.
func double(s isa, rows, vectors int) {
	TEXT(fmt.Sprintf("double%dx%d%s", rows, vectors*s.bytes/8, s.name), NOSPLIT, "func(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)")
	Doc("adds A·B to columns of C.")
	Pragma("noescape")
	c := newRowsAt(Load(Param("c"), GP64()), Load(Param("stepC"), GP64()), rows)
	a := newRowsAt(Load(Param("a"), GP64()), Load(Param("stepA"), GP64()), rows)
	b, stepB := Load(Param("b"), GP64()), Load(Param("stepB"), GP64())
	k := Load(Param("k"), GP64())
	sums := make([][]VecVirtual, rows)
	for r := range sums {
		for i := range vectors {
			sum := s.vector()
			VMOVUPD(c.at(r, s.bytes*i), sum)
			sums[r] = append(sums[r], sum)
		}
	}
	Label("loop")
	TESTQ(k, k)
	JZ(LabelRef("done"))
	row, x := make([]VecVirtual, vectors), s.vector()
	for i := range row {
		row[i] = s.vector()
		VMOVUPD(Mem{Base: b, Disp: s.bytes * i}, row[i])
	}
	for r := range rows {
		VBROADCASTSD(a.at(r, 0), x)
		for i, sum := range sums[r] {
			VFMADD231PD(row[i], x, sum)
		}
	}
	ADDQ(stepB, b)
	for _, base := range a.bases {
		ADDQ(Imm(8), base)
	}
	DECQ(k)
	JMP(LabelRef("loop"))
	Label("done")
	for r := range rows {
		for i, sum := range sums[r] {
			VMOVUPD(sum, c.at(r, s.bytes*i))
		}
	}
	VZEROUPPER()
	RET()
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// double writes a function that adds to two vectors of each of so many rows of C the product
// of rows of A, whose columns are neighbours, and k rows of B, all in float64. The steps from
// row to row are in bytes.
func double(s isa, rows int) {
	TEXT(fmt.Sprintf("double%d%s", rows, s.name), NOSPLIT, "func(c *float64, stepC uintptr, a *float64, stepA uintptr, b *float64, stepB uintptr, k int)")
	Doc("adds A·B to columns of C.")
	Pragma("noescape")
	c := newRowsAt(Load(Param("c"), GP64()), Load(Param("stepC"), GP64()), rows)
	a := newRowsAt(Load(Param("a"), GP64()), Load(Param("stepA"), GP64()), rows)
	b, stepB := Load(Param("b"), GP64()), Load(Param("stepB"), GP64())
	k := Load(Param("k"), GP64())
	var sums [][2]VecVirtual
	for r := range rows {
		sums = append(sums, [2]VecVirtual{s.vector(), s.vector()})
		for i, sum := range sums[r] {
			VMOVUPD(c.at(r, s.bytes*i), sum)
		}
	}
	Label("loop")
	TESTQ(k, k)
	JZ(LabelRef("done"))
	left, right, x := s.vector(), s.vector(), s.vector()
	VMOVUPD(Mem{Base: b}, left)
	VMOVUPD(Mem{Base: b, Disp: s.bytes}, right)
	for r := range rows {
		VBROADCASTSD(a.at(r, 0), x)
		VFMADD231PD(left, x, sums[r][0])
		VFMADD231PD(right, x, sums[r][1])
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

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// addRow writes a function that adds some columns of a row, whose number is a multiple of a vector's, to
// those of rows that lie step bytes apart.
func addRow() {
	name := "addRow" + set.name
	TEXT(name, NOSPLIT, "func(dst, a, row *float32, columns, rows int, step uintptr)")
	Doc(name + " adds columns of a row to those of rows.")
	dst, a, row := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("row"), GP64())
	columns, rows, step := Load(Param("columns"), GP64()), Load(Param("rows"), GP64()), Load(Param("step"), GP64())
	at, left := GP64(), GP64()
	Label("columns")
	x := read([]Mem{{Base: row}})[0]
	XORQ(at, at)
	MOVQ(rows, left)
	Label("rows")
	y := set.vector()
	VADDPS(Mem{Base: a, Index: at, Scale: 1}, x, y)
	VMOVUPS(y, Mem{Base: dst, Index: at, Scale: 1})
	ADDQ(step, at)
	DECQ(left)
	JNZ(LabelRef("rows"))
	ADDQ(U32(uint32(set.bytes)), dst)
	ADDQ(U32(uint32(set.bytes)), a)
	ADDQ(U32(uint32(set.bytes)), row)
	SUBQ(Imm(uint64(set.bytes/4)), columns)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

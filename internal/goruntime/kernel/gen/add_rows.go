package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// addRows writes a function that adds some columns of a row, whose number is a multiple of a vector's, to
// those of a lot of rows that lie step bytes apart; lots lie so many bytes apart.
func addRows() {
	name := "addRows" + set.name
	TEXT(name, NOSPLIT, "func(dst, a, row *float32, columns, rows, lots int, step, nextDst, nextA, nextRow uintptr)")
	Doc(name + " adds columns of each lot's row to those of its rows.")
	dst, a, row := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("row"), GP64())
	columns, rows, step := Load(Param("columns"), GP64()), Load(Param("rows"), GP64()), Load(Param("step"), GP64())
	lots := Load(Param("lots"), GP64())
	at, down, rowsLeft := GP64(), GP64(), GP64() // bytes of columns, of rows; rows
	Label("lots")
	XORQ(at, at)
	Label("columns")
	x := set.vector()
	VMOVUPS(Mem{Base: row, Index: at, Scale: 1}, x)
	MOVQ(at, down)
	MOVQ(rows, rowsLeft)
	Label("rows")
	y := set.vector()
	VADDPS(Mem{Base: a, Index: down, Scale: 1}, x, y)
	VMOVUPS(y, Mem{Base: dst, Index: down, Scale: 1})
	ADDQ(step, down)
	DECQ(rowsLeft)
	JNZ(LabelRef("rows"))
	ADDQ(U32(uint32(set.bytes)), at)
	CMPQ(at, columns)
	JNE(LabelRef("columns"))
	for _, next := range []struct {
		name string
		p    Register
	}{{"nextDst", dst}, {"nextA", a}, {"nextRow", row}} {
		m, err := Param(next.name).Resolve()
		if err != nil {
			panic(err)
		}
		ADDQ(m.Addr, next.p)
	}
	DECQ(lots)
	JNZ(LabelRef("lots"))
	VZEROUPPER()
	RET()
}

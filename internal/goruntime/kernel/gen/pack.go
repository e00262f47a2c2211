package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pack8 writes a function that transposes eight columns of B, which lie step bytes apart,
// into half a panel: eight of their rows at a time, so many times.
func pack8() {
	TEXT("pack8AVX2", NOSPLIT, "func(dst, src *float32, step uintptr, blocks int)")
	Doc("pack8AVX2 transposes blocks of 8×8 elements.")
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	from := newRowsAt(src, Load(Param("step"), GP64()), 8)
	blocks := Load(Param("blocks"), GP64())

	Label("loop")
	var r, pairs, quads, out [8]VecVirtual
	for i := range r {
		r[i] = YMM()
		VMOVUPS(from.at(i, 0), r[i])
	}
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], pairs[i])
		VUNPCKHPS(r[i+1], r[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for k := range 2 {
			quads[i+2*k], quads[i+2*k+1] = YMM(), YMM()
			VSHUFPS(Imm(0x44), pairs[i+2+k], pairs[i+k], quads[i+2*k])
			VSHUFPS(Imm(0xee), pairs[i+2+k], pairs[i+k], quads[i+2*k+1])
		}
	}
	for i := range 4 {
		out[i], out[i+4] = YMM(), YMM()
		VPERM2F128(Imm(0x20), quads[i+4], quads[i], out[i])
		VPERM2F128(Imm(0x31), quads[i+4], quads[i], out[i+4])
	}
	for i, x := range out {
		VMOVUPS(x, Mem{Base: dst, Disp: i * panel})
	}
	ADDQ(U32(8*panel), dst)
	for _, base := range from.bases {
		ADDQ(Imm(32), base)
	}
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

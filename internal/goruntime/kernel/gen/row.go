package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// row writes a function that adds to n elements of C, a multiple of 16, the products of 4·k
// elements of A with as many rows of B, which it reads from end to end, four at a time.
func row() {
	TEXT("row4AVX512", NOSPLIT, "func(c *float32, n int, a *float32, stepA uintptr, b *float32, stepB uintptr, k int)")
	Doc("row4AVX512 adds A·B to a row of C.")
	Pragma("noescape")
	c, n := Load(Param("c"), GP64()), Load(Param("n"), GP64())
	a, stepA := Load(Param("a"), GP64()), Load(Param("stepA"), GP64())
	b, stepB := Load(Param("b"), GP64()), Load(Param("stepB"), GP64())
	k := Load(Param("k"), GP64())
	SHLQ(Imm(2), n) // bytes
	Label("rows")
	one, two, three, four := ZMM(), ZMM(), ZMM(), ZMM()
	VBROADCASTSS(Mem{Base: a}, one)
	VBROADCASTSS(Mem{Base: a, Index: stepA, Scale: 1}, two)
	VBROADCASTSS(Mem{Base: a, Index: stepA, Scale: 2}, three)
	LEAQ(Mem{Base: a, Index: stepA, Scale: 2}, a)
	VBROADCASTSS(Mem{Base: a, Index: stepA, Scale: 1}, four)
	LEAQ(Mem{Base: a, Index: stepA, Scale: 2}, a)
	b1, b2, b3 := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: b, Index: stepB, Scale: 1}, b1)
	LEAQ(Mem{Base: b, Index: stepB, Scale: 2}, b2)
	LEAQ(Mem{Base: b1, Index: stepB, Scale: 2}, b3)
	i := GP64()
	XORQ(i, i)
	Label("columns")
	sum := ZMM()
	VMOVUPS(Mem{Base: c, Index: i, Scale: 1}, sum)
	VFMADD231PS(Mem{Base: b, Index: i, Scale: 1}, one, sum)
	VFMADD231PS(Mem{Base: b1, Index: i, Scale: 1}, two, sum)
	VFMADD231PS(Mem{Base: b2, Index: i, Scale: 1}, three, sum)
	VFMADD231PS(Mem{Base: b3, Index: i, Scale: 1}, four, sum)
	VMOVUPS(sum, Mem{Base: c, Index: i, Scale: 1})
	ADDQ(Imm(64), i)
	CMPQ(i, n)
	JNE(LabelRef("columns"))
	LEAQ(Mem{Base: b2, Index: stepB, Scale: 2}, b)
	DECQ(k)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

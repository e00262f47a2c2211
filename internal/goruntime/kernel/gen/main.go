// Command gen writes the assembly of package kernel for amd64.
//
//	cd internal/goruntime/kernel/gen && go run . -out ../kernel_amd64.s
//
// It is a module of its own, so that only whoever changes the assembly needs avo.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, rows := range []int{1, 2, 3, 4, 6} {
		tile(avx2, rows, 2)
	}
	for _, rows := range []int{1, 2, 3, 4, 6, 8, 12} {
		tile(avx512, rows, 1)
		tile(avx512, rows, 2)
	}
	row()
	binary("add", 1, add)
	binary("sub", 1, sub)
	binary("mul", 1, mul)
	binary("div", 1, div)
	binary("max", 1, larger)
	binary("min", 1, smaller)
	unary("sqrt", 1, prepareSqrt)
	unary("relu", 1, prepareRelu)
	unary("exp", 1, prepareExp)
	unary("elu", 1, prepareElu)
	unary("erf", 1, prepareErf)
	unary("sigmoid", 1, prepareSigmoid)
	unary("tanh", 1, prepareTanh)
	vectors("tanhSigmoid", 2, 1, prepareTanhSigmoid)
	vectors("fastTanhSigmoid", 2, 1, prepareFastTanhSigmoid)
	set = avx512
	binary("add", 4, add)
	binary("sub", 4, sub)
	binary("mul", 4, mul)
	unary("exp", 4, prepareExp)
	unary("elu", 4, prepareElu)
	unary("erf", 4, prepareErf)
	unary("sigmoid", 4, prepareSigmoid)
	unary("tanh", 4, prepareTanh)
	for _, set = range []isa{avx2, avx512} {
		for high := 1; high <= 3; high++ {
			winograd(high, 2)
			winograd(high, 3)
		}
		addRows()
	}
	vectors("tanhSigmoid", 2, 4, prepareTanhSigmoid)
	vectors("fastTanhSigmoid", 2, 4, prepareFastTanhSigmoid)
	pack8()
	double(avx2, 1, 2)
	double(avx2, 4, 2)
	double(avx512, 8, 1)
	double(avx512, 8, 2)
	double(avx512, 8, 3)
	for _, s := range []isa{avx2, avx512} {
		toDouble(s, "widen64", "float32", 4, widened)
		doubles(s, "decay", decay64)
		doubles(s, "log", log64)
		doubles(s, "erf", erf64)
		doubles(s, "exp", exp64)
		doubles(s, "elu", elu64)
		doubles(s, "sigmoid", sigmoid64)
		doubles(s, "tanh", tanh64)
	}
	Generate()
}

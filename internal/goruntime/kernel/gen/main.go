// Command gen writes the assembly of package kernel for amd64.
//
//	cd internal/goruntime/kernel/gen && go run . -out ../kernel_amd64.s
//
// It is a module of its own, so that only whoever changes the assembly needs avo.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"
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
	plain := func(f func(x []VecVirtual) VecVirtual) func() func(x []VecVirtual) VecVirtual {
		return func() func(x []VecVirtual) VecVirtual { return f }
	}
	vectors("addAVX2", 2, plain(add))
	vectors("subAVX2", 2, plain(sub))
	vectors("mulAVX2", 2, plain(mul))
	vectors("divAVX2", 2, plain(div))
	vectors("maxAVX2", 2, plain(larger))
	vectors("minAVX2", 2, plain(smaller))
	vectors("reluAVX2", 1, prepareRelu)
	vectors("expAVX2", 1, prepareExp)
	vectors("sigmoidAVX2", 1, prepareSigmoid)
	vectors("tanhAVX2", 1, prepareTanh)
	Generate()
}

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
	vectors("add", 2, plain(add))
	vectors("sub", 2, plain(sub))
	vectors("mul", 2, plain(mul))
	vectors("div", 2, plain(div))
	vectors("max", 2, plain(larger))
	vectors("min", 2, plain(smaller))
	vectors("sqrt", 1, plain(func(x []VecVirtual) VecVirtual {
		VSQRTPS(x[0], x[0])
		return x[0]
	}))
	vectors("relu", 1, prepareRelu)
	vectors("exp", 1, prepareExp)
	vectors("elu", 1, prepareElu)
	vectors("erf", 1, prepareErf)
	vectors("sigmoid", 1, prepareSigmoid)
	vectors("tanh", 1, prepareTanh)
	set = avx512
	vectors("exp", 1, prepareExp)
	vectors("elu", 1, prepareElu)
	vectors("erf", 1, prepareErf)
	vectors("sigmoid", 1, prepareSigmoid)
	vectors("tanh", 1, prepareTanh)
	pack8()
	double(avx2, 1)
	double(avx2, 4)
	double(avx512, 8)
	for _, s := range []isa{avx2, avx512} {
		doubles(s, "exp", exp64)
		doubles(s, "elu", elu64)
		doubles(s, "sigmoid", sigmoid64)
		doubles(s, "tanh", tanh64)
	}
	Generate()
}

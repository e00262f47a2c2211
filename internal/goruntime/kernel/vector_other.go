//go:build !amd64

package kernel

func add(dst, a, b []float32) { apply2(dst, a, b, add1) }

func sub(dst, a, b []float32) { apply2(dst, a, b, sub1) }

func mul(dst, a, b []float32) { apply2(dst, a, b, mul1) }

func div(dst, a, b []float32) { apply2(dst, a, b, div1) }

func larger(dst, a, b []float32) { apply2(dst, a, b, larger1) }

func smaller(dst, a, b []float32) { apply2(dst, a, b, smaller1) }

func relu(dst, a []float32) { apply(dst, a, relu1) }

func sqrt(dst, a []float32) { apply(dst, a, sqrt1) }

func exp(dst, a []float32) { apply(dst, a, exp1) }

func elu(dst, a []float32) { apply(dst, a, elu1) }

func erf(dst, a []float32) { apply(dst, a, erf1) }

func sigmoid(dst, a []float32) { apply(dst, a, sigmoid1) }

func tanh(dst, a []float32) { apply(dst, a, tanh1) }

func addRows(_, _ []float32, _ int, _ []float32, _, _, _ int) int { return 0 }

func tanhSigmoid(dst, a, b []float32) { apply2(dst, a, b, tanhSigmoid1) }

func fastTanhSigmoid(dst, a, b []float32) { apply2(dst, a, b, fastTanhSigmoid1) }

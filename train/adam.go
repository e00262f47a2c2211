package train

import (
	"math"

	"pixelcnn/internal/onnx"
)

// Adam's constants are the customary ones (Kingma and Ba, "Adam: A Method for
// Stochastic Optimization", 2015, algorithm 1).
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// adamChunks is the number of equal parts of the vector, each updated by a run of
// its own. It is fixed so that the result does not depend on the threads.
const adamChunks = 4

// newAdam builds the graph that updates n elements:
//
//	g  = scale·(sum of the lanes, in order)
//	m' = β1·m + (1−β1)·g
//	v' = β2·v + (1−β2)·g²
//	p' = p − rate·m' / (√v'·root + ε)
//
// Inputs: scale, rate and root, [1] each, then p, m, v and the lanes, [n] each.
// Outputs: p', m', v'. The bias corrections are in rate and root; see [correction].
func newAdam(n, lanes int) *onnx.Graph {
	g := &onnx.Graph{}
	one := func(name string) *onnx.Value { return g.Input(name, onnx.Float32, onnx.Fixed(1)) }
	vec := func(name string) *onnx.Value { return g.Input(name, onnx.Float32, onnx.Fixed(n)) }
	op := func(op string, a, b *onnx.Value) *onnx.Value { return g.Op(op, nil, a, b) }
	num := func(x float64) *onnx.Value { return onnx.Const("", onnx.Scalar(float32(x))) }

	scale, rate, root := one("scale"), one("rate"), one("root")
	p, m, v := vec("p"), vec("m"), vec("v")
	grad := op("Mul", sumLanes(g, n, lanes), scale)
	m = op("Add", op("Mul", m, num(beta1)), op("Mul", grad, num(1-beta1)))
	v = op("Add", op("Mul", v, num(beta2)), op("Mul", op("Mul", grad, grad), num(1-beta2)))
	by := op("Add", op("Mul", g.Op("Sqrt", nil, v), root), num(epsilon))
	p = op("Sub", p, op("Div", op("Mul", m, rate), by))
	for i, out := range []*onnx.Value{p, m, v} {
		g.Output(out, []string{"p2", "m2", "v2"}[i], onnx.Float32, onnx.Fixed(n))
	}
	return g
}

// correction returns Adam's rate and root for its step-th update, counted from 1:
// learningRate/(1−β1^step) and 1/√(1−β2^step).
func correction(learningRate float64, step int) (rate, root float32) {
	t := float64(step)
	return float32(learningRate / (1 - math.Pow(beta1, t))), float32(1 / math.Sqrt(1-math.Pow(beta2, t)))
}

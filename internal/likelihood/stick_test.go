package likelihood_test

import (
	"math"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// stick is a head that no file has, by which the seam is shown: stick breaking: with depth−1 outputs o, level k is taken with probability
// σ(o_k) where none before it was, and the last one where none was. (Sethuraman, "A
// constructive definition of Dirichlet priors", 1994.)
type stick struct{ depth int }

// Name is "stick".
func (stick) Name() string { return "stick" }

// Levels is one more than there are outputs.
func (s stick) Levels() int { return s.depth }

// Symbols is 1.
func (stick) Symbols() int { return 1 }

// Outputs is one fewer than there are levels.
func (s stick) Outputs() int { return s.depth - 1 }

// Scratch is room for the levels.
func (s stick) Scratch() int { return s.depth }

// softplus is log(1 + e^x).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// LogProbs are log σ(o_k) + Σ_{j<k} log(1 − σ(o_j)).
func (s stick) LogProbs(outputs []float64, _ []uint16, scratch []float64) []float64 {
	left := 0.0
	for k, o := range outputs {
		scratch[k] = left - softplus(-o)
		left -= softplus(o)
	}
	scratch[s.depth-1] = left
	return scratch
}

// Error adds up those of the outputs: log σ changes no faster than its argument.
func (s stick) Error(outputs []float64, _ []uint16, _ float64, _ []float64) float64 {
	sum := 0.0
	for _, o := range outputs {
		sum += likelihood.Rounding * (1 + math.Abs(o))
	}
	return sum
}

// Alone is itself.
func (s stick) Alone() likelihood.Head { return s }

// LogProbNodes are those of LogProbs.
func (s stick) LogProbNodes(g *onnx.Graph, outputs *onnx.Value, _ []*onnx.Value) *onnx.Value {
	last := onnx.Attrs{"axis": int64(-1)}
	taken := g.Op("Neg", nil, g.Op("Softplus", nil, g.Op("Neg", nil, outputs)))
	passed := g.Op("Neg", nil, g.Op("Softplus", nil, outputs))
	left := g.Op("CumSum", nil, passed, onnx.Const("", onnx.Scalar(int64(-1))))
	first := g.Op("Mul", nil, g.Op("Slice", nil, passed, list(0), list(1), list(-1)), onnx.Const("", onnx.Scalar(float32(0))))
	before := g.Op("Slice", nil, g.Op("Concat", last, first, left), list(0), list(-1), list(-1))
	end := g.Op("Slice", nil, left, list(-1), list(math.MaxInt64), list(-1))
	return g.Op("Concat", last, g.Op("Add", nil, taken, before), end)
}

// LossNodes: with t_k 1 where level k is there and r_k where one after it is, the
// log-probability is Σ t_k·log σ(o_k) + r_k·log(1 − σ(o_k)), and its derivative by o_k
// t_k − (t_k + r_k)·σ(o_k).
func (s stick) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	all := s.LogProbNodes(g, outputs, nil)
	logProb = g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, g.Op("Mul", nil, all, truth), list(1))
	if gradient {
		t := g.Op("Slice", nil, truth, list(0), list(-1), list(1))
		reached := g.Op("CumSum", onnx.Attrs{"reverse": int64(1)}, truth, onnx.Const("", onnx.Scalar(int64(1))))
		reached = g.Op("Slice", nil, reached, list(0), list(-1), list(1))
		grad = g.Op("Sub", nil, g.Op("Mul", nil, reached, g.Op("Sigmoid", nil, outputs)), t)
	}
	return logProb, grad
}

func list(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

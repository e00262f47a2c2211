package likelihood

import "pixelcnn/internal/onnx"

// Categorical has an output for each level, its logit: p(level) ∝ exp(logit).
type Categorical struct {
	Depth    int // levels
	Channels int // 0 means 1
	Form     Form
}

// Name is "categorical".
func (Categorical) Name() string { return "categorical" }

// Levels is the number of logits.
func (c Categorical) Levels() int { return c.Depth }

// Symbols is 1.
func (c Categorical) Symbols() int { return max(1, c.Channels) }

// Outputs is the number of levels.
func (c Categorical) Outputs() int { return c.Depth * c.Symbols() }

// LogProbs are the outputs.
func (c Categorical) LogProbs(outputs []float64, earlier []uint16, _ []float64) []float64 {
	return outputs[len(earlier)*c.Depth:][:c.Depth]
}

// Error is that of a logit.
func (Categorical) Error(_ []float64, size float64) float64 { return Rounding * (1 + size) }

// LogProbNodes adds nothing.
func (Categorical) LogProbNodes(_ *onnx.Graph, outputs *onnx.Value) *onnx.Value { return outputs }

// LossNodes are log softmax at the level, and softmax − one-hot. LogSoftmax subtracts each
// row's maximum.
func (Categorical) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	all := g.Op("LogSoftmax", onnx.Attrs{"axis": int64(1)}, outputs)
	levels := onnx.Const("", onnx.NewTensor([]int64{1}, 1))
	logProb = g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, g.Op("Mul", nil, all, truth), levels)
	if gradient {
		grad = g.Op("Sub", nil, g.Op("Exp", nil, all), truth)
	}
	return logProb, grad
}

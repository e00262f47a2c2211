package likelihood

import (
	"math"

	"pixelcnn/internal/onnx"
)

// Form is what outputs are that stand for probabilities.
type Form int

const (
	Logits           Form = iota // up to a constant of the symbol
	LogProbabilities             // logits, too
	Probabilities
)

// String is in words.
func (f Form) String() string {
	return [...]string{"logits", "log-probabilities", "probabilities"}[f]
}

// Categorical has an output for each level of each channel, channel by channel: of logits,
// p(level) ∝ exp(logit).
type Categorical struct {
	Depth    int // levels
	Channels int // 0 means 1
	Form     Form
}

// Name is "categorical".
func (Categorical) Name() string { return "categorical" }

// Levels is the number of outputs of a channel.
func (c Categorical) Levels() int { return c.Depth }

// Symbols is the number of channels.
func (c Categorical) Symbols() int { return max(1, c.Channels) }

// Outputs is the number of levels of all channels.
func (c Categorical) Outputs() int { return c.Symbols() * c.Depth }

// Scratch is room for the logarithms of probabilities.
func (c Categorical) Scratch() int {
	if c.Form == Probabilities {
		return c.Depth
	}
	return 0
}

// LogProbs are the channel's outputs, or their logarithms.
func (c Categorical) LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64 {
	outputs = outputs[len(earlier)*c.Depth:][:c.Depth]
	if c.Form != Probabilities {
		return outputs
	}
	logs := scratch[:c.Depth]
	for k, p := range outputs {
		logs[k] = Log(p) // NaN below 0
	}
	return logs
}

// Error is that of a logit, or of what Softmax makes of logits.
func (c Categorical) Error(_ []float64, _ []uint16, size float64, _ []float64) float64 {
	if c.Form == Probabilities {
		return probabilityError(size)
	}
	return Rounding * (1 + size)
}

// probabilityError bounds the error of log p, whose size is no more than size, for a float32
// p that Softmax or Sigmoid made: its relative error is that of two logits about as far
// apart as log p says, and below the normal numbers what is left of its digits.
func probabilityError(size float64) float64 {
	return 2*Rounding*(1+size) + 0x1p-149*math.Exp(min(size, 700))
}

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

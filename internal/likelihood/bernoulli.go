package likelihood

import "pixelcnn/internal/onnx"

// Bernoulli has one output for each channel, of two levels: of logits,
// p(level 1) = 1/(1 + exp(−logit)); of probabilities, the output itself.
type Bernoulli struct {
	Channels int // 0 means 1
	Form     Form
}

// Name is "bernoulli".
func (Bernoulli) Name() string { return "bernoulli" }

// Levels is 2.
func (Bernoulli) Levels() int { return 2 }

// Symbols is the number of channels.
func (b Bernoulli) Symbols() int { return max(1, b.Channels) }

// Outputs is the number of channels.
func (b Bernoulli) Outputs() int { return b.Symbols() }

// Scratch is room for the two.
func (Bernoulli) Scratch() int { return 2 }

// leastRest is what is left of a float32 probability of 1: half of its last digit.
const leastRest = 0x1p-26

// LogProbs are 0 and the logit, or log(1 − p) and log p.
func (b Bernoulli) LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64 {
	logs := scratch[:2]
	o := outputs[len(earlier)]
	if b.Form == Probabilities {
		if o > 1 && o <= 1+Rounding { // rounding made that
			o = 1
		}
		logs[0], logs[1] = Log(1-o), Log(o)
		if 1-o < leastRest && o <= 1 {
			logs[0] = Log(leastRest)
		}
		return logs
	}
	logs[0], logs[1] = 0, o
	return logs
}

// Error is that of the logit, or of the logarithms of p and 1 − p.
func (b Bernoulli) Error(outputs []float64, earlier []uint16, size float64, _ []float64) float64 {
	o := outputs[len(earlier)]
	if b.Form != Probabilities {
		return Rounding * (1 + size)
	}
	// 1 − p is off by what p is rounded to.
	return probabilityError(size) + 0x1p-24/max(1-o, leastRest)
}

// LogProbNodes puts a logit of 0 before the output.
func (b Bernoulli) LogProbNodes(g *onnx.Graph, outputs *onnx.Value) *onnx.Value {
	panic("later")
}

// LossNodes are those of the two logits.
func (b Bernoulli) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	panic("later")
}

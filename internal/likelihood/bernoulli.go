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

// Alone has one channel.
func (b Bernoulli) Alone() Head { return Bernoulli{Form: b.Form} }

// LogProbNodes are those of LogProbs, of the channel's output.
func (b Bernoulli) LogProbNodes(g *onnx.Graph, outputs *onnx.Value, earlier []*onnx.Value) *onnx.Value {
	n := nodes{g}
	o := outputs
	if b.Symbols() > 1 {
		o = n.part(outputs, len(earlier), len(earlier)+1)
	}
	if b.Form != Probabilities {
		return n.join(n.op("ConstantOfShape", n.op("Shape", o)), o)
	}
	p := n.cast(o, onnx.Float64)
	return n.op("Log", n.join(n.op("Max", n.op("Sub", real(1), p), real(leastRest)), p))
}

// LossNodes, of logits, are −log(1 + e^±logit), and σ(logit) − level.
func (b Bernoulli) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	n := nodes{g}
	one := n.op("Reshape", truth, whole(-1, b.Symbols(), 2))
	one = n.op("Reshape", n.part(one, 1, 2), whole(-1, b.Symbols())) // [rows, channels]
	sign := n.op("Sub", one, n.op("Sub", single(1), one))            // 1 for level 1, −1 for level 0
	logProb = n.op("Neg", n.sum(n.op("Softplus", n.op("Neg", n.op("Mul", sign, outputs)))))
	if gradient {
		grad = n.op("Sub", n.op("Sigmoid", outputs), one)
	}
	return logProb, grad
}

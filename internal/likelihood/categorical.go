package likelihood

import (
	"math"

	"pixelcnn/internal/goruntime/kernel"
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

// Planes are those outputs of many pixels, or their logarithms.
func (c Categorical) Planes(logs, top []float64, outputs []float32, stride, channel int) {
	n := len(top)
	plane := func(k int) []float32 { return outputs[(channel*c.Depth+k)*stride:][:n] }
	for k := range c.Depth {
		kernel.Widen64(logs[k*n:][:n], plane(k))
	}
	if c.Form == Probabilities {
		for k, p := range logs {
			logs[k] = Log(p)
		}
		copy(top, logs)
		for at := n; at < len(logs); at += n {
			for i, l := range logs[at:][:n] {
				top[i] = max(top[i], l) // NaN stays
			}
		}
		return
	}
	var most [256]float32
	for at := 0; at < n; at += len(most) {
		most := most[:min(len(most), n-at)]
		copy(most, plane(0)[at:])
		for k := 1; k < c.Depth; k++ {
			kernel.Max(most, most, plane(k)[at:][:len(most)])
		}
		kernel.Widen64(top[at:][:len(most)], most)
	}
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

// Alone has one channel.
func (c Categorical) Alone() Head { return Categorical{Depth: c.Depth, Form: c.Form} }

// LogProbNodes take the channel's outputs, and the logarithms of probabilities.
func (c Categorical) LogProbNodes(g *onnx.Graph, outputs *onnx.Value, earlier []*onnx.Value) *onnx.Value {
	n := nodes{g}
	if c.Symbols() > 1 {
		outputs = n.part(outputs, len(earlier)*c.Depth, (len(earlier)+1)*c.Depth)
	}
	if c.Form == Probabilities {
		return n.op("Log", outputs)
	}
	return outputs
}

// LossNodes, of logits, are log softmax at the level, and softmax − one-hot. LogSoftmax
// subtracts each row's maximum.
func (c Categorical) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	n := nodes{g}
	if c.Symbols() > 1 {
		outputs, truth = n.op("Reshape", outputs, whole(-1, c.Depth)), n.op("Reshape", truth, whole(-1, c.Depth))
	}
	all := n.Op("LogSoftmax", onnx.Attrs{"axis": int64(1)}, outputs)
	logProb = n.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, n.op("Mul", all, truth), whole(1))
	if gradient {
		grad = n.op("Sub", n.op("Exp", all), truth)
	}
	if c.Symbols() > 1 {
		logProb = n.sum(n.op("Reshape", logProb, whole(-1, c.Symbols())))
		if gradient {
			grad = n.op("Reshape", grad, whole(-1, c.Outputs()))
		}
	}
	return logProb, grad
}

package likelihood

import (
	"math"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// A Head turns the outputs of a network at a pixel into the distributions of its symbols.
// Its methods are pure functions, safe for concurrent use.
type Head interface {
	Name() string // as metadata have it
	Levels() int  // of a symbol
	Symbols() int // of a pixel: its channels
	Outputs() int // numbers that the network gives for a pixel

	Scratch() int // numbers that LogProbs needs room for

	// LogProbs is the log-probability, up to a constant, of each level of the pixel's next
	// symbol, [levels], given the symbols before it in the pixel. outputs are the network's,
	// [Outputs], and are not changed. The result is a part of outputs, or of scratch,
	// [Scratch]. One is NaN where nothing can be drawn.
	LogProbs(outputs []float64, earlier []uint16, scratch []float64) []float64

	// Error bounds how far one of these log-probabilities whose size is no more than size is
	// off, but for a constant, where outputs are off by [Rounding]. It leaves what LogProbs
	// put into scratch.
	Error(outputs []float64, earlier []uint16, size float64, scratch []float64) float64

	// Alone is the head of one channel by itself, where each has outputs of its own; nil where
	// they share them.
	Alone() Head

	// LogProbNodes adds to a graph what LogProbs does: from outputs, [..., Outputs], and the
	// levels of the symbols before in the pixel, int64 [...] each, to [..., levels], float32
	// or float64.
	LogProbNodes(g *onnx.Graph, outputs *onnx.Value, earlier []*onnx.Value) *onnx.Value

	// LossNodes adds to a graph the log-probability of what is there, [rows], in nats, and the
	// gradient of −Σ of those by outputs, [rows, Outputs], which is nil where none is wanted.
	// outputs are [rows, Outputs], truth is one-hot for each symbol, [rows, Symbols·levels].
	LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value)
}

// An Inverter is a head that draws from its distribution, and tells the log-probability of a
// level, without those of all levels. The arguments are those of LogProbs.
type Inverter interface {
	// Invert is the first level whose cumulative probability exceeds u in [0, 1), -1 where
	// nothing can be drawn, and where the level begins and ends.
	Invert(outputs []float64, earlier []uint16, u float64, scratch []float64) (level int, lower, upper Boundary)

	// LogProb is the log-probability of a level, in nats, and a bound of its error where outputs
	// are off by [Rounding]; ok is false where nothing can be drawn.
	LogProb(outputs []float64, earlier []uint16, level int, scratch []float64) (lp, off float64, ok bool)
}

// A Boundary lies between two levels. That under the first level is at 0, that above the last
// at 1.
type Boundary struct {
	At  float64 // the probability of the levels below it
	Off float64 // bounds how far that is off where outputs are off by [Rounding]
}

// A Refiner is a head whose log-probabilities are off by very different amounts.
type Refiner interface {
	// Errors is [Head.Error] for each level by itself, [levels]. logs are what LogProbs made
	// of the same outputs and symbols; where they are in scratch they stay.
	Errors(errors, logs, outputs []float64, earlier []uint16, scratch []float64)
}

// A Planar head gives the log-probabilities of many pixels at once, where those of a channel
// depend on no earlier one.
type Planar interface {
	// Planes writes to logs what LogProbs is for the same symbol of n pixels, [levels, n], and to
	// top the largest of each, [n], which is no number where one of them is none. Output k of pixel
	// i is outputs[k·stride+i].
	Planes(logs, top []float64, outputs []float32, stride, channel int)
}

// Rounding bounds the error of a float32 output, whoever computes it and in what order:
// Rounding·(1 + |output|). The largest that was seen, over foreign files and random graphs,
// is 2.1e-6; see TestExact in package sampler. Some outputs of a trained network with 256
// levels were off by eight times the bound, but no [Boundary] by more than a fifth of its own.
const Rounding = 5e-6

// Grain is what a sum of n weights may be off by, as a share of it: 2⁻⁵³ for each.
func Grain(n int) float64 { return float64(max(n, 256)) * 0x1p-53 }

// LogSoftmax is the log-probability of a level in nats, from log-probabilities up to a
// constant, [levels]; ok is false where they are not numbers or none is over zero.
func LogSoftmax(logs []float64, level int) (lp float64, ok bool) {
	top, ok := Top(logs)
	if !ok {
		return 0, false
	}
	sum := 0.0
	for _, l := range logs {
		sum += Exp(l - top)
	}
	return logs[level] - top - math.Log(sum), true
}

// LogSoftmaxes is [LogSoftmax] of n symbols at once, with the same bits. logs are by level,
// [levels, n], and are used up, top the largest of each symbol, [n]. The level of symbol i is
// levels[i·step], and what comes of it lps[i·step]. bad is the first symbol for which LogSoftmax
// is not ok; -1 where there is none.
func LogSoftmaxes(lps []float64, levels []uint16, step int, logs, top []float64) (bad int) {
	n := len(top)
	for i, t := range top {
		if t-t != 0 {
			return i
		}
	}
	for at := 0; at < len(logs); at += n {
		plane := logs[at:][:n]
		for i, t := range top {
			plane[i] -= t
		}
	}
	for i := range n {
		lps[i*step] = logs[int(levels[i*step])*n+i]
	}
	Exps(logs, logs)
	sum := logs[:n]
	for at := n; at < len(logs); at += n {
		for i, e := range logs[at:][:n] {
			sum[i] += e
		}
	}
	kernel.Log64(sum, sum)
	for i, l := range sum {
		lps[i*step] -= l
	}
	return -1
}

// Top is the largest of log-probabilities; ok is false where one is no number, or the
// largest is infinite: then nothing can be drawn.
func Top(logs []float64) (top float64, ok bool) {
	top = math.Inf(-1)
	for _, l := range logs {
		if l > top {
			top = l
		} else if l != l {
			return 0, false
		}
	}
	return top, !math.IsInf(top, 0)
}

// LogSumExp is log Σ weights[k]·exp(logs[k]), with the largest exponent taken out.
func LogSumExp(logs, weights []float64) float64 {
	top := math.Inf(-1)
	for k, l := range logs {
		if weights[k] > 0 {
			top = max(top, l)
		}
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for k, l := range logs {
		if weights[k] > 0 {
			sum += float64(weights[k] * Exp(l-top))
		}
	}
	return top + math.Log(sum)
}

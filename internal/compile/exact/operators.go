package exact

import (
	"math"

	"pixelcnn/internal/compile/ir"
)

// across is an operator that looks at all channels of a pixel.
func across(u *ir.Unit) (f func(x, out []float64, more [][]float64), ok bool) {
	mean := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum / float64(len(x))
	}
	largest := func(x []float64) float64 {
		top := math.Inf(-1)
		for _, v := range x {
			top = max(top, v)
		}
		return top
	}
	switch u.Op {
	case "ReduceMean":
		return func(x, out []float64, _ [][]float64) { out[0] = mean(x) }, true
	case "ReduceSum":
		return func(x, out []float64, _ [][]float64) { out[0] = mean(x) * float64(len(x)) }, true
	case "ReduceMax":
		return func(x, out []float64, _ [][]float64) { out[0] = largest(x) }, true
	case "ReduceMin":
		return func(x, out []float64, _ [][]float64) {
			out[0] = math.Inf(1)
			for _, v := range x {
				out[0] = min(out[0], v)
			}
		}, true
	case "Softmax", "LogSoftmax":
		return func(x, out []float64, _ [][]float64) {
			top, sum := largest(x), 0.0
			for _, v := range x {
				sum += math.Exp(v - top)
			}
			for i, v := range x {
				if out[i] = v - top - math.Log(sum); u.Op == "Softmax" {
					out[i] = math.Exp(out[i])
				}
			}
		}, true
	case "LayerNormalization":
		epsilon := float64(u.Attrs.Float("epsilon", 1e-5))
		return func(x, out []float64, more [][]float64) {
			m, variance := mean(x), 0.0
			for _, v := range x {
				variance += (v - m) * (v - m)
			}
			by := math.Sqrt(variance/float64(len(x)) + epsilon)
			for i, v := range x {
				out[i] = (v - m) / by
				if len(more) > 0 {
					out[i] *= more[0][i]
				}
				if len(more) > 1 {
					out[i] += more[1][i]
				}
			}
		}, true
	}
	return nil, false
}

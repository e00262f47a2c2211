package exact

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// An operator computes a unit at some positions, [positions, channels], from its operands
// there, [positions, channels of the operand] each.
type operator func(in [][]float64, out []float64, positions int)

// operatorOf is a unit's; nil where there is none.
func operatorOf(u *ir.Unit) operator {
	if f := vectors[u.Op]; f != nil && u.Attrs.Float("alpha", 1) == 1 {
		return func(in [][]float64, out []float64, _ int) { f(out, in[0]) }
	}
	if f, ok := onnx.Real(u.Op, u.Attrs); ok {
		return elementwise(u.Op, f)
	}
	f := across(u)
	if f == nil {
		return nil
	}
	return func(in [][]float64, out []float64, positions int) {
		row, n := make([][]float64, len(in)), len(out)/positions
		for p := range positions {
			for i, x := range in {
				m := len(x) / positions
				row[i] = x[p*m : (p+1)*m]
			}
			f(row, out[p*n:(p+1)*n])
		}
	}
}

// A scalar is a constant of one number, and for how many channels it goes.
type scalar struct {
	value    float64
	channels int
}

// constantsOf are the operands of each unit that are constants, see [constant].
func constantsOf(units []*ir.Unit) [][][]float64 {
	out, scalars := make([][][]float64, len(units)), map[scalar][]float64{}
	for i, u := range units {
		for _, o := range u.Operands {
			out[i] = append(out[i], constant(u, o, scalars))
		}
	}
	return out
}

// constant is an operand of u that is one, at as many positions as are computed at a time; nil
// for another. Those of one number, of which there are many alike, are kept in scalars.
func constant(u *ir.Unit, o ir.Operand, scalars map[scalar][]float64) []float64 {
	if o.Arg >= 0 {
		return nil
	}
	value := []float64{math.NaN()} // one that is left out
	if o.Value != nil {
		value = onnx.Reals(o.Value)
	}
	all := scalar{value[0], 1}
	if _, each := onnx.Real(u.Op, u.Attrs); each { // of fewer channels, it goes for all
		all.channels = u.Channels / len(value)
	}
	if len(value) > 1 {
		return slices.Repeat(value, all.channels*lot)
	}
	if scalars[all] == nil {
		scalars[all] = slices.Repeat(value, all.channels*lot)
	}
	return scalars[all]
}

// vectors are the functions of one that are asked for most.
var vectors = map[string]func(dst, a []float64){
	"Exp": kernel.Exp64, "Elu": kernel.Elu64, "Erf": kernel.Erf64, "Sigmoid": kernel.Sigmoid64, "Tanh": kernel.Tanh64,
	"Neg": func(dst, a []float64) {
		for i, x := range a {
			dst[i] = -x
		}
	},
	"Relu": func(dst, a []float64) {
		for i, x := range a {
			dst[i] = max(x, 0)
		}
	},
}

// elementwise is an operator that works on each channel by itself. An operand of fewer
// channels goes for all.
func elementwise(op string, f func([]float64) float64) operator {
	pair := pairs[op]
	var wide [][]float64 // room for operands as wide as the result
	return func(in [][]float64, out []float64, positions int) {
		wide = slices.Grow(wide, len(in))[:len(in)]
		for i, x := range in {
			if len(x) < len(out) {
				in[i] = widened(wide[i][:0], x, positions, len(out)/positions)
				wide[i] = in[i]
			}
		}
		if pair != nil && len(in) == 2 {
			pair(out, in[0], in[1])
			return
		}
		row := make([]float64, len(in))
		for k := range out {
			for i, x := range in {
				row[i] = x[k]
			}
			out[k] = f(row)
		}
	}
}

// widened appends x, [positions, fewer channels], so often that it has that many channels.
func widened(to, x []float64, positions, channels int) []float64 {
	n := len(x) / positions
	for p := range positions {
		for range channels / n {
			to = append(to, x[p*n:(p+1)*n]...)
		}
	}
	return to
}

// pairs are the functions of two that are asked for most.
var pairs = map[string]func(dst, a, b []float64){
	"Add": func(dst, a, b []float64) {
		for i, x := range a {
			dst[i] = x + b[i]
		}
	},
	"Sub": func(dst, a, b []float64) {
		for i, x := range a {
			dst[i] = x - b[i]
		}
	},
	"Mul": func(dst, a, b []float64) {
		for i, x := range a {
			dst[i] = x * b[i]
		}
	},
	"Div": func(dst, a, b []float64) {
		for i, x := range a {
			dst[i] = x / b[i]
		}
	},
}

// across is, at one position, an operator that looks at all channels of a position; nil where u's does not.
func across(u *ir.Unit) func(in [][]float64, out []float64) {
	mean := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum / float64(len(x))
	}
	switch u.Op {
	case "ReduceMean":
		return func(in [][]float64, out []float64) { out[0] = mean(in[0]) }
	case "ReduceSum":
		return func(in [][]float64, out []float64) { out[0] = mean(in[0]) * float64(len(in[0])) }
	case "ReduceMax":
		return func(in [][]float64, out []float64) { out[0] = slices.Max(in[0]) }
	case "ReduceMin":
		return func(in [][]float64, out []float64) { out[0] = slices.Min(in[0]) }
	case "Softmax", "LogSoftmax":
		return func(in [][]float64, out []float64) {
			top, sum := slices.Max(in[0]), 0.0
			for i, v := range in[0] {
				out[i] = v - top
			}
			kernel.Exp64(out, out)
			for _, v := range out {
				sum += v
			}
			for i, v := range in[0] {
				if u.Op == "Softmax" {
					out[i] /= sum
				} else {
					out[i] = v - top - math.Log(sum)
				}
			}
		}
	case "LayerNormalization":
		epsilon := float64(u.Attrs.Float("epsilon", 1e-5))
		return func(in [][]float64, out []float64) {
			m, variance := mean(in[0]), 0.0
			for _, v := range in[0] {
				variance += float64((v - m) * (v - m))
			}
			by := math.Sqrt(variance/float64(len(in[0])) + epsilon)
			for i, v := range in[0] {
				out[i] = (v - m) / by
				if len(in) > 1 {
					out[i] *= in[1][i]
				}
				if len(in) > 2 {
					out[i] += in[2][i]
				}
			}
		}
	}
	return nil
}

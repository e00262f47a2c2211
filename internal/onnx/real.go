package onnx

import "math"

// Real is an elementwise operator on float64, for evaluations more exact than a
// runtime's float32. It takes the operands at one element and returns the result;
// ok is false for operators that it does not know. An absent optional operand is NaN.
func Real(op string, attrs Attrs) (f func(x []float64) float64, ok bool) {
	if g := unary[op]; g != nil {
		return func(x []float64) float64 { return g(x[0]) }, true
	}
	g := arithmetic[op]
	if g == nil {
		g = comparisons[op]
	}
	if g != nil {
		return func(x []float64) float64 {
			r := x[0]
			for _, y := range x[1:] {
				r = g(r, y)
			}
			return r
		}, true
	}
	alpha := func(def float32) float64 { return float64(attrs.Float("alpha", def)) }
	switch op {
	case "Identity", "Cast":
		whole := op == "Cast" && attrs.Int("to", int64(Float32)) != int64(Float32)
		return func(x []float64) float64 {
			if whole {
				return math.Trunc(x[0])
			}
			return x[0]
		}, true
	case "Sum", "Mean":
		return func(x []float64) float64 {
			sum := 0.0
			for _, v := range x {
				sum += v
			}
			if op == "Mean" {
				sum /= float64(len(x))
			}
			return sum
		}, true
	case "LeakyRelu":
		a := alpha(0.01)
		return func(x []float64) float64 { return max(x[0], 0) + a*min(x[0], 0) }, true
	case "Elu":
		a := alpha(1)
		return func(x []float64) float64 {
			if x[0] > 0 {
				return x[0]
			}
			return a * math.Expm1(x[0])
		}, true
	case "Selu":
		a, gamma := alpha(1.67326319), float64(attrs.Float("gamma", 1.05070102))
		return func(x []float64) float64 { return gamma * (max(x[0], 0) + a*math.Expm1(min(x[0], 0))) }, true
	case "Celu":
		a := alpha(1)
		return func(x []float64) float64 { return max(x[0], 0) + min(a*math.Expm1(x[0]/a), 0) }, true
	case "ThresholdedRelu":
		a := alpha(1)
		return func(x []float64) float64 {
			if x[0] > a {
				return x[0]
			}
			return 0
		}, true
	case "HardSigmoid":
		a, beta := alpha(0.2), float64(attrs.Float("beta", 0.5))
		return func(x []float64) float64 { return min(max(float64(a*x[0])+beta, 0), 1) }, true
	case "HardSwish":
		return func(x []float64) float64 { return x[0] * min(max(x[0]/6+0.5, 0), 1) }, true
	case "Softsign":
		return func(x []float64) float64 { return x[0] / (1 + math.Abs(x[0])) }, true
	case "Mish":
		softplus := unary["Softplus"]
		return func(x []float64) float64 { return x[0] * math.Tanh(softplus(x[0])) }, true
	case "PRelu":
		return func(x []float64) float64 { return max(x[0], 0) + x[1]*min(x[0], 0) }, true
	case "Gelu":
		if attrs.String("approximate", "none") == "tanh" {
			return func(x []float64) float64 {
				v := x[0]
				return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
			}, true
		}
		return func(x []float64) float64 { return x[0] / 2 * (1 + math.Erf(x[0]/math.Sqrt2)) }, true
	case "Clip":
		return func(x []float64) float64 {
			v := x[0]
			if len(x) > 1 && !math.IsNaN(x[1]) {
				v = max(v, x[1])
			}
			if len(x) > 2 && !math.IsNaN(x[2]) {
				v = min(v, x[2])
			}
			return v
		}, true
	case "Where":
		return func(x []float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		}, true
	}
	return nil, false
}

// Reals returns a tensor's elements as float64; false is 0, true 1.
func Reals(t *Tensor) []float64 { return floats(t) }

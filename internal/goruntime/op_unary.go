package goruntime

import (
	"errors"
	"math"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// vectors are the functions that are computed in float32, many at a time.
var vectors = map[string]func(dst, x []float32){
	"Neg": func(dst, x []float32) {
		for i, v := range x {
			dst[i] = -v
		}
	},
	"Exp": kernel.Exp, "Sigmoid": kernel.Sigmoid, "Tanh": kernel.Tanh, "Sqrt": kernel.Sqrt, "Erf": kernel.Erf,
}

// functions are those of real numbers. They are computed in float64 and rounded.
var functions = map[string]func(float64) float64{
	"Abs": math.Abs, "Neg": func(x float64) float64 { return -x },
	"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven,
	"Sqrt": math.Sqrt, "Reciprocal": func(x float64) float64 { return 1 / x },
	"Exp": math.Exp, "Log": math.Log, "Erf": math.Erf,
	"Sin": math.Sin, "Cos": math.Cos, "Tan": math.Tan, "Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
	"Sinh": math.Sinh, "Cosh": math.Cosh, "Tanh": math.Tanh,
	"Sign": func(x float64) float64 {
		if x == 0 || x != x {
			return x
		}
		return math.Copysign(1, x)
	},
	"Relu":      func(x float64) float64 { return max(x, 0) },
	"Sigmoid":   func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Softplus":  softplus,
	"Softsign":  func(x float64) float64 { return x / (1 + math.Abs(x)) },
	"Mish":      func(x float64) float64 { return x * math.Tanh(softplus(x)) },
	"HardSwish": func(x float64) float64 { return x * min(max(x/6+0.5, 0), 1) },
}

func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// withAttrs are the functions that have parameters.
var withAttrs = map[string]func(a onnx.Attrs) func(float64) float64{
	"LeakyRelu": func(a onnx.Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 0.01))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	},
	"Elu": func(a onnx.Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 1))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * math.Expm1(x)
			}
			return x
		}
	},
	"Selu": func(a onnx.Attrs) func(float64) float64 {
		alpha, gamma := float64(a.Float("alpha", 1.67326319)), float64(a.Float("gamma", 1.05070102))
		return func(x float64) float64 {
			if x <= 0 {
				return gamma * alpha * math.Expm1(x)
			}
			return gamma * x
		}
	},
	"Celu": func(a onnx.Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 1))
		return func(x float64) float64 { return max(0, x) + min(0, alpha*math.Expm1(x/alpha)) }
	},
	"ThresholdedRelu": func(a onnx.Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 1))
		return func(x float64) float64 {
			if x <= alpha {
				return 0
			}
			return x
		}
	},
	"HardSigmoid": func(a onnx.Attrs) func(float64) float64 {
		alpha, beta := float64(a.Float("alpha", 0.2)), float64(a.Float("beta", 0.5))
		return func(x float64) float64 { return min(max(alpha*x+beta, 0), 1) }
	},
	"Gelu": func(a onnx.Attrs) func(float64) float64 {
		if a.String("approximate", "none") == "tanh" {
			c := math.Sqrt(2 / math.Pi)
			return func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(c*(x+0.044715*x*x*x))) }
		}
		return func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }
	},
}

// bindUnary: a function of each element.
func bindUnary(p *binder, n *node) error {
	x := n.in[0]
	if n.Op == "Relu" && x.dtype == onnx.Float32 {
		return p.relu(n, 0)
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	if n.Op == "HardSigmoid" && x.dtype == onnx.Float32 && n.Attrs.Float("beta", 0.5) == 0 {
		y.ramp = &ramp{x, n.Attrs.Float("alpha", 0.2)}
	}
	f := functions[n.Op]
	if with := withAttrs[n.Op]; with != nil {
		f = with(n.Attrs)
	}
	if n.Op == "Elu" && x.dtype == onnx.Float32 {
		vector := elu(n.Attrs.Float("alpha", 1))
		p.elementwise(n, y, []*value{x}, func(dst []float32, args [][]float32) { vector(dst, args[0]) })
		return nil
	}
	if vector := vectors[n.Op]; vector != nil && x.dtype == onnx.Float32 {
		switch n.Op {
		case "Tanh":
			y.tanhOf = x
		case "Sigmoid":
			y.sigmoidOf = x
		}
		p.elementwise(n, y, []*value{x}, func(dst []float32, args [][]float32) { vector(dst, args[0]) })
		return nil
	}
	r := runs{unary[float32](y, x, f), unary[float64](y, x, f)}
	switch n.Op {
	case "Abs", "Neg", "Sign", "Relu": // of integers too
		r[2], r[3], r[4] = integral[int64](y, x, n.Op), integral[int32](y, x, n.Op), integral[int8](y, x, n.Op)
		if n.Op != "Neg" {
			r[5] = integral[uint8](y, x, n.Op)
		}
	}
	if err := p.addByType(n, y, []*value{x}, r); err != nil {
		return err
	}
	p.steps[len(p.steps)-1].overwrites = true
	return nil
}

// elu is max(x, 0) + alpha·(e^min(x, 0) − 1).
func elu(alpha float32) func(dst, x []float32) {
	if alpha == 1 {
		return kernel.Elu
	}
	return func(dst, x []float32) {
		kernel.Elu(dst, x)
		for i, y := range dst {
			if y < 0 {
				dst[i] = alpha * y
			}
		}
	}
}

// relu makes output 0 relu of argument i, by the step before where that can do it.
func (p *binder) relu(n *node, i int) error {
	x := n.in[i]
	if f := p.fusable(n, i); f != nil && f.joinRelu() {
		p.set(n, 0, x)
		return nil
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	p.elementwise(n, y, []*value{x}, func(dst []float32, args [][]float32) { kernel.Relu(dst, args[0]) })
	return nil
}

func unary[T float32 | float64](y, x *value, f func(float64) float64) func(*workers) error {
	return convert(y, x, func(v T) T { return T(f(float64(v))) })
}

// integral are the functions that integers have.
func integral[T number](y, x *value, op string) func(*workers) error {
	return convert(y, x, func(v T) T {
		switch {
		case op == "Neg":
			return -v
		case op == "Sign":
			return truth[T](v > 0) - truth[T](v < 0)
		case v >= 0:
			return v
		case op == "Abs":
			return -v
		}
		return 0 // Relu
	})
}

// bindNot and the tests for what is no number.
func bindNot(p *binder, n *node) error {
	x := n.in[0]
	y, err := p.output(n, 0, onnx.Bool, x.shape)
	if err != nil {
		return err
	}
	var r runs
	switch n.Op {
	case "Not":
		r[6] = convert(y, x, func(b bool) bool { return !b })
	case "IsNaN":
		r[0] = convert(y, x, func(v float32) bool { return v != v })
		r[1] = convert(y, x, func(v float64) bool { return v != v })
	}
	return p.addByType(n, y, []*value{x}, r)
}

// bindClip: bounds are inputs, or attributes in old operator sets; both optional.
func bindClip(p *binder, n *node) error {
	x := n.in[0]
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	reads := []*value{x}
	for i := range 2 {
		v := n.input(i + 1)
		if v == nil {
			if b, ok := n.Attrs[[]string{"min", "max"}[i]].(float32); ok {
				v = constant(onnx.Scalar(b))
			}
		}
		if v != nil && (v.dtype != x.dtype || v.count != 1) {
			return errors.New("its bounds should be scalars of the argument's type")
		}
		reads = append(reads, v)
	}
	lo, hi := reads[1], reads[2]
	r := runs{clip[float32](y, x, lo, hi), clip[float64](y, x, lo, hi), clip[int64](y, x, lo, hi), clip[int32](y, x, lo, hi), clip[int8](y, x, lo, hi), clip[uint8](y, x, lo, hi)}
	return p.addByType(n, y, present(reads), r)
}

func present(values []*value) []*value {
	var out []*value
	for _, v := range values {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

func clip[T number](y, x, lo, hi *value) func(*workers) error {
	return func(*workers) error {
		dst := elements[T](y)
		copy(dst, elements[T](x))
		if lo != nil {
			for i, b := 0, elements[T](lo)[0]; i < len(dst); i++ {
				if dst[i] < b {
					dst[i] = b
				}
			}
		}
		if hi != nil {
			for i, b := 0, elements[T](hi)[0]; i < len(dst); i++ {
				if dst[i] > b {
					dst[i] = b
				}
			}
		}
		return nil
	}
}

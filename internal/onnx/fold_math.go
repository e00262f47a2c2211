package onnx

import (
	"fmt"
	"math"
	"slices"
)

// floats returns a tensor's elements as float64.
func floats(t *Tensor) []float64 {
	out := make([]float64, t.Len())
	switch d := t.Data.(type) {
	case []float32:
		widenTo(out, d)
	case []float64:
		copy(out, d)
	case []int64:
		widenTo(out, d)
	case []int32:
		widenTo(out, d)
	case []int8:
		widenTo(out, d)
	case []uint8:
		widenTo(out, d)
	case []bool:
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
	}
	return out
}

func widenTo[T float32 | int64 | int32 | int8 | uint8](out []float64, d []T) {
	for i, v := range d {
		out[i] = float64(v)
	}
}

// integers returns the elements of an integer tensor, nil for any other.
func integers(t *Tensor) []int64 {
	switch d := t.Data.(type) {
	case []int64:
		return d
	case []int32:
		return widen(d)
	}
	return nil
}

func number(t *Tensor) float64 {
	if f := floats(t); len(f) > 0 {
		return f[0]
	}
	return 0
}

// large tells whether float64 may have rounded integers.
func large(f []float64) bool {
	return slices.ContainsFunc(f, func(x float64) bool { return math.Abs(x) >= 1<<53 })
}

// ranges are the numbers that every runtime casts to an integer type in the same way.
var ranges = map[DType][2]float64{
	Int64: {-1 << 53, 1 << 53}, Int32: {math.MinInt32, math.MaxInt32}, Int8: {math.MinInt8, math.MaxInt8}, Uint8: {0, math.MaxUint8},
}

// cast converts a tensor. Integers keep all their bits. It returns nil where the new type cannot
// hold a number: what becomes of that differs between runtimes.
func cast(t *Tensor, to DType) (*Tensor, error) {
	if t.DType() == to {
		return t, nil
	}
	if i, ok := t.Data.([]int64); ok && to == Int32 {
		return &Tensor{t.Shape, narrow[int32](i)}, nil
	}
	if i, ok := t.Data.([]int32); ok && to == Int64 {
		return &Tensor{t.Shape, widen(i)}, nil
	}
	f := floats(t)
	if r, ok := ranges[to]; ok && slices.ContainsFunc(f, func(x float64) bool { return !(r[0] <= x && x <= r[1]) }) {
		return nil, nil
	}
	switch to {
	case Float32:
		return &Tensor{t.Shape, narrow[float32](f)}, nil
	case Float64:
		return &Tensor{t.Shape, f}, nil
	case Int64:
		return &Tensor{t.Shape, narrow[int64](f)}, nil
	case Int32:
		return &Tensor{t.Shape, narrow[int32](f)}, nil
	case Int8:
		return &Tensor{t.Shape, narrow[int8](f)}, nil
	case Uint8:
		return &Tensor{t.Shape, narrow[uint8](f)}, nil
	case Bool:
		out := make([]bool, len(f))
		for i, v := range f {
			out[i] = v != 0
		}
		return &Tensor{t.Shape, out}, nil
	}
	return nil, fmt.Errorf("a cast to %v", to)
}

func narrow[T float32 | int64 | int32 | int8 | uint8, F float64 | int64](d []F) []T {
	out := make([]T, len(d))
	for i, v := range d {
		out[i] = T(v)
	}
	return out
}

// unary lists operators on real numbers.
var unary = map[string]func(float64) float64{
	"Neg": func(x float64) float64 { return -x }, "Abs": math.Abs, "Floor": math.Floor, "Ceil": math.Ceil,
	"Round": math.RoundToEven, "Sqrt": math.Sqrt, "Exp": math.Exp, "Log": math.Log,
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Relu":       func(x float64) float64 { return max(x, 0) },
	"Tanh":       math.Tanh, "Sin": math.Sin, "Cos": math.Cos, "Erf": math.Erf,
	"Sigmoid":  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
	"Sign": func(x float64) float64 {
		if x == 0 {
			return 0
		}
		return math.Copysign(1, x)
	},
	"Not": func(x float64) float64 { return truth(x == 0) },
}

// arithmetic lists binary operators on real numbers; those of comparisons give 0 or 1.
var arithmetic = map[string]func(a, b float64) float64{
	"Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b },
	"Mul": func(a, b float64) float64 { return a * b }, "Div": func(a, b float64) float64 { return a / b },
	"Pow": math.Pow, "Max": func(a, b float64) float64 { return max(a, b) }, "Min": func(a, b float64) float64 { return min(a, b) },
	"Mod": math.Mod, // of real numbers; see elementwise for integers
}

var comparisons = map[string]func(a, b float64) float64{
	"Equal":          func(a, b float64) float64 { return truth(a == b) },
	"Greater":        func(a, b float64) float64 { return truth(a > b) },
	"GreaterOrEqual": func(a, b float64) float64 { return truth(a >= b) },
	"Less":           func(a, b float64) float64 { return truth(a < b) },
	"LessOrEqual":    func(a, b float64) float64 { return truth(a <= b) },
	"And":            func(a, b float64) float64 { return a * b },
	"Or":             func(a, b float64) float64 { return max(a, b) },
	"Xor":            func(a, b float64) float64 { return truth(a != b) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// elementwise evaluates unary and binary operators. It returns nil for others, and for
// integers that float64 may have rounded.
func elementwise(n *Node, in []*Tensor) (*Tensor, error) {
	if f := unary[n.Op]; f != nil && len(in) == 1 {
		out := floats(in[0])
		if integers(in[0]) != nil && large(out) {
			return nil, nil
		}
		for i, x := range out {
			out[i] = f(x)
		}
		return cast(&Tensor{in[0].Shape, out}, in[0].DType())
	}
	to := in[0].DType()
	f := arithmetic[n.Op]
	if f == nil {
		if f = comparisons[n.Op]; f == nil {
			return nil, nil
		}
		to = Bool
	}
	if len(in) != 2 || in[1] == nil {
		return nil, nil
	}
	shape, err := broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	if size, err := Size(shape); err != nil || size > maxFold {
		return nil, nil
	}
	at := walk(shape, broadcastSteps(in[0].Shape, shape), 0)
	bt := walk(shape, broadcastSteps(in[1].Shape, shape), 0)
	if a, b := integers(in[0]), integers(in[1]); a != nil && b != nil && to != Bool {
		out := make([]int64, len(at))
		for i := range out {
			x, y := a[at[i]], b[bt[i]]
			switch n.Op {
			case "Add":
				out[i] = x + y
			case "Sub":
				out[i] = x - y
			case "Mul":
				out[i] = x * y
			case "Div":
				if y == 0 {
					return nil, fmt.Errorf("a division by zero")
				}
				if y == -1 && (x == math.MinInt64 || x == math.MinInt32 && to == Int32) {
					return nil, fmt.Errorf("a division of %d by -1", x)
				}
				out[i] = x / y
			case "Mod":
				if y == 0 {
					return nil, fmt.Errorf("a division by zero")
				}
				if out[i] = x % y; n.Attrs.Int("fmod", 0) == 0 && out[i] != 0 && (out[i] < 0) != (y < 0) {
					out[i] += y // it has the divisor's sign
				}
			default:
				z := f(float64(x), float64(y))
				if large([]float64{float64(x), float64(y), z}) {
					return nil, nil
				}
				out[i] = int64(z)
			}
		}
		return cast(&Tensor{shape, out}, to)
	}
	a, b := floats(in[0]), floats(in[1])
	if integers(in[0]) != nil && (large(a) || large(b)) {
		return nil, nil
	}
	out := make([]float64, len(at))
	for i := range out {
		out[i] = f(a[at[i]], b[bt[i]])
	}
	return cast(&Tensor{shape, out}, to)
}

func isNaN(t *Tensor) *Tensor {
	out := make([]bool, t.Len())
	for i, x := range floats(t) {
		out[i] = math.IsNaN(x)
	}
	return &Tensor{t.Shape, out}
}

// norms are the reductions that add up: what they take of each number, and make of the sum.
var norms = map[string]struct{ of, make func(float64) float64 }{
	"ReduceL1":        {math.Abs, nil},
	"ReduceL2":        {square, math.Sqrt},
	"ReduceSumSquare": {square, nil},
	"ReduceLogSum":    {nil, math.Log},
	"ReduceLogSumExp": {math.Exp, math.Log},
}

func square(x float64) float64 { return x * x }

func reduce(n *Node, t *Tensor) (*Tensor, error) {
	axes, err := Axes(n, 1, len(t.Shape))
	if err != nil {
		return nil, err
	}
	if axes == nil {
		if n.Attrs.Int("noop_with_empty_axes", 0) == 1 {
			return t, nil
		}
		axes = walk([]int{len(t.Shape)}, []int{1}, 0)
	}
	kept := slices.Clone(t.Shape)
	count := 1
	for _, a := range axes {
		count *= t.Shape[a]
		kept[a] = 1
	}
	if count == 0 {
		return nil, nil
	}
	out := make([]float64, t.Len()/count)
	first := make([]bool, len(out))
	d := floats(t)
	norm := norms[n.Op]
	if norm.of != nil {
		for i, x := range d {
			d[i] = norm.of(x)
		}
	}
	for i, o := range walk(t.Shape, broadcastSteps(kept, t.Shape), 0) {
		switch x := d[i]; {
		case !first[o]:
			out[o], first[o] = x, true
		case n.Op == "ReduceProd":
			out[o] *= x
		case n.Op == "ReduceMax":
			out[o] = max(out[o], x)
		case n.Op == "ReduceMin":
			out[o] = min(out[o], x)
		default:
			out[o] += x
		}
	}
	if integers(t) != nil && (large(d) || large(out)) {
		return nil, nil
	}
	if norm.make != nil {
		for i, x := range out {
			out[i] = norm.make(x)
		}
	}
	if n.Op == "ReduceMean" {
		for i := range out {
			out[i] /= float64(count)
		}
	}
	shape, err := outShape(n, t.Shape)
	if err != nil {
		return nil, err
	}
	return cast(&Tensor{shape, out}, t.DType())
}

package goruntime_test

import (
	"math"
	"testing"

	"pixelcnn/internal/onnx"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

func TestUnary(t *testing.T) {
	x := f32(d(2, 2), -2, -0.5, 0, 3)
	one := func(op string, want ...float32) opCase {
		return opCase{op: op, in: []*onnx.Tensor{x}, want: []*onnx.Tensor{f32(x.Shape, want...)}}
	}
	with := func(c opCase, attrs onnx.Attrs, opset int64) opCase {
		c.attrs, c.opset = attrs, opset
		return c
	}
	checkOps(t, []opCase{
		one("Abs", 2, 0.5, 0, 3),
		one("Neg", 2, 0.5, 0, -3),
		one("Floor", -2, -1, 0, 3),
		one("Ceil", -2, 0, 0, 3),
		one("Round", -2, 0, 0, 3),
		one("Sign", -1, -1, 0, 1),
		one("Reciprocal", -0.5, -2, inf, 1./3),
		one("Relu", 0, 0, 0, 3),
		one("Exp", 0.13533528, 0.60653066, 1, 20.085537),
		one("Sigmoid", 0.11920292, 0.37754067, 0.5, 0.95257413),
		one("Tanh", -0.9640276, -0.46211716, 0, 0.9950548),
		one("Erf", -0.9953223, -0.5204999, 0, 0.9999779),
		one("Sin", -0.9092974, -0.47942555, 0, 0.14112),
		one("Cos", -0.41614684, 0.87758255, 1, -0.9899925),
		one("Tan", 2.1850398, -0.5463025, 0, -0.14254654),
		one("Atan", -1.1071488, -0.4636476, 0, 1.2490457),
		one("Sinh", -3.6268604, -0.5210953, 0, 10.017875),
		one("Cosh", 3.7621956, 1.127626, 1, 10.067662),
		one("Softplus", 0.126928, 0.474077, 0.6931472, 3.0485873),
		one("Softsign", -2./3, -1./3, 0, 0.75),
		one("LeakyRelu", -0.02, -0.005, 0, 3),
		with(one("LeakyRelu", -0.4, -0.1, 0, 3), onnx.Attrs{"alpha": float32(0.2)}, 0),
		one("Elu", -0.86466473, -0.39346933, 0, 3),
		with(one("Elu", -1.7293295, -0.78693867, 0, 3), onnx.Attrs{"alpha": float32(2)}, 0),
		one("Selu", -1.5201665, -0.69175815, 0, 3.152103),
		one("Celu", -0.86466473, -0.39346933, 0, 3),
		one("HardSigmoid", 0.1, 0.4, 0.5, 1),
		one("HardSwish", -1./3, -0.20833333, 0, 3),
		one("ThresholdedRelu", 0, 0, 0, 3),
		with(one("Mish", -0.2525015, -0.22074438, 0, 2.986535), nil, 18),
		with(one("Gelu", -0.04550026, -0.15426877, 0, 2.9959502), nil, 20),
		with(one("Gelu", -0.04540229, -0.1542860, 0, 2.9963627), onnx.Attrs{"approximate": "tanh"}, 20),
		{op: "Sqrt", in: []*onnx.Tensor{f32(d(3), 0, 2, 9)}, want: []*onnx.Tensor{f32(d(3), 0, 1.4142135, 3)}},
		{op: "Log", in: []*onnx.Tensor{f32(d(3), 0, 1, 10)}, want: []*onnx.Tensor{f32(d(3), -inf, 0, 2.3025851)}},
		{op: "Asin", in: []*onnx.Tensor{f32(d(3), -1, 0, 0.5)}, want: []*onnx.Tensor{f32(d(3), -math.Pi/2, 0, 0.5235988)}},
		{op: "Acos", in: []*onnx.Tensor{f32(d(3), -1, 0, 0.5)}, want: []*onnx.Tensor{f32(d(3), math.Pi, math.Pi/2, 1.0471976)}},
		{name: "of float64", op: "Exp", in: []*onnx.Tensor{onnx.NewTensor([]float64{1, 0}, 2)}, want: []*onnx.Tensor{onnx.NewTensor([]float64{math.E, 1}, 2)}},
		{name: "of int64", op: "Abs", in: []*onnx.Tensor{list(-3, 0, 2)}, want: []*onnx.Tensor{list(3, 0, 2)}},
		{name: "of int32", op: "Neg", in: []*onnx.Tensor{i32(d(2), -3, 5)}, want: []*onnx.Tensor{i32(d(2), 3, -5)}},
		{name: "of int64", op: "Sign", in: []*onnx.Tensor{list(-3, 0, 2)}, want: []*onnx.Tensor{list(-1, 0, 1)}},
		{name: "of int32", op: "Relu", in: []*onnx.Tensor{i32(d(2), -3, 5)}, want: []*onnx.Tensor{i32(d(2), 0, 5)}},
		{name: "of a scalar", op: "Tanh", in: []*onnx.Tensor{onnx.Scalar(float32(0.5))}, want: []*onnx.Tensor{onnx.Scalar(float32(0.46211716))}},
		{name: "of nothing", op: "Relu", in: []*onnx.Tensor{f32(d(0, 3))}, want: []*onnx.Tensor{f32(d(0, 3))}},
		{op: "Not", in: []*onnx.Tensor{bools(d(2), true, false)}, want: []*onnx.Tensor{bools(d(2), false, true)}},
		{op: "IsNaN", in: []*onnx.Tensor{f32(d(3), nan, 1, inf)}, want: []*onnx.Tensor{bools(d(3), true, false, false)}},
		{name: "both bounds", op: "Clip", in: []*onnx.Tensor{x, onnx.Scalar(float32(-1)), onnx.Scalar(float32(1))}, known: []int{1, 2}, want: []*onnx.Tensor{f32(d(2, 2), -1, -0.5, 0, 1)}},
		{name: "upper bound", op: "Clip", in: []*onnx.Tensor{x, nil, onnx.Scalar(float32(0))}, known: []int{2}, want: []*onnx.Tensor{f32(d(2, 2), -2, -0.5, 0, 0)}},
		{name: "no bounds", op: "Clip", in: []*onnx.Tensor{x}, want: []*onnx.Tensor{x}},
		{name: "of int64", op: "Clip", in: []*onnx.Tensor{list(-5, 5), onnx.Scalar(int64(-1)), onnx.Scalar(int64(1))}, want: []*onnx.Tensor{list(-1, 1)}},
	})
}

func TestArithmetic(t *testing.T) {
	a := f32(d(2, 3), 1, 2, 3, 4, 5, 6)
	row, column := f32(d(3), 10, 20, 30), f32(d(2, 1), -1, 2)
	two := func(name, op string, a, b, want *onnx.Tensor) opCase {
		return opCase{name: name, op: op, in: []*onnx.Tensor{a, b}, want: []*onnx.Tensor{want}}
	}
	all := func(op string, want *onnx.Tensor, in ...*onnx.Tensor) opCase {
		return opCase{op: op, in: in, want: []*onnx.Tensor{want}}
	}
	checkOps(t, []opCase{
		two("same", "Add", a, a, f32(d(2, 3), 2, 4, 6, 8, 10, 12)),
		two("row", "Add", a, row, f32(d(2, 3), 11, 22, 33, 14, 25, 36)),
		two("column", "Add", a, column, f32(d(2, 3), 0, 1, 2, 6, 7, 8)),
		two("row and column", "Add", row, column, f32(d(2, 3), 9, 19, 29, 12, 22, 32)),
		two("scalar", "Add", onnx.Scalar(float32(1)), a, f32(d(2, 3), 2, 3, 4, 5, 6, 7)),
		two("channels", "Mul", f32(d(1, 2, 1, 2), 1, 2, 3, 4), f32(d(2, 1, 1), 10, 100), f32(d(1, 2, 1, 2), 10, 20, 300, 400)),
		two("nothing", "Add", f32(d(0, 3)), row, f32(d(0, 3))),
		two("row", "Sub", row, a, f32(d(2, 3), 9, 18, 27, 6, 15, 24)),
		two("column", "Div", a, column, f32(d(2, 3), -1, -2, -3, 2, 2.5, 3)),
		two("by zero", "Div", f32(d(3), 1, -1, 0), f32(d(1), 0), f32(d(3), inf, -inf, nan)),
		two("", "Pow", a, f32(d(3), 2, 0.5, -1), f32(d(2, 3), 1, 1.4142135, 1./3, 16, 2.236068, 1./6)),
		two("integer exponent", "Pow", a, list(2, 0, 1), f32(d(2, 3), 1, 1, 3, 16, 1, 6)),
		two("of int64", "Add", list(1, 2), i64(d(2, 1), 10, 20), i64(d(2, 2), 11, 12, 21, 22)),
		{name: "of int64 toward zero", op: "Div", in: []*onnx.Tensor{list(7, -7, 9), list(2, 2, -3)}, known: []int{1}, want: []*onnx.Tensor{list(3, -3, -3)}},
		two("of float64", "Mul", onnx.NewTensor([]float64{1.5}, 1), onnx.NewTensor([]float64{2, 4}, 2), onnx.NewTensor([]float64{3, 6}, 2)),
		{name: "sign of divisor", op: "Mod", in: []*onnx.Tensor{list(-4, 7, 5), list(3, -3, 5)}, known: []int{1}, want: []*onnx.Tensor{list(2, -2, 0)}},
		{name: "sign of dividend", op: "Mod", attrs: onnx.Attrs{"fmod": int64(1)}, in: []*onnx.Tensor{f32(d(2), -4.5, 7), f32(d(2), 3, -3)}, want: []*onnx.Tensor{f32(d(2), -1.5, 1)}},
		two("", "PRelu", f32(d(2, 2), -1, 2, -3, 4), f32(d(2), 0.5, 0.1), f32(d(2, 2), -0.5, 2, -1.5, 4)),
		all("Min", f32(d(2, 3), -1, -1, -1, 2, 2, 2), a, column, row),
		all("Max", f32(d(2, 3), 10, 20, 30, 10, 20, 30), a, column, row),
		all("Sum", f32(d(2, 3), 10, 21, 32, 16, 27, 38), a, column, row),
		all("Sum", f32(d(2, 3), 8, 18, 28, 14, 24, 34), column, column, row),
		all("Mean", f32(d(2, 3), 0, 0.5, 1, 3, 3.5, 4), a, column),
		all("Sum", a, a),
	})
}

func TestComparisons(t *testing.T) {
	a, b := f32(d(2, 2), 1, 2, 3, 4), f32(d(2), 2, 2)
	two := func(name, op string, a, b *onnx.Tensor, want ...bool) opCase {
		return opCase{name: name, op: op, in: []*onnx.Tensor{a, b}, want: []*onnx.Tensor{bools(d(2, 2), want...)}}
	}
	p, q := bools(d(2, 1), true, false), bools(d(2), true, false)
	checkOps(t, []opCase{
		two("", "Equal", a, b, false, true, false, false),
		two("of int64", "Equal", i64(d(2, 2), 1, 2, 3, 4), list(1, 4), true, false, false, true),
		two("of bool", "Equal", p, q, true, false, false, true),
		two("", "Greater", a, b, false, false, true, true),
		two("", "GreaterOrEqual", a, b, false, true, true, true),
		two("", "Less", a, b, true, false, false, false),
		two("", "LessOrEqual", a, b, true, true, false, false),
		two("", "And", p, q, true, false, false, false),
		two("", "Or", p, q, true, true, true, false),
		two("", "Xor", p, q, false, true, true, false),
		{op: "Where", in: []*onnx.Tensor{p, a, f32(d(1), 9)}, want: []*onnx.Tensor{f32(d(2, 2), 1, 2, 9, 9)}},
		{name: "of int64", op: "Where", in: []*onnx.Tensor{q, list(5), i64(d(2, 1), 6, 7)}, want: []*onnx.Tensor{i64(d(2, 2), 5, 6, 5, 7)}},
	})
}

func TestCast(t *testing.T) {
	to := func(t onnx.DType) onnx.Attrs { return onnx.Attrs{"to": int64(t)} }
	x := f32(d(4), -1.7, 0, 2.5, 100)
	checkOps(t, []opCase{
		{name: "to int64", op: "Cast", attrs: to(onnx.Int64), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{list(-1, 0, 2, 100)}},
		{name: "to int32", op: "Cast", attrs: to(onnx.Int32), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{i32(d(4), -1, 0, 2, 100)}},
		{name: "to int8", op: "Cast", attrs: to(onnx.Int8), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{onnx.NewTensor([]int8{-1, 0, 2, 100}, 4)}},
		{name: "to bool", op: "Cast", attrs: to(onnx.Bool), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{bools(d(4), true, false, true, true)}},
		{name: "to float64", op: "Cast", attrs: to(onnx.Float64), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{onnx.NewTensor([]float64{float64(float32(-1.7)), 0, 2.5, 100}, 4)}},
		{name: "to itself", op: "Cast", attrs: to(onnx.Float32), in: []*onnx.Tensor{x}, want: []*onnx.Tensor{x}},
		{name: "wraps around", op: "Cast", attrs: to(onnx.Uint8), in: []*onnx.Tensor{list(-1, 257, 3)}, want: []*onnx.Tensor{onnx.NewTensor([]uint8{255, 1, 3}, 3)}},
		{name: "of bool", op: "Cast", attrs: to(onnx.Float32), in: []*onnx.Tensor{bools(d(2), true, false)}, want: []*onnx.Tensor{f32(d(2), 1, 0)}},
		{name: "of uint8", op: "Cast", attrs: to(onnx.Float32), in: []*onnx.Tensor{onnx.NewTensor([]uint8{200, 3}, 2)}, want: []*onnx.Tensor{f32(d(2), 200, 3)}},
		{
			name: "out of range", op: "Cast", attrs: to(onnx.Int32), in: []*onnx.Tensor{f32(d(3), 1e20, -inf, nan)}, want: []*onnx.Tensor{i32(d(3), math.MaxInt32, math.MinInt32, 0)},
			noORT: "it is not defined",
		},
		{op: "CastLike", in: []*onnx.Tensor{x, list(1)}, want: []*onnx.Tensor{list(-1, 0, 2, 100)}},
	})
}

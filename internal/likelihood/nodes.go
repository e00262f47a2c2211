package likelihood

import "pixelcnn/internal/onnx"

// nodes writes arithmetic as nodes of a graph.
type nodes struct{ *onnx.Graph }

func (n nodes) op(name string, in ...*onnx.Value) *onnx.Value { return n.Op(name, nil, in...) }

func (n nodes) cast(v *onnx.Value, to onnx.DType) *onnx.Value {
	return n.Op("Cast", onnx.Attrs{"to": int64(to)}, v)
}

// part is v from begin to end of its last dimension.
func (n nodes) part(v *onnx.Value, begin, end int) *onnx.Value {
	return n.op("Slice", v, whole(begin), whole(end), whole(-1))
}

// join puts values one after the other in the last dimension.
func (n nodes) join(v ...*onnx.Value) *onnx.Value {
	return n.Op("Concat", onnx.Attrs{"axis": int64(-1)}, v...)
}

// sum adds up along the last dimension, which goes.
func (n nodes) sum(v *onnx.Value) *onnx.Value {
	return n.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, v, whole(-1))
}

// softplus is log(1 + e^x).
func (n nodes) softplus(x *onnx.Value) *onnx.Value {
	e := n.op("Exp", n.op("Neg", n.op("Abs", x)))
	return n.op("Add", n.op("Max", x, real(0)), n.op("Log", n.op("Add", e, real(1))))
}

// logSumExp is log Σ exp along the last dimension of float64 [..., size], which goes:
// Σ softmax·(v − log softmax), where each difference is the same. Other reductions have their
// axes elsewhere from opset 18 on, and ONNX Runtime 1.24 makes the wrong shape where there
// are no rows.
func (n nodes) logSumExp(v *onnx.Value, size int) *onnx.Value {
	v = n.op("Max", v, real(-1e300)) // which is no infinity
	logs := n.Op("LogSoftmax", onnx.Attrs{"axis": int64(-1)}, v)
	ones := make([]float64, size)
	for i := range ones {
		ones[i] = 1
	}
	parts := n.op("Mul", n.op("Exp", logs), n.op("Sub", v, logs))
	return n.op("Squeeze", n.op("MatMul", parts, onnx.Const("", onnx.NewTensor(ones, size, 1))), whole(-1))
}

// whole is a constant of whole numbers, real and single one of a
// number.
func whole(x ...int) *onnx.Value {
	data := make([]int64, len(x))
	for i, k := range x {
		data[i] = int64(k)
	}
	return onnx.Const("", onnx.NewTensor(data, len(x)))
}

func real(x float64) *onnx.Value { return onnx.Const("", onnx.NewTensor([]float64{x}, 1)) }

func single(x float32) *onnx.Value { return onnx.Const("", onnx.NewTensor([]float32{x}, 1)) }

// ramp is 0, 1, … n−1 in a column, [n, 1].
func ramp(n int) *onnx.Value {
	data := make([]float64, n)
	for i := range data {
		data[i] = float64(i)
	}
	return onnx.Const("", onnx.NewTensor(data, n, 1))
}

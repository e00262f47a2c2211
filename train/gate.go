package train

import (
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// Tanh has the gradient 1 − tanh².
func (t *tape) Tanh(x models.Value) models.Value {
	return t.curve("Tanh", x, func(y *onnx.Value) *onnx.Value {
		return t.graph.Op("Sub", nil, one(), t.graph.Op("Mul", nil, y, y))
	})
}

// Sigmoid has the gradient σ − σ².
func (t *tape) Sigmoid(x models.Value) models.Value {
	return t.curve("Sigmoid", x, func(y *onnx.Value) *onnx.Value {
		return t.graph.Op("Sub", nil, y, t.graph.Op("Mul", nil, y, y))
	})
}

func one() *onnx.Value { return onnx.Const("", onnx.Scalar(float32(1))) }

// curve is an operator of one argument whose derivative follows from its result.
func (t *tape) curve(op string, x models.Value, derivative func(y *onnx.Value) *onnx.Value) models.Value {
	in := t.vars[x]
	y := t.add(t.graph.Op(op, nil, in.value), in.channels, in.learns)
	if out := t.vars[y]; out.learns {
		t.back = append(t.back, func() {
			t.give(in, t.graph.Op("Mul", nil, out.grad, derivative(out.value)))
		})
	}
	return y
}

// Mul is a · b.
func (t *tape) Mul(a, b models.Value) models.Value {
	l, r := t.vars[a], t.vars[b]
	y := t.add(t.graph.Op("Mul", nil, l.value, r.value), l.channels, l.learns || r.learns)
	if out := t.vars[y]; out.learns {
		t.back = append(t.back, func() {
			if l.learns {
				t.give(l, t.graph.Op("Mul", nil, out.grad, r.value))
			}
			if r.learns {
				t.give(r, t.graph.Op("Mul", nil, out.grad, l.value))
			}
		})
	}
	return y
}

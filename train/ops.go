package train

import (
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// Image is the input as rows [M, 1].
func (t *tape) Image() models.Value {
	x := t.graph.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, t.levels)
	x = t.graph.Op("Mul", nil, x, onnx.Const("", onnx.Scalar(1/float32(t.shape.levels-1))))
	return t.add(t.reshape(x, t.shape.rows(), 1), 1, false)
}

// Relu is max(x, 0). Its gradient is that of the output where the output is
// positive, and 0 elsewhere.
func (t *tape) Relu(x models.Value) models.Value {
	in := t.vars[x]
	y := t.add(t.graph.Op("Relu", nil, in.value), in.channels, in.learns)
	if out := t.vars[y]; out.learns {
		// The step function as one pass over memory: min(max(steep·y, 0), 1). Greater
		// and Where, the obvious pair, take twice as long. It stands here so that it
		// comes late: see leaf.
		const steep = float32(1e38)
		step := t.graph.Op("HardSigmoid", onnx.Attrs{"alpha": steep, "beta": float32(0)}, out.value)
		t.back = append(t.back, func() {
			t.give(in, t.graph.Op("Mul", nil, out.grad, step))
		})
	}
	return y
}

// Add is a + b.
func (t *tape) Add(a, b models.Value) models.Value {
	l, r := t.vars[a], t.vars[b]
	y := t.add(t.graph.Op("Add", nil, l.value, r.value), l.channels, l.learns || r.learns)
	if out := t.vars[y]; out.learns {
		t.back = append(t.back, func() {
			for _, in := range []*variable{l, r} {
				if in.learns {
					t.give(in, out.grad)
				}
			}
		})
	}
	return y
}

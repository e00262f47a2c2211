package train

import (
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// Image is the input as rows [M, 1].
func (t *tape) Image() models.Value {
	x := t.graph.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, t.levels)
	x = t.graph.Op("Mul", nil, x, onnx.Const("", onnx.Scalar(float32(t.shape.scale))))
	return t.add(t.reshape(x, t.shape.rows(), 1), 1, false)
}

// OneHot is the input as rows [M, levels].
func (t *tape) OneHot() models.Value {
	return t.add(t.oneHot(), t.shape.levels, false)
}

// oneHot is [M, levels]: 1 in the column of a pixel's level.
func (t *tape) oneHot() *onnx.Value {
	if t.unit == nil {
		level := t.graph.Op("Cast", onnx.Attrs{"to": int64(onnx.Int32)}, t.levels)
		t.unit = t.reshape(t.choose(level, t.shape.levels), t.shape.rows(), t.shape.levels)
	}
	return t.unit
}

// choose is a row of the n×n unit matrix for each index, so [..., n].
func (t *tape) choose(index *onnx.Value, n int) *onnx.Value {
	unit := make([]float32, n*n)
	for i := range n {
		unit[i*n+i] = 1
	}
	return t.graph.Op("Gather", nil, constant(unit, n, n), index)
}

// Embed adds the class's row of a table to each of an image's rows. The table's gradient
// is the output's, summed over an image's pixels, then over the images of a class.
func (t *tape) Embed(x models.Value, e models.Embedding) models.Value {
	in, table := t.vars[x], t.next
	t.next++
	n, pixels, m := t.shape.images, t.shape.pixels(), t.shape.rows()
	rows := t.graph.Op("Gather", nil, t.params[table], t.labels)
	sum := t.graph.Op("Add", nil, t.reshape(in.value, pixels, n, e.Channels), rows)
	y := t.add(t.reshape(sum, m, e.Channels), e.Channels, true)
	if t.sums == nil {
		return y
	}
	out := t.vars[y]
	t.back = append(t.back, func() {
		t.leaf(table, func(sum *onnx.Value) *onnx.Value {
			width := n * e.Channels
			images := t.gemm(gemm{rows: 1, depth: pixels, cols: width, bias: true}, t.ones(pixels), t.reshape(out.grad, pixels, width), nil)
			z := gemm{rows: e.Classes, depth: n, cols: e.Channels, transA: true, bias: true}
			return t.gemm(z, t.choose(t.labels, e.Classes), t.reshape(images, n, e.Channels), sum)
		})
		if in.learns {
			t.give(in, out.grad)
		}
	})
	return y
}

// ones is a row of n ones.
func (t *tape) ones(n int) *onnx.Value {
	row := make([]float32, n)
	for i := range row {
		row[i] = 1
	}
	return constant(row, 1, n)
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

package train

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// Conv multiplies by the weights of the live taps only. In all its forms the bias
// gradient is a row of ones times the output's.
func (t *tape) Conv(x models.Value, c models.Conv) models.Value {
	in := t.vars[x]
	weight, bias := t.next, t.next+1
	t.next += 2
	taps := c.Taps()
	var y models.Value
	switch {
	case c.Kernel > 1 && !in.learns:
		y = t.convImage(in, c, taps, weight, bias)
	case c.Kernel == 1:
		y = t.convPoint(in, c, weight, bias)
	default:
		y = t.convSpatial(in, c, taps, weight, bias)
	}
	return y
}

// learnBias adds the backward step of a bias. It is called before the weight's is
// added, so that it runs after it.
func (t *tape) learnBias(out *variable, bias int) {
	t.back = append(t.back, func() {
		m := t.shape.rows()
		z := gemm{rows: 1, depth: m, cols: out.channels, bias: true}
		t.leaf(bias, func(sum *onnx.Value) *onnx.Value { return t.gemm(z, t.ones(m), out.grad, sum) })
	})
}

// convPoint is a 1×1 convolution: one product each way.
func (t *tape) convPoint(in *variable, c models.Conv, weight, bias int) models.Value {
	m, w := t.shape.rows(), t.params[weight]
	flip := t.packing.slots[weight].flip
	y := t.add(t.gemm(gemm{rows: m, depth: c.In, cols: c.Out, transB: flip}, in.value, w, t.params[bias]), c.Out, true)
	if t.sums == nil {
		return y
	}
	out := t.vars[y]
	t.learnBias(out, bias)
	t.back = append(t.back, func() {
		t.leaf(weight, func(sum *onnx.Value) *onnx.Value {
			if flip {
				return t.gemm(gemm{rows: c.Out, depth: m, cols: c.In, transA: true}, out.grad, in.value, sum)
			}
			return t.gemm(gemm{rows: c.In, depth: m, cols: c.Out, transA: true}, in.value, out.grad, sum)
		})
		if in.learns {
			t.give(in, t.gemm(gemm{rows: m, depth: c.Out, cols: c.In, transB: !flip}, out.grad, w, nil))
		}
	})
	return y
}

// convSpatial gathers, for each row, its neighbours at the taps, and multiplies
// once. On the way back it gathers the output's gradient in the opposite direction:
// then both the input's gradient and the weight's are one product, with no sum over
// taps and no gathered input to keep.
func (t *tape) convSpatial(in *variable, c models.Conv, taps []models.Tap, weight, bias int) models.Value {
	m, k := t.shape.rows(), len(taps)
	x := t.gather(in.value, c.In, taps, +1)
	y := t.add(t.gemm(gemm{rows: m, depth: k * c.In, cols: c.Out}, x, t.turned[weight], t.params[bias]), c.Out, true)
	if t.sums == nil {
		return y
	}
	out := t.vars[y]
	t.learnBias(out, bias)
	t.back = append(t.back, func() {
		grad := t.gather(out.grad, c.Out, taps, -1)
		if in.learns {
			t.give(in, t.gemm(gemm{rows: m, depth: k * c.Out, cols: c.In, transB: true}, grad, t.params[weight], nil))
		}
		t.leaf(weight, func(sum *onnx.Value) *onnx.Value {
			return t.gemm(gemm{rows: c.In, depth: m, cols: k * c.Out, transA: true}, in.value, grad, sum)
		})
	})
	return y
}

// convImage is a convolution of an input that needs no gradient, the first layer. It
// gathers the transposed matrix [channels·taps, M], all images of a pixel at once: first
// shifted by each column offset, then whole rows of those by each row offset, which is
// a third of the copies. The weight's order of channels and taps serves both ways.
func (t *tape) convImage(in *variable, c models.Conv, taps []models.Tap, weight, bias int) models.Value {
	n, m, k, size := t.shape.images, t.shape.rows(), len(taps), t.shape.size
	var columns []int
	for _, tap := range taps {
		if !slices.Contains(columns, tap.DX) {
			columns = append(columns, tap.DX)
		}
	}
	var pixel, row []int32
	for i := range c.In {
		for _, dx := range columns {
			for p := range t.shape.pixels() {
				q := t.shape.neighbour(p, models.Tap{DX: dx}, +1)
				if q == t.shape.pixels() {
					q *= c.In // the row of zeros
				} else {
					q += i * t.shape.pixels()
				}
				pixel = append(pixel, int32(q))
			}
		}
		for _, tap := range taps {
			for y := range size {
				r := c.In * len(columns) * size // the row of zeros
				if y+tap.DY >= 0 && y+tap.DY < size {
					r = (i*len(columns)+slices.Index(columns, tap.DX))*size + y + tap.DY
				}
				row = append(row, int32(r))
			}
		}
	}
	x := in.value
	if c.In > 1 {
		x = t.graph.Op("Transpose", onnx.Attrs{"perm": []int64{1, 0}}, x)
	}
	x = t.pad(t.reshape(x, c.In*t.shape.pixels(), n), n)
	x = t.reshape(t.graph.Op("Gather", nil, x, constant(pixel, len(pixel))), c.In*len(columns)*size, size*n)
	x = t.graph.Op("Gather", nil, t.pad(x, size*n), constant(row, len(row)))
	x = t.reshape(x, c.In*k, m)
	w := t.reshape(t.params[weight], c.In*k, c.Out)
	y := t.add(t.gemm(gemm{rows: m, depth: c.In * k, cols: c.Out, transA: true}, x, w, t.params[bias]), c.Out, true)
	if t.sums == nil {
		return y
	}
	out := t.vars[y]
	t.learnBias(out, bias)
	t.back = append(t.back, func() {
		t.leaf(weight, func(sum *onnx.Value) *onnx.Value {
			g := t.gemm(gemm{rows: c.In * k, depth: m, cols: c.Out}, x, out.grad, t.reshape(sum, c.In*k, c.Out))
			return t.reshape(g, c.In, k*c.Out)
		})
	})
	return y
}

// gather returns [M, taps·channels]: row r holds the rows of x at r's pixel plus
// sign times each tap, zeros where that is outside the image. Two convolutions of one
// input with the same taps share it.
func (t *tape) gather(x *onnx.Value, channels int, taps []models.Tap, sign int) *onnx.Value {
	key := fmt.Sprintf("%p %v %d", x, taps, sign)
	if t.gathered[key] == nil {
		t.gathered[key] = t.gatherNew(x, channels, taps, sign)
	}
	return t.gathered[key]
}

func (t *tape) gatherNew(x *onnx.Value, channels int, taps []models.Tap, sign int) *onnx.Value {
	n, m := t.shape.images, t.shape.rows()
	index := make([]int32, 0, m*len(taps))
	for p := range t.shape.pixels() {
		for i := range n {
			for _, tap := range taps {
				row := m // the row of zeros
				if q := t.shape.neighbour(p, tap, sign); q < t.shape.pixels() {
					row = q*n + i
				}
				index = append(index, int32(row))
			}
		}
	}
	x = t.graph.Op("Gather", nil, t.pad(x, channels), constant(index, m, len(taps)))
	return t.reshape(x, m, len(taps)*channels)
}

// pad adds a row of zeros.
func (t *tape) pad(x *onnx.Value, channels int) *onnx.Value {
	return t.graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, x, constant(make([]float32, channels), 1, channels))
}

// neighbour is the pixel at p plus sign times tap, or the number of pixels where
// that is outside.
func (s shape) neighbour(p int, tap models.Tap, sign int) int {
	y, x := p/s.size+sign*tap.DY, p%s.size+sign*tap.DX
	if y < 0 || y >= s.size || x < 0 || x >= s.size {
		return s.pixels()
	}
	return y*s.size + x
}

package onnx

import "errors"

// product evaluates MatMul of matrices and vectors, and Gemm, with sums in float64.
func product(n *Node, in []*Tensor) (*Tensor, error) {
	if len(in) < 2 || in[1] == nil {
		return nil, errors.New("it needs two factors")
	}
	a, b := in[0], in[1]
	shape := []int{}
	if n.Op == "MatMul" {
		// A vector is a row on the left and a column on the right.
		if len(a.Shape) == 1 {
			a = &Tensor{[]int{1, a.Len()}, a.Data}
		} else {
			shape = append(shape, a.Shape[:min(1, len(a.Shape))]...)
		}
		if len(b.Shape) == 1 {
			b = &Tensor{[]int{b.Len(), 1}, b.Data}
		} else {
			shape = append(shape, b.Shape[min(1, len(b.Shape)):]...)
		}
	}
	to := a.DType()
	if len(a.Shape) != 2 || len(b.Shape) != 2 || to != b.DType() || to != Float32 && to != Float64 {
		return nil, nil
	}
	if n.Op == "Gemm" {
		if n.Attrs.Int("transA", 0) != 0 {
			a = Transpose(a, []int{1, 0})
		}
		if n.Attrs.Int("transB", 0) != 0 {
			b = Transpose(b, []int{1, 0})
		}
	}
	rows, inner, columns := a.Shape[0], a.Shape[1], b.Shape[1]
	if b.Shape[0] != inner {
		return nil, errors.New("factors whose shapes do not fit")
	}
	if size, err := Size([]int{rows, inner, columns}); err != nil || size > maxFold {
		return nil, nil
	}
	x, y, out := floats(a), floats(b), make([]float64, rows*columns)
	for i := range rows {
		sums := out[i*columns : (i+1)*columns]
		for k := range inner {
			for j := range sums {
				sums[j] += float64(x[i*inner+k] * y[k*columns+j])
			}
		}
	}
	if n.Op == "Gemm" {
		alpha, beta := float64(n.Attrs.Float("alpha", 1)), float64(n.Attrs.Float("beta", 1))
		summand := make([]float64, len(out))
		if len(in) > 2 && in[2] != nil {
			c, err := Broadcast(in[2], []int{rows, columns})
			if err != nil {
				return nil, err
			}
			summand = floats(c)
		}
		shape = []int{rows, columns}
		for i := range out {
			out[i] = float64(alpha*out[i]) + float64(beta*summand[i])
		}
	}
	return cast(NewTensor(out, shape...), to)
}

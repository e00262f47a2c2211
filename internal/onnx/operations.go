package onnx

import "math"

// operations is about how many multiplications, or other operations on elements, a node takes. The
// sizes of its inputs and outputs must be known.
func operations(n *Node) int64 {
	most := int64(0)
	var shapes [][]int
	for _, v := range n.Inputs {
		shapes = append(shapes, shapeOf(v))
		most = max(most, count(shapeOf(v)))
	}
	out := int64(0)
	for _, v := range n.Outputs {
		out = saturate(out, count(shapeOf(v)))
	}
	each := int64(1) // products for an element of the output
	switch n.Op {
	case "Conv", "ConvInteger": // weight [out, in/group, kernel…]
		each = rest(shapes, 1)
	case "QLinearConv":
		each = rest(shapes, 3)
	case "RNN", "GRU", "LSTM": // for each step and image both weights
		if x := shapes[0]; len(x) == 3 {
			return max(most, times(times(int64(max(x[0], 1)), int64(max(x[1], 1))), saturate(count(shapes[1]), count(shapes[2]))))
		}
	case "ConvTranspose": // weight [in, out/group, kernel…], for each element of the input
		return max(most, times(count(shapes[0]), rest(shapes, 1)))
	case "Gemm", "MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul", "QGemm":
		if a := shapes[0]; len(a) > 0 {
			each = int64(a[len(a)-1])
			if n.Attrs.Int("transA", 0) != 0 {
				each = int64(a[max(0, len(a)-2)])
			}
		}
	case "MaxPool", "AveragePool", "LpPool":
		for _, k := range n.Attrs.Ints("kernel_shape") {
			each = times(each, max(k, 1))
		}
	case "Einsum":
		if sizes, _, ok := einsumSizes(n, shapes); ok {
			for _, d := range sizes {
				each = times(each, int64(max(d, 1)))
			}
			return max(most, each)
		}
	case "LRN":
		each = max(n.Attrs.Int("size", 1), 1)
	}
	return max(most, times(out, each))
}

// rest is the product of shape i's dimensions but the first.
func rest(shapes [][]int, i int) int64 {
	if i >= len(shapes) || len(shapes[i]) == 0 {
		return 1
	}
	return count(shapes[i][1:])
}

func shapeOf(v *Value) []int {
	if v == nil {
		return []int{0}
	}
	return Sizes(v.Shape)
}

// count is the number of elements, math.MaxInt64 where that is too small. A dimension
// of zero counts as one, since what depends on it may not be empty.
func count(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n = times(n, int64(max(d, 1)))
	}
	return n
}

// times and saturate are the product and the sum of numbers that are not negative,
// math.MaxInt64 at most.
func times(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

func saturate(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// sameShape lists the operators of one result whose shape and type are those of
// their first input.
var sameShape = map[string]bool{
	"Relu": true, "LeakyRelu": true, "Elu": true, "Selu": true, "Celu": true, "Gelu": true, "Tanh": true,
	"Sigmoid": true, "HardSigmoid": true, "HardSwish": true, "Softplus": true, "Softsign": true, "Mish": true,
	"ThresholdedRelu": true, "Exp": true, "Log": true, "Sqrt": true, "Neg": true, "Abs": true, "Erf": true,
	"Reciprocal": true, "Floor": true, "Ceil": true, "Round": true, "Sin": true, "Cos": true, "Sign": true,
	"Not": true, "Identity": true, "Clip": true, "PRelu": true, "Dropout": true, "BatchNormalization": true,
	"LayerNormalization": true, "InstanceNormalization": true, "GroupNormalization": true, "Softmax": true,
	"LogSoftmax": true, "LpNormalization": true, "Trilu": true, "CumSum": true, "IsNaN": true, "IsInf": true,
	"Tan": true, "Asin": true, "Acos": true, "Atan": true, "Sinh": true, "Cosh": true, "Asinh": true, "Acosh": true,
	"Atanh": true, "Shrink": true, "Hardmax": true, "LRN": true, "MeanVarianceNormalization": true, "CastLike": true,
	"ScatterElements": true, "ScatterND": true, "RandomUniformLike": true, "RandomNormalLike": true, "Bernoulli": true,
}

// broadcasts lists the operators whose result has the common shape of their inputs.
var broadcasts = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true, "Min": true, "Max": true, "Sum": true,
	"Mean": true, "Mod": true, "Where": true, "Equal": true, "Greater": true, "GreaterOrEqual": true,
	"Less": true, "LessOrEqual": true, "And": true, "Or": true, "Xor": true,
}

// several lists the operators each of whose outputs has a type and a shape of its own, with the
// functions that infer them.
var several = func() map[string]func(n *Node, shapes [][]int) error {
	all := maps.Clone(quantisation)
	for op := range gates {
		all[op] = inferRecurrent
	}
	return all
}()

// infer sets the shapes and types of a node's outputs from its inputs'. Where an
// input's shape or the operator is unknown it leaves the outputs alone.
func infer(n *Node) error {
	var shapes [][]int
	for _, v := range n.Inputs {
		if v == nil {
			shapes = append(shapes, nil)
			continue
		}
		if v.Shape == nil {
			return nil
		}
		shapes = append(shapes, Sizes(v.Shape))
	}
	if len(shapes) == 0 || n.Inputs[0] == nil {
		return nil
	}
	if err := checkNumbers(n, shapes); err != nil {
		return err
	}
	if err := checkEmpty(n, shapes); err != nil {
		return err
	}
	if f := several[n.Op]; f != nil {
		return f(n, shapes)
	}
	dtype := n.Inputs[0].DType
	switch n.Op {
	case "Cast":
		dtype = DType(n.Attrs.Int("to", 0))
	case "RandomUniformLike", "RandomNormalLike", "Bernoulli":
		dtype = DType(n.Attrs.Int("dtype", int64(dtype)))
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "IsNaN", "IsInf":
		dtype = Bool
	case "Where":
		dtype = n.Inputs[1].DType
		if other := n.Inputs[2].DType; dtype != other && dtype != Undefined && other != Undefined {
			return fmt.Errorf("choices of types %v and %v", dtype, other)
		}
	case "CastLike":
		dtype = n.Inputs[1].DType
	case "ArgMax", "ArgMin":
		dtype = Int64
	case "Multinomial":
		dtype = DType(n.Attrs.Int("dtype", int64(Int32)))
	case "ConstantOfShape":
		dtype = Float32
		if t, ok := n.Attrs["value"].(*Tensor); ok {
			dtype = t.DType()
		}
	case "OneHot":
		dtype = n.Inputs[2].DType
	}
	if n.Op == "Split" {
		return inferSplit(n, shapes[0], dtype)
	}
	shape, err := inferShape(n, shapes)
	if err != nil || shape == nil {
		if errors.Is(err, errNotConstant) {
			return nil
		}
		return err
	}
	if n.Outputs[0] != nil {
		n.Outputs[0].DType, n.Outputs[0].Shape = dtype, Shape(shape...)
	}
	return nil
}

func inferSplit(n *Node, shape []int, dtype DType) error {
	axis, err := Axis(n.Attrs.Int("axis", 0), len(shape))
	if err != nil {
		return err
	}
	sizes, err := SplitSizes(n, shape[axis])
	if err != nil {
		return err
	}
	for i, v := range n.Outputs {
		if v != nil {
			s := slices.Clone(shape)
			s[axis] = sizes[i]
			v.DType, v.Shape = dtype, Shape(s...)
		}
	}
	return nil
}

// inferShape returns nil where the operator is unknown.
func inferShape(n *Node, shapes [][]int) ([]int, error) {
	x := shapes[0]
	switch {
	case sameShape[n.Op] || n.Op == "Cast":
		if axis, ok := n.Attrs["axis"].(int64); ok {
			if _, err := Axis(axis, len(x)); err != nil {
				return nil, err
			}
		}
		return x, nil
	case broadcasts[n.Op]:
		return broadcast(shapes...)
	}
	switch n.Op {
	case "Conv":
		return convShape(n, shapes)
	case "Gemm":
		if len(x) != 2 || len(shapes[1]) != 2 {
			return nil, errors.New("factors that are not matrices")
		}
		a, b := x, shapes[1]
		if n.Attrs.Int("transA", 0) != 0 {
			a = []int{a[1], a[0]}
		}
		if n.Attrs.Int("transB", 0) != 0 {
			b = []int{b[1], b[0]}
		}
		if a[1] != b[0] {
			return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
		}
		return []int{a[0], b[1]}, nil
	case "MatMul":
		return matMulShape(x, shapes[1])
	case "FusedMatMul":
		return fusedMatMulShape(n, x, shapes[1])
	case "Transpose":
		perm, err := Permutation(n, len(x))
		if err != nil {
			return nil, err
		}
		out := make([]int, len(x))
		for i, p := range perm {
			out[i] = x[p]
		}
		return out, nil
	case "Slice":
		ranges, err := Slices(n, x)
		if err != nil {
			return nil, err
		}
		out := make([]int, len(x))
		for i, r := range ranges {
			out[i] = r.Len
		}
		return out, nil
	case "Pad":
		begin, end, _, err := Pads(n, len(x))
		if err != nil {
			return nil, err
		}
		if err := checkPads(n, x, begin, end); err != nil {
			return nil, err
		}
		out := slices.Clone(x)
		for i := range out {
			if out[i] += begin[i] + end[i]; out[i] < 0 {
				return nil, errors.New("it cuts more than there is")
			}
		}
		return out, nil
	case "Concat":
		axis, err := Axis(n.Attrs.Int("axis", 0), len(x))
		if err != nil {
			return nil, err
		}
		out := slices.Clone(x)
		for _, s := range shapes[1:] {
			if len(s) != len(x) {
				return nil, fmt.Errorf("shapes %v", shapes)
			}
			for i, d := range s {
				if i == axis {
					out[i] += d
				} else if d != x[i] {
					return nil, fmt.Errorf("shapes %v", shapes)
				}
			}
		}
		return out, nil
	case "Gather":
		axis, err := Axis(n.Attrs.Int("axis", 0), len(x))
		if err != nil {
			return nil, err
		}
		return append(append(append([]int{}, x[:axis]...), shapes[1]...), x[axis+1:]...), nil
	}
	if shape, err := outShape(n, x); shape != nil || err != nil {
		return shape, err
	}
	if shape, err := WindowShape(n, shapes); shape != nil || err != nil {
		return shape, err
	}
	return indexShape(n, shapes)
}

// outShape is the shape of operators that need their first input's only.
func outShape(n *Node, x []int) ([]int, error) {
	switch n.Op {
	case "Reshape":
		return reshape(n, x)
	case "Flatten":
		axis := int(n.Attrs.Int("axis", 1))
		if axis < 0 {
			axis += len(x)
		}
		if axis < 0 || axis > len(x) {
			return nil, errors.New("its axis is out of range")
		}
		return []int{(&Tensor{Shape: x[:axis]}).Len(), (&Tensor{Shape: x[axis:]}).Len()}, nil
	case "Squeeze":
		axes, err := Axes(n, 1, len(x))
		if err != nil {
			return nil, err
		}
		out := []int{}
		for i, d := range x {
			cut := axes == nil && d == 1 || slices.Contains(axes, i)
			if cut && d != 1 {
				return nil, fmt.Errorf("it squeezes a dimension of %d", d)
			}
			if !cut {
				out = append(out, d)
			}
		}
		return out, nil
	case "Unsqueeze":
		values, there, known := list(n, 1, "axes")
		if !known || !there {
			return nil, errNotConstant
		}
		rank := len(x) + len(values)
		out := make([]int, rank)
		for _, a := range values {
			k, err := Axis(a, rank)
			if err != nil {
				return nil, err
			}
			out[k] = -1
		}
		rest := x
		for i := range out {
			if out[i] == -1 {
				out[i] = 1
			} else if len(rest) == 0 {
				return nil, errors.New("axes that are there twice")
			} else {
				out[i], rest = rest[0], rest[1:]
			}
		}
		return out, nil
	case "Expand":
		dims, _, known := list(n, 1, "")
		if !known {
			return nil, errNotConstant
		}
		target, err := dimensions(dims)
		if err != nil {
			return nil, err
		}
		return broadcast(x, target)
	case "OneHot":
		if len(n.Inputs) != 3 || n.Inputs[1] == nil || n.Inputs[1].Const == nil {
			return nil, errNotConstant
		}
		depth := int(number(n.Inputs[1].Const))
		axis, err := Axis(n.Attrs.Int("axis", -1), len(x)+1)
		if err != nil || depth < 1 {
			return nil, fmt.Errorf("axis or depth %d out of range", depth)
		}
		return slices.Insert(slices.Clone(x), axis, depth), nil
	case "ReduceProd", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL2", "ReduceL1", "ReduceLogSum", "ReduceLogSumExp":
		axes, err := Axes(n, 1, len(x))
		if err != nil {
			return nil, err
		}
		if axes == nil && n.Attrs.Int("noop_with_empty_axes", 0) == 1 {
			return x, nil
		}
		out := []int{}
		for i, d := range x {
			switch {
			case axes != nil && !slices.Contains(axes, i):
				out = append(out, d)
			case n.Attrs.Int("keepdims", 1) == 1:
				out = append(out, 1)
			}
		}
		return out, nil
	}
	return nil, nil
}

func matMulShape(a, b []int) ([]int, error) {
	// A vector is a row on the left and a column on the right, and is left out of the
	// result.
	if len(a) == 1 && len(b) > 1 {
		out, err := matMulShape([]int{1, a[0]}, b)
		if err != nil {
			return nil, err
		}
		return slices.Delete(out, len(out)-2, len(out)-1), nil
	}
	if len(b) == 1 && len(a) > 0 {
		if a[len(a)-1] != b[0] {
			return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
		}
		return slices.Clone(a[:len(a)-1]), nil
	}
	if len(a) < 2 || len(b) < 2 || a[len(a)-1] != b[len(b)-2] {
		return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
	}
	out, err := broadcast(a[:len(a)-2], b[:len(b)-2])
	return append(out, a[len(a)-2], b[len(b)-1]), err
}

// fusedMatMulShape is that of ONNX Runtime's product, which may transpose its factors.
func fusedMatMulShape(n *Node, a, b []int) ([]int, error) {
	if n.Attrs.Int("transBatchA", 0) != 0 || n.Attrs.Int("transBatchB", 0) != 0 || min(len(a), len(b)) < 2 {
		return nil, fmt.Errorf("factors of shapes %v and %v, or a transposed batch", a, b)
	}
	turned := func(name string, s []int) []int {
		if n.Attrs.Int(name, 0) == 0 {
			return s
		}
		s = slices.Clone(s)
		k := len(s)
		s[k-1], s[k-2] = s[k-2], s[k-1]
		return s
	}
	return matMulShape(turned("transA", a), turned("transB", b))
}

package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// Evaluate computes a node of these inputs, nil where one is absent. It returns nil where the
// operator is not known here.
func Evaluate(n *Node, in []*Tensor) ([]*Tensor, error) {
	of := *n
	of.Inputs = make([]*Value, len(in))
	for i, t := range in {
		if t != nil {
			of.Inputs[i] = Const("", t)
		}
	}
	return evaluate(&of)
}

// evaluate computes a node whose inputs are all constant. It returns nil where the
// operator is not known here.
func evaluate(n *Node) ([]*Tensor, error) {
	in := make([]*Tensor, len(n.Inputs))
	for i, v := range n.Inputs {
		if v != nil {
			in[i] = v.Const
		}
	}
	one := func(t *Tensor, err error) ([]*Tensor, error) {
		if t == nil || err != nil {
			return nil, err
		}
		return []*Tensor{t}, nil
	}
	if n.Op == "Constant" {
		return one(constant(n))
	}
	if n.Op == "ConstantOfShape" {
		return one(constantOfShape(n))
	}
	if len(in) == 0 || in[0] == nil {
		return nil, nil
	}
	switch n.Op {
	case "Split":
		return split(n, in[0])
	case "MatMul", "Gemm":
		return one(product(n, in))
	case "Conv", "ConvTranspose":
		return one(convolution(n, in))
	case "Resize", "Upsample":
		return one(resize(n, in[0]))
	case "Range":
		return one(countUp(in))
	case "Cast":
		return one(cast(in[0], DType(n.Attrs.Int("to", 0))))
	case "Trilu":
		return one(trilu(n, in))
	case "Reshape", "Flatten", "Squeeze", "Unsqueeze":
		shape, err := outShape(n, in[0].Shape)
		if err != nil {
			return nil, err
		}
		return one(&Tensor{shape, in[0].Data}, nil)
	case "Transpose":
		perm, err := Permutation(n, len(in[0].Shape))
		if err != nil {
			return nil, err
		}
		return one(Transpose(in[0], perm), nil)
	case "Slice":
		return one(slice(n, in[0]))
	case "Gather":
		return one(gather(n, in))
	case "Concat":
		return one(concat(n, in))
	case "Expand":
		shape, err := outShape(n, in[0].Shape)
		if err != nil {
			return nil, err
		}
		return one(Broadcast(in[0], shape))
	case "Tile":
		return one(tile(n, in[0]))
	case "Pad":
		return one(pad(n, in[0]))
	case "Where":
		return one(where(in))
	case "ReduceProd", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
		"ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp":
		return one(reduce(n, in[0]))
	case "DequantizeLinear":
		return one(dequantize(n, in))
	case "OneHot":
		return one(oneHot(n, in))
	case "IsNaN":
		return one(isNaN(in[0]), nil)
	}
	return one(elementwise(n, in))
}

func constant(n *Node) (*Tensor, error) {
	for name, v := range n.Attrs {
		switch v := v.(type) {
		case *Tensor:
			return v, nil
		case int64:
			return Scalar(v), nil
		case float32:
			return Scalar(v), nil
		case []int64:
			return NewTensor(v, len(v)), nil
		case []float32:
			return NewTensor(v, len(v)), nil
		default:
			return nil, fmt.Errorf("its attribute %q is not supported", name)
		}
	}
	return nil, errors.New("it has no value")
}

func constantOfShape(n *Node) (*Tensor, error) {
	dims, _, known := list(n, 0, "")
	if !known {
		return nil, nil
	}
	shape, err := dimensions(dims)
	if err != nil {
		return nil, err
	}
	value, ok := n.Attrs["value"].(*Tensor)
	if !ok {
		value = NewTensor([]float32{0}, 1)
	}
	if value.Len() != 1 {
		return nil, errors.New("its value has more than one element")
	}
	return Broadcast(&Tensor{[]int{}, value.Data}, shape)
}

func split(n *Node, t *Tensor) ([]*Tensor, error) {
	axis, err := Axis(n.Attrs.Int("axis", 0), len(t.Shape))
	if err != nil {
		return nil, err
	}
	sizes, err := SplitSizes(n, t.Shape[axis])
	if err != nil {
		return nil, err
	}
	var out []*Tensor
	from := 0
	for _, size := range sizes {
		shape := slices.Clone(t.Shape)
		shape[axis] = size
		out = append(out, take(t, walk(shape, strides(t.Shape), from*strides(t.Shape)[axis]), shape))
		from += size
	}
	return out, nil
}

func slice(n *Node, t *Tensor) (*Tensor, error) {
	ranges, err := Slices(n, t.Shape)
	if err != nil {
		return nil, err
	}
	step := strides(t.Shape)
	shape := make([]int, len(ranges))
	base := 0
	for i, r := range ranges {
		base += r.Start * step[i]
		step[i] *= r.Step
		shape[i] = r.Len
	}
	return take(t, walk(shape, step, base), shape), nil
}

func gather(n *Node, in []*Tensor) (*Tensor, error) {
	t := in[0]
	axis, err := Axis(n.Attrs.Int("axis", 0), len(t.Shape))
	if err != nil {
		return nil, err
	}
	idx := integers(in[1])
	if idx == nil && in[1].Len() > 0 {
		return nil, errors.New("indices that are not integers")
	}
	// Where there are no elements the indices have to fit all the same.
	places := make([]int, len(idx))
	for p, i := range idx {
		if places[p], err = Axis(i, t.Shape[axis]); err != nil {
			return nil, fmt.Errorf("index %d of %d", i, t.Shape[axis])
		}
	}
	s := strides(t.Shape)
	inner := s[axis]
	outer := t.Len() / max(1, inner*t.Shape[axis])
	var at []int
	for o := range outer {
		for _, k := range places {
			for j := range inner {
				at = append(at, (o*t.Shape[axis]+k)*inner+j)
			}
		}
	}
	return take(t, at, slices.Concat(t.Shape[:axis], in[1].Shape, t.Shape[axis+1:])), nil
}

func concat(n *Node, in []*Tensor) (*Tensor, error) {
	axis, err := Axis(n.Attrs.Int("axis", 0), len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(in[0].Shape)
	shape[axis] = 0
	for _, t := range in {
		if t == nil || len(t.Shape) != len(shape) || t.DType() != in[0].DType() {
			return nil, errors.New("inputs that do not fit")
		}
		for i, d := range t.Shape {
			if i != axis && d != shape[i] {
				return nil, errors.New("inputs that do not fit")
			}
		}
		shape[axis] += t.Shape[axis]
	}
	out := take(in[0], slices.Repeat([]int{-1}, (&Tensor{Shape: shape}).Len()), shape)
	s := strides(shape)
	from := 0
	for _, t := range in {
		place(out, t, walk(t.Shape, s, from*s[axis]))
		from += t.Shape[axis]
	}
	return out, nil
}

// place writes t's elements to the given places of out, which has the same type.
func place(out, t *Tensor, at []int) {
	for i, j := range at {
		switch d := out.Data.(type) {
		case []float32:
			d[j] = t.Data.([]float32)[i]
		case []float64:
			d[j] = t.Data.([]float64)[i]
		case []int64:
			d[j] = t.Data.([]int64)[i]
		case []int32:
			d[j] = t.Data.([]int32)[i]
		case []int8:
			d[j] = t.Data.([]int8)[i]
		case []uint8:
			d[j] = t.Data.([]uint8)[i]
		case []bool:
			d[j] = t.Data.([]bool)[i]
		}
	}
}

func tile(n *Node, t *Tensor) (*Tensor, error) {
	repeats, _, known := list(n, 1, "")
	if !known || len(repeats) != len(t.Shape) {
		return nil, errNotConstant
	}
	shape, steps := []int{}, []int{}
	out := make([]int, len(t.Shape))
	for i, s := range strides(t.Shape) {
		if repeats[i] < 0 || repeats[i] > maxFold {
			return nil, fmt.Errorf("repeats %v", repeats)
		}
		out[i] = int(repeats[i]) * t.Shape[i]
		shape, steps = append(shape, int(repeats[i]), t.Shape[i]), append(steps, 0, s)
	}
	if size, err := Size(out); err != nil || size > maxFold {
		return nil, fmt.Errorf("shape %v is too large", out)
	}
	return take(t, walk(shape, steps, 0), out), nil
}

func pad(n *Node, t *Tensor) (*Tensor, error) {
	if n.Attrs.String("mode", "constant") != "constant" {
		return nil, nil
	}
	begin, end, value, err := Pads(n, len(t.Shape))
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(t.Shape))
	for i, d := range t.Shape {
		if shape[i] = d + begin[i] + end[i]; begin[i] < 0 || end[i] < 0 {
			return nil, nil
		}
	}
	fill := Scalar(float32(n.Attrs.Float("value", 0)))
	if value != nil {
		fill = &Tensor{[]int{}, value.Const.Data}
	}
	fill, err = cast(fill, t.DType())
	if fill == nil || err != nil {
		return nil, err
	}
	out, err := Broadcast(fill, shape)
	if err != nil {
		return nil, err
	}
	s := strides(shape)
	base := 0
	for i, b := range begin {
		base += b * s[i]
	}
	place(out, t, walk(t.Shape, s, base))
	return out, nil
}

func where(in []*Tensor) (*Tensor, error) {
	cond, ok := in[0].Data.([]bool)
	if !ok || len(in) != 3 {
		return nil, errors.New("a condition that is not bool")
	}
	if in[1].DType() != in[2].DType() {
		return nil, fmt.Errorf("choices of types %v and %v", in[1].DType(), in[2].DType())
	}
	shape, err := broadcast(in[0].Shape, in[1].Shape, in[2].Shape)
	if err != nil {
		return nil, err
	}
	a, err := Broadcast(in[1], shape)
	if err != nil {
		return nil, err
	}
	b := walk(shape, broadcastSteps(in[2].Shape, shape), 0)
	for i, c := range walk(shape, broadcastSteps(in[0].Shape, shape), 0) {
		if !cond[c] {
			place(a, take(in[2], []int{b[i]}, nil), []int{i})
		}
	}
	return a, nil
}

func countUp(in []*Tensor) (*Tensor, error) {
	if len(in) != 3 || in[1] == nil || in[2] == nil {
		return nil, errors.New("it needs three inputs")
	}
	count, err := RangeLength(in[0], in[1], in[2])
	if err != nil {
		return nil, err
	}
	out := make([]float64, count)
	x, step := number(in[0]), number(in[2])
	for i := range out {
		out[i] = x
		if x += step; in[0].DType() == Float32 { // ONNX Runtime adds up in the type
			x = float64(float32(x))
		}
	}
	return cast(NewTensor(out, len(out)), in[0].DType())
}

func trilu(n *Node, in []*Tensor) (*Tensor, error) {
	t := in[0]
	k := 0
	if len(in) > 1 && in[1] != nil {
		k = int(number(in[1]))
	}
	if len(t.Shape) < 2 {
		return nil, errors.New("a rank below 2")
	}
	h, w := t.Shape[len(t.Shape)-2], t.Shape[len(t.Shape)-1]
	at := make([]int, t.Len())
	for i := range at {
		y, x := i/w%h, i%w
		at[i] = i
		if upper := n.Attrs.Int("upper", 1) == 1; upper && x-y < k || !upper && x-y > k {
			at[i] = -1
		}
	}
	return take(t, at, t.Shape), nil
}

func oneHot(n *Node, in []*Tensor) (*Tensor, error) {
	shape, err := outShape(n, in[0].Shape)
	if err != nil {
		return nil, err
	}
	axis, err := Axis(n.Attrs.Int("axis", -1), len(shape))
	if err != nil || in[2].Len() != 2 {
		return nil, errors.New("its axis or values do not fit")
	}
	depth := shape[axis]
	s := strides(shape)[axis]
	at := make([]int, (&Tensor{Shape: shape}).Len())
	idx := floats(in[0])
	for i := range at {
		hot := int(idx[i/(s*depth)*s+i%s])
		if hot < 0 {
			hot += depth
		}
		if i/s%depth == hot {
			at[i] = 1
		}
	}
	return take(in[2], at, shape), nil
}

package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// What a node is told beside its data: axes, ranges, pads, sizes. Newer operator sets have them as
// inputs, older ones as attributes.

// Permutation is a Transpose node's perm, its default included.
func Permutation(n *Node, rank int) ([]int, error) {
	perm := make([]int, rank)
	attr := n.Attrs.Ints("perm")
	if attr != nil && len(attr) != rank {
		return nil, fmt.Errorf("perm %v for rank %d", attr, rank)
	}
	seen := make([]bool, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
		if attr != nil {
			perm[i] = int(attr[i])
		}
		if p := perm[i]; p < 0 || p >= rank || seen[p] {
			return nil, fmt.Errorf("perm %v for rank %d", attr, rank)
		}
		seen[perm[i]] = true
	}
	return perm, nil
}

// Axis makes a possibly negative axis one of 0 … rank-1.
func Axis(axis int64, rank int) (int, error) {
	if axis < 0 {
		axis += int64(rank)
	}
	if axis < 0 || axis >= int64(rank) {
		return 0, fmt.Errorf("axis out of range for rank %d", rank)
	}
	return int(axis), nil
}

// list reads an integer list that newer operator sets have as input i and older
// ones as an attribute. known is false where the input is not constant.
func list(n *Node, i int, attr string) (values []int64, there, known bool) {
	if v := n.Attrs.Ints(attr); v != nil {
		return v, true, true
	}
	if i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil, false, true
	}
	t := n.Inputs[i].Const
	if t == nil {
		return nil, true, false
	}
	switch d := t.Data.(type) {
	case []int64:
		return d, true, true
	case []int32:
		return widen(d), true, true
	}
	return nil, true, false
}

var errNotConstant = errors.New("its sizes are not constant")

// Axes reads a node's axes, from the attribute or from input i, as sorted axes of
// a value of that rank. It returns nil where none are given.
func Axes(n *Node, i, rank int) ([]int, error) {
	values, there, known := list(n, i, "axes")
	if !known {
		return nil, errNotConstant
	}
	if !there {
		return nil, nil
	}
	axes := []int{}
	for _, a := range values {
		k, err := Axis(a, rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, k)
	}
	slices.Sort(axes)
	return slices.Compact(axes), nil
}

// Range is what Slice takes of one dimension: Len elements from Start on.
type Range struct{ Start, Len, Step int }

// Slices reads a Slice node for an input of that shape: one range per dimension.
func Slices(n *Node, shape []int) ([]Range, error) {
	out := make([]Range, len(shape))
	for i, d := range shape {
		out[i] = Range{0, d, 1}
	}
	starts, _, ok1 := list(n, 1, "starts")
	ends, _, ok2 := list(n, 2, "ends")
	axes, _, ok3 := list(n, 3, "axes")
	steps, _, ok4 := list(n, 4, "steps")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, errNotConstant
	}
	if len(ends) != len(starts) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, errors.New("starts, ends, axes and steps differ in length")
	}
	seen := make([]bool, len(shape))
	for i, start := range starts {
		axis, err := Axis(int64(i), len(shape))
		if axes != nil {
			axis, err = Axis(axes[i], len(shape))
		}
		if err != nil {
			return nil, err
		}
		if seen[axis] {
			return nil, fmt.Errorf("axes %v, one of which is there twice", axes)
		}
		seen[axis] = true
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 || step == math.MinInt64 {
			return nil, errors.New("a step of 0")
		}
		d := int64(shape[axis])
		bound := func(v, low, high int64) int64 {
			if v < 0 {
				v = max(v, -d-1) + d
			}
			return min(max(v, low), high)
		}
		var count int64
		if step > 0 {
			start = bound(start, 0, d)
			count = (bound(ends[i], 0, d) - start + min(step, d+1) - 1) / min(step, d+1)
		} else {
			start = bound(start, 0, d-1)
			end := int64(-1)
			if e := ends[i]; e >= -d {
				end = bound(e, -1, d-1)
			}
			s := min(-step, d+1)
			count = (start - end + s - 1) / s
		}
		out[axis] = Range{int(start), int(max(count, 0)), int(max(min(step, d+1), -d-1))}
	}
	return out, nil
}

// Pads reads a Pad node for a rank: begin and end per dimension. The value padded
// with is the second result.
func Pads(n *Node, rank int) (begin, end []int, value *Value, err error) {
	pads, _, known := list(n, 1, "pads")
	if !known {
		return nil, nil, nil, errNotConstant
	}
	if len(n.Inputs) > 2 {
		value = n.Inputs[2]
	}
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	if len(n.Inputs) > 3 && n.Inputs[3] != nil {
		given, _, known := list(n, 3, "")
		if !known {
			return nil, nil, nil, errNotConstant
		}
		axes = axes[:0]
		for _, a := range given {
			k, err := Axis(a, rank)
			if err != nil {
				return nil, nil, nil, err
			}
			if slices.Contains(axes, k) {
				return nil, nil, nil, fmt.Errorf("axes %v, one of which is there twice", given)
			}
			axes = append(axes, k)
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, nil, nil, fmt.Errorf("%d pads for %d axes", len(pads), len(axes))
	}
	begin, end = make([]int, rank), make([]int, rank)
	for i, a := range axes {
		b, e := pads[i], pads[i+len(axes)]
		if max(b, e) > math.MaxInt32 || min(b, e) < -math.MaxInt32 {
			return nil, nil, nil, errors.New("pads out of range")
		}
		begin[a], end[a] = int(b), int(e)
	}
	return begin, end, value, nil
}

// SplitSizes reads a Split node for an input dimension d.
func SplitSizes(n *Node, d int) ([]int, error) {
	given, there, known := list(n, 1, "split")
	if !known {
		return nil, errNotConstant
	}
	parts := len(n.Outputs)
	sizes := make([]int, parts)
	if there {
		if len(given) != parts {
			return nil, fmt.Errorf("%d sizes for %d outputs", len(given), parts)
		}
		sum := 0
		for i, s := range given {
			if s < 0 || s > int64(d) {
				return nil, fmt.Errorf("split %v of %d", given, d)
			}
			sizes[i] = int(s)
			sum += sizes[i]
		}
		if sum != d {
			return nil, fmt.Errorf("split %v of %d", given, d)
		}
		return sizes, nil
	}
	each := (d + parts - 1) / parts
	rest := d
	for i := range sizes {
		sizes[i] = min(each, rest)
		rest -= sizes[i]
	}
	return sizes, nil
}

// reshape resolves a Reshape's target for an input of that shape.
func reshape(n *Node, shape []int) ([]int, error) {
	target, there, known := list(n, 1, "shape")
	if !known || !there {
		return nil, errNotConstant
	}
	total, err := Size(shape)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(target))
	free, product := -1, 1
	for i, d := range target {
		switch {
		case d == 0 && n.Attrs.Int("allowzero", 0) == 0:
			if i >= len(shape) {
				return nil, fmt.Errorf("shape %v cannot become %v", shape, target)
			}
			out[i] = shape[i]
		case d == -1 && free < 0:
			free = i
			continue
		case d < 0 || d > math.MaxInt32:
			return nil, fmt.Errorf("shape %v cannot become %v", shape, target)
		default:
			out[i] = int(d)
		}
		if out[i] != 0 && product > math.MaxInt/8/out[i] {
			return nil, fmt.Errorf("shape %v cannot become %v", shape, target)
		}
		product *= out[i]
	}
	if free >= 0 {
		if product == 0 || total%product != 0 {
			return nil, fmt.Errorf("shape %v cannot become %v", shape, target)
		}
		out[free] = total / product
		product *= out[free]
	}
	if product != total {
		return nil, fmt.Errorf("shape %v cannot become %v", shape, target)
	}
	return out, nil
}

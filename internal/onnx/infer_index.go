package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// indexShape is the shape of what operators make that pick, count or repeat elements.
// It returns nil for others.
func indexShape(n *Node, shapes [][]int) ([]int, error) {
	x := shapes[0]
	switch n.Op {
	case "GatherElements":
		return shapes[1], nil
	case "GatherND":
		b := n.Attrs.Int("batch_dims", 0)
		idx := shapes[1]
		if len(idx) == 0 || b < 0 || int(b) >= len(idx) || int(b) > len(x) {
			return nil, fmt.Errorf("indices of shape %v", idx)
		}
		last := idx[len(idx)-1]
		if last < 1 || int(b)+last > len(x) {
			return nil, fmt.Errorf("indices of shape %v for an input of shape %v", idx, x)
		}
		return append(append([]int{}, idx[:len(idx)-1]...), x[int(b)+last:]...), nil
	case "ArgMax", "ArgMin":
		axis, err := Axis(n.Attrs.Int("axis", 0), len(x))
		if err != nil {
			return nil, err
		}
		out := slices.Clone(x)
		if out[axis] = 1; n.Attrs.Int("keepdims", 1) == 0 {
			out = slices.Delete(out, axis, axis+1)
		}
		return out, nil
	case "TopK":
		axis, err := Axis(n.Attrs.Int("axis", -1), len(x))
		if err != nil {
			return nil, err
		}
		k, _, known := list(n, 1, "")
		if !known {
			return nil, errNotConstant
		}
		if len(k) != 1 || k[0] < 0 || k[0] > int64(x[axis]) {
			return nil, fmt.Errorf("the %v largest of %d", k, x[axis])
		}
		out := slices.Clone(x)
		out[axis] = int(k[0])
		return out, nil
	case "Multinomial":
		count := n.Attrs.Int("sample_size", 1)
		if len(x) != 2 || count < 0 || count > math.MaxInt32 {
			return nil, fmt.Errorf("%d samples of an input of shape %v", count, x)
		}
		return []int{x[0], int(count)}, nil
	case "ConstantOfShape":
		dims, _, known := list(n, 0, "")
		if !known {
			return nil, errNotConstant
		}
		return dimensions(dims)
	case "Tile":
		repeats, _, known := list(n, 1, "")
		if !known {
			return nil, errNotConstant
		}
		out, err := dimensions(repeats)
		if err != nil || len(out) != len(x) {
			return nil, fmt.Errorf("repeats %v for an input of shape %v", repeats, x)
		}
		for i, d := range x {
			if d > 0 && out[i] > math.MaxInt32/d {
				return nil, fmt.Errorf("repeats %v for an input of shape %v", repeats, x)
			}
			out[i] *= d
		}
		return out, nil
	case "Range":
		for _, v := range n.Inputs[:3] {
			if v.Const == nil {
				return nil, errNotConstant
			}
		}
		count, err := RangeLength(n.Inputs[0].Const, n.Inputs[1].Const, n.Inputs[2].Const)
		return []int{count}, err
	case "Einsum":
		return einsumShape(n, shapes)
	}
	return nil, nil
}

// RangeLength is how many elements a Range has for these arguments. The span is taken in
// their type, as ONNX Runtime does: one that overflows is refused.
func RangeLength(start, limit, step *Tensor) (int, error) {
	a, b, by := number(start), number(limit), number(step)
	span := b - a
	bad := by == 0
	switch start.DType() {
	case Float32:
		span = float64(float32(b) - float32(a))
	case Int32:
		bad = bad || math.Abs(span) > math.MaxInt32
	case Int64:
		bad = bad || large([]float64{a, b, by})
	}
	count := math.Ceil(span / by)
	if bad || !(count <= math.MaxInt32) {
		return 0, fmt.Errorf("from %g to %g by %g", a, b, by)
	}
	return int(max(count, 0)), nil
}

func dimensions(dims []int64) ([]int, error) {
	out := make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > math.MaxInt32 {
			return nil, fmt.Errorf("dimension %d", d)
		}
		out[i] = int(d)
	}
	return out, nil
}

// einsumSizes gives each letter of an Einsum's equation its size; ok is false where
// the equation is none that is known here: one with an arrow and no ellipsis.
func einsumSizes(n *Node, shapes [][]int) (sizes map[rune]int, result string, ok bool) {
	left, result, arrow := strings.Cut(strings.ReplaceAll(n.Attrs.String("equation", ""), " ", ""), "->")
	terms := strings.Split(left, ",")
	if !arrow || strings.Contains(left+result, ".") || len(terms) != len(shapes) {
		return nil, "", false
	}
	sizes = map[rune]int{}
	for i, term := range terms {
		letters := []rune(term)
		if len(letters) != len(shapes[i]) {
			return nil, "", false
		}
		for k, c := range letters {
			if old, there := sizes[c]; there && old != shapes[i][k] {
				return nil, "", false
			}
			sizes[c] = shapes[i][k]
		}
	}
	return sizes, result, true
}

func einsumShape(n *Node, shapes [][]int) ([]int, error) {
	sizes, result, ok := einsumSizes(n, shapes)
	if !ok {
		return nil, errors.New("an equation that does not fit or is not supported")
	}
	out := []int{}
	for _, c := range result {
		d, there := sizes[c]
		if !there {
			return nil, errors.New("an equation that does not fit")
		}
		out = append(out, d)
	}
	return out, nil
}

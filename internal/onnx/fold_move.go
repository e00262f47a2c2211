package onnx

import (
	"fmt"
	"slices"
)

// take makes a tensor of t's elements at the given indices; -1 stands for zero.
func take(t *Tensor, at []int, shape []int) *Tensor {
	switch d := t.Data.(type) {
	case []float32:
		return &Tensor{shape, pick(d, at)}
	case []float64:
		return &Tensor{shape, pick(d, at)}
	case []int64:
		return &Tensor{shape, pick(d, at)}
	case []int32:
		return &Tensor{shape, pick(d, at)}
	case []int8:
		return &Tensor{shape, pick(d, at)}
	case []uint8:
		return &Tensor{shape, pick(d, at)}
	default:
		return &Tensor{shape, pick(t.Data.([]bool), at)}
	}
}

// Pick is the numbers at some places of a tensor, counted row-major.
func Pick(t *Tensor, at []int) *Tensor { return take(t, at, []int{len(at)}) }

func pick[T Element](d []T, at []int) []T {
	out := make([]T, len(at))
	for i, j := range at {
		if j >= 0 {
			out[i] = d[j]
		}
	}
	return out
}

// strides of a row-major array.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// walk lists, for an array of the given shape, the index base + Σ iₖ·stepₖ of
// each element in row-major order.
func walk(shape, step []int, base int) []int {
	n, err := Size(shape)
	if err != nil || n == 0 {
		return nil
	}
	out := make([]int, 0, n)
	i := make([]int, len(shape))
	for {
		out = append(out, base)
		k := len(shape) - 1
		for ; k >= 0; k-- {
			i[k]++
			base += step[k]
			if i[k] < shape[k] {
				break
			}
			base -= step[k] * shape[k]
			i[k] = 0
		}
		if k < 0 {
			return out
		}
	}
}

// Transpose permutes a tensor's dimensions: the result's dimension i is t's perm[i].
func Transpose(t *Tensor, perm []int) *Tensor {
	s := strides(t.Shape)
	shape, step := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], step[i] = t.Shape[p], s[p]
	}
	return take(t, walk(shape, step, 0), shape)
}

// Broadcast repeats a tensor to a shape, by numpy's rules.
func Broadcast(t *Tensor, shape []int) (*Tensor, error) {
	both, err := broadcast(t.Shape, shape)
	if err != nil || !slices.Equal(both, shape) {
		return nil, fmt.Errorf("shape %v does not broadcast to %v", t.Shape, shape)
	}
	if n, err := Size(shape); err != nil || n > maxFold {
		return nil, fmt.Errorf("shape %v is too large", shape)
	}
	return take(t, walk(shape, broadcastSteps(t.Shape, shape), 0), shape), nil
}

func broadcastSteps(from, to []int) []int {
	step := make([]int, len(to))
	s := strides(from)
	for i, d := range from {
		if d != 1 {
			step[i+len(to)-len(from)] = s[i]
		}
	}
	return step
}

// broadcast is the common shape of several, by numpy's rules.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[i+rank-len(s)]
			if *o == 1 {
				*o = d
			} else if d != 1 && d != *o {
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out, nil
}

func widen(d []int32) []int64 {
	out := make([]int64, len(d))
	for i, v := range d {
		out[i] = int64(v)
	}
	return out
}

package onnx

import "slices"

// List is a constant of whole numbers, [n].
func List[T int | int64](x ...T) *Value {
	data := make([]int64, len(x))
	for i, n := range x {
		data[i] = int64(n)
	}
	return Const("", NewTensor(data, len(x)))
}

// Cast adds a node that turns v into another type.
func (g *Graph) Cast(v *Value, to DType) *Value {
	return g.Op("Cast", Attrs{"to": int64(to)}, v)
}

// Reshape adds a node that gives v another shape. A 0 stands for the dimension that v has there, -1 for
// what is left.
func (g *Graph) Reshape(v *Value, shape ...int) *Value {
	return g.Op("Reshape", nil, v, List(shape...))
}

// Transpose adds a node that puts v's dimensions in another order, unless it is theirs.
func (g *Graph) Transpose(v *Value, perm ...int) *Value {
	if slices.IsSorted(perm) {
		return v
	}
	p := make([]int64, len(perm))
	for i, k := range perm {
		p[i] = int64(k)
	}
	return g.Op("Transpose", Attrs{"perm": p}, v)
}

// Concat adds a node that joins values along an axis.
func (g *Graph) Concat(axis int, v ...*Value) *Value {
	return g.Op("Concat", Attrs{"axis": int64(axis)}, v...)
}

// Slice adds a node that takes the part of v from begin to end, [1] each, along one axis.
func (g *Graph) Slice(v *Value, axis int, begin, end *Value) *Value {
	return g.Op("Slice", nil, v, begin, end, List(axis)) // without axes, begin and end would need an element for each
}

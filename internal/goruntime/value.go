package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// value is a tensor of a binding. Its elements come from the file, from the caller, or
// get their place when all nodes are bound.
type value struct {
	dtype onnx.DType
	shape []int
	count int // elements
	data  any // points to a slice of count elements; nil until there is one

	known  bool // a constant, to be read while nodes are bound
	shared bool // belongs to the session, not to one binding
	local  bool // the binding finds a place for it

	of     *value // where not nil, the value is a view of that one's elements
	offset int

	from   fuser    // the step that makes it, where later nodes may join that
	joined []*value // what a Concat has put side by side here, if it did that

	rows       *value // the same elements as rows, where they are laid out so; else nil
	turnedBack bool   // they are laid out as the shape says, too

	moved *moved // how it is made, if by moving elements; else nil
	ramp  *ramp  // of what it is a step function, if it is one; else nil

	tanhOf, sigmoidOf *value // of what it is that function, where a step makes it so; else nil
}

// newValue is a value of a shape whose size has been checked.
func newValue(dtype onnx.DType, shape []int) *value {
	v := &value{dtype: dtype, shape: shape, count: 1}
	for _, d := range shape {
		v.count *= d
	}
	return v
}

// constant is a known value of a tensor.
func constant(t *onnx.Tensor) *value {
	v := newValue(t.DType(), t.Shape)
	v.data, v.known = pointer(t.Data), true
	return v
}

// root is the value whose elements v shows, and where in it they begin.
func (v *value) root() (*value, int) {
	at := 0
	for v.of != nil {
		at += v.offset
		v = v.of
	}
	return v, at
}

func (v *value) rank() int { return len(v.shape) }

// elements is a value's slice, once it has one.
func elements[T onnx.Element](v *value) []T { return *v.data.(*[]T) }

// floats is elements for the commonest type.
func (v *value) floats() []float32 { return *v.data.(*[]float32) }

// tensor shows a known value as a tensor.
func (v *value) tensor() *onnx.Tensor {
	t := &onnx.Tensor{Shape: v.shape}
	switch d := v.data.(type) {
	case *[]float32:
		t.Data = *d
	case *[]float64:
		t.Data = *d
	case *[]int64:
		t.Data = *d
	case *[]int32:
		t.Data = *d
	case *[]int8:
		t.Data = *d
	case *[]uint8:
		t.Data = *d
	case *[]bool:
		t.Data = *d
	}
	return t
}

// pointer is a pointer to a copy of a slice's header.
func pointer(data any) any {
	switch d := data.(type) {
	case []float32:
		return &d
	case []float64:
		return &d
	case []int64:
		return &d
	case []int32:
		return &d
	case []int8:
		return &d
	case []uint8:
		return &d
	case []bool:
		return &d
	}
	return nil
}

// bytes is the size of the elements of a type; 0 where there is no such type.
func bytes(t onnx.DType) int64 {
	switch t {
	case onnx.Float32, onnx.Int32:
		return 4
	case onnx.Float64, onnx.Int64:
		return 8
	case onnx.Uint8, onnx.Int8, onnx.Bool:
		return 1
	}
	return 0
}

// allocate makes n elements of a type.
func allocate(t onnx.DType, n int) any {
	switch t {
	case onnx.Float32:
		return pointer(make([]float32, n))
	case onnx.Float64:
		return pointer(make([]float64, n))
	case onnx.Int64:
		return pointer(make([]int64, n))
	case onnx.Int32:
		return pointer(make([]int32, n))
	case onnx.Int8:
		return pointer(make([]int8, n))
	case onnx.Uint8:
		return pointer(make([]uint8, n))
	}
	return pointer(make([]bool, n))
}

// part is n elements from a place on.
func part(data any, from, n int) any {
	switch d := data.(type) {
	case *[]float32:
		return pointer((*d)[from : from+n : from+n])
	case *[]float64:
		return pointer((*d)[from : from+n : from+n])
	case *[]int64:
		return pointer((*d)[from : from+n : from+n])
	case *[]int32:
		return pointer((*d)[from : from+n : from+n])
	case *[]int8:
		return pointer((*d)[from : from+n : from+n])
	case *[]uint8:
		return pointer((*d)[from : from+n : from+n])
	}
	return pointer((*data.(*[]bool))[from : from+n : from+n])
}

// strides of a row-major array of that shape.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i, d := range slices.Backward(shape) {
		s[i] = n
		n *= d
	}
	return s
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// integers are a known value's elements, of type int64 or int32.
func (v *value) integers() ([]int64, error) {
	if !v.known {
		return nil, errNotKnown
	}
	switch d := v.data.(type) {
	case *[]int64:
		return *d, nil
	case *[]int32:
		out := make([]int64, len(*d))
		for i, x := range *d {
			out[i] = int64(x)
		}
		return out, nil
	}
	return nil, errNotInteger
}

// owner is the value whose elements v shows.
func (v *value) owner() *value {
	r, _ := v.root()
	return r
}

package onnx

import (
	"fmt"
	"math"
)

// DType is a tensor's element type, numbered as TensorProto.DataType.
type DType int32

// The element types that occur in convolutional networks.
const (
	Undefined DType = 0
	Float32   DType = 1
	Uint8     DType = 2
	Int8      DType = 3
	Uint16    DType = 4
	Int16     DType = 5
	Int32     DType = 6
	Int64     DType = 7
	Bool      DType = 9
	Float16   DType = 10
	Float64   DType = 11
)

func (t DType) String() string {
	switch t {
	case Float32:
		return "float32"
	case Uint8:
		return "uint8"
	case Int8:
		return "int8"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Bool:
		return "bool"
	case Float64:
		return "float64"
	}
	return fmt.Sprintf("dtype(%d)", int32(t))
}

// Element is a Go type that a tensor can hold.
type Element interface {
	float32 | float64 | int64 | int32 | int8 | uint8 | bool
}

// Tensor is a dense, row-major array. The slice is shared, never copied:
// whoever makes a tensor of a slice owns both.
type Tensor struct {
	Shape []int
	Data  any // []float32, []float64, []int64, []int32, []int8, []uint8 or []bool
}

// NewTensor wraps data, which must hold exactly the elements of shape.
// It panics where it does not: sizes here are computed, never read from a file.
func NewTensor[T Element](data []T, shape ...int) *Tensor {
	if n, err := Size(shape); err != nil || n != len(data) {
		panic(fmt.Sprintf("onnx: %d elements for shape %v", len(data), shape))
	}
	return &Tensor{Shape: shape, Data: data}
}

// Scalar is a tensor of rank 0.
func Scalar[T Element](v T) *Tensor { return &Tensor{Shape: []int{}, Data: []T{v}} }

// DType is the element type of t.Data.
func (t *Tensor) DType() DType {
	switch t.Data.(type) {
	case []float32:
		return Float32
	case []float64:
		return Float64
	case []int64:
		return Int64
	case []int32:
		return Int32
	case []int8:
		return Int8
	case []uint8:
		return Uint8
	case []bool:
		return Bool
	}
	return Undefined
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Elements is how many there are in Data, which should be as many as [Tensor.Len] says; 0 where it
// is of no known type.
func (t *Tensor) Elements() int {
	switch data := t.Data.(type) {
	case []float32:
		return len(data)
	case []float64:
		return len(data)
	case []int64:
		return len(data)
	case []int32:
		return len(data)
	case []int8:
		return len(data)
	case []uint8:
		return len(data)
	case []bool:
		return len(data)
	}
	return 0
}

// Floats returns the elements of a float32 tensor, and nil for any other type.
func (t *Tensor) Floats() []float32 {
	f, _ := t.Data.([]float32)
	return f
}

// Ints returns the elements of an int64 tensor, and nil for any other type.
func (t *Tensor) Ints() []int64 {
	i, _ := t.Data.([]int64)
	return i
}

// Size is the number of elements of a shape. It fails where a dimension is
// negative or the product overflows.
func Size(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("onnx: negative dimension in shape %v", shape)
		}
		if d != 0 && n > math.MaxInt/8/d {
			return 0, fmt.Errorf("onnx: shape %v is too large", shape)
		}
		n *= d
	}
	return n, nil
}

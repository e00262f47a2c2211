package signature

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// Condition is an input beside the picture and the class.
type Condition struct {
	Name  string
	DType onnx.DType
	Shape []int // of one image's, without the batch; -1 where the file leaves it open
	at    int   // its place among the graph's inputs
}

// fits tells whether a condition may have a shape.
func (c Condition) fits(shape []int) error {
	ok := len(shape) == len(c.Shape)
	for i := range shape {
		ok = ok && (c.Shape[i] < 0 || c.Shape[i] == shape[i])
	}
	if !ok {
		return fmt.Errorf("%w: condition %q has shape %v for an image, the model's input takes %v", ErrConfig, c.Name, shape, c.Shape)
	}
	return nil
}

// tensor makes room for the condition of n images.
func (c Condition) tensor(n int) *onnx.Tensor {
	shape := append([]int{n}, c.Shape...)
	size, _ := onnx.Size(shape)
	switch c.DType {
	case onnx.Int64:
		return onnx.NewTensor(make([]int64, size), shape...)
	case onnx.Int32:
		return onnx.NewTensor(make([]int32, size), shape...)
	case onnx.Int8:
		return onnx.NewTensor(make([]int8, size), shape...)
	case onnx.Uint8:
		return onnx.NewTensor(make([]uint8, size), shape...)
	case onnx.Bool:
		return onnx.NewTensor(make([]bool, size), shape...)
	case onnx.Float64:
		return onnx.NewTensor(make([]float64, size), shape...)
	default:
		return onnx.NewTensor(make([]float32, size), shape...)
	}
}

// copyRow copies one image's tensor to a row of another.
func copyRow(to *onnx.Tensor, row int, from *onnx.Tensor) {
	switch data := from.Data.(type) {
	case []int64:
		copy(to.Data.([]int64)[row*len(data):], data)
	case []int32:
		copy(to.Data.([]int32)[row*len(data):], data)
	case []int8:
		copy(to.Data.([]int8)[row*len(data):], data)
	case []uint8:
		copy(to.Data.([]uint8)[row*len(data):], data)
	case []bool:
		copy(to.Data.([]bool)[row*len(data):], data)
	case []float64:
		copy(to.Data.([]float64)[row*len(data):], data)
	case []float32:
		copy(to.Data.([]float32)[row*len(data):], data)
	}
}

// Rows are the conditions of images, from a tensor of one row for each, or without that
// dimension, of any type whose numbers the input can hold. The error wraps [ErrConfig].
func (c Condition) Rows(t *onnx.Tensor) ([]*onnx.Tensor, error) {
	shape, n := t.Shape, 1
	if len(shape) == len(c.Shape)+1 {
		shape, n = shape[1:], shape[0]
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("%w: condition %q has no rows", ErrConfig, c.Name)
	}
	all := c.tensor(n)
	size := all.Len() / n
	for k := range all.Len() {
		if !convertTo(all, t, k) {
			return nil, fmt.Errorf("%w: condition %q has %v, which the model's input, %v, cannot hold", ErrConfig, c.Name, element(t, k), c.DType)
		}
	}
	rows := make([]*onnx.Tensor, n)
	for i := range rows {
		rows[i] = c.tensor(1)
		copyRow(rows[i], 0, &onnx.Tensor{Shape: all.Shape, Data: part(all, i*size, (i+1)*size)})
	}
	return rows, nil
}

// element is a number of a tensor.
func element(t *onnx.Tensor, k int) float64 {
	switch data := t.Data.(type) {
	case []int64:
		return float64(data[k])
	case []int32:
		return float64(data[k])
	case []int8:
		return float64(data[k])
	case []uint8:
		return float64(data[k])
	case []float64:
		return data[k]
	case []float32:
		return float64(data[k])
	case []bool:
		if data[k] {
			return 1
		}
	}
	return 0
}

// convertTo writes number k of a tensor to another of any type, and tells whether it is one of
// that type.
func convertTo(to, from *onnx.Tensor, k int) bool {
	x := element(from, k)
	switch data := to.Data.(type) {
	case []int64:
		data[k] = int64(x)
	case []int32:
		data[k] = int32(x)
	case []int8:
		data[k] = int8(x)
	case []uint8:
		data[k] = uint8(x)
	case []bool:
		data[k] = x != 0
	case []float64:
		data[k] = x
	case []float32:
		data[k] = float32(x)
		return true
	}
	return element(to, k) == x
}

// part is a slice of a tensor's elements.
func part(t *onnx.Tensor, from, to int) any {
	switch data := t.Data.(type) {
	case []int64:
		return data[from:to]
	case []int32:
		return data[from:to]
	case []int8:
		return data[from:to]
	case []uint8:
		return data[from:to]
	case []bool:
		return data[from:to]
	case []float64:
		return data[from:to]
	}
	return t.Data.([]float32)[from:to]
}

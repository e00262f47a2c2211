package onnx

// Zeros is a tensor of a type and shape; nil where the type is none of [Element]'s, or there
// are too many elements.
func Zeros(t DType, shape ...int) *Tensor {
	n, err := Size(shape)
	if err != nil {
		return nil
	}
	switch t {
	case Float32:
		return &Tensor{shape, make([]float32, n)}
	case Float64:
		return &Tensor{shape, make([]float64, n)}
	case Int64:
		return &Tensor{shape, make([]int64, n)}
	case Int32:
		return &Tensor{shape, make([]int32, n)}
	case Int8:
		return &Tensor{shape, make([]int8, n)}
	case Uint8:
		return &Tensor{shape, make([]uint8, n)}
	case Bool:
		return &Tensor{shape, make([]bool, n)}
	}
	return nil
}

// CopyTo copies the elements of t to those of another tensor of its type from element at on.
func (t *Tensor) CopyTo(to *Tensor, at int) {
	switch from := t.Data.(type) {
	case []float32:
		copy(to.Data.([]float32)[at:], from)
	case []float64:
		copy(to.Data.([]float64)[at:], from)
	case []int64:
		copy(to.Data.([]int64)[at:], from)
	case []int32:
		copy(to.Data.([]int32)[at:], from)
	case []int8:
		copy(to.Data.([]int8)[at:], from)
	case []uint8:
		copy(to.Data.([]uint8)[at:], from)
	case []bool:
		copy(to.Data.([]bool)[at:], from)
	}
}

// Number is element k as a float64; true is 1.
func (t *Tensor) Number(k int) float64 {
	switch data := t.Data.(type) {
	case []float32:
		return float64(data[k])
	case []float64:
		return data[k]
	case []int64:
		return float64(data[k])
	case []int32:
		return float64(data[k])
	case []int8:
		return float64(data[k])
	case []uint8:
		return float64(data[k])
	case []bool:
		if data[k] {
			return 1
		}
	}
	return 0
}

// SetNumber writes x to element k, rounded to the type of t, and tells whether it is x still, or
// as near as a float can be.
func (t *Tensor) SetNumber(k int, x float64) bool {
	switch data := t.Data.(type) {
	case []float32:
		data[k] = float32(x)
		return true
	case []float64:
		data[k] = x
		return true
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
	}
	return t.Number(k) == x
}

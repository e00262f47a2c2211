package onnx

import (
	"encoding/binary"
	"math"
)

// size is an element's width in bytes, 0 for types that are not supported.
func (t DType) size() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Float32, Int32:
		return 4
	case Float64, Int64:
		return 8
	}
	return 0
}

// decodeTensor reads a TensorProto, from raw_data or from the typed fields.
func decodeTensor(b []byte) (name string, t *Tensor, err error) {
	var dtype DType
	var dims, ints []int64 // ints: int32_data or int64_data
	var floats []float32
	var doubles []float64
	var raw []byte
	err = fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			dims, err = f.ints(dims)
		case 2:
			dtype = DType(f.int())
		case 4:
			floats, err = f.floats(floats)
		case 5, 7:
			ints, err = f.ints(ints)
		case 8:
			name = f.str()
		case 9:
			raw = f.bytes
		case 10:
			doubles, err = f.doubles(doubles)
		case 14:
			if f.int() != 0 {
				return malformed("tensor %q keeps its data in another file, which is not supported", name)
			}
		}
		return err
	})
	if err != nil {
		return "", nil, err
	}
	shape := make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > math.MaxInt32 {
			return "", nil, malformed("tensor %q has dimension %d", name, d)
		}
		shape[i] = int(d)
	}
	n, err := Size(shape)
	if err != nil {
		return "", nil, malformed("tensor %q: shape %v is too large", name, shape)
	}
	width := dtype.size()
	if width == 0 {
		return "", nil, malformed("tensor %q has element type %d, which is not supported", name, dtype)
	}
	t = &Tensor{Shape: shape}
	have := len(raw) / width
	switch {
	case raw != nil && len(raw)%width == 0:
		if have == n {
			t.Data = decodeRaw(dtype, raw, n)
		}
	case dtype == Float32:
		if have = len(floats); have == n {
			t.Data = floats
		}
	case dtype == Float64:
		if have = len(doubles); have == n {
			t.Data = doubles
		}
	default:
		if have = len(ints); have == n {
			t.Data = convertInts(dtype, ints)
		}
	}
	if have != n {
		return "", nil, malformed("tensor %q of shape %v holds %d elements", name, shape, have)
	}
	return name, normalise(t, dtype), nil
}

// normalise gives empty tensors a typed slice.
func normalise(t *Tensor, dtype DType) *Tensor {
	if t.Len() == 0 {
		t.Data = decodeRaw(dtype, nil, 0)
	}
	return t
}

// decodeRaw copies little-endian elements out of raw.
func decodeRaw(dtype DType, raw []byte, n int) any {
	read := func(data any) any {
		// The length was checked; Decode cannot fail on fixed-size elements.
		_, _ = binary.Decode(raw, binary.LittleEndian, data)
		return data
	}
	switch dtype {
	case Float32:
		return read(make([]float32, n))
	case Float64:
		return read(make([]float64, n))
	case Int64:
		return read(make([]int64, n))
	case Int32:
		return read(make([]int32, n))
	case Int8:
		return read(make([]int8, n))
	case Uint8:
		return read(make([]uint8, n))
	default:
		return read(make([]bool, n))
	}
}

// convertInts narrows int32_data or int64_data to the element type.
func convertInts(dtype DType, ints []int64) any {
	switch dtype {
	case Int64:
		return ints
	case Int32:
		return mapInts(ints, func(i int64) int32 { return int32(i) })
	case Int8:
		return mapInts(ints, func(i int64) int8 { return int8(i) })
	case Uint8:
		return mapInts(ints, func(i int64) uint8 { return uint8(i) })
	default:
		return mapInts(ints, func(i int64) bool { return i != 0 })
	}
}

func mapInts[T any](ints []int64, f func(int64) T) []T {
	out := make([]T, len(ints))
	for i, v := range ints {
		out[i] = f(v)
	}
	return out
}

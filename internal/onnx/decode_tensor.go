package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
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

// content is what a first pass over a TensorProto finds: everything but the elements. Those are
// only counted, so that no more is allocated than the shape asks for.
type content struct {
	name   string
	dtype  DType
	shape  []int
	raw    []byte
	typed  DType // of the typed field that is filled: Float32, Float64 or Int64; else Undefined
	number int   // of its elements

	external external // where the elements are if they are in another file
}

// tensor reads a TensorProto, from raw_data or from the typed fields.
func (d *decoder) tensor(b []byte) (name string, t *Tensor, err error) {
	c, err := d.survey(b)
	if err != nil {
		return "", nil, err
	}
	n, err := Size(c.shape)
	if err != nil {
		return "", nil, malformed("tensor %q: shape %v is too large", c.name, c.shape)
	}
	w, narrow := widenings[c.dtype]
	width := d.dtype(int64(c.dtype)).size()
	if width == 0 {
		return "", nil, malformed("tensor %q has element type %d, which is not supported", c.name, c.dtype)
	}
	length := rawLength(c.dtype, n)
	if size := int64(n) * int64(width); size > d.limits.TensorBytes {
		return "", nil, &LimitError{"TensorBytes", fmt.Sprintf("the bytes of tensor %q of shape %v", c.name, c.shape), size, d.limits.TensorBytes}
	}
	if c.external.file != "" {
		if c.raw != nil || c.number > 0 {
			return "", nil, malformed("tensor %q has elements both here and in the file %q", c.name, c.external.file)
		}
		if c.raw, err = d.load(c, int64(length)); err != nil {
			return "", nil, err
		}
	}
	have := c.number
	if c.raw != nil {
		if c.number > 0 {
			return "", nil, malformed("tensor %q has raw and typed elements", c.name)
		}
		if len(c.raw) != length {
			return "", nil, malformed("tensor %q of shape %v holds %d bytes, must hold %d", c.name, c.shape, len(c.raw), length)
		}
		have = n
	}
	if have != n {
		return "", nil, malformed("tensor %q of shape %v holds %d elements", c.name, c.shape, have)
	}
	t = &Tensor{Shape: c.shape}
	if c.raw != nil || n == 0 {
		if narrow {
			t.Data = w.raw(c.raw, n)
		} else {
			t.Data = decodeRaw(c.dtype, c.raw, n)
		}
		return c.name, t, nil
	}
	if want := typedField(c.dtype); c.typed != want {
		return "", nil, malformed("tensor %q of type %v has its elements in another type's field", c.name, c.dtype)
	}
	t.Data, err = decodeTyped(b, c.dtype, n)
	return c.name, t, err
}

// rawLength is the number of bytes of n elements in a file.
func rawLength(t DType, n int) int {
	if w, narrow := widenings[t]; narrow {
		return (n*w.bits + 7) / 8
	}
	return n * t.size()
}

// typedField is the typed field that holds a type's elements. All integers share one here.
func typedField(t DType) DType {
	if t == Float32 || t == Float64 {
		return t
	}
	return Int64
}

// survey is the first pass.
func (d *decoder) survey(b []byte) (c content, err error) {
	var dims []int64
	elsewhere := false
	c.external.length = -1
	err = fields(b, func(f field) (err error) {
		count := func(typed DType, n int) error {
			if n > 0 && c.typed != Undefined && c.typed != typed {
				return malformed("tensor %q has elements of two types", c.name)
			}
			if n > 0 {
				c.typed = typed
			}
			c.number += n
			return nil
		}
		switch f.num {
		case 1:
			if dims, err = f.ints(dims); len(dims) > maxRank {
				return malformed("a tensor has more than %d dimensions", maxRank)
			}
		case 2:
			c.dtype = DType(f.int())
		case 4:
			return count(Float32, f.fixedCount(4))
		case 5, 7:
			return count(Int64, f.varintCount())
		case 8:
			c.name = f.str()
		case 9:
			c.raw = f.bytes
		case 10:
			return count(Float64, f.fixedCount(8))
		case 13:
			if err := d.count(); err != nil {
				return err
			}
			return c.external.entry(f.bytes)
		case 14:
			elsewhere = f.int() == 1
		}
		return err
	})
	if err != nil {
		return c, err
	}
	if elsewhere != (c.external.file != "") {
		return c, malformed("tensor %q does not say whether its elements are in another file, or does not name it", c.name)
	}
	c.shape = make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > math.MaxInt32 {
			return c, malformed("tensor %q has dimension %d", c.name, d)
		}
		c.shape[i] = int(d)
	}
	return c, nil
}

// maxRank bounds the number of a tensor's dimensions.
const maxRank = 32

// decodeTyped is the second pass: it reads the n elements that survey has counted.
func decodeTyped(b []byte, dtype DType, n int) (any, error) {
	switch dtype {
	case Float32:
		return collect(b, n, field.floats, 4)
	case Float64:
		return collect(b, n, field.doubles, 10)
	}
	ints, err := collect(b, n, field.ints, 5, 7)
	if err != nil {
		return nil, err
	}
	if w, narrow := widenings[dtype]; narrow {
		return w.of(mapInts(ints, func(i int64) uint32 { return uint32(i) })), nil
	}
	return convertInts(dtype, ints), nil
}

// collect reads n elements from the fields of those numbers.
func collect[T any](b []byte, n int, read func(field, []T) ([]T, error), numbers ...protowire.Number) ([]T, error) {
	out := make([]T, 0, n)
	err := fields(b, func(f field) (err error) {
		if slices.Contains(numbers, f.num) {
			out, err = read(f, out)
		}
		return err
	})
	if err == nil && len(out) != n {
		err = malformed("broken protobuf: a list of %d elements for %d", len(out), n)
	}
	return out, err
}

// decodeRaw copies little-endian elements out of raw.
func decodeRaw(dtype DType, raw []byte, n int) any {
	read := func(data any) any {
		// The length was checked; Decode cannot fail on fixed-size elements.
		_, _ = binary.Decode(raw, binary.LittleEndian, data)
		return data
	}
	switch dtype {
	case Float32: // of weights: Decode takes three times as long
		data := make([]float32, n)
		for i := range data {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return data
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

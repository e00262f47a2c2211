package onnx

import (
	"encoding/binary"
	"math"
)

// Some types are read as wider ones that hold all of their numbers, in tensors and in what a graph
// declares. So nothing here computes in them.

// The types that are nowhere else.
const (
	bfloat16 DType = 16
	uint4    DType = 21
	int4     DType = 22
	uint32s  DType = 12
)

// widening is what a type is read as.
type widening struct {
	as   DType
	bits int                     // of an element in raw_data
	of   func(bits []uint32) any // elements by their bits, those of an integer sign-extended or not
}

var widenings = map[DType]widening{
	Float16:  {Float32, 16, elements(func(b uint32) float32 { return halfOf(uint16(b)) })},
	bfloat16: {Float32, 16, elements(func(b uint32) float32 { return math.Float32frombits(b << 16) })},
	Uint16:   {Int32, 16, elements(func(b uint32) int32 { return int32(uint16(b)) })},
	Int16:    {Int32, 16, elements(func(b uint32) int32 { return int32(int16(b)) })},
	uint32s:  {Int64, 32, elements(func(b uint32) int64 { return int64(b) })},
	uint4:    {Uint8, 4, elements(func(b uint32) uint8 { return uint8(b & 15) })},
	int4:     {Int8, 4, elements(func(b uint32) int8 { return int8(b<<4) >> 4 })},
}

func elements[T Element](of func(bits uint32) T) func([]uint32) any {
	return func(bits []uint32) any {
		out := make([]T, len(bits))
		for i, b := range bits {
			out[i] = of(b)
		}
		return out
	}
}

// raw reads n elements of raw_data, which is as long as they are. Those of half a byte are the
// lower half first.
func (w widening) raw(raw []byte, n int) any {
	bits := make([]uint32, n)
	for i := range bits {
		switch w.bits {
		case 4:
			bits[i] = uint32(raw[i/2]>>(4*(i%2))) & 15
		case 16:
			bits[i] = uint32(binary.LittleEndian.Uint16(raw[2*i:]))
		default:
			bits[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
	}
	return w.of(bits)
}

// halfOf is a float16.
func halfOf(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits>>15)<<31, uint32(bits>>10&0x1f), uint32(bits&0x3ff)
	switch exponent {
	case 0: // zero, and below the least normal number
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 0x1f: // infinite, or no number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// dtype is the type that a value of a graph has here.
func (d *decoder) dtype(i int64) DType {
	w, narrow := widenings[DType(i)]
	if !narrow {
		return DType(i)
	}
	d.halves = d.halves || w.as == Float32
	return w.as
}

// typeAttrs are the attributes that are element types.
var typeAttrs = map[string]bool{"to": true, "dtype": true, "output_dtype": true, "stash_type": true}

package onnx

import (
	"encoding/binary"
	"math"
)

// The types of half a float32's width. Nothing here computes in them: a tensor of one is read
// as float32, which holds each of their numbers, and so is every value of a graph.
const (
	float16  DType = 10
	bfloat16 DType = 16
)

// halves are their numbers, by their bits.
var halves = map[DType]func(bits uint16) float32{
	float16: func(bits uint16) float32 {
		sign, exponent, fraction := uint32(bits>>15)<<31, uint32(bits>>10&0x1f), uint32(bits&0x3ff)
		switch exponent {
		case 0: // zero, and below the least normal number
			return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
		case 0x1f: // infinite, or no number
			return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
		}
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	},
	bfloat16: func(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) },
}

func decodeHalves(raw []byte, half func(uint16) float32) []float32 {
	out := make([]float32, len(raw)/2)
	for i := range out {
		out[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}

// dtype is the type that a value of a graph has here.
func (d *decoder) dtype(i int64) DType {
	if t := DType(i); halves[t] == nil {
		return t
	}
	d.halves = true
	return Float32
}

// typeAttrs are the attributes that are element types.
var typeAttrs = map[string]bool{"to": true, "dtype": true, "output_dtype": true, "stash_type": true}

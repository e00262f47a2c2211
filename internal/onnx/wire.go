package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one protobuf field, as far as ONNX uses them.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	u     uint64 // varint and fixed types
	bytes []byte // length-delimited
}

func (f field) int() int64     { return int64(f.u) }
func (f field) str() string    { return string(f.bytes) }
func (f field) float() float32 { return math.Float32frombits(uint32(f.u)) }

// fields calls do for each field of a message.
func fields(b []byte, do func(field) error) error {
	return rawFields(b, func(f field, _ []byte) error { return do(f) })
}

// rawFields calls do for each field of a message, with all of its bytes.
func rawFields(b []byte, do func(f field, raw []byte) error) error {
	for len(b) > 0 {
		whole := b
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformed("broken protobuf: %v", protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.u, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var u uint32
			u, n = protowire.ConsumeFixed32(b)
			f.u = uint64(u)
		case protowire.Fixed64Type:
			f.u, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
			if n >= 0 && f.bytes == nil {
				f.bytes = []byte{}
			}
		default:
			return malformed("broken protobuf: wire type %d", typ)
		}
		if n < 0 {
			return malformed("broken protobuf: %v", protowire.ParseError(n))
		}
		b = b[n:]
		if err := do(f, whole[:len(whole)-len(b)]); err != nil {
			return err
		}
	}
	return nil
}

// ints appends a repeated integer field, packed or not.
func (f field) ints(to []int64) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(to, f.int()), nil
	}
	b := f.bytes
	for len(b) > 0 {
		u, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, malformed("broken protobuf: %v", protowire.ParseError(n))
		}
		b = b[n:]
		to = append(to, int64(u))
	}
	return to, nil
}

// floats appends a repeated float field, packed or not.
func (f field) floats(to []float32) ([]float32, error) {
	if f.typ == protowire.Fixed32Type {
		return append(to, f.float()), nil
	}
	if len(f.bytes)%4 != 0 {
		return nil, malformed("broken protobuf: a list of floats of %d bytes", len(f.bytes))
	}
	for b := f.bytes; len(b) > 0; b = b[4:] {
		to = append(to, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return to, nil
}

// doubles appends a repeated double field, packed or not.
func (f field) doubles(to []float64) ([]float64, error) {
	if f.bytes == nil {
		return append(to, math.Float64frombits(f.u)), nil
	}
	if len(f.bytes)%8 != 0 {
		return nil, malformed("broken protobuf: a list of doubles of %d bytes", len(f.bytes))
	}
	for b := f.bytes; len(b) > 0; b = b[8:] {
		to = append(to, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return to, nil
}

// varintCount is the number of elements that ints appends.
func (f field) varintCount() int {
	if f.typ == protowire.VarintType {
		return 1
	}
	n := 0
	for _, c := range f.bytes {
		if c < 0x80 { // the last byte of a varint
			n++
		}
	}
	return n
}

// fixedCount is the number of elements of that width that floats or doubles append.
func (f field) fixedCount(width int) int {
	if f.bytes == nil {
		return 1
	}
	return len(f.bytes) / width
}

package onnx

import (
	"math"
	"reflect"
	"testing"
)

// TestHalves compares both types' numbers with values worked out by hand.
func TestHalves(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		dtype DType
		bits  uint16
		want  float32
	}{
		{Float16, 0x0000, 0},
		{Float16, 0x3c00, 1},
		{Float16, 0xc000, -2},
		{Float16, 0x3555, 0.333251953125},
		{Float16, 0x7bff, 65504},
		{Float16, 0xfbff, -65504},
		{Float16, 0x0400, 0x1p-14},
		{Float16, 0x0001, 0x1p-24},
		{Float16, 0x83ff, -0x3ffp-24},
		{Float16, 0x7c00, inf},
		{Float16, 0xfc00, -inf},
		{bfloat16, 0x3f80, 1},
		{bfloat16, 0xc049, -3.140625},
		{bfloat16, 0x0001, 0x1p-133},
		{bfloat16, 0xff80, -inf},
	} {
		if got := widenings[c.dtype].of([]uint32{uint32(c.bits)}).([]float32)[0]; got != c.want {
			t.Errorf("%v %#04x is %v, want %v", c.dtype, c.bits, got, c.want)
		}
	}
	for dtype, bits := range map[DType]uint16{Float16: 0x7e01, bfloat16: 0x7fc0} {
		if got := widenings[dtype].of([]uint32{uint32(bits)}).([]float32)[0]; got == got {
			t.Errorf("%v %#04x is %v, want no number", dtype, bits, got)
		}
	}
	if z := halfOf(0x8000); z != 0 || !math.Signbit(float64(z)) {
		t.Errorf("negative zero is %v", z)
	}
}

// TestHalfTensors: a tensor of either type is read from raw and from typed fields, and all
// that a graph says of them is float32 then.
func TestHalfTensors(t *testing.T) {
	for name, put := range map[string]func(*buf){
		"raw":   func(b *buf) { b.bytes(9, []byte{0x00, 0x3c, 0x00, 0xc0}) },
		"typed": func(b *buf) { b.intAlways(5, 0x3c00); b.intAlways(5, 0xc000) },
	} {
		var b buf
		b.intAlways(1, 2)
		b.int(2, int64(Float16))
		put(&b)
		d := testDecoder()
		_, got, err := d.tensor(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f := got.Floats(); len(f) != 2 || f[0] != 1 || f[1] != -2 || !d.halves {
			t.Errorf("%s: %v", name, got.Data)
		}
	}
	for _, c := range []struct {
		dtype DType
		raw   []byte
		want  any
	}{
		{Uint16, []byte{1, 0, 0xff, 0xff, 0, 0x80}, []int32{1, 65535, 32768}},
		{Int16, []byte{1, 0, 0xff, 0xff, 0, 0x80}, []int32{1, -1, -32768}},
		{uint32s, []byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80}, []int64{1, 1<<32 - 1, 1 << 31}},
		{uint4, []byte{0x1f, 0x08}, []uint8{15, 1, 8}},
		{int4, []byte{0x1f, 0x08}, []int8{-1, 1, -8}},
	} {
		var b buf
		b.intAlways(1, 3)
		b.int(2, int64(c.dtype))
		b.bytes(9, c.raw)
		if _, got, err := testDecoder().tensor(b); err != nil || !reflect.DeepEqual(got.Data, c.want) {
			t.Errorf("%v: %v, error %v, want %v", c.dtype, got, err, c.want)
		}
	}
	var b buf
	b.intAlways(1, 3)
	b.int(2, int64(bfloat16))
	b.bytes(9, make([]byte, 5))
	if _, _, err := testDecoder().tensor(b); err == nil {
		t.Error("five bytes were read as three numbers")
	}

	g := &Graph{}
	x := g.Input("x", Float16, Fixed(2))
	y := g.Op("Cast", Attrs{"to": int64(bfloat16)}, x)
	g.Output(y, "y", bfloat16, Fixed(2))
	file, err := Marshal(&Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	g = m.Graph
	if g.Inputs[0].DType != Float32 || g.Outputs[0].DType != Float32 || g.Nodes[0].Attrs.Int("to", 0) != int64(Float32) {
		t.Errorf("%v to %v by a cast to %d", g.Inputs[0].DType, g.Outputs[0].DType, g.Nodes[0].Attrs.Int("to", 0))
	}
	if n := m.Notes(); len(n) != 1 || n[0].Value != "float32" {
		t.Errorf("notes %v", n)
	}
}

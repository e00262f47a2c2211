package golden

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message in the making, by onnx.proto3's field numbers.
type message []byte

func (m *message) number(field protowire.Number, v int) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) text(field protowire.Number, s string) { m.bytes(field, []byte(s)) }

// Element types.
const (
	float32s = 1
	int32s   = 6
	int64s   = 7
)

// graph is an ONNX graph in the making. Values are known by their names.
type graph struct {
	proto  message
	values int
}

type attrs map[string]any // int, float32, string or []int

func (g *graph) name() string {
	g.values++
	return fmt.Sprintf("v%d", g.values)
}

// op adds a node with one output.
func (g *graph) op(op string, a attrs, inputs ...string) string { return g.ops(1, op, a, inputs...)[0] }

// ops adds a node with so many outputs.
func (g *graph) ops(n int, op string, a attrs, inputs ...string) (outputs []string) {
	var node message
	for _, in := range inputs {
		node.text(1, in)
	}
	for range n {
		outputs = append(outputs, g.name())
		node.text(2, outputs[len(outputs)-1])
	}
	node.text(3, op+outputs[0])
	node.text(4, op)
	for _, key := range slices.Sorted(maps.Keys(a)) {
		var attr message
		attr.text(1, key)
		switch v := a[key].(type) {
		case int:
			attr.number(3, v)
			attr.number(20, 2)
		case float32:
			attr = protowire.AppendFixed32(protowire.AppendTag(attr, 2, protowire.Fixed32Type), math.Float32bits(v))
			attr.number(20, 1)
		case string:
			attr.text(4, v)
			attr.number(20, 3)
		case []int:
			for _, x := range v {
				attr.number(8, x)
			}
			attr.number(20, 7)
		default:
			panic(fmt.Sprintf("attribute %s is a %T", key, v))
		}
		node.bytes(5, attr)
	}
	g.proto.bytes(1, node)
	return outputs
}

func (g *graph) constant(dtype int, raw []byte, shape []int) string {
	var t message
	for _, d := range shape {
		t.number(1, d)
	}
	t.number(2, dtype)
	name := g.name()
	t.text(8, name)
	t.bytes(9, raw)
	g.proto.bytes(5, t)
	return name
}

// floats is a constant.
func (g *graph) floats(x []float32, shape ...int) string {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.constant(float32s, raw, shape)
}

// scalar is a constant without dimensions.
func (g *graph) scalar(x float32) string { return g.floats([]float32{x}) }

// ints is a constant vector.
func (g *graph) ints(x ...int) string {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return g.constant(int64s, raw, []int{len(x)})
}

// value describes an input or an output. A dimension of 0 is free, as the batch is.
func value(name string, dtype int, shape []int) []byte {
	var dims, tensor, kind, info message
	for i, d := range shape {
		var dim message
		if d > 0 {
			dim.number(1, d)
		} else {
			dim.text(2, fmt.Sprintf("d%d", i))
		}
		dims.bytes(1, dim)
	}
	tensor.number(1, dtype)
	tensor.bytes(2, dims)
	kind.bytes(1, tensor)
	info.text(1, name)
	info.bytes(2, kind)
	return info
}

func (g *graph) input(name string, dtype int, shape ...int) string {
	g.proto.bytes(11, value(name, dtype, shape))
	return name
}

// output makes a value an output of that name, float32.
func (g *graph) output(v, name string, shape ...int) {
	var node message
	node.text(1, v)
	node.text(2, name)
	node.text(4, "Identity")
	g.proto.bytes(1, node)
	g.proto.bytes(12, value(name, float32s, shape))
}

// file is the graph as a model file.
func (g *graph) file(opset int, metadata map[string]string) []byte {
	var m, version message
	m.number(1, 8) // IR version
	m.text(2, "golden")
	version.number(2, opset)
	m.bytes(8, version)
	m.bytes(7, append(g.proto, name...))
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		var pair message
		pair.text(1, key)
		pair.text(2, metadata[key])
		m.bytes(14, pair)
	}
	return m
}

// name is the field of a graph's name, which must have one.
var name = protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "golden")

package onnx

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everything uses each kind of attribute, tensor and dimension, and a subgraph
// that reads a value of the graph around it.
func everything() *Model {
	g := &Graph{Name: "g"}
	x := g.Input("x", Float32, Free("batch"), Fixed(3))
	w := Const("w", NewTensor([]float32{1, -2, float32(math.Inf(1))}, 3))
	y := g.Op("Add", nil, x, w)
	body := &Graph{Name: "body"}
	body.Output(body.Op("Neg", nil, y), "minus_y", Float32)
	z := g.Op("Kitchen", Attrs{
		"f": float32(0.5), "i": int64(-7), "zero": int64(0), "s": "mode", "empty": "",
		"t": NewTensor([]int64{4, 5}, 2, 1), "floats": []float32{1, 2}, "ints": []int64{-1, 1 << 40},
		"strings": []string{"", "b"}, "g": body,
	}, y, nil, Const("", NewTensor([]uint8{1, 255}, 2)), Const("", NewTensor([]bool{true, false}, 2)),
		Const("", Scalar(int32(-9))), Const("", NewTensor([]float64{math.Pi}, 1)),
		Const("", NewTensor([]int8{-128}, 1)), Const("", NewTensor([]float32{}, 0, 4)))
	g.Output(z, "z", Float32, Free("batch"), Fixed(3))
	return &Model{
		IRVersion: 8, Opsets: map[string]int64{"": 17, "com.example": 1}, ProducerName: "p", ProducerVersion: "1",
		Doc: "doc", Metadata: map[string]string{"b": "2", "a": ""}, Graph: g,
	}
}

func TestRoundTrip(t *testing.T) {
	m := everything()
	first, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unmarshal(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the second encoding differs from the first")
	}
	if diff := cmp.Diff(m.Metadata, got.Metadata); diff != "" {
		t.Error(diff)
	}
	n := got.Graph.Nodes[1]
	want := m.Graph.Nodes[1]
	for k, v := range want.Attrs {
		if _, sub := v.(*Graph); sub {
			continue
		}
		if diff := cmp.Diff(v, n.Attrs[k]); diff != "" {
			t.Errorf("attribute %s: %s", k, diff)
		}
	}
	for i, v := range want.Inputs {
		if (v == nil) != (n.Inputs[i] == nil) {
			t.Errorf("input %d: presence differs", i)
		} else if v != nil && v.Const != nil {
			if diff := cmp.Diff(v.Const, n.Inputs[i].Const); diff != "" {
				t.Errorf("input %d: %s", i, diff)
			}
		}
	}
	sub := n.Attrs["g"].(*Graph)
	if sub.Nodes[0].Inputs[0] != got.Graph.Nodes[0].Outputs[0] {
		t.Error("the subgraph does not read the outer value")
	}
}

// TestTypedFields reads tensors whose elements are not in raw_data.
func TestTypedFields(t *testing.T) {
	for _, c := range []struct {
		name string
		dims []int64
		typ  DType
		put  func(*buf)
		want any
	}{
		{"float unpacked", []int64{2}, Float32, func(b *buf) { b.float(4, 1.5); b.float(4, -2) }, []float32{1.5, -2}},
		{"float packed", []int64{1}, Float32, func(b *buf) { b.bytes(4, []byte{0, 0, 0xc0, 0x3f}) }, []float32{1.5}},
		{"int64", []int64{2}, Int64, func(b *buf) { b.intAlways(7, -3); b.bytes(7, []byte{5}) }, []int64{-3, 5}},
		{"int32", []int64{1}, Int32, func(b *buf) { b.intAlways(5, 8) }, []int32{8}},
		{"bool", []int64{2}, Bool, func(b *buf) { b.bytes(5, []byte{1, 0}) }, []bool{true, false}},
		{"uint8", nil, Uint8, func(b *buf) { b.intAlways(5, 200) }, []uint8{200}},
		{"double", []int64{1}, Float64, func(b *buf) { b.bytes(10, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}) }, []float64{1.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b buf
			for _, d := range c.dims {
				b.intAlways(1, d)
			}
			b.int(2, int64(c.typ))
			c.put(&b)
			_, got, err := testDecoder().tensor(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Data); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	mutate := func(change func(*Model)) []byte {
		m := everything()
		change(m)
		b, err := Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := mutate(func(*Model) {})
	tensor := func(put func(*buf)) []byte {
		var tb, gb, op, mb buf
		put(&tb)
		gb.bytes(5, tb)
		mb.bytes(7, gb)
		op.int(2, 17)
		mb.bytes(8, op)
		return mb
	}
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"empty", nil},
		{"text", []byte("this is not a model")},
		{"truncated", good[:len(good)/2]},
		{"no opset", mutate(func(m *Model) { m.Opsets = nil })},
		{"dangling", mutate(func(m *Model) { m.Graph.Nodes = m.Graph.Nodes[1:] })},
		{"out of order", mutate(func(m *Model) { n := m.Graph.Nodes; n[0], n[1] = n[1], n[0] })},
		{"output that nothing makes", mutate(func(m *Model) { m.Graph.Nodes = nil })},
		{"negative dimension", tensor(func(b *buf) { b.intAlways(1, -1); b.int(2, 1); b.str(8, "w") })},
		{"huge tensor of no data", tensor(func(b *buf) {
			b.intAlways(1, 1<<31-1)
			b.intAlways(1, 1<<31-1)
			b.int(2, 1)
			b.str(8, "w")
		})},
		{"external data", tensor(func(b *buf) { b.intAlways(1, 1); b.int(2, 1); b.str(8, "w"); b.int(14, 1) })},
		{"strings", tensor(func(b *buf) { b.intAlways(1, 1); b.int(2, 8); b.str(8, "w") })},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Unmarshal(c.b); !errors.Is(err, ErrFormat) {
				t.Errorf("error %v, want ErrFormat", err)
			}
		})
	}
}

func TestMarshalRefuses(t *testing.T) {
	g := &Graph{}
	x := g.Input("x", Float32)
	g.Output(g.Op("Neg", nil, x), "x", Float32)
	if _, err := Marshal(&Model{Graph: g}); err == nil {
		t.Error("two values of one name were written")
	}
	g = &Graph{}
	g.Op("Neg", Attrs{"bad": 3})
	if _, err := Marshal(&Model{Graph: g}); err == nil {
		t.Error("an attribute of type int was written")
	}
}

// FuzzUnmarshal: whatever is accepted can be written and read again, lowered too, and has its
// weights inside. What is refused is refused in a line.
func FuzzUnmarshal(f *testing.F) {
	b, err := Marshal(everything())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Add(kept("location", "w"))
	x, y := []string{"x"}, []string{"y"}
	f.Add(callers([][]byte{nodeBytes("f", "F", "y", x, attrBytes("deep", 0.5, ""))},
		functionBytes("F", x, y, nodeBytes("f", "G", "y", x, attrBytes("alpha", 0, "deep"))),
		functionBytes("G", x, y, nodeBytes("", "LeakyRelu", "y", x, attrBytes("alpha", 0, "alpha")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := UnmarshalWithin(b, Limits{FileBytes: 1 << 20, TensorBytes: 1 << 20})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
			return
		}
		if whole, err := Embed(b, m.Metadata); err != nil {
			if !errors.Is(err, ErrFormat) { // functions that are not called are not read otherwise
				t.Errorf("with its weights inside: %v", err)
			}
		} else if _, err := Unmarshal(whole); err != nil {
			t.Errorf("with its weights inside it is not read: %v", err)
		}
		if low, err := Unmarshal(b); err == nil && Lower(low) == nil {
			if again, err := Marshal(low); err == nil {
				if _, err := Unmarshal(again); err != nil {
					t.Errorf("cannot read what was lowered: %v", err)
				}
			}
		}
		again, err := Marshal(m)
		if err != nil {
			return // names may clash between a graph and its subgraphs
		}
		if _, err := Unmarshal(again); err != nil {
			t.Errorf("cannot read what was written: %v", err)
		}
	})
}

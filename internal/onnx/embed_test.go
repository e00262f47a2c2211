package onnx

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// TestEmbed: but for the metadata and the place of the weights a file stays byte for byte.
func TestEmbed(t *testing.T) {
	m := everything()
	m.Metadata = map[string]string{"a": "1", "b": "2"}
	file, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	same, err := Embed(file, m.Metadata)
	if err != nil || !bytes.Equal(same, file) {
		t.Errorf("with the metadata that it has: %d bytes of %d, error %v", len(same), len(file), err)
	}
	other, err := Embed(file, map[string]string{"c": "3"})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Unmarshal(other); err != nil || len(m.Metadata) != 1 || m.Metadata["c"] != "3" {
		t.Errorf("metadata %v, error %v", m.Metadata, err)
	}

	path := beside(t, kept("location", "w", "offset", "4", "length", "8"), "w", two)
	whole, err := EmbedFile(path, map[string]string{"a": "1"})
	if err != nil {
		t.Fatal(err)
	}
	m, err = Unmarshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Graph.Nodes[0].Inputs[1].Const.Floats(); !slices.Equal(got, []float32{1.5, -2}) || m.Metadata["a"] != "1" {
		t.Errorf("the weight is %v, the metadata are %v", got, m.Metadata)
	}
	if _, err := Embed(kept("location", "w", "offset", "4"), nil); !errors.Is(err, ErrBytes) {
		t.Errorf("error %v", err)
	}
	// Tensors in nodes, in their graphs and in functions are found, too.
	var constant, location, attr buf
	location.str(1, "location")
	location.str(2, "w")
	constant.intAlways(1, 3)
	constant.int(2, int64(Float32))
	constant.bytes(13, location)
	constant.int(14, 1)
	attr.str(1, "value")
	attr.bytes(5, constant)
	attr.int(20, attrTensor)
	x, y := []string{"x"}, []string{"y"}
	file = callers([][]byte{nodeBytes("", "Constant", "c", nil, attr), nodeBytes("f", "F", "z", x), nodeBytes("", "Add", "y", []string{"z", "c"})},
		functionBytes("F", x, y, nodeBytes("", "Constant", "c", nil, attr), nodeBytes("", "Add", "y", []string{"x", "c"})))
	whole, err = EmbedFile(beside(t, file, "w", two), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = Unmarshal(whole); err != nil || len(m.Graph.Nodes) != 4 {
		t.Errorf("error %v", err)
	}
}

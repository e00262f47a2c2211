package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal writes the model in ONNX's protobuf form. The same model gives the same
// bytes. Values without a name get one ("t0", "t1", …), in the model too.
func Marshal(m *Model) ([]byte, error) {
	e := encoder{used: map[string]bool{}}
	if err := e.collect(m.Graph); err != nil {
		return nil, err
	}
	var b buf
	b.int(1, m.IRVersion)
	b.str(2, m.ProducerName)
	b.str(3, m.ProducerVersion)
	b.str(6, m.Doc)
	g, err := e.graph(m.Graph)
	if err != nil {
		return nil, err
	}
	b = slices.Grow(b, len(g)+1<<10)
	b.bytes(7, g)
	for _, domain := range slices.Sorted(maps.Keys(m.Opsets)) {
		var o buf
		o.str(1, domain)
		o.int(2, m.Opsets[domain])
		b.bytes(8, o)
	}
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		var p buf
		p.str(1, k)
		p.str(2, m.Metadata[k])
		b.bytes(14, p)
	}
	return b, nil
}

// buf appends protobuf fields; empty strings and zero integers are left out.
type buf []byte

func (b *buf) int(n protowire.Number, v int64) {
	if v != 0 {
		b.intAlways(n, v)
	}
}

func (b *buf) intAlways(n protowire.Number, v int64) {
	*b = protowire.AppendVarint(protowire.AppendTag(*b, n, protowire.VarintType), uint64(v))
}

func (b *buf) str(n protowire.Number, s string) {
	if s != "" {
		b.strAlways(n, s)
	}
}

// strAlways serves repeated fields, where an empty string is an element.
func (b *buf) strAlways(n protowire.Number, s string) {
	*b = protowire.AppendString(protowire.AppendTag(*b, n, protowire.BytesType), s)
}

func (b *buf) bytes(n protowire.Number, v []byte) {
	*b = protowire.AppendBytes(protowire.AppendTag(*b, n, protowire.BytesType), v)
}

func (b *buf) float(n protowire.Number, v float32) {
	*b = protowire.AppendFixed32(protowire.AppendTag(*b, n, protowire.Fixed32Type), math.Float32bits(v))
}

// encoder names values; a subgraph sees the names of the graph around it.
type encoder struct {
	used    map[string]bool
	named   map[*Value]bool // constants that an enclosing graph has written
	counter int
}

// collect notes the names that are taken, in g and its subgraphs.
func (e *encoder) collect(g *Graph) error {
	owner := map[string]*Value{}
	note := func(v *Value) error {
		if v == nil || v.Name == "" {
			return nil
		}
		if o := owner[v.Name]; o != nil && o != v {
			return fmt.Errorf("onnx: two values are named %q", v.Name)
		}
		owner[v.Name] = v
		e.used[v.Name] = true
		return nil
	}
	for _, v := range g.Inputs {
		if err := note(v); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if err := note(v); err != nil {
				return err
			}
		}
		for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
			if sub, ok := n.Attrs[k].(*Graph); ok {
				if err := e.collect(sub); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// name returns v's name, making one up where it has none. An absent value is "".
func (e *encoder) name(v *Value) string {
	if v == nil {
		return ""
	}
	for v.Name == "" {
		if s := fmt.Sprintf("t%d", e.counter); !e.used[s] {
			e.used[s] = true
			v.Name = s
		}
		e.counter++
	}
	return v.Name
}

func (e *encoder) graph(g *Graph) ([]byte, error) {
	outer := e.named
	e.named = maps.Clone(outer)
	if e.named == nil {
		e.named = map[*Value]bool{}
	}
	defer func() { e.named = outer }()

	// Constants are written before the nodes' bytes are, so that a subgraph
	// knows which ones it need not repeat.
	var consts []*Value
	constant := func(v *Value) {
		if v != nil && v.Const != nil && !e.named[v] {
			e.named[v] = true
			consts = append(consts, v)
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			constant(v)
		}
	}
	for _, v := range g.Outputs {
		constant(v)
	}

	var b buf
	for _, n := range g.Nodes {
		nb, err := e.node(n)
		if err != nil {
			return nil, err
		}
		b.bytes(1, nb)
	}
	name := g.Name
	if name == "" {
		name = "graph" // the specification wants one
	}
	b.str(2, name)
	size := 0
	tensors := make([][]byte, len(consts))
	for i, v := range consts {
		var err error
		if tensors[i], err = tensorBytes(e.name(v), v.Const); err != nil {
			return nil, err
		}
		size += len(tensors[i]) + 16
	}
	b = slices.Grow(b, size)
	for _, tb := range tensors {
		b.bytes(5, tb)
	}
	for _, v := range g.Inputs {
		b.bytes(11, e.valueInfo(v))
	}
	for _, v := range g.Outputs {
		b.bytes(12, e.valueInfo(v))
	}
	for _, n := range g.Nodes {
		if n.Op != "Loop" {
			continue // what other nodes make can be inferred from what they are given
		}
		for _, v := range n.Outputs {
			if v != nil && v.Shape != nil && !slices.Contains(g.Outputs, v) {
				b.bytes(13, e.valueInfo(v))
			}
		}
	}
	return b, nil
}

func (e *encoder) node(n *Node) ([]byte, error) {
	var b buf
	for _, v := range n.Inputs {
		b.strAlways(1, e.name(v))
	}
	for _, v := range n.Outputs {
		b.strAlways(2, e.name(v))
	}
	b.str(3, n.Name)
	b.str(4, n.Op)
	for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
		ab, err := e.attr(k, n.Attrs[k])
		if err != nil {
			return nil, fmt.Errorf("onnx: %s: attribute %q: %w", n.String(), k, err)
		}
		b.bytes(5, ab)
	}
	b.str(7, n.Domain)
	return b, nil
}

// AttributeProto.AttributeType
const (
	attrFloat = 1 + iota
	attrInt
	attrString
	attrTensor
	attrGraph
	attrFloats
	attrInts
	attrStrings
)

func (e *encoder) attr(name string, v any) ([]byte, error) {
	var b buf
	b.str(1, name)
	var kind int64
	switch v := v.(type) {
	case float32:
		kind = attrFloat
		b.float(2, v)
	case int64:
		kind = attrInt
		b.intAlways(3, v)
	case string:
		kind = attrString
		b.strAlways(4, v)
	case *Tensor:
		kind = attrTensor
		t, err := tensorBytes("", v)
		if err != nil {
			return nil, err
		}
		b.bytes(5, t)
	case *Graph:
		kind = attrGraph
		g, err := e.graph(v)
		if err != nil {
			return nil, err
		}
		b.bytes(6, g)
	case []float32:
		kind = attrFloats
		for _, f := range v {
			b.float(7, f)
		}
	case []int64:
		kind = attrInts
		for _, i := range v {
			b.intAlways(8, i)
		}
	case []string:
		kind = attrStrings
		for _, s := range v {
			b.strAlways(9, s)
		}
	default:
		return nil, fmt.Errorf("cannot be a %T", v)
	}
	b.int(20, kind)
	return b, nil
}

// tensorBytes writes TensorProto with raw_data, little-endian.
func tensorBytes(name string, t *Tensor) ([]byte, error) {
	if n, err := Size(t.Shape); err != nil {
		return nil, err
	} else if binary.Size(t.Data)/max(1, t.DType().size()) != n {
		return nil, fmt.Errorf("onnx: tensor %q holds another number of elements than its shape %v", name, t.Shape)
	}
	var b buf
	for _, d := range t.Shape {
		b.intAlways(1, int64(d))
	}
	b.int(2, int64(t.DType()))
	b.str(8, name)
	size := binary.Size(t.Data)
	b = slices.Grow(b, size+16)
	b = protowire.AppendVarint(protowire.AppendTag(b, 9, protowire.BytesType), uint64(size))
	if f := t.Floats(); f != nil { // nearly all there is
		for _, x := range f {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return b, nil
	}
	b, err := binary.Append(b, binary.LittleEndian, t.Data)
	if err != nil {
		return nil, fmt.Errorf("onnx: tensor %q: %w", name, err)
	}
	return b, nil
}

func (e *encoder) valueInfo(v *Value) []byte {
	var tensor buf
	tensor.int(1, int64(v.DType))
	if v.Shape != nil {
		var shape buf
		for _, d := range v.Shape {
			var dim buf
			if d.Size >= 0 {
				dim.intAlways(1, int64(d.Size))
			} else {
				dim.str(2, d.Param)
			}
			shape.bytes(1, dim)
		}
		tensor.bytes(2, shape)
	}
	var typ, b buf
	typ.bytes(1, tensor)
	b.str(1, e.name(v))
	b.bytes(2, typ)
	return b
}

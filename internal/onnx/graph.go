package onnx

import "fmt"

// Model is a whole file.
type Model struct {
	IRVersion       int64
	Opsets          map[string]int64 // version by domain; "" is ONNX's own
	ProducerName    string
	ProducerVersion string
	Doc             string
	Metadata        map[string]string
	Graph           *Graph

	notes  []Note
	beside []string
	size   int64 // bytes of the file it was read from and of those beside it, 0 where it was made here
}

// Size is the number of bytes that were read for the model: those of its file, and of the tensors
// that it keeps in other files. It is 0 for a model that was made in memory.
func (m *Model) Size() int64 { return m.size }

// Beside are the names of the files in the model's folder in which it keeps tensors.
func (m *Model) Beside() []string { return m.beside }

// Graph is a list of nodes in topological order. Constants (initializers) are
// values with Const set; they are in no list.
type Graph struct {
	Name    string
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node
}

// Value is an edge: a graph input, a constant, or the output of a node.
type Value struct {
	Name  string
	DType DType
	Shape []Dim   // nil where unknown; a scalar's is empty, not nil
	Const *Tensor // not nil for a constant
	Node  *Node   // the node that makes it; nil for inputs and constants
}

// Dim is one dimension: a size, or a name where the size is not fixed.
type Dim struct {
	Size  int // -1 where not fixed
	Param string
}

// Node is one operator. A missing optional input is nil; a missing optional
// output too.
type Node struct {
	Op      string
	Domain  string
	Name    string
	Inputs  []*Value
	Outputs []*Value
	Attrs   Attrs
}

// Attrs are a node's attributes: int64, float32, string, *Tensor, *Graph,
// []int64, []float32 or []string by name.
type Attrs map[string]any

// Int returns the integer attribute name, or def where it is absent.
func (a Attrs) Int(name string, def int64) int64 {
	if v, ok := a[name].(int64); ok {
		return v
	}
	return def
}

// Float returns the float attribute name, or def where it is absent.
func (a Attrs) Float(name string, def float32) float32 {
	if v, ok := a[name].(float32); ok {
		return v
	}
	return def
}

// Ints returns the integer list name, nil where it is absent.
func (a Attrs) Ints(name string) []int64 {
	v, _ := a[name].([]int64)
	return v
}

// String returns the string attribute name, or def where it is absent.
func (a Attrs) String(name, def string) string {
	if v, ok := a[name].(string); ok {
		return v
	}
	return def
}

// Fixed is a dimension of known size.
func Fixed(n int) Dim { return Dim{Size: n} }

// Free is a dimension that is known by name only.
func Free(name string) Dim { return Dim{Size: -1, Param: name} }

// Shape is a list of fixed dimensions.
func Shape(sizes ...int) []Dim {
	s := make([]Dim, len(sizes))
	for i, n := range sizes {
		s[i] = Fixed(n)
	}
	return s
}

// Sizes is the inverse of [Shape]: free dimensions become -1.
func Sizes(shape []Dim) []int {
	s := make([]int, len(shape))
	for i, d := range shape {
		s[i] = d.Size
	}
	return s
}

// Input adds a graph input.
func (g *Graph) Input(name string, t DType, shape ...Dim) *Value {
	v := &Value{Name: name, DType: t, Shape: append([]Dim{}, shape...)}
	g.Inputs = append(g.Inputs, v)
	return v
}

// Output declares v a graph output of that name, type and shape.
func (g *Graph) Output(v *Value, name string, t DType, shape ...Dim) {
	v.Name, v.DType, v.Shape = name, t, append([]Dim{}, shape...)
	g.Outputs = append(g.Outputs, v)
}

// Op adds a node with one output and returns that output.
func (g *Graph) Op(op string, attrs Attrs, inputs ...*Value) *Value {
	return g.Ops(1, op, attrs, inputs...)[0]
}

// Ops adds a node with n outputs and returns them.
func (g *Graph) Ops(n int, op string, attrs Attrs, inputs ...*Value) []*Value {
	node := &Node{Op: op, Inputs: inputs, Attrs: attrs, Outputs: make([]*Value, n)}
	for i := range node.Outputs {
		node.Outputs[i] = &Value{Node: node}
	}
	g.Nodes = append(g.Nodes, node)
	return node.Outputs
}

// Const makes a constant of that name; an empty name is made up on writing.
func Const(name string, t *Tensor) *Value {
	return &Value{Name: name, DType: t.DType(), Shape: Shape(t.Shape...), Const: t}
}

// String names a node in messages: its own name, or its operator and first output.
func (n *Node) String() string {
	if n.Name != "" {
		return fmt.Sprintf("%s %q", n.Op, n.Name)
	}
	for _, v := range n.Outputs {
		if v != nil && v.Name != "" {
			return fmt.Sprintf("%s that makes %q", n.Op, v.Name)
		}
	}
	return n.Op
}

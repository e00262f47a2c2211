package onnx

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// verify refuses in a model in memory what [Unmarshal] refuses in a file, since anybody may have
// made or changed it. The errors are those of Unmarshal within these limits.
func verify(m *Model, l Limits) error {
	if m == nil {
		return malformed("there is no model")
	}
	if m.size > l.FileBytes {
		return &LimitError{"FileBytes", "the file's bytes", m.size, l.FileBytes}
	}
	if m.Opsets[""] == 0 {
		return malformed("it imports no version of the default operator set")
	}
	d := &decoder{limits: l}
	if err := d.countMore(len(m.Opsets) + len(m.Metadata)); err != nil {
		return err
	}
	return d.verify(m.Graph, nil, 0)
}

// countMore notes n more objects that cost memory.
func (d *decoder) countMore(n int) error {
	for range n {
		if err := d.count(); err != nil {
			return err
		}
	}
	return nil
}

// sight is what the nodes of a graph can read; a subgraph sees its parents' values.
type sight struct {
	parent *sight
	values map[*Value]bool
	names  map[string]bool
}

func (s *sight) sees(v *Value) bool { return s != nil && (s.values[v] || s.parent.sees(v)) }

func (s *sight) taken(name string) bool { return s != nil && (s.names[name] || s.parent.taken(name)) }

// add makes a value visible.
func (s *sight) add(v *Value) error {
	if s.sees(v) || v.Name != "" && s.taken(v.Name) {
		return malformed("two values are named %q", v.Name)
	}
	s.values[v] = true
	if v.Name != "" {
		s.names[v.Name] = true
	}
	return nil
}

func (d *decoder) verify(g *Graph, parent *sight, depth int) error {
	if g == nil {
		return malformed("it holds no graph")
	}
	if depth > d.limits.Depth {
		return &LimitError{"Depth", "graphs within nodes' attributes", int64(depth), int64(d.limits.Depth)}
	}
	s := &sight{parent, map[*Value]bool{}, map[string]bool{}}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		if v == nil || v.Name == "" && depth == 0 {
			return malformed("an input or output has no name")
		}
		if err := d.countMore(1 + len(v.Shape)); err != nil {
			return err
		}
	}
	for _, v := range g.Inputs {
		if v.Const != nil {
			return malformed("input %q is a constant", v.Name)
		}
		if err := s.add(v); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		if n == nil {
			return malformed("a node is nil")
		}
		if err := d.countNode(); err != nil {
			return err
		}
	}
	if err := d.verifyConstants(g, s); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if err := d.verifyNode(n, s, depth); err != nil {
			return err
		}
	}
	ends := map[*Value]bool{}
	for _, v := range g.Outputs {
		if !s.sees(v) {
			return malformed("nothing makes the output %q", v.Name)
		}
		if ends[v] {
			return malformed("output %q is there twice", v.Name)
		}
		ends[v] = true
	}
	return nil
}

// verifyConstants makes those that a graph's own nodes read visible to all of them.
func (d *decoder) verifyConstants(g *Graph, s *sight) error {
	each := func(v *Value) error {
		if v == nil || v.Const == nil || s.sees(v) {
			return nil
		}
		if err := d.verifyTensor(v.Name, v.Const); err != nil {
			return err
		}
		return s.add(v)
	}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if err := each(v); err != nil {
				return err
			}
		}
	}
	for _, v := range g.Outputs {
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) verifyNode(n *Node, s *sight, depth int) error {
	if err := d.countMore(len(n.Inputs) + len(n.Outputs) + len(n.Attrs)); err != nil {
		return err
	}
	if strings.ContainsFunc(n.Op, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return malformed("node %q has %q for an operator", n.Name, n.Op)
	}
	for _, v := range n.Inputs {
		if v != nil && !s.sees(v) {
			return malformed("node %s %q reads %q, which nothing before it makes", n.Op, n.Name, v.Name)
		}
	}
	for name, a := range n.Attrs {
		if err := d.verifyAttr(name, a, s, depth); err != nil {
			return fmt.Errorf("%w (node %s %q)", err, n.Op, n.Name)
		}
	}
	for _, v := range n.Outputs {
		if v == nil {
			continue
		}
		if v.Const != nil {
			return malformed("%s makes a constant", n.String())
		}
		if err := s.add(v); err != nil {
			return err
		}
	}
	if known(n) {
		trimmed := *n
		trim(&trimmed)
		if err := checkNode(&trimmed); err != nil {
			return malformed("%s: %v", n.String(), err)
		}
	}
	return nil
}

func (d *decoder) verifyAttr(name string, a any, s *sight, depth int) error {
	switch a := a.(type) {
	case float32, int64, string, []float32, []int64:
		return nil
	case []string:
		return d.countMore(len(a))
	case *Tensor:
		return d.verifyTensor(name, a)
	case *Graph:
		return d.verify(a, s, depth+1)
	}
	return malformed("attribute %q is a %T, which is not supported", name, a)
}

func (d *decoder) verifyTensor(name string, t *Tensor) error {
	if err := d.count(); err != nil {
		return err
	}
	if t == nil {
		return malformed("tensor %q is nil", name)
	}
	if len(t.Shape) > maxRank {
		return malformed("a tensor has more than %d dimensions", maxRank)
	}
	n, err := Size(t.Shape)
	if err != nil || slices.Max(append(t.Shape[:len(t.Shape):len(t.Shape)], 0)) > math.MaxInt32 {
		return malformed("tensor %q cannot have the shape %v", name, t.Shape)
	}
	width := t.DType().size()
	if width == 0 {
		return malformed("tensor %q has elements in a %T, which is not supported", name, t.Data)
	}
	if size := int64(n) * int64(width); size > d.limits.TensorBytes {
		return &LimitError{"TensorBytes", fmt.Sprintf("the bytes of tensor %q of shape %v", name, t.Shape), size, d.limits.TensorBytes}
	}
	if have := reflect.ValueOf(t.Data).Len(); have != n {
		return malformed("tensor %q of shape %v holds %d elements", name, t.Shape, have)
	}
	return nil
}

package onnx

import (
	"maps"
	"slices"
)

// Clone is a copy that can be changed: it shares with m the elements of tensors and the lists of
// attributes, and nothing else. Optional inputs that are missing at the end of a node are left out,
// as on reading.
func (m *Model) Clone() *Model {
	c := *m
	c.Opsets, c.Metadata = maps.Clone(m.Opsets), maps.Clone(m.Metadata)
	c.Graph = cloner{}.graph(m.Graph)
	return &c
}

// cloner holds the copies made so far, by the original.
type cloner map[*Value]*Value

func (c cloner) graph(g *Graph) *Graph {
	out := &Graph{Name: g.Name, Inputs: c.values(g.Inputs)}
	for _, n := range g.Nodes {
		to := &Node{Op: n.Op, Domain: n.Domain, Name: n.Name, Inputs: c.values(n.Inputs), Outputs: c.values(n.Outputs), Attrs: maps.Clone(n.Attrs)}
		for _, v := range to.Outputs {
			if v != nil {
				v.Node = to
			}
		}
		for name, a := range n.Attrs {
			if sub, ok := a.(*Graph); ok {
				to.Attrs[name] = c.graph(sub)
			}
		}
		if known(to) {
			trim(to)
		}
		out.Nodes = append(out.Nodes, to)
	}
	out.Outputs = c.values(g.Outputs)
	return out
}

func (c cloner) values(values []*Value) []*Value {
	out := slices.Clone(values)
	for i, v := range values {
		if v == nil {
			continue
		}
		if c[v] == nil {
			c[v] = &Value{Name: v.Name, DType: v.DType, Shape: slices.Clone(v.Shape), Const: v.Const}
		}
		out[i] = c[v]
	}
	return out
}

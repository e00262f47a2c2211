package onnx

import "slices"

// A loop of PyTorch's that appends to a list is written as a Loop that carries a sequence, and
// the stacked list as a ConcatFromSequence. What a Loop gathers over its rounds says the same
// without sequences, which nothing here has.

// lowerSequences turns the lists of loops into what they gather.
func lowerSequences(m *Model) {
	g := m.Graph
	if !slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Op == "ConcatFromSequence" && n.Domain == "" }) {
		return
	}
	lists := map[*Value]*Value{} // what was gathered, by the sequence
	kept := reads(g, func(n *Node) bool { return n.Op == "ConcatFromSequence" && len(n.Inputs) == 1 })
	for _, n := range g.Nodes {
		if n.Op != "Loop" || n.Domain != "" || len(n.Outputs) > maxLists {
			continue
		}
		for i := len(n.Outputs) - 1; i >= 0; i-- {
			if v := n.Outputs[i]; v != nil && !kept[v] {
				if all := unlist(n, i); all != nil {
					lists[v] = all
				}
			}
		}
	}
	if len(lists) == 0 {
		return
	}
	read := reads(g, func(*Node) bool { return false })
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool {
		return n.Op == "SequenceEmpty" && n.Domain == "" && len(n.Outputs) == 1 && !read[n.Outputs[0]]
	})
	known := sized(m)
	var nodes []*Node
	for _, n := range g.Nodes {
		made := []*Node{n}
		if n.Op == "ConcatFromSequence" && len(n.Inputs) == 1 && lists[n.Inputs[0]] != nil {
			all := lists[n.Inputs[0]]
			n.Inputs[0] = all
			r := &rewriting{rewriter: &rewriter{opset: m.Opsets[""]}, n: n}
			if k := known[all]; k != nil {
				each(all).DType = k.DType
				if joined := r.with(r.joined(all, len(k.Shape))); joined != nil {
					made = joined
				}
			}
		}
		nodes = append(nodes, made...)
	}
	g.Nodes = nodes
}

// maxLists bounds the values that a Loop with lists may carry.
const maxLists = 256

// reads are the values that a graph gives out, or that its nodes read, but for some of them.
func reads(g *Graph, but func(n *Node) bool) map[*Value]bool {
	read := map[*Value]bool{}
	note := func(values []*Value) {
		for _, v := range values {
			read[v] = true
		}
	}
	note(g.Outputs)
	for _, n := range g.Nodes {
		if !but(n) {
			note(n.Inputs)
			note(captured(n))
		}
	}
	return read
}

// unlist takes out of a Loop the list that it carries as output i, to which each round appends
// one value, and has it gather those. It returns them, [rounds, …], or nil where output i is no
// such list.
func unlist(loop *Node, i int) *Value {
	body, ok := loop.Attrs["body"].(*Graph)
	if !ok || 2+i >= len(loop.Inputs) || 2+i >= len(body.Inputs) || 1+i >= len(body.Outputs) {
		return nil
	}
	begin, before, after := loop.Inputs[2+i], body.Inputs[2+i], body.Outputs[1+i]
	if begin == nil || begin.Node == nil || begin.Node.Op != "SequenceEmpty" || after.Node == nil {
		return nil
	}
	insert := after.Node
	at := slices.Index(body.Nodes, insert)
	if insert.Op != "SequenceInsert" || at < 0 || len(insert.Inputs) != 2 || insert.Inputs[0] != before || insert.Inputs[1] == nil {
		return nil
	}
	rest := &Graph{Nodes: slices.Delete(slices.Clone(body.Nodes), at, at+1), Outputs: slices.Delete(slices.Clone(body.Outputs), 1+i, 2+i)}
	if read := reads(rest, func(*Node) bool { return false }); read[before] || read[after] {
		return nil
	}
	one := rest.Op("Identity", nil, insert.Inputs[1])
	body.Nodes, body.Outputs = rest.Nodes, append(rest.Outputs, one)
	body.Inputs = slices.Delete(slices.Clone(body.Inputs), 2+i, 3+i)
	loop.Inputs = slices.Delete(slices.Clone(loop.Inputs), 2+i, 3+i)
	all := &Value{Node: loop}
	loop.Outputs = append(slices.Delete(slices.Clone(loop.Outputs), i, i+1), all)
	return all
}

// each is what a round makes of what a Loop has gathered.
func each(all *Value) *Value {
	made := all.Node.Attrs["body"].(*Graph).Outputs
	return made[1+slices.Index(all.Node.Outputs, all)]
}

// joined is the ConcatFromSequence of what a loop has gathered, of a rank: its values stacked
// along a new axis, or one after the other.
func (r *rewriting) joined(all *Value, rank int) *Value {
	stacks := r.n.Attrs.Int("new_axis", 0) == 1
	of := rank - 1 // the result's
	if stacks {
		of = rank
	}
	axis, err := Axis(r.n.Attrs.Int("axis", 0), of)
	if rank < 1 || rank > maxRank || err != nil {
		return nil
	}
	perm := make([]int, 0, rank)
	for k := 1; k < rank; k++ {
		perm = append(perm, k)
	}
	v := r.Transpose(all, slices.Insert(perm, axis, 0)...)
	if stacks {
		return v
	}
	// The sizes are those of v, but for axis and the next one, which become one.
	size := r.Op("Shape", nil, v)
	part := func(from, to int) *Value { return r.Slice(size, 0, List(from), List(to)) }
	shape := r.Concat(0, part(0, axis), r.Op("ReduceProd", nil, part(axis, axis+2)), part(axis+2, rank))
	return r.Op("Reshape", nil, v, shape)
}

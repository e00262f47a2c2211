package onnx

import (
	"fmt"
	"math"
)

// control reads a node with graphs in it.
func (r *reading) control(s *schedule, n *Node, runs int64) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrShape, n.Label(), fmt.Sprintf(format, args...))
	}
	if err := checkArity(n); err != nil {
		return bad("%v", err)
	}
	e := event{}
	for _, v := range n.Inputs {
		e.in = append(e.in, r.value(v))
	}
	for _, v := range captured(n) {
		e.in = append(e.in, r.value(v))
	}
	var results []*Value // what the node makes
	var err error
	if n.Op == "If" {
		results, e.scratch, err = r.branches(n, runs)
	} else {
		results, e.scratch, err = r.loop(n, runs)
	}
	if err != nil {
		return err
	}
	if len(n.Outputs) > len(results) {
		return bad("%d outputs of a graph that makes %d", len(n.Outputs), len(results))
	}
	for i, v := range n.Outputs {
		if v == nil {
			continue
		}
		w := results[i]
		if w.Shape == nil {
			r.hide(v)
			continue
		}
		w = &Value{Name: v.Name, DType: w.DType, Shape: w.Shape}
		if err := r.bounded(w, n.Label()); err != nil {
			return err
		}
		r.values[v] = w
		e.out = append(e.out, w)
	}
	s.events = append(s.events, e)
	return nil
}

// branches reads an If, whose branches must make values of the same sizes.
func (r *reading) branches(n *Node, runs int64) (results []*Value, memory int64, err error) {
	for _, name := range []string{"then_branch", "else_branch"} {
		g, ok := n.Attrs[name].(*Graph)
		if !ok {
			return nil, 0, fmt.Errorf("%w: %s: it has no %s", ErrShape, n.Label(), name)
		}
		s, err := r.graph(g, runs)
		if err != nil {
			return nil, 0, err
		}
		memory = max(memory, s.peak())
		if results == nil {
			results = s.ends
			continue
		}
		if len(s.ends) != len(results) {
			return nil, 0, fmt.Errorf("%w: %s: its branches differ in their outputs", ErrShape, n.Label())
		}
		for i, v := range s.ends {
			if v.Shape == nil || results[i].Shape == nil || !fits(v.Shape, results[i].Shape) {
				return nil, 0, fmt.Errorf("%w: %s: its branches differ in the size of output %d", ErrShape, n.Label(), i)
			}
		}
	}
	return results, memory, nil
}

// loop reads a Loop. The number of rounds must be a constant, and what goes from round
// to round must keep its size.
func (r *reading) loop(n *Node, runs int64) (results []*Value, memory int64, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrShape, n.Label(), fmt.Sprintf(format, args...))
	}
	body, ok := n.Attrs["body"].(*Graph)
	if !ok || len(n.Inputs) < 2 {
		return nil, 0, bad("it has no body, or fewer than two inputs")
	}
	rounds := int64(-1)
	if count := r.value(n.Inputs[0]); count != nil && count.Const != nil && len(count.Const.Ints()) == 1 {
		rounds = count.Const.Ints()[0]
	}
	if rounds < 0 || rounds > math.MaxInt32 {
		return nil, 0, bad("the number of its rounds is no constant, or out of range")
	}
	carried := n.Inputs[2:]
	if len(body.Inputs) != 2+len(carried) || len(body.Outputs) < 1+len(carried) {
		return nil, 0, bad("its body has %d inputs and %d outputs for %d values that go round", len(body.Inputs), len(body.Outputs), len(carried))
	}
	r.values[body.Inputs[0]] = &Value{DType: Int64, Shape: []Dim{}}
	r.values[body.Inputs[1]] = &Value{DType: Bool, Shape: []Dim{}}
	for i, v := range carried {
		w := r.value(v)
		if w == nil || w.Shape == nil {
			return nil, 0, bad("the size of what goes round is not known")
		}
		r.values[body.Inputs[2+i]] = &Value{DType: w.DType, Shape: w.Shape}
	}
	s, err := r.graph(body, times(runs, rounds))
	if err != nil {
		return nil, 0, err
	}
	memory = s.peak()
	for i, v := range s.ends[1:] {
		if v.Shape == nil {
			return nil, 0, bad("the size of output %d of its body is not known", 1+i)
		}
		if i >= len(carried) { // gathered over the rounds
			results = append(results, &Value{DType: v.DType, Shape: append(Shape(int(rounds)), v.Shape...)})
			continue
		}
		in := r.values[body.Inputs[2+i]]
		if !fits(v.Shape, in.Shape) {
			return nil, 0, bad("what goes round as %q changes its size from %v to %v", body.Inputs[2+i].Name, Sizes(in.Shape), Sizes(v.Shape))
		}
		memory = saturate(memory, bytesOf(v))
		results = append(results, v)
	}
	return results, memory, nil
}

// captured lists what a node's graphs read of the graph around them.
func captured(n *Node) []*Value {
	var out []*Value
	var walk func(g *Graph, own map[*Value]bool)
	walk = func(g *Graph, own map[*Value]bool) {
		note := func(v *Value) {
			if v != nil && v.Const == nil && !own[v] {
				out = append(out, v)
			}
		}
		for _, v := range g.Inputs {
			own[v] = true
		}
		for _, n := range g.Nodes {
			for _, v := range n.Inputs {
				note(v)
			}
			for _, a := range n.Attrs {
				if sub, ok := a.(*Graph); ok {
					walk(sub, own)
				}
			}
			for _, v := range n.Outputs {
				own[v] = true
			}
		}
		for _, v := range g.Outputs {
			note(v)
		}
	}
	for _, a := range n.Attrs {
		if g, ok := a.(*Graph); ok {
			walk(g, map[*Value]bool{})
		}
	}
	return out
}

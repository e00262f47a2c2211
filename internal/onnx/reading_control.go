package onnx

import (
	"fmt"
	"math"
	"slices"
)

// control reads a node with graphs in it.
func (r *reading) control(s *lifetimes, n *Node, runs int64) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrShape, n.String(), fmt.Sprintf(format, args...))
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
	conditions := map[string]int{"If": 1, "Loop": 2}[n.Op] // a Loop's first is the number of rounds
	for i, v := range n.Inputs[:min(len(n.Inputs), conditions)] {
		w := r.value(v)
		if w != nil && w.Shape != nil && (count(Sizes(w.Shape)) != 1 || slices.Contains(Sizes(w.Shape), 0)) {
			return bad("input %d of shape %v, must be one number", i, Sizes(w.Shape))
		}
	}
	var results []*Value // what the node makes
	var err error
	switch n.Op {
	case "If":
		results, e.scratch, err = r.branches(n, runs)
	case "Scan":
		results, e.scratch, err = r.scan(n, runs)
	default:
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
		w := &Value{Name: v.Name, DType: results[i].DType, Shape: results[i].Shape}
		if err := r.bounded(w, n.String()); err != nil {
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
			return nil, 0, fmt.Errorf("%w: %s: it has no %s", ErrShape, n.String(), name)
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
			return nil, 0, fmt.Errorf("%w: %s: its branches differ in their outputs", ErrShape, n.String())
		}
		for i, v := range s.ends {
			if v.Shape == nil || results[i].Shape == nil || !fits(v.Shape, results[i].Shape) {
				return nil, 0, fmt.Errorf("%w: %s: its branches differ in the size of output %d", ErrShape, n.String(), i)
			}
		}
	}
	return results, memory, nil
}

// loop reads a Loop. The number of its rounds must be known. If they are not too many, it is read
// round by round, and sizes may depend on the round. Else it is read once, and the values that it
// carries must not change their size.
func (r *reading) loop(n *Node, runs int64) (results []*Value, memory int64, err error) {
	l := &rounds{node: n, carried: slices.Clone(n.Inputs[min(2, len(n.Inputs)):])}
	if err := l.begin(r); err != nil {
		return nil, 0, err
	}
	switch {
	case l.count == 0: // ONNX Runtime computes the body's constants all the same
		begin := slices.Clone(l.now)
		l.turn(nil)
		if err := l.read(r, 1); err != nil {
			return nil, 0, err
		}
		l.now = begin
	case l.count > int64((maxVisits-*r.visits)/(1+len(l.body.Nodes))):
		l.turn(nil)
		if err := l.read(r, times(runs, l.count)); err != nil {
			return nil, 0, err
		}
		if l.changed {
			return nil, 0, l.bad("what goes round changes its size")
		}
	default:
		for i := range l.count {
			l.turn(Scalar(i))
			if err := l.read(r, runs); err != nil {
				return nil, 0, err
			}
		}
		if l.changed && !l.sure {
			return nil, 0, l.bad("what goes round changes its size, and the loop may end early")
		}
	}
	if len(l.gathered) > 0 && !l.sure {
		return nil, 0, l.bad("%v: what it gathers, since the loop may end early", errUntold)
	}
	for i, v := range l.gathered {
		l.gathered[i] = &Value{DType: v.DType, Shape: append(Shape(int(l.count)), v.Shape...)}
	}
	return append(l.now, l.gathered...), l.memory, nil
}

// rounds is a Loop being read.
type rounds struct {
	node     *Node
	body     *Graph
	count    int64
	sure     bool     // every round takes place
	carried  []*Value // of the graph around it
	now      []*Value // as the round begins
	gathered []*Value // over all rounds; here of one
	number   *Value
	memory   int64
	changed  bool // a size, from one round to the next
}

func (l *rounds) bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrShape, l.node.String(), fmt.Sprintf(format, args...))
}

func (l *rounds) begin(r *reading) error {
	var ok bool
	if l.body, ok = l.node.Attrs["body"].(*Graph); !ok || len(l.node.Inputs) < 2 {
		return l.bad("it has no body, or fewer than two inputs")
	}
	count := r.value(l.node.Inputs[0])
	if count == nil || count.Const == nil || len(count.Const.Ints()) != 1 {
		return l.bad("%v: the number of rounds", errUntold)
	}
	if l.count = max(0, count.Const.Ints()[0]); l.count > math.MaxInt32 {
		return l.bad("%d rounds", l.count)
	}
	if len(l.body.Inputs) != 2+len(l.carried) || len(l.body.Outputs) < 1+len(l.carried) {
		return l.bad("its body has %d inputs and %d outputs for %d values that go round", len(l.body.Inputs), len(l.body.Outputs), len(l.carried))
	}
	on := r.value(l.node.Inputs[1])
	l.sure = on == nil || on.Const != nil
	if l.sure && on != nil && !holds(on) {
		l.count = 0
	}
	for _, v := range l.carried {
		w := r.value(v)
		if w == nil || w.Shape == nil {
			return l.bad("%v: what goes round", errUntold)
		}
		l.now = append(l.now, w)
	}
	return nil
}

// turn sets the number of the round, where it is known.
func (l *rounds) turn(number *Tensor) {
	l.number = &Value{DType: Int64, Shape: []Dim{}, Const: number}
}

// read reads a round that runs a number of times.
func (l *rounds) read(r *reading, runs int64) error {
	r.values[l.body.Inputs[0]] = l.number
	r.values[l.body.Inputs[1]] = &Value{DType: Bool, Shape: []Dim{}}
	held := int64(0)
	for i, v := range l.now {
		w := &Value{DType: v.DType, Shape: v.Shape}
		if l.number.Const != nil {
			w.Const = v.Const
		}
		r.values[l.body.Inputs[2+i]] = w
		held = saturate(held, bytesOf(v))
	}
	s, err := r.graph(l.body, runs)
	if err != nil {
		return err
	}
	l.memory = max(l.memory, saturate(held, s.peak()))
	if on := s.ends[0]; on != r.value(l.body.Inputs[1]) && !holds(on) {
		l.sure = false
	}
	for i, v := range s.ends[1:] {
		if v.Shape == nil {
			return l.bad("%v: output %d of its body", errUntold, 1+i)
		}
		if i < len(l.now) {
			l.changed = l.changed || !slices.Equal(Sizes(v.Shape), Sizes(l.now[i].Shape))
			l.now[i] = v
		}
	}
	gathered := s.ends[1+len(l.now):]
	for i, v := range l.gathered {
		if !slices.Equal(Sizes(v.Shape), Sizes(gathered[i].Shape)) {
			return l.bad("output %d of its body changes its size from round to round", 1+len(l.now)+i)
		}
	}
	l.gathered = slices.Clone(gathered)
	return nil
}

// scan reads a Scan: a loop over slices of its last inputs, that gathers slices of its last
// outputs. What goes round keeps its size.
func (r *reading) scan(n *Node, runs int64) (results []*Value, memory int64, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrShape, n.String(), fmt.Sprintf(format, args...))
	}
	body, scanned, err := scanBody(n)
	if err != nil {
		return nil, 0, bad("%v", err)
	}
	states := len(n.Inputs) - scanned
	steps, held := -1, int64(0)
	for i, v := range n.Inputs {
		w := r.value(v)
		if w == nil || w.Shape == nil {
			return nil, 0, bad("%v: input %d", errUntold, i)
		}
		shape := Sizes(w.Shape)
		if i >= states {
			axis, err := scanAxis(n, "scan_input_axes", i-states, len(shape))
			if err != nil {
				return nil, 0, bad("%v", err)
			}
			if d := shape[axis]; steps >= 0 && d != steps {
				return nil, 0, bad("it scans %d and %d slices", steps, d)
			}
			steps = shape[axis]
			shape = slices.Delete(slices.Clone(shape), axis, axis+1)
		}
		in := &Value{DType: w.DType, Shape: Shape(shape...)}
		held = saturate(held, bytesOf(in))
		r.values[body.Inputs[i]] = in
	}
	s, err := r.graph(body, times(runs, int64(steps)))
	if err != nil {
		return nil, 0, err
	}
	for i, v := range s.ends {
		if v.Shape == nil {
			return nil, 0, bad("%v: output %d of its body", errUntold, i)
		}
		shape := Sizes(v.Shape)
		if i < states {
			if !slices.Equal(shape, Sizes(r.value(n.Inputs[i]).Shape)) {
				return nil, 0, bad("what goes round changes its size")
			}
		} else {
			axis, err := scanAxis(n, "scan_output_axes", i-states, len(shape)+1)
			if err != nil {
				return nil, 0, bad("%v", err)
			}
			shape = slices.Insert(slices.Clone(shape), axis, steps)
		}
		results = append(results, &Value{DType: v.DType, Shape: Shape(shape...)})
	}
	return results, saturate(held, s.peak()), nil
}

// scanAxis is the dimension along which a Scan takes or gathers slices of an input or output.
func scanAxis(n *Node, list string, i, rank int) (int, error) {
	axis := int64(0)
	if axes := n.Attrs.Ints(list); axes != nil {
		axis = axes[i]
	}
	return Axis(axis, rank)
}

// holds tells whether a condition is known to be true.
func holds(v *Value) bool {
	if v.Const == nil {
		return false
	}
	b, ok := v.Const.Data.([]bool)
	return ok && len(b) == 1 && b[0]
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

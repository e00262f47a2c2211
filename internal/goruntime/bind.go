package goruntime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pixelcnn/internal/onnx"
)

// A binder turns the nodes of a graph, once the shapes of its inputs are known,
// into steps. Every operator has a function that checks a node, makes its outputs
// and adds its steps. A node whose inputs are all known is run at once, so sizes
// that a graph computes are constants to the nodes after it.
type binder struct {
	opset   int64
	uses    map[*onnx.Value]int // how many nodes and graph outputs read a value
	values  map[*onnx.Value]*value
	steps   []*step
	packs   *packs
	shapes  string // of the graph's inputs, on which all that is known depends
	threads int
	memory  int64 // bytes that are left to take
	fast    bool  // as in [onnx.SessionOptions]

	transforms map[transformKey]*value // those that have been made
}

// step is one piece of work of a binding.
type step struct {
	node    *onnx.Node
	prepare func() // makes what all runs share; nil where there is nothing
	place   func() // looks up where the values are, whenever that changes; may be nil
	run     func(w *workers) error
	part    func(lo, hi int) // of a step that works element by element; else nil

	flops         int64    // of a product, two for a multiply-add
	reads, writes []*value // scratch memory is among writes
	// overwrites tells that an element of the result depends only on the same
	// element of the arguments of that size, so they may share memory.
	overwrites bool
	// over is the argument of which alone that is so of the first result, where there is one.
	over *value
}

// node is a node being bound.
type node struct {
	*onnx.Node
	in    []*value // nil where absent
	opset int64
}

// withConstants is a copy of the node in which known inputs are constants, as
// package onnx's readers of attributes want it.
func (n *node) withConstants() *onnx.Node {
	o := *n.Node
	o.Inputs = make([]*onnx.Value, len(n.in))
	for i, v := range n.in {
		if v == nil {
			continue
		}
		o.Inputs[i] = &onnx.Value{}
		if v.known {
			o.Inputs[i].Const = v.tensor()
		}
	}
	return &o
}

// input is input i, nil where it is absent.
func (n *node) input(i int) *value {
	if i >= len(n.in) {
		return nil
	}
	return n.in[i]
}

// nodes adds the steps of nodes.
func (p *binder) nodes(nodes []*onnx.Node) error {
	for _, n := range nodes {
		if err := p.bind(n); err != nil {
			return &NodeError{n.String(), err}
		}
	}
	return nil
}

// bind adds the steps of one node.
func (p *binder) bind(o *onnx.Node) error {
	n := &node{Node: o, in: make([]*value, len(o.Inputs)), opset: p.opset}
	known := true
	for i, v := range o.Inputs {
		if v == nil {
			continue
		}
		n.in[i] = p.value(v)
		if n.in[i] == nil {
			return errorf("its input %q is not made by this graph", v.Name)
		}
		known = known && n.in[i].known
	}
	mark := len(p.steps)
	if err := p.bindNode(n, known); err != nil {
		return err
	}
	if !known {
		return nil
	}
	return p.fold(mark)
}

// bindNode binds a node on rows where that can be, else as it is.
func (p *binder) bindNode(n *node, known bool) error {
	if bind := rowOperators[n.Op]; bind != nil && !known {
		if err := bind(p, n); !errors.Is(err, errNoRows) {
			return err
		}
	}
	for _, v := range n.in {
		if err := p.dense(n, v); err != nil {
			return err
		}
	}
	return operators[n.Op].bind(p, n)
}

// fold runs the steps from mark on and takes them out.
func (p *binder) fold(mark int) error {
	for _, s := range p.steps[mark:] {
		for _, v := range s.writes {
			if v.data != nil {
				continue
			}
			if err := p.spend(bytes(v.dtype) * int64(v.count)); err != nil {
				return err
			}
			v.data, v.known, v.local = allocate(v.dtype, v.count), true, false
			v.from, v.joined, v.tanhOf, v.sigmoidOf = nil, nil, nil, nil
		}
		if s.prepare != nil {
			s.prepare()
		}
		if s.place != nil {
			s.place()
		}
		if err := s.run(nil); err != nil {
			return err
		}
	}
	p.steps = p.steps[:mark]
	return nil
}

// value is that of the binding for one of the graph's.
func (p *binder) value(v *onnx.Value) *value {
	if v == nil {
		return nil
	}
	if w := p.values[v]; w != nil {
		return w
	}
	if v.Const == nil {
		return nil
	}
	w := constant(v.Const)
	p.values[v] = w
	return w
}

// take makes a value of a computed shape, for which there must be memory.
func (p *binder) take(dtype onnx.DType, shape []int) (*value, error) {
	count, err := onnx.Size(shape)
	if err != nil {
		return nil, err
	}
	size := bytes(dtype)
	if size == 0 {
		return nil, errorf("element type %v is not supported", dtype)
	}
	// Memory of values that are not needed at once is shared later on, so the sum
	// is an upper bound; a single one must fit in any case.
	if int64(count) > p.memory/size {
		return nil, errorf("%w: a tensor of shape %v", ErrTooLarge, shape)
	}
	v := newValue(dtype, slices.Clone(shape))
	v.local = true
	return v, nil
}

// output makes output i of a node.
func (p *binder) output(n *node, i int, dtype onnx.DType, shape []int) (*value, error) {
	v, err := p.take(dtype, shape)
	if err == nil {
		p.set(n, i, v)
	}
	return v, err
}

// set makes v output i of a node.
func (p *binder) set(n *node, i int, v *value) {
	if i < len(n.Outputs) && n.Outputs[i] != nil {
		p.values[n.Outputs[i]] = v
	}
}

// view makes output i of a node a view of x, from some element on.
func (p *binder) view(n *node, i int, x *value, shape []int, offset int) {
	v := newValue(x.dtype, shape)
	v.of, v.offset = x, offset
	if x.known {
		v.data, v.known = part(x.data, offset, v.count), true
	}
	p.set(n, i, v)
}

// add adds a step.
func (p *binder) add(n *node, s *step) *step {
	s.node = n.Node
	p.steps = append(p.steps, s)
	return s
}

// last moves a step to the end.
func (p *binder) last(s *step) {
	i := slices.Index(p.steps, s)
	p.steps = append(slices.Delete(p.steps, i, i+1), s)
}

// run runs the steps in order, and notes their times where there is a profile.
func run(ctx context.Context, steps []*step, w *workers, times *profile) error {
	done := ctx.Done()
	for i, s := range steps {
		if done != nil {
			select {
			case <-done:
				return ctx.Err()
			default:
			}
		}
		var start time.Time
		if times != nil {
			start = time.Now()
		}
		if err := s.run(w); err != nil {
			return &NodeError{s.node.String(), err}
		}
		if times != nil {
			times.add(s, time.Since(start), i == 0 || steps[i-1].node != s.node)
		}
	}
	if times != nil {
		times.ran()
	}
	return nil
}

// wantType checks an argument's element type.
func wantType(v *value, types ...onnx.DType) error {
	if !slices.Contains(types, v.dtype) {
		return fmt.Errorf("an argument of type %v, should be one of %v", v.dtype, types)
	}
	return nil
}

// prune takes out the steps whose results nobody reads.
func (p *binder) prune(results []*value) {
	needed := map[*value]bool{}
	for _, v := range results {
		needed[v.owner()] = true
	}
	var kept []*step
	for _, s := range slices.Backward(p.steps) {
		if !slices.ContainsFunc(s.writes, func(v *value) bool { return needed[v.owner()] }) {
			continue
		}
		kept = append(kept, s)
		for _, v := range s.reads {
			needed[v.owner()] = true
		}
	}
	slices.Reverse(kept)
	p.steps = kept
}

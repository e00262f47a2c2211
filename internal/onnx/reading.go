package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// reading is one pass over a graph, in which the size of every value is found.
type reading struct {
	folder
	limits     Limits
	operations int64
	visits     *int            // nodes read so far
	unknown    map[*Value]bool // by the original: inputs, and outputs of operators that the caller trusts
}

// errUntold is wrapped where a value's size depends on data.
var errUntold = errors.New("a size cannot be told before it runs")

// hide makes the size of a value unknown, whatever the file says of it.
func (r *reading) hide(v *Value) {
	r.unknown[v], r.values[v] = true, &Value{Name: v.Name}
}

// bounded checks the size of a value; what names it in the error.
func (r *reading) bounded(v *Value, what string) error {
	if size := bytesOf(v); size > r.limits.TensorBytes {
		return &LimitError{"TensorBytes", fmt.Sprintf("bytes of shape %v of %s", Sizes(v.Shape), what), size, r.limits.TensorBytes}
	}
	return nil
}

// bytesOf is the size of a value of known shape. An unknown type counts as a wide one.
func bytesOf(v *Value) int64 {
	width := v.DType.size()
	if width == 0 {
		width = 8
	}
	return times(count(Sizes(v.Shape)), int64(width))
}

// graph reads the nodes of a graph that runs a number of times.
func (r *reading) graph(g *Graph, runs int64) (*lifetimes, error) {
	s := &lifetimes{}
	for _, n := range g.Nodes {
		if err := r.read(s, n, runs); err != nil {
			return nil, err
		}
	}
	for _, v := range g.Outputs {
		s.ends = append(s.ends, r.value(v))
	}
	return s, nil
}

// read reads a node.
func (r *reading) read(s *lifetimes, n *Node, runs int64) error {
	at := func(err error) error {
		return fmt.Errorf("%w: %s: %w", ErrShape, n.String(), err)
	}
	*r.visits++
	if err := r.checkTrilu(n); err != nil {
		return at(err)
	}
	if r.skips(n) {
		for _, v := range n.Outputs {
			if v != nil {
				r.hide(v)
			}
		}
		return nil
	}
	if n.Op == "Loop" || n.Op == "If" || n.Op == "Scan" {
		return r.control(s, n, runs)
	}
	if err := r.node(n); err != nil {
		return at(err)
	}
	if len(r.nodes) > 0 { // it was not folded, or only in part
		last := r.nodes[len(r.nodes)-1]
		if err := checkDivisor(last); err != nil {
			return at(err)
		}
		if err := r.finish(last); err != nil {
			return at(err)
		}
	}
	e := event{scratch: r.scratch(n)}
	for _, v := range n.Inputs {
		e.in = append(e.in, r.value(v))
	}
	for _, v := range n.Outputs {
		if v == nil {
			continue
		}
		w := r.value(v)
		if w.Shape == nil {
			return at(fmt.Errorf("%w: %q", errUntold, v.Name))
		}
		if err := r.bounded(w, n.String()); err != nil {
			return err
		}
		e.out = append(e.out, w)
	}
	r.nodes = r.nodes[:0]
	s.events = append(s.events, e)
	copied := &Node{Op: n.Op, Attrs: n.Attrs, Inputs: e.in, Outputs: e.out}
	return r.spend(times(runs, operations(copied)), n)
}

// held checks how much of a graph that has been read is held at once.
func (r *reading) held(s *lifetimes) error {
	if memory := s.peak(); memory > r.limits.Memory {
		return &LimitError{"Memory", "bytes that a run holds at once", memory, r.limits.Memory}
	}
	return nil
}

func (r *reading) spend(operations int64, n *Node) error {
	r.operations = saturate(r.operations, operations)
	if r.operations > r.limits.Operations {
		return &LimitError{"Operations", fmt.Sprintf("operations of a run up to %s", n.String()), r.operations, r.limits.Operations}
	}
	return nil
}

// skips tells whether nothing is known of a node: the caller trusts its operator, or one that makes
// an input of it.
func (r *reading) skips(n *Node) bool {
	if r.limits.trusts(n) {
		return true
	}
	for _, v := range n.Inputs {
		if v != nil && r.unknown[v] {
			return true
		}
	}
	return false
}

// checkTrilu refuses a Trilu whose diagonal is not known, or so far out that ONNX Runtime
// would count beyond what an integer holds, and write there.
func (r *reading) checkTrilu(n *Node) error {
	if n.Op != "Trilu" || n.Domain != "" || len(n.Inputs) < 2 || n.Inputs[1] == nil {
		return nil
	}
	k := r.value(n.Inputs[1])
	if k == nil || k.Const == nil || len(k.Const.Ints()) != 1 {
		return errors.New("its diagonal is not a constant")
	}
	if d := k.Const.Ints()[0]; max(d, -d) > math.MaxInt32 || d == math.MinInt64 {
		return fmt.Errorf("its diagonal is %d", d)
	}
	return nil
}

// finish sets shapes that infer leaves open.
func (r *reading) finish(n *Node) error {
	first := n.Outputs[0]
	if len(n.Inputs) == 0 {
		dims, err := dimensions(n.Attrs.Ints("shape"))
		if (n.Op == "RandomUniform" || n.Op == "RandomNormal") && err == nil {
			first.DType, first.Shape = DType(n.Attrs.Int("dtype", int64(Float32))), Shape(dims...)
		}
		return err
	}
	if first == nil || first.Shape == nil {
		return nil
	}
	if first.DType.size() == 0 {
		return fmt.Errorf("it makes elements of type %v, which is not supported", first.DType)
	}
	for _, v := range n.Outputs[1:] {
		if v == nil || v.Shape != nil {
			continue
		}
		v.Shape, v.DType = first.Shape, first.DType
		switch n.Op {
		case "LayerNormalization": // mean and deviation
			axis, err := Axis(n.Attrs.Int("axis", -1), len(first.Shape))
			if err != nil {
				return err
			}
			v.Shape = slices.Clone(first.Shape)
			for k := range v.Shape[axis:] {
				v.Shape[axis+k] = Fixed(1)
			}
		case "Dropout":
			v.DType = Bool
		case "MaxPool", "TopK":
			v.DType = Int64
		case "BatchNormalization":
			v.Shape = n.Inputs[1].Shape
		}
	}
	return nil
}

// scratch is about how much memory ONNX Runtime takes for itself while it runs a node: a
// convolution copies the pixels under its kernel, one image at a time, and a recurrent network
// holds all of its gates.
func (r *reading) scratch(n *Node) int64 {
	if gates[n.Op] > 0 {
		return times(int64(8*gates[n.Op]), count(shapeOf(r.value(n.Outputs[0]))))
	}
	if n.Op != "Conv" || len(n.Outputs) == 0 {
		return 0
	}
	out := r.value(n.Outputs[0])
	if out == nil || len(out.Shape) < 2 {
		return 0
	}
	pixels := count(Sizes(out.Shape[2:]))
	return times(4, times(pixels, rest([][]int{shapeOf(r.value(n.Inputs[1]))}, 0)))
}

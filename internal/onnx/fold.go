package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// ErrShape is wrapped where the sizes of a graph's values cannot be made to fit.
var ErrShape = errors.New("onnx: the sizes do not fit")

// Bounds of folding, in elements: a graph that expands a scalar to the size of a disk
// is not evaluated here. What is beyond them stays a node.
const (
	maxFold    = 1 << 24 // of a folded constant
	maxFolding = 1 << 27 // of all that folding reads and makes
)

// Simplify returns a copy of the model for inputs of the given sizes, by name:
// each value has its type and shape where they are known, everything that depends
// on no input is a constant, and nodes that no output needs are gone. The
// arithmetic on shapes that exporters leave behind (Shape, Gather, Div, Concat, …)
// disappears that way. Nodes of operators that are not known here stay, with
// outputs of unknown shape. The model itself is not changed; constants are shared.
//
// An input that is not among sizes must have fixed dimensions. Errors wrap
// [ErrShape] and name the node.
func Simplify(m *Model, sizes map[string][]int) (*Model, error) {
	f := folder{values: map[*Value]*Value{}, most: maxFold, left: maxFolding}
	out := *m
	out.Graph = &Graph{Name: m.Graph.Name}
	for _, v := range m.Graph.Inputs {
		shape, ok := sizes[v.Name]
		if !ok {
			if shape = Sizes(v.Shape); v.Shape == nil || slices.Min(append(shape, 0)) < 0 {
				return nil, fmt.Errorf("%w: input %q has no fixed size", ErrShape, v.Name)
			}
		}
		w := out.Graph.Input(v.Name, v.DType, Shape(shape...)...)
		f.values[v] = w
	}
	for _, n := range m.Graph.Nodes {
		if err := f.node(n); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrShape, n.String(), err)
		}
	}
	for _, v := range m.Graph.Outputs {
		out.Graph.Outputs = append(out.Graph.Outputs, f.value(v))
	}
	out.Graph.Nodes = needed(f.nodes, out.Graph.Outputs)
	return &out, nil
}

// folder holds the copy in the making.
type folder struct {
	values map[*Value]*Value // by the original
	nodes  []*Node
	most   int  // elements of a constant
	left   int  // elements to read and make
	exact  bool // leave what is rounded
}

// rounded are the operators whose results in floating point differ in the last bit between
// runtimes. A size may depend on that bit.
var rounded = map[string]bool{
	"Exp": true, "Log": true, "Tanh": true, "Sin": true, "Cos": true, "Erf": true, "Sigmoid": true, "Softplus": true,
	"Pow": true, "MatMul": true, "Gemm": true, "Conv": true, "ConvTranspose": true, "ReduceProd": true, "ReduceSum": true, "ReduceMean": true,
	"ReduceL1": true, "ReduceL2": true, "ReduceSumSquare": true, "ReduceLogSum": true, "ReduceLogSumExp": true,
}

// affords tells whether a node whose inputs are constants is to be evaluated, and deducts what that
// costs. The sizes of its outputs must be known.
func (f *folder) affords(n *Node) bool {
	if n.Op == "Constant" {
		return true // it is there already
	}
	if f.exact && rounded[n.Op] && n.Inputs[0].DType != Int64 && n.Inputs[0].DType != Int32 {
		return false
	}
	cost := 0
	for _, v := range slices.Concat(n.Inputs, n.Outputs) {
		if v == nil {
			continue
		}
		size, err := Size(Sizes(v.Shape))
		if v.Shape == nil || err != nil || size > f.most {
			return false
		}
		cost += size
	}
	cost = int(min(saturate(int64(cost), operations(n)), maxFolding+1))
	if f.left < cost {
		return false
	}
	f.left -= cost
	return true
}

func (f *folder) value(v *Value) *Value {
	if v == nil || v.Const != nil {
		return v
	}
	if w := f.values[v]; w != nil {
		return w
	}
	return v // of an enclosing graph
}

func (f *folder) node(old *Node) error {
	n := &Node{Op: old.Op, Domain: old.Domain, Name: old.Name, Attrs: old.Attrs}
	constant := true
	for _, v := range old.Inputs {
		v = f.value(v)
		n.Inputs = append(n.Inputs, v)
		constant = constant && (v == nil || v.Const != nil)
	}
	for _, v := range old.Outputs {
		if v == nil {
			n.Outputs = append(n.Outputs, nil)
			continue
		}
		w := &Value{Name: v.Name, DType: v.DType, Node: n}
		n.Outputs = append(n.Outputs, w)
		f.values[v] = w
	}
	if n.Domain != "" && !known(n) {
		f.nodes = append(f.nodes, n)
		return nil
	}
	if err := checkArity(n); err != nil {
		return err
	}
	if n.Op == "Identity" {
		f.values[old.Outputs[0]] = n.Inputs[0]
		return nil
	}
	if t := f.shapeOf(n); t != nil {
		n.Outputs[0].set(t)
		return nil
	}
	f.nodes = append(f.nodes, n)
	if err := infer(n); err != nil {
		return err
	}
	if constant && f.affords(n) {
		results, err := evaluate(n)
		if err != nil {
			return err
		}
		if results != nil {
			for i, t := range results {
				if i < len(n.Outputs) && n.Outputs[i] != nil {
					n.Outputs[i].set(t)
				}
			}
			f.nodes = f.nodes[:len(f.nodes)-1]
		}
	}
	return nil
}

// set turns the value into a constant.
func (v *Value) set(t *Tensor) {
	v.Const, v.Node = t, nil
	v.DType, v.Shape = t.DType(), Shape(t.Shape...)
}

// shapeOf evaluates Shape and Size, whose input need not be a constant.
func (f *folder) shapeOf(n *Node) *Tensor {
	if n.Op != "Shape" && n.Op != "Size" || n.Inputs[0].Shape == nil {
		return nil
	}
	shape := Sizes(n.Inputs[0].Shape)
	if n.Op == "Size" {
		size, err := Size(shape)
		if err != nil {
			return nil
		}
		return Scalar(int64(size))
	}
	r := int64(len(shape))
	at := func(name string, def int64) int64 {
		i := n.Attrs.Int(name, def)
		if i < 0 {
			i += r
		}
		return min(max(i, 0), r)
	}
	from, to := at("start", 0), at("end", r)
	dims := []int64{}
	for i := from; i < to; i++ {
		dims = append(dims, int64(shape[i]))
	}
	return NewTensor(dims, len(dims))
}

// needed keeps the nodes that the outputs need, in order.
func needed(nodes []*Node, outputs []*Value) []*Node {
	needed := map[*Node]bool{}
	for _, v := range outputs {
		if v.Node != nil {
			needed[v.Node] = true
		}
	}
	var kept []*Node
	for _, n := range slices.Backward(nodes) {
		if !needed[n] {
			continue
		}
		kept = append(kept, n)
		for _, v := range n.Inputs {
			if v != nil && v.Node != nil {
				needed[v.Node] = true
			}
		}
	}
	slices.Reverse(kept)
	return kept
}

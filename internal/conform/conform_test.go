package conform

import (
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// Conform tells in what a model departs from the standard:
//
//   - It has operators of the default domain only, that are listed here, with the inputs,
//     attributes and types of their definitions, and the IR version of its opset.
//   - Types and ranks follow from what is written down, for every value of every graph.
//   - A Slice names its axes; its starts, ends and axes are of one length.
//   - A Loop has a number of turns and a condition. What it carries has, in its body's
//     inputs and outputs and as its own outputs, the type and the rank that it began
//     with, and the sizes of the body's say nothing that the beginning contradicts.
//   - Each output of a body is made by a node of the body, and is no other output too.
//   - Names are there once, in a graph and those inside it. Everything is used, and
//     nodes follow what they read.
//   - Nothing that a Loop carries begins as a constant without elements.
func Conform(m *onnx.Model) error {
	c := &checker{opset: m.Opsets[""], names: map[string]*onnx.Value{}, known: map[*onnx.Value]info{}}
	if m.Opsets[""] < 17 || len(m.Opsets) != 1 {
		c.errorf("opsets %v, must be the default domain's 17 or newer", m.Opsets)
	}
	if m.IRVersion != 8 {
		c.errorf("IR version %d, must be 8", m.IRVersion)
	}
	for _, v := range m.Graph.Inputs {
		if v.DType == onnx.Undefined || v.Shape == nil {
			c.errorf("input %q has no type or shape", v.Name)
		}
	}
	for _, v := range m.Graph.Outputs {
		if v.DType == onnx.Undefined || v.Shape == nil {
			c.errorf("output %q has no type or shape", v.Name)
		}
	}
	c.graph(m.Graph)
	return errors.Join(c.errs...)
}

// info is what is known of a value: its type and sizes, -1 where one is free.
type info struct {
	dtype onnx.DType
	shape []int
}

type checker struct {
	opset int64
	names map[string]*onnx.Value
	known map[*onnx.Value]info
	errs  []error
}

func (c *checker) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// define notes a value's name, and what is known of it.
func (c *checker) define(v *onnx.Value, i info) {
	if v.Name == "" {
		c.errorf("a value has no name")
	} else if other := c.names[v.Name]; other != nil && other != v {
		c.errorf("two values are named %q", v.Name)
	}
	c.names[v.Name] = v
	c.known[v] = i
}

// graph checks a graph whose inputs are declared.
func (c *checker) graph(g *onnx.Graph) {
	if g.Name == "" {
		c.errorf("a graph has no name")
	}
	for _, v := range g.Inputs {
		if _, there := c.known[v]; !there {
			c.define(v, declared(v))
		}
	}
	used := map[*onnx.Value]bool{}
	note(g, used)
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			switch {
			case v == nil:
				continue
			case v.Const != nil:
				c.define(v, info{v.Const.DType(), v.Const.Shape})
			default:
				if _, there := c.known[v]; !there {
					c.errorf("%s reads input %d before it is made", n.String(), i)
					return
				}
			}
		}
		out, err := c.node(n)
		if err != nil {
			c.errorf("%s: %w", n.String(), err)
			return // what follows is not known
		}
		for i, v := range n.Outputs {
			if v == nil {
				continue
			}
			if !used[v] && !slices.Contains(g.Outputs, v) && n.Op != "Loop" {
				c.errorf("nothing reads output %d of %s", i, n.String())
			}
			if len(out) <= i {
				c.errorf("%s has too many outputs", n.String())
				return
			}
			c.define(v, out[i])
		}
	}
	for _, v := range g.Outputs {
		have, there := c.known[v]
		if want := declared(v); !there || have.dtype != want.dtype || !agree(have.shape, want.shape) {
			c.errorf("output %q is declared %v %v, and is %v %v", v.Name, want.dtype, want.shape, have.dtype, have.shape)
		}
	}
}

func declared(v *onnx.Value) info {
	if v.Shape == nil {
		return info{v.DType, nil}
	}
	return info{v.DType, onnx.Sizes(v.Shape)}
}

// note collects what a graph and those inside it read.
func note(g *onnx.Graph, used map[*onnx.Value]bool) {
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			used[v] = true
		}
		for _, a := range n.Attrs {
			if sub, ok := a.(*onnx.Graph); ok {
				note(sub, used)
				for _, v := range sub.Outputs {
					used[v] = true
				}
			}
		}
	}
}

// agree tells whether two shapes can be of one value. Ranks must be known.
func agree(a, b []int) bool {
	return a != nil && b != nil && slices.EqualFunc(a, b, func(x, y int) bool { return x == y || x < 0 || y < 0 })
}

// node checks one, and tells what it makes.
func (c *checker) node(n *onnx.Node) ([]info, error) {
	o, known := operators[n.Op]
	if n.Domain != "" || !known {
		return nil, fmt.Errorf("operator %s of domain %q is not one of those that are known here", n.Op, n.Domain)
	}
	if len(n.Inputs) < o.min || o.max >= 0 && len(n.Inputs) > o.max {
		return nil, fmt.Errorf("%d inputs, must be %d to %d", len(n.Inputs), o.min, o.max)
	}
	if k := len(n.Inputs); k > 0 && n.Inputs[k-1] == nil {
		return nil, errors.New("its last input is left out, and yet there")
	}
	in := make([]info, len(n.Inputs))
	for i, v := range n.Inputs {
		if v == nil {
			if i < o.min {
				return nil, fmt.Errorf("input %d is missing", i)
			}
			continue
		}
		in[i] = c.known[v]
		if in[i].dtype == onnx.Undefined || in[i].shape == nil {
			return nil, fmt.Errorf("the type or the rank of input %d is not known", i)
		}
		if err := o.takes(i, in); err != nil {
			return nil, err
		}
	}
	for name, a := range n.Attrs {
		want, known := o.attrs[name]
		if have := kind(a); !known || have != want {
			return nil, fmt.Errorf("attribute %s is %s, must be %q", name, have, want)
		}
	}
	if n.Op == "Loop" {
		return c.loop(n, in)
	}
	return o.makes(node{n, in, c.opset})
}

// loop checks a Loop and its body.
func (c *checker) loop(n *onnx.Node, in []info) ([]info, error) {
	body, _ := n.Attrs["body"].(*onnx.Graph)
	carried := in[2:]
	switch {
	case body == nil:
		return nil, errors.New("no body")
	case in[0].dtype != onnx.Int64 || in[0].elements() != 1:
		return nil, errors.New("its number of turns must be one int64")
	case in[1].dtype != onnx.Bool || in[1].elements() != 1:
		return nil, errors.New("its condition must be one bool")
	case len(body.Inputs) != len(in), len(body.Outputs) < len(carried)+1, len(n.Outputs) != len(body.Outputs)-1:
		return nil, fmt.Errorf("%d inputs and %d outputs, and a body with %d and %d", len(in), len(n.Outputs), len(body.Inputs), len(body.Outputs))
	}
	for i, want := range []info{{onnx.Int64, []int{}}, {onnx.Bool, []int{}}} {
		if have := declared(body.Inputs[i]); have.dtype != want.dtype || have.shape == nil || len(have.shape) != 0 {
			return nil, fmt.Errorf("input %d of its body must be a scalar %v", i, want.dtype)
		}
	}
	for i, v := range body.Inputs[2:] {
		have := declared(v)
		if have.dtype != carried[i].dtype || !agree(have.shape, carried[i].shape) {
			return nil, fmt.Errorf("%q is %v %v in its body, and begins as %v %v", v.Name, have.dtype, have.shape, carried[i].dtype, carried[i].shape)
		}
		if first := n.Inputs[2+i]; first.Const != nil && first.Const.Len() == 0 {
			return nil, fmt.Errorf("%q begins as a constant without elements, which readers take for a vector", v.Name)
		}
	}
	outputs := map[*onnx.Value]bool{}
	for i, v := range body.Outputs {
		if outputs[v] {
			return nil, fmt.Errorf("output %d of its body is another one too", i)
		}
		outputs[v] = true
		if !slices.ContainsFunc(body.Nodes, func(m *onnx.Node) bool { return slices.Contains(m.Outputs, v) }) {
			return nil, fmt.Errorf("output %d of its body is made by none of its nodes", i)
		}
	}
	for _, v := range body.Inputs {
		c.define(v, declared(v))
	}
	c.graph(body)
	if on := declared(body.Outputs[0]); on.dtype != onnx.Bool || on.shape == nil || len(on.shape) != 0 {
		return nil, errors.New("its body's condition must be a scalar bool")
	}
	var out []info
	for i, v := range body.Outputs[1:] {
		made := declared(v)
		if i >= len(carried) {
			made.shape = append([]int{-1}, made.shape...)
		} else if begins := declared(body.Inputs[2+i]); begins.dtype != made.dtype || !slices.Equal(begins.shape, made.shape) {
			return nil, fmt.Errorf("%q is %v %v in its body and leaves as %v %v", body.Inputs[2+i].Name, begins.dtype, begins.shape, made.dtype, made.shape)
		}
		if have := declared(n.Outputs[i]); have.dtype != made.dtype || !agree(have.shape, made.shape) {
			return nil, fmt.Errorf("its output %d is declared %v %v, and is %v %v", i, have.dtype, have.shape, made.dtype, made.shape)
		}
		out = append(out, made)
	}
	return out, nil
}

// elements is how many there are, -1 where that is not known.
func (i info) elements() int {
	n := 1
	for _, d := range i.shape {
		if d < 0 {
			return -1
		}
		n *= d
	}
	return n
}

// kind names an attribute's type.
func kind(a any) string {
	switch a.(type) {
	case int64:
		return "int"
	case float32:
		return "float"
	case string:
		return "string"
	case []int64:
		return "ints"
	case []float32:
		return "floats"
	case []string:
		return "strings"
	case *onnx.Tensor:
		return "tensor"
	case *onnx.Graph:
		return "graph"
	}
	return fmt.Sprintf("%T", a)
}

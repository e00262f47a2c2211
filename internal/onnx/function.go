package onnx

import "fmt"

// function is a local function: a list of nodes that a node stands for.
type function struct {
	name, domain, overload string
	inputs, outputs        []string
	defaults               map[string][]byte // attributes that a call may leave out, as bytes
	nodes                  [][]byte
	opset                  int64 // of ONNX's own operators, 0 where it imports none
}

func functionKey(domain, name, overload string) string {
	return domain + "\x00" + name + "\x00" + overload
}

// function reads a FunctionProto.
func (d *decoder) function(b []byte) error {
	fn := &function{defaults: map[string][]byte{}}
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			fn.name = f.str()
		case 4:
			fn.inputs = append(fn.inputs, f.str())
		case 5:
			fn.outputs = append(fn.outputs, f.str())
		case 7:
			fn.nodes = append(fn.nodes, f.bytes)
		case 9:
			domain, version, err := opset(f.bytes)
			if domain == "" {
				fn.opset = version
			}
			return err
		case 10:
			fn.domain = domainOf(f.str())
		case 11:
			name := ""
			err := fields(f.bytes, func(f field) error {
				if f.num == 1 {
					name = f.str()
				}
				return nil
			})
			fn.defaults[name] = f.bytes
			if err != nil {
				return err
			}
		case 13:
			fn.overload = f.str()
		default:
			return nil
		}
		return d.count()
	})
	if err != nil {
		return err
	}
	key := functionKey(fn.domain, fn.name, fn.overload)
	if d.functions[key] != nil {
		return malformed("it has the function %q twice", fn.name)
	}
	if d.functions == nil {
		d.functions = map[string]*function{}
	}
	d.functions[key] = fn
	return nil
}

// call is a function in the place of a node: the attributes that its nodes may refer to.
type call struct {
	function *function
	node     string // the name of the node
	attrs    Attrs
	from     *call // the call within whose function this one is
}

// maxCalls bounds how deep functions may call others.
const maxCalls = 64

// inline returns the nodes of a function in place of a node n that calls it. They have n's outputs.
// The values between them get no names, so that no name occurs twice.
func (d *decoder) inline(fn *function, n *Node, depth int) (nodes []*Node, err error) {
	at := func(err error) error {
		return fmt.Errorf("%w (in function %q, called by node %q)", err, fn.name, n.Name)
	}
	c := &call{fn, n.Name, Attrs{}, d.call}
	calls := 0
	for up := d.call; up != nil; up = up.from {
		if up.function == fn {
			return nil, malformed("the function %q calls itself", fn.name)
		}
		if calls++; calls > maxCalls {
			return nil, malformed("its functions call others more than %d deep", maxCalls)
		}
	}
	if fn.opset != 0 && fn.opset != d.opset {
		return nil, malformed("the function %q is for version %d of the operator set, the model for %d", fn.name, fn.opset, d.opset)
	}
	if len(n.Inputs) > len(fn.inputs) || len(n.Outputs) > len(fn.outputs) {
		return nil, malformed("node %q gives the function %q %d inputs and takes %d outputs; it has %d and %d",
			n.Name, fn.name, len(n.Inputs), len(n.Outputs), len(fn.inputs), len(fn.outputs))
	}
	s := &scope{values: map[string]*Value{}, missing: map[string]bool{}}
	for i, name := range fn.inputs {
		if name == "" || s.values[name] != nil || s.missing[name] {
			return nil, malformed("the function %q has the input %q twice, or it has no name", fn.name, name)
		}
		if i < len(n.Inputs) && n.Inputs[i] != nil {
			s.values[name] = n.Inputs[i]
		} else {
			s.missing[name] = true
		}
	}
	for name, b := range fn.defaults {
		if _, given := n.Attrs[name]; !given {
			if _, c.attrs[name], err = d.attr(b, s, depth); err != nil {
				return nil, at(err)
			}
		}
	}
	for name, v := range n.Attrs {
		if _, graph := v.(*Graph); graph {
			return nil, at(malformed("the attribute %q is a graph, which a function cannot take here", name))
		}
		c.attrs[name] = v
	}
	outer := d.call
	d.call = c
	defer func() { d.call = outer }()
	for _, b := range fn.nodes {
		if err := d.countNode(); err != nil {
			return nil, err
		}
		// A function is read as often as it is called.
		if d.inlined += int64(len(b)); d.inlined > d.limits.FileBytes {
			return nil, &LimitError{"FileBytes", "the bytes of functions, as often as they are called", d.inlined, d.limits.FileBytes}
		}
		made, err := d.node(b, s, nil, depth)
		if err != nil {
			return nil, at(err)
		}
		nodes = append(nodes, made...)
	}
	inside := map[*Value]bool{} // made by these nodes, and not given out yet
	for _, n := range nodes {
		for _, v := range n.Outputs {
			inside[v] = true
		}
	}
	for i, v := range n.Outputs {
		if v == nil {
			continue
		}
		w := s.values[fn.outputs[i]]
		switch {
		case w == nil:
			return nil, at(malformed("nothing makes the output %q", fn.outputs[i]))
		case inside[w]:
			delete(inside, w)
			w.Name, w.DType, w.Shape = v.Name, v.DType, v.Shape
			n.Outputs[i] = w
		default: // an input, a constant, or given out twice
			nodes = append(nodes, passOn(w, v))
		}
	}
	return nodes, nil
}

// passOn is a node that copies a value to another.
func passOn(from, to *Value) *Node {
	n := &Node{Op: "Identity", Attrs: Attrs{}, Inputs: []*Value{from}, Outputs: []*Value{to}}
	to.Node = n
	return n
}

// absent tells whether a name is that of a function's input which its call left out.
func (s *scope) absent(name string) bool {
	for ; s != nil; s = s.parent {
		if s.missing[name] {
			return true
		}
	}
	return false
}

// nodeName is the name of a node that is read. Within a function it follows that of the call, since
// ONNX Runtime takes a name only once.
func (d *decoder) nodeName(name string) string {
	switch {
	case d.call == nil:
		return name
	case d.call.node == "" || name == "":
		return ""
	}
	return d.call.node + "/" + name
}

// label is the name of a value that is read: none within a function.
func (d *decoder) label(name string) string {
	if d.call != nil {
		return ""
	}
	return name
}

// dropDomains forgets the operator sets that are the model's own functions alone.
func (d *decoder) dropDomains(m *Model) {
	used := map[string]bool{"": true}
	_ = eachNode(m.Graph, func(n *Node) error {
		used[n.Domain] = true
		return nil
	})
	for _, fn := range d.functions {
		if !used[fn.domain] {
			delete(m.Opsets, fn.domain)
		}
	}
}

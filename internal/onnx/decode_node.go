package onnx

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

// node reads a node. It returns that node, or those that it stands for.
func (d *decoder) node(b []byte, s *scope, declared map[string]*Value, depth int) ([]*Node, error) {
	n := &Node{Attrs: Attrs{}}
	var overload string
	var in, out []string
	var attrs [][]byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			in = append(in, f.str())
			return d.count()
		case 2:
			out = append(out, f.str())
			return d.count()
		case 3:
			n.Name = d.nodeName(f.str())
		case 4:
			n.Op = f.str()
		case 5:
			attrs = append(attrs, f.bytes)
			return d.count()
		case 7:
			n.Domain = domainOf(f.str())
		case 8:
			overload = f.str()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(n.Op, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil, malformed("node %q has %q for an operator", n.Name, n.Op)
	}
	for _, name := range in {
		var v *Value
		if name != "" {
			if v = s.find(name); v == nil && !s.absent(name) {
				return nil, malformed("node %s %q reads %q, which nothing before it makes", n.Op, n.Name, name)
			}
		}
		n.Inputs = append(n.Inputs, v)
	}
	for _, a := range attrs {
		name, v, err := d.attr(a, s, depth)
		if err != nil {
			return nil, fmt.Errorf("%w (node %s %q)", err, n.Op, n.Name)
		}
		if v == nil {
			continue // it refers to one that the call of a function left out
		}
		if _, twice := n.Attrs[name]; twice {
			return nil, malformed("node %s %q has attribute %q twice", n.Op, n.Name, name)
		}
		n.Attrs[name] = v
	}
	for _, name := range out {
		if name == "" {
			n.Outputs = append(n.Outputs, nil)
			continue
		}
		if s.find(name) != nil {
			return nil, malformed("two values are named %q", name)
		}
		v := &Value{Name: d.label(name), Node: n}
		if as := declared[name]; as != nil {
			v.DType, v.Shape = as.DType, as.Shape
		}
		s.values[name] = v
		n.Outputs = append(n.Outputs, v)
	}
	if fn := d.functions[functionKey(n.Domain, n.Op, overload)]; fn != nil {
		made, err := d.inline(fn, n, depth)
		for i, name := range out {
			if name != "" {
				s.values[name] = n.Outputs[i]
			}
		}
		return made, err
	}
	nodes := []*Node{n}
	if !d.limits.trusts(n) {
		if made := d.standard(n); made != nil {
			nodes = made
		}
	}
	for i, n := range nodes {
		if i > 0 {
			if err := d.countNode(); err != nil {
				return nil, err
			}
		}
		if known(n) {
			trim(n)
			if err := checkNode(n); err != nil {
				return nil, malformed("%s: %v", n.String(), err)
			}
		}
	}
	return nodes, nil
}

func (d *decoder) attr(b []byte, s *scope, depth int) (name string, v any, err error) {
	var kind int64
	var f32 float32
	var i int64
	var str string
	var floats []float32
	var ints []int64
	var strs []string
	var tensor *Tensor
	var graph *Graph
	var refers string
	err = fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			name = f.str()
		case 2:
			f32 = f.float()
		case 3:
			i = f.int()
		case 4:
			str = f.str()
		case 5:
			if tensor != nil {
				return malformed("attribute %q has two tensors", name)
			}
			_, tensor, err = d.tensor(f.bytes)
		case 6:
			if graph != nil {
				return malformed("attribute %q has two graphs", name)
			}
			graph, err = d.graph(f.bytes, s, depth+1)
		case 7:
			floats, err = f.floats(floats)
		case 8:
			ints, err = f.ints(ints)
		case 9:
			strs = append(strs, f.str())
			return d.count()
		case 20:
			kind = f.int()
		case 21:
			refers = f.str()
		}
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if refers != "" {
		if d.call == nil {
			return "", nil, malformed("attribute %q refers to one of a function, and there is none around it", name)
		}
		v = d.call.attrs[refers]
		if i, ok := v.(int64); ok && typeAttrs[name] {
			v = int64(d.dtype(i))
		}
		return name, v, nil
	}
	switch kind {
	case attrFloat:
		v = f32
	case attrInt:
		if v = i; typeAttrs[name] {
			v = int64(d.dtype(i))
		}
	case attrString:
		v = str
	case attrTensor:
		if tensor == nil {
			return "", nil, malformed("attribute %q has no tensor", name)
		}
		v = tensor
	case attrGraph:
		if graph == nil {
			return "", nil, malformed("attribute %q has no graph", name)
		}
		v = graph
	case attrFloats:
		v = floats
	case attrInts:
		v = ints
	case attrStrings:
		v = strs
	default:
		return "", nil, malformed("attribute %q has type %d, which is not supported", name, kind)
	}
	return name, v, nil
}

func (d *decoder) valueInfo(b []byte) (*Value, error) {
	v := &Value{}
	if err := d.count(); err != nil {
		return nil, err
	}
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			v.Name = f.str()
		case 2: // TypeProto
			return fields(f.bytes, func(f field) error {
				if f.num != 1 { // tensor_type
					return nil
				}
				return fields(f.bytes, func(f field) error {
					switch f.num {
					case 1:
						v.DType = d.dtype(f.int())
					case 2:
						v.Shape = []Dim{}
						return fields(f.bytes, func(f field) error {
							if err := d.count(); err != nil {
								return err
							}
							dim, err := decodeDim(f.bytes)
							v.Shape = append(v.Shape, dim)
							return err
						})
					}
					return nil
				})
			})
		}
		return nil
	})
	if err == nil && v.Name == "" {
		err = malformed("an input or output has no name")
	}
	return v, err
}

func decodeDim(b []byte) (Dim, error) {
	d := Dim{Size: -1}
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			n := f.int()
			if n > math.MaxInt32 {
				return malformed("it has dimension %d", n)
			}
			d.Size = int(max(n, -1)) // some writers say -1 where it is free
		case 2:
			d.Param = f.str()
		}
		return nil
	})
	return d, err
}

package onnx

import (
	"errors"
	"fmt"
	"math"
)

// ErrFormat is wrapped by every error of [Unmarshal].
var ErrFormat = errors.New("onnx: not a usable ONNX file")

// maxNesting bounds subgraphs within subgraphs.
const maxNesting = 8

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// Unmarshal reads a model. Tensor data are copied out of b. External data,
// sparse initializers, functions and tensor types outside [DType] are refused, as
// are dangling or duplicate names and nodes out of topological order.
func Unmarshal(b []byte) (*Model, error) {
	m := &Model{Opsets: map[string]int64{}, Metadata: map[string]string{}}
	var graph []byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			m.IRVersion = f.int()
		case 2:
			m.ProducerName = f.str()
		case 3:
			m.ProducerVersion = f.str()
		case 6:
			m.Doc = f.str()
		case 7:
			graph = f.bytes
		case 8:
			var domain string
			var version int64
			err := fields(f.bytes, func(f field) error {
				switch f.num {
				case 1:
					domain = f.str()
				case 2:
					version = f.int()
				}
				return nil
			})
			if domain == "ai.onnx" {
				domain = ""
			}
			m.Opsets[domain] = version
			return err
		case 14:
			var k, v string
			err := fields(f.bytes, func(f field) error {
				switch f.num {
				case 1:
					k = f.str()
				case 2:
					v = f.str()
				}
				return nil
			})
			m.Metadata[k] = v
			return err
		case 25:
			return malformed("it defines functions, which are not supported")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if graph == nil {
		return nil, malformed("it holds no graph")
	}
	if m.Opsets[""] == 0 {
		return nil, malformed("it imports no version of the default operator set")
	}
	m.Graph, err = decodeGraph(graph, nil, 0)
	return m, err
}

// scope resolves names to values; a subgraph sees its parents'.
type scope struct {
	parent *scope
	values map[string]*Value
}

func (s *scope) find(name string) *Value {
	for ; s != nil; s = s.parent {
		if v := s.values[name]; v != nil {
			return v
		}
	}
	return nil
}

func decodeGraph(b []byte, parent *scope, depth int) (*Graph, error) {
	if depth > maxNesting {
		return nil, malformed("graphs nested deeper than %d", maxNesting)
	}
	g := &Graph{}
	s := &scope{parent, map[string]*Value{}}
	declared := map[string]*Value{} // types of outputs and value_info
	var inputs, outputs []*Value
	var nodes [][]byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			nodes = append(nodes, f.bytes)
		case 2:
			g.Name = f.str()
		case 5:
			name, t, err := decodeTensor(f.bytes)
			if err != nil {
				return err
			}
			if name == "" || s.values[name] != nil {
				return malformed("initializer %q is unnamed or there twice", name)
			}
			s.values[name] = Const(name, t)
		case 11, 12, 13:
			v, err := decodeValueInfo(f.bytes)
			if err != nil {
				return err
			}
			switch f.num {
			case 11:
				inputs = append(inputs, v)
			case 12:
				outputs = append(outputs, v)
			default:
				declared[v.Name] = v
			}
		case 15:
			return malformed("it has sparse initializers, which are not supported")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, v := range outputs {
		declared[v.Name] = v
	}
	for _, v := range inputs {
		if w := s.values[v.Name]; w != nil {
			if w.Const == nil {
				return nil, malformed("input %q is there twice", v.Name)
			}
			continue // before IR 4 initializers were inputs too
		}
		s.values[v.Name] = v
		g.Inputs = append(g.Inputs, v)
	}
	for _, nb := range nodes {
		n, err := decodeNode(nb, s, declared, depth)
		if err != nil {
			return nil, err
		}
		g.Nodes = append(g.Nodes, n)
	}
	for _, v := range outputs {
		w := s.find(v.Name)
		if w == nil {
			return nil, malformed("nothing makes the output %q", v.Name)
		}
		g.Outputs = append(g.Outputs, w)
	}
	return g, nil
}

func decodeNode(b []byte, s *scope, declared map[string]*Value, depth int) (*Node, error) {
	n := &Node{Attrs: Attrs{}}
	var in, out []string
	var attrs [][]byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			in = append(in, f.str())
		case 2:
			out = append(out, f.str())
		case 3:
			n.Name = f.str()
		case 4:
			n.Op = f.str()
		case 5:
			attrs = append(attrs, f.bytes)
		case 7:
			if n.Domain = f.str(); n.Domain == "ai.onnx" {
				n.Domain = ""
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range in {
		var v *Value
		if name != "" {
			if v = s.find(name); v == nil {
				return nil, malformed("node %s %q reads %q, which nothing before it makes", n.Op, n.Name, name)
			}
		}
		n.Inputs = append(n.Inputs, v)
	}
	for _, a := range attrs {
		name, v, err := decodeAttr(a, s, depth)
		if err != nil {
			return nil, fmt.Errorf("%w (node %s %q)", err, n.Op, n.Name)
		}
		n.Attrs[name] = v
	}
	for _, name := range out {
		if name == "" {
			n.Outputs = append(n.Outputs, nil)
			continue
		}
		if s.values[name] != nil {
			return nil, malformed("two values are named %q", name)
		}
		v := &Value{Name: name, Node: n}
		if d := declared[name]; d != nil {
			v.DType, v.Shape = d.DType, d.Shape
		}
		s.values[name] = v
		n.Outputs = append(n.Outputs, v)
	}
	return n, nil
}

func decodeAttr(b []byte, s *scope, depth int) (name string, v any, err error) {
	var kind int64
	var f32 float32
	var i int64
	var str string
	var floats []float32
	var ints []int64
	var strs []string
	var tensor *Tensor
	var graph *Graph
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
			_, tensor, err = decodeTensor(f.bytes)
		case 6:
			graph, err = decodeGraph(f.bytes, s, depth+1)
		case 7:
			floats, err = f.floats(floats)
		case 8:
			ints, err = f.ints(ints)
		case 9:
			strs = append(strs, f.str())
		case 20:
			kind = f.int()
		}
		return err
	})
	if err != nil {
		return "", nil, err
	}
	switch kind {
	case attrFloat:
		v = f32
	case attrInt:
		v = i
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

func decodeValueInfo(b []byte) (*Value, error) {
	v := &Value{}
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
						v.DType = DType(f.int())
					case 2:
						v.Shape = []Dim{}
						return fields(f.bytes, func(f field) error {
							d, err := decodeDim(f.bytes)
							v.Shape = append(v.Shape, d)
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
			if n := f.int(); n >= 0 && n <= math.MaxInt32 {
				d.Size = int(n)
			}
		case 2:
			d.Param = f.str()
		}
		return nil
	})
	return d, err
}

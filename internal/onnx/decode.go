package onnx

import (
	"errors"
	"fmt"
)

// ErrFormat is wrapped by every error of [Unmarshal], but for [*LimitError].
var ErrFormat = errors.New("onnx: not a usable ONNX file")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// Unmarshal reads a model within the default [Limits]. Tensor data are copied out of
// b. Sparse initializers and tensor types outside [DType] are refused, and
// external data, for which see [ReadFile], as are dangling or duplicate names and nodes out of topological order,
// hence cycles, and nodes that lack what their operator needs. Local functions
// are put in the place of the nodes that call them. It does not look at the
// sizes of what they make: [Check] does.
func Unmarshal(b []byte) (*Model, error) { return UnmarshalWithin(b, Limits{}) }

// UnmarshalWithin is [Unmarshal] within other limits.
func UnmarshalWithin(b []byte, l Limits) (*Model, error) {
	l, err := l.WithDefaults()
	if err != nil {
		return nil, err
	}
	return unmarshal(b, l, nil)
}

// unmarshal reads a model within limits that have their defaults. Files that it names are in
// the folder, where there is one.
func unmarshal(b []byte, l Limits, beside *dataFolder) (*Model, error) {
	m, err := decode(b, l, beside)
	if err != nil {
		if what := foreign(b); what != "" {
			return nil, malformed("%s", what)
		}
	}
	return m, err
}

func decode(b []byte, l Limits, beside *dataFolder) (*Model, error) {
	if n := int64(len(b)); n > l.FileBytes {
		return nil, &LimitError{"FileBytes", "the file's bytes", n, l.FileBytes}
	}
	d := &decoder{limits: l, beside: beside, read: int64(len(b))}
	m := &Model{Opsets: map[string]int64{}, Metadata: map[string]string{}}
	var graph []byte
	var functions [][]byte
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
			if graph != nil {
				return malformed("it holds two graphs")
			}
			graph = f.bytes
		case 8:
			if err := d.count(); err != nil {
				return err
			}
			domain, version, err := opset(f.bytes)
			if _, twice := m.Opsets[domain]; twice && err == nil {
				err = malformed("it imports operator set %q twice", domain)
			}
			m.Opsets[domain] = version
			return err
		case 14:
			if err := d.count(); err != nil {
				return err
			}
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
			if _, twice := m.Metadata[k]; twice && err == nil {
				err = malformed("its metadata say %q twice", k)
			}
			m.Metadata[k] = v
			return err
		case 25:
			functions = append(functions, f.bytes)
			return d.count()
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
	d.opset = m.Opsets[""]
	for _, b := range functions {
		if err := d.function(b); err != nil {
			return nil, err
		}
	}
	if m.Graph, err = d.graph(graph, nil, 0); err != nil {
		return nil, err
	}
	d.dropDomains(m)
	m.size = d.read
	m.notes = d.notes
	if d.halves {
		m.notes = append(m.notes, Note{Part: "numbers", Value: "float32", Why: "the file's are float16 or bfloat16"})
	}
	return m, nil
}

// opset reads an OperatorSetIdProto.
func opset(b []byte) (domain string, version int64, err error) {
	err = fields(b, func(f field) error {
		switch f.num {
		case 1:
			domain = domainOf(f.str())
		case 2:
			version = f.int()
		}
		return nil
	})
	return domain, version, err
}

// domainOf is the domain of that name: ONNX's own has two names in files.
func domainOf(name string) string {
	if name == "ai.onnx" {
		return ""
	}
	return name
}

// decoder reads a model. It counts what it has read.
type decoder struct {
	limits  Limits
	nodes   int
	objects int
	beside  *dataFolder // nil where there are bytes only
	read    int64       // bytes of the file and of those beside it
	halves  bool        // whether a type of half width occurs

	rewriter
	functions map[string]*function
	call      *call // whose function's nodes are being read
	inlined   int64 // bytes of the functions, counted at each call
}

// objectsPerNode bounds everything that costs memory of its own by the number of
// nodes that are allowed: names, attributes, constants, metadata. An empty one takes
// two bytes in the file.
const objectsPerNode = 32

// count notes one more object that costs memory.
func (d *decoder) count() error {
	if d.objects++; d.objects > objectsPerNode*d.limits.Nodes {
		return &LimitError{
			"Nodes", fmt.Sprintf("the number of names, attributes and tensors, of which each node may have %d", objectsPerNode),
			int64(d.objects), int64(objectsPerNode * d.limits.Nodes),
		}
	}
	return nil
}

// countNode notes one more node.
func (d *decoder) countNode() error {
	if d.nodes++; d.nodes > d.limits.Nodes {
		return &LimitError{"Nodes", "the number of nodes", int64(d.nodes), int64(d.limits.Nodes)}
	}
	return nil
}

// scope resolves names to values; a subgraph sees its parents'.
type scope struct {
	parent  *scope
	values  map[string]*Value
	missing map[string]bool // a function's inputs that its call left out
}

func (s *scope) find(name string) *Value {
	for ; s != nil; s = s.parent {
		if v := s.values[name]; v != nil {
			return v
		}
	}
	return nil
}

func (d *decoder) graph(b []byte, parent *scope, depth int) (*Graph, error) {
	if depth > d.limits.Depth {
		return nil, &LimitError{"Depth", "graphs within nodes' attributes", int64(depth), int64(d.limits.Depth)}
	}
	g := &Graph{}
	s := &scope{parent: parent, values: map[string]*Value{}}
	declared := map[string]*Value{} // types of outputs and value_info
	var inputs, outputs []*Value
	var nodes [][]byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			nodes = append(nodes, f.bytes)
			return d.countNode()
		case 2:
			g.Name = f.str()
		case 5:
			if err := d.count(); err != nil {
				return err
			}
			name, t, err := d.tensor(f.bytes)
			if err != nil {
				return err
			}
			if name == "" || s.find(name) != nil {
				return malformed("initializer %q is unnamed or there twice", name)
			}
			s.values[name] = Const(d.label(name), t)
		case 11, 12, 13:
			v, err := d.valueInfo(f.bytes)
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
	made := map[string]bool{}
	for _, v := range outputs {
		if made[v.Name] {
			return nil, malformed("output %q is there twice", v.Name)
		}
		declared[v.Name], made[v.Name] = v, true
	}
	for _, v := range inputs {
		if parent.find(v.Name) != nil {
			return nil, malformed("two values are named %q", v.Name)
		}
		if w := s.values[v.Name]; w != nil {
			if w.Const == nil {
				return nil, malformed("input %q is there twice", v.Name)
			}
			continue // before IR 4 initializers were inputs too
		}
		s.values[v.Name] = v
		v.Name = d.label(v.Name)
		g.Inputs = append(g.Inputs, v)
	}
	for _, nb := range nodes {
		made, err := d.node(nb, s, declared, depth)
		if err != nil {
			return nil, err
		}
		g.Nodes = append(g.Nodes, made...)
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

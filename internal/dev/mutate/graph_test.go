package mutate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pixelcnn/internal/onnx"
)

// editor edits a graph that has been read.
type editor struct {
	*random
	model  *onnx.Model
	graphs []*onnx.Graph // the model's and those in its nodes
	made   int           // names made up
}

// operatorNames are those that the checks let through, and some that they do not.
var operatorNames = append(onnx.Operators(), "Resize", "NonMaxSuppression", "StringNormalizer", "com.microsoft:FusedConv", "com.microsoft:BiasGelu",
	"com.microsoft:QuickGelu", "com.microsoft:FusedGemm", "com.microsoft:SkipLayerNormalization", "com.microsoft:DynamicQuantizeMatMul", "")

// operator gives a node another operator.
func (e *editor) operator(n *onnx.Node) {
	domain, op, has := strings.Cut(choose(e.random, operatorNames), ":")
	if !has {
		domain, op = "", domain
	}
	if n.Domain, n.Op = domain, op; domain != "" {
		e.model.Opsets[domain] = 1
	}
}

// editGraph edits the graph of a file; one that cannot be read or written comes back as
// it is.
func editGraph(r *random, file []byte, edits int) []byte {
	m, err := onnx.Unmarshal(file)
	if err != nil {
		return file
	}
	e := &editor{random: r, model: m}
	e.collect(m.Graph)
	for range edits {
		e.edit()
	}
	out, err := onnx.Marshal(m)
	if err != nil {
		return file
	}
	return out
}

func (e *editor) collect(g *onnx.Graph) {
	e.graphs = append(e.graphs, g)
	for _, n := range g.Nodes {
		for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
			if sub, ok := n.Attrs[name].(*onnx.Graph); ok {
				e.collect(sub)
			}
		}
	}
}

// edit makes one change.
func (e *editor) edit() {
	g := choose(e.random, e.graphs)
	if len(g.Nodes) == 0 {
		return
	}
	at := e.IntN(len(g.Nodes))
	n := g.Nodes[at]
	switch e.IntN(20) {
	case 0:
		e.operator(n)
	case 1, 2, 3:
		e.attribute(n)
	case 4, 5:
		if len(n.Inputs) > 0 {
			n.Inputs[e.IntN(len(n.Inputs))] = e.value(g, at)
		}
	case 6:
		switch i := len(n.Inputs); {
		case i == 0 || e.one(3):
			n.Inputs = append(n.Inputs, e.value(g, at))
		case e.one(2):
			n.Inputs = n.Inputs[:i-1]
		default:
			n.Inputs[e.IntN(i)] = nil
		}
	case 7:
		if len(n.Outputs) > 1 && e.one(2) {
			n.Outputs[e.IntN(len(n.Outputs))] = nil
		} else {
			n.Outputs = append(n.Outputs, &onnx.Value{Name: e.name(), Node: n})
		}
	case 8, 9, 10:
		e.constant(g)
	case 11:
		e.declared(g)
	case 12:
		e.bypass(g, at)
	case 13:
		k := e.IntN(len(g.Nodes))
		g.Nodes[at], g.Nodes[k] = g.Nodes[k], g.Nodes[at]
	case 14:
		switch e.IntN(4) {
		case 0:
			e.model.IRVersion = e.Int64N(14)
		case 1:
			n.Domain = choose(e.random, []string{"com.microsoft", "ai.onnx.ml", "ai.onnx", "x"})
		case 2:
			n.Name = choose(e.random, []string{"", "a\x00b", "\xff\xfe", "../../etc"})
		default:
			e.model.Opsets[""] = 1 + e.Int64N(26)
		}
	default:
		e.insert(g, at)
	}
}

func (e *editor) name() string {
	e.made++
	return fmt.Sprintf("mutant%d", e.made)
}

// value is one that node at may read: mostly what is made before it.
func (e *editor) value(g *onnx.Graph, at int) *onnx.Value {
	if e.one(4) {
		return onnx.Const(e.name(), e.tensor())
	}
	from := g
	if e.one(10) {
		from = choose(e.random, e.graphs)
	}
	values := slices.Clone(from.Inputs)
	for i, n := range from.Nodes {
		if from == g && i >= at && !e.one(10) {
			break
		}
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v != nil && (i < at || v.Node != n) {
				values = append(values, v)
			}
		}
	}
	if len(values) == 0 {
		return onnx.Const(e.name(), e.tensor())
	}
	return choose(e.random, values)
}

// tensor is a small one of any type and content.
func (e *editor) tensor() *onnx.Tensor {
	shape := make([]int, e.IntN(5))
	for i := range shape {
		shape[i] = e.IntN(4)
	}
	n, _ := onnx.Size(shape) // at most 81
	t := &onnx.Tensor{Shape: shape}
	e.fill(t, e.dtype(), n)
	return t
}

// fill gives a tensor n elements of a type.
func (e *editor) fill(t *onnx.Tensor, dtype onnx.DType, n int) {
	switch dtype {
	case onnx.Float32:
		t.Data = elements(n, e.float)
	case onnx.Float64:
		t.Data = elements(n, func() float64 { return float64(e.float()) })
	case onnx.Int64:
		t.Data = elements(n, e.integer)
	case onnx.Int32:
		t.Data = elements(n, func() int32 { return int32(e.integer()) })
	case onnx.Int8:
		t.Data = elements(n, func() int8 { return int8(e.integer()) })
	case onnx.Uint8:
		t.Data = elements(n, func() uint8 { return uint8(e.integer()) })
	default:
		t.Data = elements(n, func() bool { return e.one(2) })
	}
}

func elements[T onnx.Element](n int, element func() T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = element()
	}
	return out
}

// attributeNames are those that operators have.
var attributeNames = []string{
	"axis", "axes", "kernel_shape", "pads", "strides", "dilations", "group", "auto_pad", "ceil_mode", "storage_order", "count_include_pad",
	"keepdims", "perm", "mode", "alpha", "beta", "gamma", "epsilon", "to", "dtype", "value", "value_ints", "value_float", "equation", "blocksize",
	"num_outputs", "split", "largest", "sorted", "k", "batch_dims", "reduction", "output_shape", "output_padding", "shape", "sample_size", "seed",
	"exclusive", "reverse", "transA", "transB", "noop_with_empty_axes", "select_last_index", "allowzero", "upper", "p", "size", "bias", "lambd",
	"num_groups", "stash_type", "fmod", "starts", "ends", "start", "end", "approximate", "training_mode", "spatial", "is_test", "min", "max",
	"hidden_size", "linear_before_reset", "layout", "clip", "activations", "input_forget", "block_size", "output_dtype",
	"num_scan_inputs", "scan_input_axes", "scan_output_axes", "scan_input_directions", "activation", "activation_params", "transBatchA",
	"detect_positive", "detect_negative", "low", "high", "mean", "scale", "direction", "round_mode", "saturate",
}

// attribute changes, adds or removes an attribute of a node.
func (e *editor) attribute(n *onnx.Node) {
	if n.Attrs == nil {
		n.Attrs = onnx.Attrs{}
	}
	names := slices.Sorted(maps.Keys(n.Attrs))
	if len(names) == 0 || e.one(4) {
		n.Attrs[choose(e.random, attributeNames)] = e.any()
		return
	}
	name := choose(e.random, names)
	if e.one(8) {
		delete(n.Attrs, name)
		return
	}
	if e.one(8) {
		n.Attrs[name] = e.any()
		return
	}
	switch v := n.Attrs[name].(type) {
	case int64:
		n.Attrs[name] = e.integer()
	case float32:
		n.Attrs[name] = e.float()
	case string:
		n.Attrs[name] = e.text()
	case []int64:
		v = slices.Clone(v)
		switch {
		case len(v) == 0 || e.one(5):
			v = append(v, e.integer())
		case e.one(5):
			v = v[:len(v)-1]
		default:
			v[e.IntN(len(v))] = e.integer()
		}
		n.Attrs[name] = v
	case []float32:
		n.Attrs[name] = append(slices.Clone(v), e.float())
	case *onnx.Tensor:
		n.Attrs[name] = e.tensor()
	default:
		n.Attrs[name] = e.any()
	}
}

// any is the value of an attribute.
func (e *editor) any() any {
	switch e.IntN(7) {
	case 0, 1:
		return e.integer()
	case 2:
		return e.float()
	case 3:
		return e.text()
	case 4:
		return elements(e.IntN(5), e.integer)
	case 5:
		return elements(e.IntN(4), e.float)
	default:
		return e.tensor()
	}
}

func (e *editor) text() string {
	return choose(e.random, []string{
		"", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "constant", "reflect", "edge", "wrap", "DCR", "CRD", "tanh", "none",
		"add", "mul", "max", "ij,jk->ik", "ii->i", "bij,bjk", "...i->i", "i->", "ij->ji", "->", "LEFT", "RIGHT", "\x00", "linear",
		"forward", "reverse", "bidirectional", "Relu", "HardSigmoid", "Clip",
	})
}

// constant changes a constant of a graph: its elements, shape or type.
func (e *editor) constant(g *onnx.Graph) {
	var all []*onnx.Value
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Const != nil {
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	v := choose(e.random, all)
	t := &onnx.Tensor{Shape: slices.Clone(v.Const.Shape), Data: v.Const.Data}
	switch k := e.IntN(6); {
	case k == 0: // the same elements in another shape
		if len(t.Shape) > 0 && e.one(2) {
			i, j := e.IntN(len(t.Shape)), e.IntN(len(t.Shape))
			t.Shape[i], t.Shape[j] = t.Shape[j], t.Shape[i]
		} else if e.one(2) {
			t.Shape = []int{t.Len()}
		} else {
			t.Shape = append(t.Shape, 1)
		}
	case k == 1: // a dimension changed, and with it the number of elements
		if len(t.Shape) == 0 {
			t.Shape = []int{e.IntN(4)}
		} else {
			t.Shape[e.IntN(len(t.Shape))] = e.IntN(9)
		}
		if n, err := onnx.Size(t.Shape); err == nil && n <= 1<<16 {
			e.fill(t, t.DType(), n)
		} else {
			return
		}
	case k == 2:
		e.fill(t, e.dtype(), t.Len())
	default: // one element
		if t.Len() == 0 {
			return
		}
		i := e.IntN(t.Len())
		switch d := t.Data.(type) {
		case []float32:
			d = slices.Clone(d)
			d[i], t.Data = e.float(), d
		case []int64:
			d = slices.Clone(d)
			d[i], t.Data = e.integer(), d
		default:
			e.fill(t, t.DType(), t.Len())
		}
	}
	v.Const, v.DType, v.Shape = t, t.DType(), onnx.Shape(t.Shape...)
}

// declared changes what a graph says of its inputs or outputs.
func (e *editor) declared(g *onnx.Graph) {
	ends := slices.Concat(g.Inputs, g.Outputs)
	if len(ends) == 0 {
		return
	}
	v := choose(e.random, ends)
	v.Shape = slices.Clone(v.Shape)
	switch k := e.IntN(6); {
	case k == 0:
		v.DType = e.dtype()
	case k == 1:
		v.Shape = nil
	case k == 2 || len(v.Shape) == 0:
		v.Shape = append(v.Shape, onnx.Fixed(e.size()))
	case k == 3:
		v.Shape = v.Shape[:len(v.Shape)-1]
	case k == 4:
		v.Shape[e.IntN(len(v.Shape))] = onnx.Free(choose(e.random, []string{"", "batch", "n"}))
	default:
		v.Shape[e.IntN(len(v.Shape))] = onnx.Fixed(e.size())
	}
}

// bypass takes a node out; who reads what it makes reads its first input.
func (e *editor) bypass(g *onnx.Graph, at int) {
	n := g.Nodes[at]
	if len(n.Inputs) == 0 || n.Inputs[0] == nil || len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return
	}
	e.redirect(g, n.Outputs[0], n.Inputs[0])
	g.Nodes = slices.Delete(g.Nodes, at, at+1)
}

// redirect makes the nodes that read a value read another.
func (e *editor) redirect(g *onnx.Graph, from, to *onnx.Value) {
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			if v == from {
				n.Inputs[i] = to
			}
		}
	}
}

// insert puts a node of any operator before node at, which then reads what it makes, or
// the graph gives it out.
func (e *editor) insert(g *onnx.Graph, at int) {
	n := &onnx.Node{Attrs: onnx.Attrs{}}
	e.operator(n)
	for range 1 + e.IntN(4) {
		n.Inputs = append(n.Inputs, e.value(g, at))
	}
	for range e.IntN(3) {
		n.Attrs[choose(e.random, attributeNames)] = e.any()
	}
	for range 1 + e.IntN(2) {
		n.Outputs = append(n.Outputs, &onnx.Value{Name: e.name(), Node: n})
	}
	reader := g.Nodes[at]
	if len(reader.Inputs) > 0 && !e.one(3) {
		reader.Inputs[e.IntN(len(reader.Inputs))] = n.Outputs[0]
	} else {
		out := n.Outputs[0]
		out.DType = e.dtype()
		for range e.IntN(5) {
			out.Shape = append(out.Shape, onnx.Free("n"))
		}
		g.Outputs = append(g.Outputs, out)
	}
	g.Nodes = slices.Insert(g.Nodes, at, n)
}

package compile

import (
	"fmt"
	"slices"
	"strings"

	"pixelcnn/internal/onnx"
)

// emitter writes the stages' graphs.
type emitter struct {
	program *Program
	opset   int64 // the file's
	of      []*stage
	direct  func(u *unit, a arg) bool
	caches  map[*unit]int
	labels  map[*unit]int
	layouts []*layout // by cache

	taps    [][][]arg // per stage and input, what it shows
	outputs [][]*unit // per stage
}

// stepOpset is that of the stages' graphs where the file's is not newer.
const stepOpset = 17

// stageGraph is one stage in the making.
type stageGraph struct {
	*emitter
	graph   *onnx.Graph
	stage   *stage
	inputs  []Input
	taps    [][]arg
	values  map[*unit]*onnx.Value
	byInput map[string]*onnx.Value
}

func (e *emitter) stage(st *stage, logits *unit) error {
	g := &stageGraph{
		emitter: e, graph: &onnx.Graph{Name: "step"}, stage: st,
		values: map[*unit]*onnx.Value{}, byInput: map[string]*onnx.Value{},
	}
	for _, u := range st.units {
		switch u.kind {
		case linear:
			g.values[u] = g.linear(u)
		case lookup:
			g.values[u] = g.lookup(u)
		case concat:
			var parts []*onnx.Value
			for _, a := range u.args {
				parts = append(parts, g.read(u, a))
			}
			g.values[u] = g.join(parts)
		default:
			g.values[u] = g.apply(u)
		}
	}
	var outputs []Output
	var units []*unit
	for _, u := range st.units {
		c, cached := e.caches[u]
		if u == logits {
			v := g.values[u]
			if cached {
				v = g.graph.Op("Identity", nil, v)
			}
			g.graph.Output(v, "logits", onnx.Float32, onnx.Free("rows"), onnx.Fixed(u.channels))
			outputs, units = append(outputs, Output{-1}), append(units, u)
		}
		if cached {
			g.graph.Output(g.values[u], fmt.Sprintf("fresh_%d", c), onnx.Float32, onnx.Free("rows"), onnx.Fixed(u.channels))
			outputs, units = append(outputs, Output{c}), append(units, u)
		}
	}
	model := &onnx.Model{
		IRVersion: 8, Opsets: map[string]int64{"": max(stepOpset, e.opset)},
		ProducerName: "pixelcnn", Graph: g.graph,
	}
	e.program.Stages = append(e.program.Stages, Stage{Graph: model, Nodes: len(g.graph.Nodes), Inputs: g.inputs, Outputs: outputs})
	e.taps, e.outputs = append(e.taps, g.taps), append(e.outputs, units)
	return nil
}

// input adds a graph input that shows what args read, or finds the one that does.
func (g *stageGraph) input(form Form, args ...arg) *onnx.Value {
	in := Input{Form: form}
	var text strings.Builder
	text.WriteString([...]string{"view", "stacked", "joined", "label"}[form])
	for _, a := range args {
		in.Channels += a.src.channels
		if form == PerImage {
			if _, ok := g.labels[a.src]; !ok {
				g.labels[a.src] = len(g.labels)
				g.program.Labels = append(g.program.Labels, Label{a.src.channels})
			}
			in.Label = g.labels[a.src]
			fmt.Fprintf(&text, "_%d", in.Label)
			continue
		}
		in.Caches = append(in.Caches, g.caches[a.src])
		fmt.Fprintf(&text, "_%d_%s_%s", g.caches[a.src], signed(a.dy), signed(a.dx))
	}
	name := text.String()
	if v := g.byInput[name]; v != nil {
		return v
	}
	shape := []onnx.Dim{onnx.Free("rows"), onnx.Fixed(in.Channels)}
	if form == Stacked {
		in.Channels = 1
		shape = []onnx.Dim{onnx.Fixed(len(args)), onnx.Free("rows")}
	}
	if form == PerImage {
		args = nil
	}
	v := g.graph.Input(name, onnx.Float32, shape...)
	g.inputs, g.taps = append(g.inputs, in), append(g.taps, args)
	g.byInput[name] = v
	return v
}

// signed writes a number in letters and digits: m1, p0, p1.
func signed(n int) string {
	if n < 0 {
		return fmt.Sprintf("m%d", -n)
	}
	return fmt.Sprintf("p%d", n)
}

// read is what u sees through a, [rows, channels].
func (g *stageGraph) read(u *unit, a arg) *onnx.Value {
	var v *onnx.Value
	switch {
	case a.src.kind == perImage:
		v = g.input(PerImage, a)
	case g.direct(u, a):
		v = g.values[a.src]
	default:
		v = g.input(View, a)
	}
	if a.chans == nil {
		return v
	}
	lo, n := a.chans[0], len(a.chans)
	if !slices.ContainsFunc(count(n), func(i int) bool { return a.chans[i] != lo+i }) {
		return g.graph.Op("Slice", nil, v, vector(lo), vector(lo+n), vector(1))
	}
	return g.graph.Op("Gather", onnx.Attrs{"axis": int64(1)}, v, vector(a.chans...))
}

func vector(x ...int) *onnx.Value { return onnx.Const("", onnx.NewTensor(int64s(x), len(x))) }

func constants(x []float32) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

func (g *stageGraph) join(parts []*onnx.Value) *onnx.Value {
	if len(parts) == 1 {
		return parts[0]
	}
	return g.graph.Op("Concat", onnx.Attrs{"axis": int64(1)}, parts...)
}

// linear emits one matrix product, with all that is read side by side. What is read
// of one channel of several pixels, as a first layer does, comes as an input of its
// own, gathered, and is multiplied first.
func (g *stageGraph) linear(u *unit) *onnx.Value {
	var summand *onnx.Value
	var parts []*onnx.Value
	var stacked []float32
	var thin, side []arg // to be stacked, to be joined
	var thinWeights, sideWeights []float32
	for i, a := range u.args {
		w := u.weights[i]
		switch {
		case w == nil:
			summand = g.read(u, a)
		case a.src.channels == 1 && a.src.kind != perImage && !g.direct(u, a):
			thin, thinWeights = append(thin, a), append(thinWeights, w...)
		case g.program.few && a.chans == nil && a.src.kind != perImage && !g.direct(u, a):
			side, sideWeights = append(side, a), append(sideWeights, w...)
		default:
			parts = append(parts, g.read(u, a))
			stacked = append(stacked, w...)
		}
	}
	var sum *onnx.Value // so far
	if slices.ContainsFunc(u.bias, func(x float32) bool { return x != 0 }) {
		sum = constants(u.bias)
	} else if g.program.few {
		sum, summand = summand, nil
	}
	multiply := func(attrs onnx.Attrs, x *onnx.Value, w []float32) {
		in := []*onnx.Value{x, onnx.Const("", onnx.NewTensor(w, len(w)/u.channels, u.channels))}
		if sum != nil {
			in = append(in, sum)
		}
		sum = g.graph.Op("Gemm", attrs, in...)
	}
	if len(thin) > 0 {
		multiply(onnx.Attrs{"transA": int64(1)}, g.input(Stacked, thin...), thinWeights)
	}
	switch len(side) {
	case 0:
	case 1:
		multiply(nil, g.input(View, side...), sideWeights)
	default:
		multiply(nil, g.input(Joined, side...), sideWeights)
	}
	if len(parts) > 0 {
		multiply(nil, g.join(parts), stacked)
	}
	if summand != nil {
		// A sum of two tensors of the same shape is cheaper than one of a tensor and
		// a row, so the product's own summand is the bias.
		sum = g.graph.Op("Add", nil, summand, sum)
	}
	return sum
}

func (g *stageGraph) lookup(u *unit) *onnx.Value {
	a := u.args[0]
	index := g.graph.Op("Reshape", nil, g.read(u, a), vector(-1))
	if d := a.src.dtype; d != onnx.Int64 && d != onnx.Int32 {
		index = g.graph.Op("Cast", onnx.Attrs{"to": int64(onnx.Int64)}, index)
	}
	return g.graph.Op("Gather", onnx.Attrs{"axis": int64(0)}, onnx.Const("", u.table), index)
}

func (g *stageGraph) apply(u *unit) *onnx.Value {
	var in []*onnx.Value
	for _, o := range u.operands {
		switch {
		case o.arg >= 0:
			in = append(in, g.read(u, u.args[o.arg]))
		case o.value != nil:
			in = append(in, onnx.Const("", o.value))
		default:
			in = append(in, nil)
		}
	}
	attrs := u.attrs
	switch u.op {
	case "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum":
		if u.op != "ReduceSum" && max(stepOpset, g.opset) < 18 {
			attrs = onnx.Attrs{"keepdims": int64(1), "axes": []int64{-1}}
		} else {
			in = append(in, vector(-1))
		}
	}
	return g.graph.Op(u.op, attrs, in...)
}

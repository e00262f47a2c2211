package emit

import (
	"fmt"
	"slices"
	"strings"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// stepOpset is that of the stages' graphs where the file's is not newer.
const stepOpset = 17

// stageGraph is one stage in the making.
type stageGraph struct {
	*emitter
	graph   *onnx.Graph
	inputs  []program.Input
	reads   [][]ir.Access
	masks   []*reading
	values  map[*ir.Unit]*onnx.Value
	byInput map[string]*onnx.Value
}

// stage adds the graph of a stage's units.
func (e *emitter) stage(units []*ir.Unit) {
	g := &stageGraph{
		emitter: e, graph: &onnx.Graph{Name: "step"},
		values: map[*ir.Unit]*onnx.Value{}, byInput: map[string]*onnx.Value{},
	}
	for _, u := range units {
		switch u.Kind {
		case ir.Linear:
			g.values[u] = g.linear(u)
		case ir.Attention:
			g.values[u] = g.attend(u)
		case ir.Dense:
			g.values[u] = g.dense(u)
		case ir.Lookup:
			g.values[u] = g.lookup(u)
		case ir.Concat:
			var parts []*onnx.Value
			for _, a := range u.Args {
				parts = append(parts, g.read(u, a))
			}
			g.values[u] = g.join(parts)
		default:
			g.values[u] = g.apply(u)
		}
	}
	var outputs []program.Output
	output := func(u *ir.Unit, v *onnx.Value, name string, to program.Output) {
		g.graph.Output(v, name, onnx.Float32, onnx.Free("rows"), onnx.Fixed(u.Channels))
		outputs = append(outputs, to)
	}
	for _, u := range units {
		c, v := e.caches[u.ID], g.values[u]
		if phase := slices.Index(e.program.Network.Outputs, u); phase >= 0 {
			name := "logits"
			if len(e.program.Network.Outputs) > 1 {
				name = fmt.Sprintf("logits_%d", phase)
			}
			own := v
			if c >= 0 {
				own = g.graph.Op("Identity", nil, v)
			}
			output(u, own, name, program.Output{Cache: -1, Phase: phase})
		}
		if c >= 0 {
			output(u, v, fmt.Sprintf("fresh_%d", c), program.Output{Cache: c})
		}
		if p := e.past[u.ID]; p >= 0 {
			if c >= 0 || slices.Contains(e.program.Network.Outputs, u) {
				v = g.graph.Op("Identity", nil, v)
			}
			output(u, v, fmt.Sprintf("fresh_%d", p), program.Output{Cache: p})
		}
	}
	m := &onnx.Model{
		IRVersion: 8, Opsets: map[string]int64{"": max(stepOpset, e.opset)},
		ProducerName: "pixelcnn", Graph: g.graph,
	}
	e.program.Stages = append(e.program.Stages, program.Stage{Model: m, Inputs: g.inputs, Outputs: outputs})
	e.reads, e.readings = append(e.reads, g.reads), append(e.readings, g.masks)
}

// input adds a graph input that shows what args read, or finds the one that does.
func (g *stageGraph) input(form program.Form, args ...ir.Arg) *onnx.Value {
	in := program.Input{Form: form, Scattered: form != program.PerImage && slices.ContainsFunc(args, scaled)}
	var reads []ir.Access
	var text strings.Builder
	text.WriteString([...]string{"view", "stacked", "joined", "condition"}[form])
	for _, a := range args {
		in.Channels += a.Src.Channels
		if form == program.PerImage {
			in.Condition = g.condition(a.Src)
			fmt.Fprintf(&text, "_%d", in.Condition)
			continue
		}
		c := g.caches[a.Src.ID]
		in.Caches, reads = append(in.Caches, c), append(reads, a.Access)
		fmt.Fprintf(&text, "_%d_%s", c, a.Access.Suffix())
	}
	name := text.String()
	if v := g.byInput[name]; v != nil {
		return v
	}
	shape := []onnx.Dim{onnx.Free("rows"), onnx.Fixed(in.Channels)}
	if form == program.Stacked {
		in.Channels = 1
		shape = []onnx.Dim{onnx.Fixed(len(args)), onnx.Free("rows")}
	}
	v := g.graph.Input(name, onnx.Float32, shape...)
	g.inputs, g.reads, g.masks = append(g.inputs, in), append(g.reads, reads), append(g.masks, nil)
	g.byInput[name] = v
	return v
}

// scaled tells whether what is read for neighbours are no neighbours.
func scaled(a ir.Arg) bool {
	y, x := a.Access.Scale()
	_, flat := a.Access.(ir.Flat)
	return y.Times != y.Over || x.Times != x.Over || flat
}

// condition is the number of a unit that varies over images only.
func (e *emitter) condition(u *ir.Unit) int {
	all := &e.program.Conditions
	k := slices.IndexFunc(*all, func(c program.Condition) bool { return c.Unit == u })
	if k < 0 {
		k = len(*all)
		*all = append(*all, program.Condition{Channels: u.Channels, Unit: u, Cache: -1})
	}
	return k
}

// read is what u sees through a, [rows, channels].
func (g *stageGraph) read(u *ir.Unit, a ir.Arg) *onnx.Value {
	var v *onnx.Value
	switch {
	case !a.Src.OverPixels():
		v = g.input(program.PerImage, a)
	case g.schedule.Direct(u, a):
		v = g.values[a.Src]
	case scaled(a):
		v = g.input(program.Joined, a)
	default:
		v = g.input(program.View, a)
	}
	if a.Chans == nil {
		return v
	}
	lo, n := a.Chans[0], len(a.Chans)
	if !slices.ContainsFunc(ir.Count(n), func(i int) bool { return a.Chans[i] != lo+i }) {
		return g.graph.Slice(v, 1, onnx.List(lo), onnx.List(lo+n))
	}
	return g.graph.Op("Gather", onnx.Attrs{"axis": int64(1)}, v, onnx.List(a.Chans...))
}

func (g *stageGraph) join(parts []*onnx.Value) *onnx.Value {
	if len(parts) == 1 {
		return parts[0]
	}
	return g.graph.Concat(1, parts...)
}

// linear emits one matrix product, with all that is read side by side. What is read
// of one channel of several pixels, as a first layer does, comes as an input of its
// own, gathered, and is multiplied first.
func (g *stageGraph) linear(u *ir.Unit) *onnx.Value {
	var summand *onnx.Value
	var parts []*onnx.Value
	var thin, side []ir.Arg // to be stacked, to be joined
	var weights, thinWeights, sideWeights [][]float32
	for i, a := range u.Args {
		w := u.Weights[i]
		switch {
		case w == nil:
			summand = g.read(u, a)
		case a.Src.Channels == 1 && a.Src.OverPixels() && !g.schedule.Direct(u, a):
			thin, thinWeights = append(thin, a), append(thinWeights, w)
		case (g.latency || scaled(a)) && a.Chans == nil && a.Src.OverPixels() && !g.schedule.Direct(u, a):
			side, sideWeights = append(side, a), append(sideWeights, w)
		default:
			parts, weights = append(parts, g.read(u, a)), append(weights, w)
		}
	}
	var sum *onnx.Value                         // so far
	bare := len(thin)+len(side)+len(parts) == 0 // no products
	if bare || slices.ContainsFunc(u.Bias, func(x float32) bool { return x != 0 }) {
		sum = onnx.Const("", onnx.NewTensor(u.Bias, u.Channels))
	} else if g.latency {
		sum, summand = summand, nil
	}
	multiply := func(attrs onnx.Attrs, x *onnx.Value, weights [][]float32) {
		w := slices.Concat(weights...)
		in := []*onnx.Value{x, onnx.Const("", onnx.NewTensor(w, len(w)/u.Channels, u.Channels))}
		if sum != nil {
			in = append(in, sum)
		}
		sum = g.graph.Op("Gemm", attrs, in...)
	}
	if len(thin) > 0 {
		multiply(onnx.Attrs{"transA": int64(1)}, g.input(program.Stacked, thin...), thinWeights)
	}
	switch {
	case len(side) == 0:
	case len(side) == 1 && !scaled(side[0]):
		multiply(nil, g.input(program.View, side...), sideWeights)
	default:
		multiply(nil, g.input(program.Joined, side...), sideWeights)
	}
	if len(parts) > 0 {
		multiply(nil, g.join(parts), weights)
	}
	if summand != nil {
		// A sum of two tensors of the same shape is cheaper than one of a tensor and
		// a row, so the product's own summand is the bias.
		sum = g.graph.Op("Add", nil, summand, sum)
	}
	return sum
}

func (g *stageGraph) lookup(u *ir.Unit) *onnx.Value {
	a := u.Args[0]
	index := g.graph.Reshape(g.read(u, a), -1)
	if d := a.Src.DType; d != onnx.Int64 && d != onnx.Int32 {
		index = g.graph.Cast(index, onnx.Int64)
	}
	return g.graph.Op("Gather", onnx.Attrs{"axis": int64(0)}, onnx.Const("", u.Table), index)
}

func (g *stageGraph) apply(u *ir.Unit) *onnx.Value {
	var in []*onnx.Value
	for _, o := range u.Operands {
		switch {
		case o.Arg >= 0:
			in = append(in, g.read(u, u.Args[o.Arg]))
		case o.Value != nil:
			in = append(in, onnx.Const("", o.Value))
		default:
			in = append(in, nil)
		}
	}
	attrs := u.Attrs
	switch u.Op {
	case "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum":
		if u.Op != "ReduceSum" && max(stepOpset, g.opset) < 18 {
			attrs = onnx.Attrs{"keepdims": int64(1), "axes": []int64{-1}}
		} else {
			in = append(in, onnx.List(-1))
		}
	}
	if u.Op == "Identity" && u.Args[0].Chans != nil {
		return in[0] // picked already, which made it a value of its own
	}
	return g.graph.Op(u.Op, attrs, in...)
}

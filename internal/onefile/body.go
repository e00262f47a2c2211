package onefile

import (
	"slices"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// builder writes the graph: the part before the loop, the loop's body, and the part after it.
type builder struct {
	program *program.Program
	opt     Options
	reach   *reaching
	nest    *nest
	opset   int64 // of the program's graphs
	scope         // what comes before the loop

	images      *onnx.Value   // how many there are, [1]
	temperature *onnx.Value   // [1]
	uniforms    *onnx.Value   // float64 [symbols, images, 1 or levels], in the order of drawing
	conditions  []*onnx.Value // [images, channels] each

	loops     []*loop // the one that does the steps last
	carried   []*carried
	picture   *carried    // the values so far in the order of drawing, below a row of zeros: [1 + symbols, images]
	drawn     *onnx.Value // the same with the symbols of this turn, once they are there
	logits    *carried    // the logits so far in the same order, [symbols, images, levels]; or
	chosen    *carried    // the log-probabilities of the levels so far, [symbols, images]
	pasts     []*past     // by cache, nil for those that are not kept by heads
	histories []*history
	historyOf []*history // by cache
}

// loop adds the loops.
func (b *builder) loop() {
	for _, name := range []string{"block", "step"} {
		if name == "step" || b.nest.nested() {
			b.loops = append(b.loops, open(name))
		}
	}
	inner := b.loops[len(b.loops)-1]
	turns := scalar(b.nest.turns)
	if b.nest.nested() {
		outer := b.loops[0]
		lengths := append(slices.Clone(b.nest.begin[1:]), b.nest.turns)
		for i, begin := range b.nest.begin {
			lengths[i] -= begin
		}
		turns = outer.graph.Op("Gather", nil, onnx.List(lengths...), outer.turn)
		begin := outer.graph.Op("Gather", nil, onnx.List(b.nest.begin...), outer.turn)
		inner.turn = inner.graph.Op("Add", nil, begin, inner.turn)
	}
	rows, images, levels := onnx.Free(""), onnx.Free("batch"), b.opt.Head.Levels()
	b.picture = b.carry("picture", false, b.blank(1, b.images), rows, images)
	if _, plain := b.opt.Head.(likelihood.Categorical); plain && b.program.Channels == 1 && levels <= format.SamplerByteLevels {
		b.logits = b.carry("logits", false, b.blank(0, b.images, onnx.List(levels)), rows, images, onnx.Fixed(levels))
	} else { // the logits of all channels would be large
		b.chosen = b.carry("chosen", false, b.blank(0, b.images), rows, images)
	}
	b.keepHistories()
	b.keepPasts()
	outputs := make([]*onnx.Value, b.program.Phases)
	for _, i := range b.nest.order() {
		if b.nest.early[i] && b.drawn == nil && !slices.Contains(outputs, nil) {
			b.draw(inner, outputs)
		}
		b.stage(i, outputs)
	}
	if b.drawn == nil {
		b.draw(inner, outputs)
	}
	for _, h := range b.histories {
		b.pass(h)
	}
	for _, p := range b.pasts {
		if p != nil {
			p.carried.becomes(p.now)
		}
	}
	if b.nest.nested() {
		b.close(1, b.loops[0].graph, turns)
		turns = scalar(len(b.nest.begin))
	}
	b.close(0, b.graph, turns)
}

// loopOf is the loop that runs a stage.
func (b *builder) loopOf(stage int) *loop {
	if b.nest.outer[stage] {
		return b.loops[0]
	}
	return b.loops[len(b.loops)-1]
}

// shape is [n, images, more…].
func (b *builder) shape(n int, more ...int) *onnx.Value {
	parts := []*onnx.Value{onnx.List(n), b.images}
	if len(more) > 0 {
		parts = append(parts, onnx.List(more...))
	}
	return b.graph.Concat(0, parts...)
}

// stage adds a stage's graph to its loop, and what it makes of the network's outputs to outputs, by
// phase.
func (b *builder) stage(i int, outputs []*onnx.Value) {
	s := b.program.Stages[i]
	b.opset = s.Model.Opsets[""]
	values := map[*onnx.Value]*onnx.Value{} // by that of the stage's graph
	for j, in := range s.Inputs {
		switch to := s.Model.Graph.Inputs[j]; in.Form {
		case program.PerImage:
			values[to] = b.condition(i, in)
		case program.Past:
			values[to] = b.past(i, in)
		case program.Masked:
			values[to] = b.mask(i, j)
		default:
			values[to] = b.input(i, j)
		}
	}
	inline(b.loopOf(i).graph, s.Model.Graph, values)
	for j, o := range s.Outputs {
		v := values[s.Model.Graph.Outputs[j]]
		v.DType = onnx.Float32
		if o.Cache < 0 {
			outputs[o.Phase] = v
		} else {
			b.wrote(o.Cache, v)
		}
	}
}

// inline copies the nodes of a graph into another one. values are those of its inputs, and get
// the others.
func inline(to, from *onnx.Graph, values map[*onnx.Value]*onnx.Value) {
	copied := func(of []*onnx.Value) []*onnx.Value {
		out := make([]*onnx.Value, len(of))
		for k, v := range of {
			if v != nil && values[v] == nil {
				values[v] = &onnx.Value{DType: v.DType, Const: v.Const} // without a name: those are unique in one graph only
				if v.Const != nil {
					values[v].Shape = v.Shape
				}
			}
			out[k] = values[v]
		}
		return out
	}
	for _, n := range from.Nodes {
		c := *n
		c.Inputs, c.Outputs = copied(n.Inputs), copied(n.Outputs)
		for _, v := range c.Outputs {
			if v != nil {
				v.Node = &c
			}
		}
		to.Nodes = append(to.Nodes, &c)
	}
}

// input is what a stage reads, in the input's form.
func (b *builder) input(stage, j int) *onnx.Value {
	in := b.program.Stages[stage].Inputs[j]
	var groups []*onnx.Value
	for k := 0; k < len(in.Caches); {
		r := read{stage: stage, cache: in.Caches[k], stacked: in.Form == program.Stacked}
		picture := b.program.Channels
		for ; k < len(in.Caches) && (in.Caches[k] == r.cache || in.Caches[k] < picture && r.cache < picture); k++ {
			r.parts = append(r.parts, b.reach.defs[stage][j][k])
		}
		if r.cache < picture {
			groups = append(groups, b.pixels(r))
		} else {
			groups = append(groups, b.rows(r))
		}
	}
	if len(groups) == 1 {
		return groups[0]
	}
	axis := int64(1)
	if in.Form == program.Stacked {
		axis = 0
	}
	return b.loopOf(stage).graph.Op("Concat", onnx.Attrs{"axis": axis}, groups...)
}

// span is where the rows of a stage begin and end in this turn, counted over all, [1]
// each.
func (b *builder) span(stage int) (begin, end *onnx.Value) {
	begins, ends := spans(b.nest.widths[stage])
	l := b.loopOf(stage)
	return l.now(begins), l.now(ends)
}

// spans adds widths up: where each begins and where it ends.
func spans(widths []int) (begins, ends []int) {
	n := 0
	for _, w := range widths {
		begins = append(begins, n)
		n += w
		ends = append(ends, n)
	}
	return begins, ends
}

package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// builder writes the graph: what comes before the loop, its body, what comes after.
type builder struct {
	program *compile.Program
	opt     Options
	trail   *trail
	opset   int64       // of the program's graphs
	graph   *onnx.Graph // around the loop
	body    *onnx.Graph // of one step

	images      *onnx.Value   // how many there are, [1]
	temperature *onnx.Value   // [1]
	coins       *onnx.Value   // float64 [H·W, images, 1 or levels], in the order of drawing
	labels      []*onnx.Value // [images, channels] each

	step    *onnx.Value // its number, a scalar
	picture *onnx.Value // the values so far in the order of drawing, below a row of zeros: [1 + pixels, images]
	logits  *onnx.Value // the logits so far in the same order, [pixels, images, levels]
	memory  []*memory   // by cache

	carried []carried
	shared  map[string]*onnx.Value // what is made once, by what it is made of

}

// carried is a value that goes from step to step: at first, in a step, and at its end.
type carried struct{ first, now, next *onnx.Value }

// carry adds one and returns it as the step sees it.
func (b *builder) carry(name string, first *onnx.Value) *onnx.Value {
	now := b.body.Input(name, onnx.Float32)
	now.Shape = nil // it changes from step to step
	b.carried = append(b.carried, carried{first: first, now: now})
	return now
}

// becomes says what a carried value is in the next step.
func (b *builder) becomes(now, next *onnx.Value) {
	next.DType = onnx.Float32
	for i := range b.carried {
		if b.carried[i].now == now {
			b.carried[i].next = next
		}
	}
}

// loop adds the loop.
func (b *builder) loop() error {
	g := b.graph
	b.step = b.body.Input("step", onnx.Int64)
	on := b.body.Input("on", onnx.Bool)
	padding := onnx.Const("", onnx.NewTensor([]float32{0}, 1, 1))
	b.picture = b.carry("picture", g.Op("Expand", nil, padding, b.shape(1)))
	none := onnx.Const("", onnx.NewTensor([]float32{}, 0, 1, b.program.Levels))
	b.logits = b.carry("logits", g.Op("Expand", nil, none, b.shape(0, int64(b.program.Levels))))
	b.remember()
	for i := range b.program.Stages {
		logits, err := b.stage(i)
		if err != nil {
			return err
		}
		if logits != nil {
			b.draw(logits)
		}
	}
	for _, m := range b.memory {
		if m == nil {
			continue
		}
		for age, v := range m.past {
			b.becomes(v, m.at(age))
		}
	}
	inputs := []*onnx.Value{scalar(int64(len(b.program.Steps))), nil}
	b.body.Outputs = []*onnx.Value{on}
	for _, c := range b.carried {
		inputs, b.body.Outputs = append(inputs, c.first), append(b.body.Outputs, c.next)
	}
	out := g.Ops(len(b.carried), "Loop", onnx.Attrs{"body": b.body}, inputs...)
	b.picture, b.logits = out[0], out[1]
	return nil
}

// shape is [n, images, more…].
func (b *builder) shape(n int64, more ...int64) *onnx.Value {
	parts := []*onnx.Value{list(n), b.images}
	if len(more) > 0 {
		parts = append(parts, list(more...))
	}
	return b.graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, parts...)
}

// stage adds a stage's graph to the body and returns its logits, nil where it makes
// none.
func (b *builder) stage(i int) (logits *onnx.Value, err error) {
	s := b.program.Stages[i]
	m, err := onnx.Unmarshal(s.Graph)
	if err != nil {
		return nil, fmt.Errorf("onefile: %w", err)
	}
	b.opset = m.Opsets[""]
	value := map[*onnx.Value]*onnx.Value{}
	for j, in := range s.Inputs {
		if in.Form == compile.PerImage {
			value[m.Graph.Inputs[j]] = b.label(i, in)
		} else {
			value[m.Graph.Inputs[j]] = b.input(i, j)
		}
	}
	for _, n := range m.Graph.Nodes {
		for k, v := range n.Inputs {
			if to := value[v]; to != nil {
				n.Inputs[k] = to
			} else if v != nil && v.Const != nil {
				v.Name = "" // names are unique in a stage only
			}
		}
		for _, v := range n.Outputs {
			if v != nil {
				v.Name = ""
			}
		}
		b.body.Nodes = append(b.body.Nodes, n)
	}
	for j, o := range s.Outputs {
		v := m.Graph.Outputs[j]
		v.DType, v.Shape = onnx.Float32, nil
		if o.Cache < 0 {
			logits = v
		} else if b.memory[o.Cache] != nil {
			b.memory[o.Cache].fresh = v
		}
	}
	return logits, nil
}

// label is a label's value for each row of a stage, [rows, channels].
func (b *builder) label(stage int, in compile.Input) *onnx.Value {
	w := b.trail.widths[stage]
	return b.once(fmt.Sprint("label ", in.Label, w), func() *onnx.Value {
		wide := b.graph.Op("Expand", nil, b.labels[in.Label], list(slices.Max(w), 1, 1)) // [widest, images, channels]
		rows := b.body.Op("Slice", nil, wide, list(0), b.now(w))
		return b.body.Op("Reshape", nil, rows, list(-1, int64(in.Channels)))
	})
}

// input is what a stage reads, in the input's form.
func (b *builder) input(stage, j int) *onnx.Value {
	in := b.program.Stages[stage].Inputs[j]
	var groups []*onnx.Value
	for k := 0; k < len(in.Caches); {
		r := read{stage: stage, input: j, cache: in.Caches[k], stacked: in.Form == compile.Stacked}
		for ; k < len(in.Caches) && in.Caches[k] == r.cache; k++ {
			r.parts = append(r.parts, b.trail.from[stage][j][k])
		}
		if r.cache == 0 {
			groups = append(groups, b.pixels(r))
		} else {
			groups = append(groups, b.rows(r))
		}
	}
	if len(groups) == 1 {
		return groups[0]
	}
	axis := int64(1)
	if in.Form == compile.Stacked {
		axis = 0
	}
	return b.body.Op("Concat", onnx.Attrs{"axis": axis}, groups...)
}

// once makes a value, or finds what was made before under the same name.
func (b *builder) once(name string, make func() *onnx.Value) *onnx.Value {
	if b.shared[name] == nil {
		b.shared[name] = make()
	}
	return b.shared[name]
}

// now is this step's entry of a table that has one for each step, [1].
func (b *builder) now(table []int64) *onnx.Value {
	return b.once(fmt.Sprint("now ", table), func() *onnx.Value {
		return b.body.Op("Gather", nil, onnx.Const("", onnx.NewTensor(table, len(table), 1)), b.step)
	})
}

// span is where the rows of a stage begin and end in this step, counted over all
// steps, [1] each.
func (b *builder) span(stage int) (begin, end *onnx.Value) {
	var begins, ends []int64
	n := int64(0)
	for _, w := range b.trail.widths[stage] {
		begins, ends = append(begins, n), append(ends, n+w)
		n += w
	}
	return b.now(begins), b.now(ends)
}

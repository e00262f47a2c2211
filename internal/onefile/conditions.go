package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// given makes the program's conditions, [images, numbers of an image] each, of the graph's
// inputs. What classes alone make, and is no map, is looked up; else there is a loop over the
// images, in which the prologue is computed.
func (b *builder) given() error {
	p := b.program
	var class *onnx.Value
	if !slices.ContainsFunc(p.ConditionInputs, b.isGiven) || len(b.opt.Classes) > 0 {
		if len(b.opt.Classes) == 0 {
			return fmt.Errorf("%w: its classes are not known", ErrUnsupported)
		}
		class = b.graph.Input(format.Label, onnx.Int64, onnx.Free("batch"))
	}
	if len(b.opt.Conditions) == 0 && !slices.ContainsFunc(p.Conditions, func(c program.Condition) bool { return c.Cache >= 0 }) {
		return b.classes(class)
	}
	return b.prologue(class)
}

// isGiven tells whether one of the model's inputs is the graph's.
func (b *builder) isGiven(in onnx.ValueInfo) bool { return slices.Contains(b.opt.Conditions, in.Name) }

// classes makes the conditions of the images' classes.
func (b *builder) classes(class *onnx.Value) error {
	tables := make([][]float32, len(b.program.Conditions))
	for _, inputs := range b.opt.Classes {
		values, err := exact.Conditions(b.program, inputs)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		for k, v := range values {
			for _, x := range v {
				tables[k] = append(tables[k], float32(x))
			}
		}
	}
	for k, c := range b.program.Conditions {
		table := onnx.Const("", onnx.NewTensor(tables[k], len(b.opt.Classes), c.Channels))
		b.conditions = append(b.conditions, b.graph.Op("Gather", nil, table, class))
	}
	return nil
}

// oldest is the operator set from which on what a file's conditions go through means the same
// in the stages' set.
const oldest = 13

// prologue adds the loop over the images.
func (b *builder) prologue(class *onnx.Value) error {
	p, m := b.program, b.program.Prologue
	if set := m.Opsets[""]; set < oldest {
		return fmt.Errorf("%w: what it makes of its conditions is of operator set %d, and must be of %d or newer", ErrUnsupported, set, oldest)
	}
	image := open("image")
	g := image.graph
	values := map[*onnx.Value]*onnx.Value{}
	for i, in := range p.ConditionInputs {
		if len(in.Shape) == 0 || in.Shape[0] != 1 {
			return fmt.Errorf("%w: its input %q is not of one image", ErrUnsupported, in.Name)
		}
		var all *onnx.Value // [images, …]
		if b.isGiven(in) {
			all = b.graph.Input(in.Name, in.DType, append([]onnx.Dim{onnx.Free("batch")}, onnx.Shape(in.Shape[1:]...)...)...)
		} else {
			table := onnx.Zeros(in.DType, append([]int{len(b.opt.Classes)}, in.Shape[1:]...)...)
			for k, inputs := range b.opt.Classes {
				inputs[i].CopyTo(table, k*inputs[i].Len())
			}
			all = b.graph.Op("Gather", nil, onnx.Const("", table), class)
		}
		own := g.Op("Gather", nil, all, g.Reshape(image.turn, 1))
		own.DType, own.Shape = in.DType, onnx.Shape(in.Shape...)
		values[m.Graph.Inputs[i]] = own
	}
	if err := plain(m.Graph); err != nil {
		return err
	}
	inline(g, m.Graph, values)
	b.loops = []*loop{image}
	var made []*carried
	for k, c := range p.Conditions {
		so := b.carry(fmt.Sprintf("condition_%d", k), false, b.blank(0, onnx.List(c.Size())), onnx.Free(""), onnx.Fixed(c.Size()))
		own := g.Reshape(values[m.Graph.Outputs[k]], 1, c.Size())
		so.becomes(g.Concat(0, so.seen(image), own))
		made = append(made, so)
	}
	b.close(0, b.graph, b.graph.Op("Squeeze", nil, b.images, onnx.List(0)))
	for _, so := range made {
		b.conditions = append(b.conditions, so.next)
	}
	b.loops, b.carried = nil, nil
	return nil
}

// plain refuses graphs in graphs, whose values would have to be told apart.
func plain(g *onnx.Graph) error {
	for _, n := range g.Nodes {
		for _, a := range n.Attrs {
			if _, inner := a.(*onnx.Graph); inner {
				return fmt.Errorf("%w: %s is on the way from its conditions", ErrUnsupported, n)
			}
		}
	}
	return nil
}

// condition is that of each row of a stage, [rows, channels].
func (b *builder) condition(stage int, in program.Input) *onnx.Value {
	w := b.nest.widths[stage]
	l := b.loopOf(stage)
	return l.once(fmt.Sprint("condition ", in.Condition, w), func() *onnx.Value {
		wide := b.graph.Op("Expand", nil, b.conditions[in.Condition], onnx.List(slices.Max(w), 1, 1)) // [widest, images, channels]
		rows := l.graph.Slice(wide, 0, onnx.List(0), l.now(w))
		return l.graph.Reshape(rows, -1, in.Channels)
	})
}

// conditionOf is the number of the condition that fills a cache, -1 where none does.
func (b *builder) conditionOf(cache int) int {
	return slices.IndexFunc(b.program.Conditions, func(c program.Condition) bool { return c.Cache == cache })
}

// mapped is what a condition that is a map puts into a cache: below a row of zeros, a place
// after the other, each image's, [1 + places·images, channels].
func (b *builder) mapped(k int) *onnx.Value {
	return b.once(fmt.Sprint("map ", k), func() *onnx.Value {
		c, g := b.program.Conditions[k], b.graph
		v := g.Reshape(b.conditions[k], -1, c.Channels, len(c.Slots))
		v = g.Reshape(g.Op("Transpose", onnx.Attrs{"perm": []int64{2, 0, 1}}, v), -1, c.Channels)
		return g.Concat(0, zeros(c.Channels), v)
	})
}

// fixed is what a condition puts into a cache that is kept by heads.
func (b *builder) fixed(cache int) *onnx.Value {
	return b.once(fmt.Sprint("fixed ", cache), func() *onnx.Value {
		c, g := b.program.Caches[cache], b.graph
		v := g.Reshape(b.conditions[b.conditionOf(cache)], -1, c.Heads, c.Channels/c.Heads, c.Slots)
		if c.Turned {
			return v
		}
		return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, v)
	})
}

package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// A past is a cache that is kept by heads, as the loop carries it: keys or values of an attention.
// All of it is carried, and each turn appends what is written in it. It begins with a place of
// zeros that no mask shows, for engines that cannot multiply nothing.
type past struct {
	carried *carried
	now     *onnx.Value // as it is at this point of the turn
	lengths [][]int     // by stage and turn, how much a stage finds there, without the zeros
}

// keepPasts has the loop carry the caches that are kept by heads.
func (b *builder) keepPasts() {
	p := b.program
	b.pasts = make([]*past, len(p.Caches))
	in := b.loops[len(b.loops)-1]
	for i, c := range p.Caches {
		if !c.Grows() {
			continue
		}
		first, shape := []int{c.Heads, 1, c.Channels / c.Heads}, []onnx.Dim{onnx.Free("batch"), onnx.Fixed(c.Heads), onnx.Free(""), onnx.Fixed(c.Channels / c.Heads)}
		if c.Turned {
			first[1], first[2], shape[2], shape[3] = first[2], first[1], shape[3], shape[2]
		}
		size := b.graph.Concat(0, b.images, onnx.List(first...))
		k := &past{carried: b.carry(fmt.Sprintf("past_%d", i), false, b.graph.Op("ConstantOfShape", nil, size), shape...)}
		k.now = k.carried.seen(in)
		k.lengths = b.lengths(i)
		b.pasts[i] = k
	}
}

// lengths finds how much of a cache was written when each stage runs, or would run.
func (b *builder) lengths(cache int) [][]int {
	p := b.program
	writer, written := b.reach.writer[cache], 0
	out := make([][]int, len(p.Stages))
	for turn := range b.nest.turns {
		for _, i := range b.nest.order() {
			out[i] = append(out[i], written)
			if i == writer {
				written += b.nest.widths[i][turn]
			}
		}
	}
	return out
}

// grow appends what a stage writes, [rows, channels].
func (b *builder) grow(cache int, v *onnx.Value) {
	c, k := b.program.Caches[cache], b.pasts[cache]
	l := b.loopOf(b.reach.writer[cache])
	g := l.graph
	size := b.shape(-1, c.Heads, c.Channels/c.Heads)
	perm, axis := []int64{1, 2, 0, 3}, int64(2)
	if c.Turned {
		perm, axis = []int64{1, 2, 3, 0}, 3
	}
	fresh := g.Op("Transpose", onnx.Attrs{"perm": perm}, g.Op("Reshape", nil, v, size))
	k.now = g.Op("Concat", onnx.Attrs{"axis": axis}, k.now, fresh)
}

// past is the part of a cache that a stage reads. In a turn in which the stage does not run it is
// that of no image.
func (b *builder) past(stage int, in program.Input) *onnx.Value {
	if b.program.Caches[in.Past].Fixed {
		return b.fixed(in.Past)
	}
	l, v := b.loopOf(stage), b.pasts[in.Past].now
	if lengths := b.seen(stage, in.Mask); !slices.Equal(lengths, b.pasts[in.Past].lengths[stage]) {
		axis := 2
		if b.program.Caches[in.Past].Turned {
			axis = 3
		}
		ends := make([]int, len(lengths))
		for i, n := range lengths {
			ends[i] = n + 1 // and the zeros
		}
		v = l.graph.Slice(v, axis, onnx.List(0), l.now(ends))
	}
	widths := b.nest.widths[stage]
	for _, w := range widths {
		if w == 0 {
			rows := l.graph.Op("Mul", nil, l.now(widths), b.images)
			return l.graph.Slice(v, 0, onnx.List(0), rows)
		}
	}
	return v
}

// seen is how much a stage finds of all that it sees through a mask: values may come earlier than
// their keys, or later.
func (b *builder) seen(stage, mask int) (lengths []int) {
	for _, in := range b.program.Stages[stage].Inputs {
		if in.Form != program.Past || in.Mask != mask {
			continue
		}
		of := b.pasts[in.Past].lengths[stage]
		if lengths == nil {
			lengths = slices.Clone(of)
		}
		for i, n := range of {
			lengths[i] = min(lengths[i], n)
		}
	}
	return lengths
}

// mask is what a stage's attention adds to the scores in this turn, or its weights, as long
// as the past is. The place of zeros is not seen.
func (b *builder) mask(stage, j int) *onnx.Value {
	p := b.program
	m := p.Masks[p.Stages[stage].Inputs[j].Mask]
	l := b.loopOf(stage)
	g := l.graph
	rows := b.maskRows(stage, j)
	if c := p.Caches[m.Cache]; c.Fixed {
		return b.fixedMask(l, m, rows)
	}
	lengths := b.seen(stage, p.Stages[stage].Inputs[j].Mask)
	return l.once(fmt.Sprint("mask ", p.Stages[stage].Inputs[j].Mask, rows, lengths), func() *onnx.Value {
		places := p.Caches[m.Cache].Slots
		end := func(more int) *onnx.Value {
			out := make([]int, len(lengths))
			for i, n := range lengths {
				out[i] = n + more
			}
			return l.now(out)
		}
		if m.Weights > 0 {
			depth := p.Caches[m.Cache].Channels
			each := places * depth * m.Weights
			table := onnx.Const("", onnx.NewTensor(m.Values, len(m.Values)/each, places, depth, m.Weights))
			row := g.Op("Squeeze", nil, g.Slice(table, 0, l.now(divided(rows, each, 0)), l.now(divided(rows, each, 1))), onnx.List(0))
			zeros := onnx.Const("", onnx.NewTensor(make([]float32, depth*m.Weights), 1, depth, m.Weights))
			return g.Concat(0, zeros, g.Slice(row, 0, onnx.List(0), end(0)))
		}
		var row *onnx.Value // [heads, 1, own + length]
		if each := m.Own + places; len(m.Values) == m.Own+2*places && m.Heads == 1 {
			// One row serves all: see package emit.
			ends := make([]int, len(rows))
			for i, at := range rows {
				ends[i] = at + m.Own + lengths[i]
			}
			row = g.Slice(onnx.Const("", onnx.NewTensor(m.Values, 1, 1, len(m.Values))), 2, l.now(rows), l.now(ends))
		} else {
			table := onnx.Const("", onnx.NewTensor(m.Values, len(m.Values)/each, 1, each))
			row = g.Slice(table, 0, l.now(divided(rows, each, 0)), l.now(divided(rows, each, m.Heads)))
			row = g.Slice(row, 2, onnx.List(0), end(m.Own))
		}
		hidden := make([]float32, m.Heads)
		for i := range hidden {
			hidden[i] = program.Unseen
		}
		unseen := onnx.Const("", onnx.NewTensor(hidden, m.Heads, 1, 1))
		if m.Own == 0 {
			return g.Concat(2, unseen, row)
		}
		own, rest := g.Slice(row, 2, onnx.List(0), onnx.List(1)), g.Slice(row, 2, onnx.List(1), end(1))
		return g.Concat(2, own, unseen, rest)
	})
}

// fixedMask is that of an attention to what conditions make, whose length stays.
func (b *builder) fixedMask(l *loop, m program.Mask, rows []int) *onnx.Value {
	places := b.program.Caches[m.Cache].Slots
	ends := make([]int, len(rows))
	for i, at := range rows {
		ends[i] = at + m.Heads*places
	}
	row := l.graph.Slice(onnx.Const("", onnx.NewTensor(m.Values, len(m.Values))), 0, l.now(rows), l.now(ends))
	return l.graph.Reshape(row, m.Heads, 1, places)
}

// maskRows is where the mask of input j of a stage begins in each turn; 0 where it does not
// run.
func (b *builder) maskRows(stage, j int) []int {
	out := make([]int, b.nest.turns)
	for i, step := range b.program.Steps {
		for _, run := range step.Runs {
			if run.Stage == stage {
				out[b.nest.turn(stage, i)] = run.In[j][0]
			}
		}
	}
	return out
}

// divided is at/each + more, number by number.
func divided(at []int, each, more int) []int {
	out := make([]int, len(at))
	for i, k := range at {
		out[i] = k/each + more
	}
	return out
}

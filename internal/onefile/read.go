package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// A read is what an input of a stage takes from one cache: parts side by side, [rows,
// parts·channels], or, of a stacked input, one below the other, [parts, rows].
type read struct {
	stage, cache int
	stacked      bool
	parts        [][]definition // each by number of row over all turns
}

// rows reads a history or a table of constants.
func (b *builder) rows(r read) *onnx.Value {
	channels := b.program.Caches[r.cache].Channels
	fixed, condition := b.program.Caches[r.cache].Table, b.conditionOf(r.cache)
	l := b.loopOf(r.stage)
	var rows *onnx.Value
	if age, ok := b.direct(r); ok {
		rows = b.historyOf[r.cache].at(age, l)
	} else {
		h := b.historyOf[r.cache]
		var index *onnx.Value
		switch {
		case fixed != nil:
			slots := r.slots()
			blank := slices.Contains(slots, -1)
			if index = b.perImage(slots, len(r.parts), false, blank); blank {
				fixed = append(make([]float32, channels), fixed...)
			}
		case condition >= 0:
			index = b.perImage(r.places(b.program.Conditions[condition]), len(r.parts), true, true)
		default:
			index = b.perImage(b.numbers(r), len(r.parts), true, h.grown || h.uses[r.stage].blank)
		}
		begin, end := b.span(r.stage)
		index = l.once(fmt.Sprintf("rows %p %v", index, b.nest.widths[r.stage]), func() *onnx.Value {
			return l.graph.Slice(index, 0, begin, end)
		})
		// [width, images·parts, channels]
		switch {
		case fixed != nil:
			rows = l.graph.Op("Gather", nil, onnx.Const("", onnx.NewTensor(fixed, len(fixed)/channels, channels)), index)
		case condition >= 0:
			rows = l.graph.Op("Gather", nil, b.mapped(condition), index)
		default:
			rows = b.take(h, r.cache, r.stage, index)
		}
		rows = l.graph.Reshape(rows, -1, len(r.parts)*channels)
	}
	if r.stacked {
		rows = l.graph.Op("Transpose", nil, rows)
	}
	return rows
}

// pixels reads the picture.
func (b *builder) pixels(r read) *onnx.Value {
	l := b.loopOf(r.stage)
	n := len(r.parts[0])
	var index []int // of the rows of the picture
	for _, part := range r.parts {
		for _, d := range part {
			if d.step == absent {
				index = append(index, 0)
			} else {
				index = append(index, d.row+1)
			}
		}
	}
	begin, end := b.span(r.stage)
	now := l.once(fmt.Sprint("pixels ", b.nest.widths[r.stage], len(r.parts), index), func() *onnx.Value {
		return l.graph.Slice(table(index, len(r.parts), n), 1, begin, end)
	})
	picture := b.picture.seen(l)
	if b.nest.early[r.stage] {
		picture = b.drawn
	}
	values := l.graph.Op("Gather", nil, picture, now) // [parts, width, images]
	values = l.graph.Reshape(values, len(r.parts), -1)
	if !r.stacked {
		values = l.graph.Op("Transpose", nil, values)
	}
	return values
}

// direct tells whether a read is all that was written some turns ago, row for row, and how many
// turns.
func (b *builder) direct(r read) (age int, ok bool) {
	h := b.historyOf[r.cache]
	if h == nil || h.grown || len(h.caches) > 1 || len(r.parts) != 1 || b.nest.outer[r.stage] != b.nest.outer[h.writer] || r.parts[0][0].step == absent {
		return 0, false
	}
	defs := r.parts[0]
	first := slices.IndexFunc(b.nest.widths[r.stage], func(w int) bool { return w > 0 })
	age = first - b.nest.turn(h.writer, defs[0].step)
	for turn, width := range b.nest.widths[r.stage] {
		if b.width(h.writer, turn-age) != width {
			return 0, false
		}
		for row, d := range defs[:width] {
			if d.step == absent || d.row != row || turn-b.nest.turn(h.writer, d.step) != age {
				return 0, false
			}
		}
		defs = defs[width:]
	}
	return age, true
}

// width is how many pixels a stage makes in a turn of its loop.
func (b *builder) width(stage, turn int) int {
	if turn < 0 {
		return 0
	}
	return b.nest.widths[stage][turn]
}

// numbers are the rows of what [all] gives that a read wants, a blank one not counted:
// by row over all turns and part. -1 is the blank one.
func (b *builder) numbers(r read) []int {
	h := b.historyOf[r.cache]
	ever, _ := spans(b.nest.widths[h.writer])
	var out []int
	k := 0
	for turn, width := range b.nest.widths[r.stage] {
		now := b.nest.seen(r.stage, turn, h.writer)
		begin := map[int]int{} // by the writer's turn
		n := 0
		for _, age := range h.uses[r.stage].ages {
			begin[now-age] = n
			n += b.width(h.writer, now-age)
		}
		for range width {
			for _, part := range r.parts {
				d := part[k]
				if d.step == absent {
					out = append(out, -1)
					continue
				}
				made := b.nest.turn(h.writer, d.step)
				first := begin[made]
				if h.grown {
					first = ever[made]
				}
				out = append(out, first+d.row)
			}
			k++
		}
	}
	return out
}

// places are those that a read of a condition that is a map takes, by row over all turns and
// part, -1 for zeros.
func (r read) places(c program.Condition) []int {
	at := map[int]int{}
	for place, slot := range c.Slots {
		at[slot] = place
	}
	out := r.slots()
	for i, slot := range out {
		if place, ok := at[slot]; ok && slot >= 0 {
			out[i] = place
		} else {
			out[i] = -1
		}
	}
	return out
}

// slots are those that a read of a table takes, by row over all turns and part, -1 for zeros.
func (r read) slots() []int {
	var out []int
	for k := range r.parts[0] {
		for _, part := range r.parts {
			out = append(out, part[k].row)
		}
	}
	return out
}

// perImage makes of numbers of rows by pixel and part those by pixel, image and part:
// [pixels, images·parts]. Where own is set each image has a row of its own, those of a
// pixel one after the other; where blank is set there is a row before them all.
func (b *builder) perImage(numbers []int, parts int, own, blank bool) *onnx.Value {
	return b.once(fmt.Sprint("per image ", parts, own, blank, numbers), func() *onnx.Value {
		g := b.graph
		each := b.once("images", func() *onnx.Value { // [images, 1]
			return g.Op("Unsqueeze", nil, g.Op("Range", nil, scalar(0), g.Op("Squeeze", nil, b.images, onnx.List(0)), scalar(1)), onnx.List(1))
		})
		rows := table(numbers, len(numbers)/parts, 1, parts)
		var index *onnx.Value
		if own {
			index = g.Op("Add", nil, g.Op("Mul", nil, rows, b.images), each)
		} else {
			index = g.Op("Add", nil, rows, g.Op("Mul", nil, each, onnx.List(0)))
		}
		if blank {
			index = g.Op("Where", nil, g.Op("Less", nil, rows, onnx.List(0)), onnx.List(0), g.Op("Add", nil, index, onnx.List(1)))
		}
		return g.Reshape(index, len(numbers)/parts, -1)
	})
}

package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// A read is what an input of a stage takes from one cache: parts side by side, [rows,
// parts·channels], or, of a stacked input, one below the other, [parts, rows].
type read struct {
	stage, cache int
	stacked      bool
	parts        [][]place // each by number of row over all turns
}

// rows reads a memory or a table of constants.
func (b *builder) rows(r read) *onnx.Value {
	channels := b.program.Caches[r.cache].Channels
	table := b.program.Caches[r.cache].Table
	l := b.loopOf(r.stage)
	var rows *onnx.Value
	if age, ok := b.direct(r); ok {
		rows = b.at(b.memory[r.cache], age, l)
	} else {
		var from, index *onnx.Value
		if table != nil {
			from = onnx.Const("", onnx.NewTensor(table, len(table)/channels, channels))
			index = b.perImage(r.slots(), len(r.parts), false, false)
		} else {
			m := b.memory[r.cache]
			from, index = b.all(m, r.stage), b.perImage(b.numbers(r), len(r.parts), true, m.grown || m.looks[r.stage].blank)
		}
		begin, end := b.span(r.stage)
		index = l.once(fmt.Sprintf("rows %p %v", index, b.course.widths[r.stage]), func() *onnx.Value {
			return l.graph.Op("Slice", nil, index, begin, end)
		})
		rows = l.graph.Op("Gather", nil, from, index) // [width, images·parts, channels]
		rows = l.graph.Op("Reshape", nil, rows, list(-1, int64(len(r.parts)*channels)))
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
	var index []int64 // of the rows of the picture
	for _, part := range r.parts {
		for _, at := range part {
			if at.step == absent {
				index = append(index, 0)
			} else {
				index = append(index, int64(at.row)+1)
			}
		}
	}
	begin, end := b.span(r.stage)
	now := l.once(fmt.Sprint("pixels ", b.course.widths[r.stage], len(r.parts), index), func() *onnx.Value {
		return l.graph.Op("Slice", nil, onnx.Const("", onnx.NewTensor(index, len(r.parts), n)), begin, end, list(1))
	})
	picture := b.picture.seen(l)
	if b.course.early[r.stage] {
		picture = b.drawn
	}
	values := l.graph.Op("Gather", nil, picture, now) // [parts, width, images]
	values = l.graph.Op("Reshape", nil, values, list(int64(len(r.parts)), -1))
	if !r.stacked {
		values = l.graph.Op("Transpose", nil, values)
	}
	return values
}

// direct tells whether a read is simply all that was written some turns ago, row for
// row, and how many.
func (b *builder) direct(r read) (age int, ok bool) {
	m := b.memory[r.cache]
	if m == nil || m.grown || len(r.parts) != 1 || b.course.rare[r.stage] != b.course.rare[m.writer] || r.parts[0][0].step == absent {
		return 0, false
	}
	places := r.parts[0]
	first := slices.IndexFunc(b.course.widths[r.stage], func(w int) bool { return w > 0 })
	age = first - b.course.turn(m.writer, places[0].step)
	for turn, width := range b.course.widths[r.stage] {
		if b.width(m.writer, turn-age) != width {
			return 0, false
		}
		for row, at := range places[:width] {
			if at.step == absent || at.row != row || turn-b.course.turn(m.writer, at.step) != age {
				return 0, false
			}
		}
		places = places[width:]
	}
	return age, true
}

// width is how many pixels a stage makes in a turn of its loop.
func (b *builder) width(stage, turn int) int {
	if turn < 0 {
		return 0
	}
	return b.course.widths[stage][turn]
}

// numbers are the rows of what [all] gives that a read wants, a blank one not counted:
// by row over all turns and part. -1 is the blank one.
func (b *builder) numbers(r read) []int64 {
	m := b.memory[r.cache]
	ever, _ := spans(b.course.widths[m.writer])
	var out []int64
	k := 0
	for turn, width := range b.course.widths[r.stage] {
		now := b.course.seen(r.stage, turn, m.writer)
		begin := map[int]int{} // by the writer's turn
		n := 0
		for _, age := range m.looks[r.stage].ages {
			begin[now-age] = n
			n += b.width(m.writer, now-age)
		}
		for range width {
			for _, part := range r.parts {
				at := part[k]
				if at.step == absent {
					out = append(out, -1)
					continue
				}
				made := b.course.turn(m.writer, at.step)
				if m.grown {
					out = append(out, int64(ever[made]+at.row))
				} else {
					out = append(out, int64(begin[made]+at.row))
				}
			}
			k++
		}
	}
	return out
}

// slots are those that a read of a table takes, by row over all turns and part.
func (r read) slots() []int64 {
	var out []int64
	for k := range r.parts[0] {
		for _, part := range r.parts {
			out = append(out, int64(part[k].row))
		}
	}
	return out
}

// perImage makes of numbers of rows by pixel and part those by pixel, image and part:
// [pixels, images·parts]. Where own is set each image has a row of its own, those of a
// pixel one after the other; where blank is set there is a row before them all.
func (b *builder) perImage(numbers []int64, parts int, own, blank bool) *onnx.Value {
	return b.once(fmt.Sprint("per image ", parts, own, blank, numbers), func() *onnx.Value {
		g := b.graph
		each := b.once("images", func() *onnx.Value { // [images, 1]
			return g.Op("Unsqueeze", nil, g.Op("Range", nil, scalar(0), g.Op("Squeeze", nil, b.images), scalar(1)), list(1))
		})
		table := onnx.Const("", onnx.NewTensor(numbers, len(numbers)/parts, 1, parts))
		var index *onnx.Value
		if own {
			index = g.Op("Add", nil, g.Op("Mul", nil, table, b.images), each)
		} else {
			index = g.Op("Add", nil, table, g.Op("Mul", nil, each, list(0)))
		}
		if blank {
			index = g.Op("Where", nil, g.Op("Less", nil, table, list(0)), list(0), g.Op("Add", nil, index, list(1)))
		}
		return g.Op("Reshape", nil, index, list(int64(len(numbers)/parts), -1))
	})
}

// once makes a value before the loop, or finds what was made under the same name.
func (b *builder) once(name string, make func() *onnx.Value) *onnx.Value {
	if b.shared[name] == nil {
		b.shared[name] = make()
	}
	return b.shared[name]
}

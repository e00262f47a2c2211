package onefile

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// A read is what an input of a stage takes from one cache: parts side by side, [rows,
// parts·channels], or, of a stacked input, one below the other, [parts, rows].
type read struct {
	stage, input, cache int
	stacked             bool
	parts               [][]place // each by number of row over all steps
}

// rows reads a memory or a table of constants.
func (b *builder) rows(r read) *onnx.Value {
	channels := b.program.Caches[r.cache].Channels
	table := b.program.Caches[r.cache].Table
	var rows *onnx.Value
	if age, ok := b.direct(r); ok {
		rows = b.memory[r.cache].at(age)
	} else {
		var from, index *onnx.Value
		if table != nil {
			from = onnx.Const("", onnx.NewTensor(table, len(table)/channels, channels))
			index = b.perImage(r.slots(), len(r.parts), false, false)
		} else {
			m := b.memory[r.cache]
			l := m.looks[r.stage]
			from, index = b.all(m, l), b.perImage(b.numbers(r, l), len(r.parts), true, l.blank)
		}
		begin, end := b.span(r.stage)
		index = b.once(fmt.Sprintf("rows %p %v", index, b.trail.widths[r.stage]), func() *onnx.Value {
			return b.body.Op("Slice", nil, index, begin, end)
		})
		rows = b.body.Op("Gather", nil, from, index) // [width, images·parts, channels]
		rows = b.body.Op("Reshape", nil, rows, list(-1, int64(len(r.parts)*channels)))
	}
	if r.stacked {
		rows = b.body.Op("Transpose", nil, rows)
	}
	return rows
}

// pixels reads the picture.
func (b *builder) pixels(r read) *onnx.Value {
	n := len(r.parts[0])
	var index []int64 // of the rows of b.picture
	for _, part := range r.parts {
		for _, at := range part {
			if at.age == absent {
				index = append(index, 0)
			} else {
				index = append(index, at.row+1)
			}
		}
	}
	begin, end := b.span(r.stage)
	now := b.once(fmt.Sprint("pixels ", b.trail.widths[r.stage], len(r.parts), index), func() *onnx.Value {
		return b.body.Op("Slice", nil, onnx.Const("", onnx.NewTensor(index, len(r.parts), n)), begin, end, list(1))
	})
	values := b.body.Op("Gather", nil, b.picture, now) // [parts, width, images]
	values = b.body.Op("Reshape", nil, values, list(int64(len(r.parts)), -1))
	if !r.stacked {
		values = b.body.Op("Transpose", nil, values)
	}
	return values
}

// direct tells whether a read is simply all that was written some steps ago, row for
// row, and how many.
func (b *builder) direct(r read) (age int, ok bool) {
	m := b.memory[r.cache]
	if m == nil || len(r.parts) != 1 || len(r.parts[0]) == 0 || r.parts[0][0].age == absent {
		return 0, false
	}
	age = r.parts[0][0].age
	k := 0
	for step, width := range b.trail.widths[r.stage] {
		if b.width(r.cache, step-age) != width {
			return 0, false
		}
		for row := range width {
			if r.parts[0][k] != (place{age, row}) {
				return 0, false
			}
			k++
		}
	}
	return age, true
}

// width is how many pixels are written into a cache in a step.
func (b *builder) width(cache, step int) int64 {
	if step < 0 {
		return 0
	}
	return b.trail.widths[b.trail.writer[cache]][step]
}

// numbers are the rows that a read finds its pixels in when those of a look are
// joined, a blank one not counted: by row over all steps and part. -1 is the blank one.
func (b *builder) numbers(r read, l *look) []int64 {
	var out []int64
	k := 0
	for step, width := range b.trail.widths[r.stage] {
		begin := map[int]int64{}
		n := int64(0)
		for _, age := range l.ages {
			begin[age] = n
			n += b.width(r.cache, step-age)
		}
		for range width {
			for _, part := range r.parts {
				if at := part[k]; at.age == absent {
					out = append(out, -1)
				} else {
					out = append(out, begin[at.age]+at.row)
				}
			}
			k++
		}
	}
	return out
}

// slots are those that a read of a table takes, by row over all steps and part.
func (r read) slots() []int64 {
	var out []int64
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

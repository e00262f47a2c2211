package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// A history is what the loops carry of a cache. Mostly that is what was written in each
// of the last turns of its writer's loop, as a value of its own. Where that would be
// many values with little in them it is one, grown: all that was ever written, below a
// row of zeros.
type history struct {
	cache, writer int
	channels      int
	oldest        int // how many turns ago something was written that is read
	grown         bool
	past          []*carried  // by age, from 1 on, [rows, channels]; or the one that is grown
	fresh         *onnx.Value // what this turn writes, once its stage is there
	uses          map[int]*use
}

// A use is what a stage reads of a history.
type use struct {
	ages   []int // in ascending order
	blank  bool  // zeros are read as well
	joined *onnx.Value
}

// keepHistories makes the histories: none for the picture, for tables, and for what
// nothing reads.
func (b *builder) keepHistories() {
	b.histories = make([]*history, len(b.program.Caches))
	for i, s := range b.program.Stages {
		for j, in := range s.Inputs {
			for k, c := range in.Caches {
				cache := b.program.Caches[c]
				if c == 0 || cache.Table != nil {
					continue
				}
				if b.histories[c] == nil {
					b.histories[c] = &history{cache: c, writer: b.reach.writer[c], channels: cache.Channels, uses: map[int]*use{}}
				}
				b.note(b.histories[c], i, b.reach.defs[i][j][k])
			}
		}
	}
	for _, h := range b.histories {
		if h != nil {
			b.keep(h)
		}
	}
}

// note takes down what a stage reads of a history.
func (b *builder) note(h *history, stage int, defs []definition) {
	u := h.uses[stage]
	if u == nil {
		u = &use{}
		h.uses[stage] = u
	}
	for turn, width := range b.nest.widths[stage] {
		now := b.nest.seen(stage, turn, h.writer)
		for _, d := range defs[:width] {
			if d.step == absent {
				u.blank = true
				continue
			}
			age := now - b.nest.turn(h.writer, d.step)
			h.oldest = max(h.oldest, age)
			if !slices.Contains(u.ages, age) {
				u.ages = append(u.ages, age)
			}
		}
		defs = defs[width:]
	}
	slices.Sort(u.ages)
}

// growing is how many numbers may be copied in a turn rather than one value be carried.
const growing = 32

// keep has the loops carry a history.
func (b *builder) keep(h *history) {
	outer, shape := b.nest.outer[h.writer], []onnx.Dim{onnx.Free(""), onnx.Fixed(h.channels)}
	if h.grown = h.oldest*growing > len(b.reach.order)*h.channels; h.grown {
		h.past = append(h.past, b.carry(fmt.Sprintf("cache_%d", h.cache), outer, b.blank(1, h.channels), shape...))
		return
	}
	for age := 1; age <= h.oldest; age++ {
		h.past = append(h.past, b.carry(fmt.Sprintf("cache_%d_%d", h.cache, age), outer, b.blank(0, h.channels), shape...))
	}
}

// wrote notes what a stage writes into a history.
func (b *builder) wrote(h *history, v *onnx.Value) {
	if h.grown {
		v = b.loopOf(h.writer).graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, h.past[0].seen(b.loopOf(h.writer)), v)
	}
	h.fresh = v
}

// pass says what the loops carry of a history into the next turn.
func (h *history) pass() {
	for i, c := range h.past {
		if i == 0 {
			c.becomes(h.fresh)
		} else {
			c.becomes(h.past[i-1].own())
		}
	}
}

// at is what was written age turns ago, as a stage of a loop sees it.
func (h *history) at(age int, in *loop) *onnx.Value {
	if age == 0 {
		return h.fresh
	}
	return h.past[age-1].seen(in)
}

// all is everything that a stage reads of a history, one below the other: a row of zeros
// where one is wanted, then by age.
func (b *builder) all(h *history, stage int) *onnx.Value {
	in := b.loopOf(stage)
	if b.nest.outer[h.writer] {
		in = b.loopOf(h.writer) // it stays the same in the inner loop
	}
	if h.grown {
		if h.fresh != nil {
			return h.fresh
		}
		return h.past[0].seen(in)
	}
	u := h.uses[stage]
	if u.joined != nil {
		return u.joined
	}
	var parts []*onnx.Value
	if u.blank {
		parts = append(parts, zeros(h.channels))
	}
	for _, age := range u.ages {
		parts = append(parts, h.at(age, in))
	}
	u.joined = parts[0]
	if len(parts) > 1 {
		u.joined = in.graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, parts...)
	}
	return u.joined
}

// blank is rows of zeros for a cache to begin with. How many they are hangs on the batch,
// seemingly: of a constant OpenVINO loses the shape where it has no rows, and gets what
// the loop makes of it wrong where it has some.
func (b *builder) blank(rows, channels int) *onnx.Value {
	return b.once(fmt.Sprint("blank ", rows, channels), func() *onnx.Value {
		n := b.once("none", func() *onnx.Value { return b.graph.Op("Sub", nil, b.images, b.images) })
		if rows > 0 {
			n = b.graph.Op("Add", nil, n, list(rows))
		}
		shape := b.graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, n, list(channels))
		return b.graph.Op("ConstantOfShape", nil, shape)
	})
}

func zeros(n int) *onnx.Value { return onnx.Const("", onnx.NewTensor(make([]float32, n), 1, n)) }

package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// A memory is what the loops carry of a cache. Mostly that is what was written in each
// of the last turns of its writer's loop, as a value of its own. Where that would be
// many values with little in them it is one, grown: all that was ever written, below a
// row of zeros.
type memory struct {
	cache, writer int
	channels      int
	oldest        int // how many turns ago something was written that is read
	grown         bool
	past          []*carried  // by age, from 1 on, [rows, channels]; or the one that is grown
	fresh         *onnx.Value // what this turn writes, once its stage is there
	looks         map[int]*look
}

// A look is what a stage reads of a memory.
type look struct {
	ages   []int // in ascending order
	blank  bool  // zeros are read as well
	joined *onnx.Value
}

// remember makes the memories: none for the picture, for tables, and for what nothing
// reads.
func (b *builder) remember() {
	b.memory = make([]*memory, len(b.program.Caches))
	for i, s := range b.program.Stages {
		for j, in := range s.Inputs {
			for k, c := range in.Caches {
				cache := b.program.Caches[c]
				if c == 0 || cache.Table != nil {
					continue
				}
				if b.memory[c] == nil {
					b.memory[c] = &memory{cache: c, writer: b.trail.writer[c], channels: cache.Channels, looks: map[int]*look{}}
				}
				b.note(b.memory[c], i, b.trail.from[i][j][k])
			}
		}
	}
	for _, m := range b.memory {
		if m != nil {
			b.keep(m)
		}
	}
}

// note takes down what a stage reads of a memory.
func (b *builder) note(m *memory, stage int, places []place) {
	l := m.looks[stage]
	if l == nil {
		l = &look{}
		m.looks[stage] = l
	}
	for turn, width := range b.course.widths[stage] {
		now := b.course.seen(stage, turn, m.writer)
		for _, at := range places[:width] {
			if at.step == absent {
				l.blank = true
				continue
			}
			age := now - b.course.turn(m.writer, at.step)
			m.oldest = max(m.oldest, age)
			if !slices.Contains(l.ages, age) {
				l.ages = append(l.ages, age)
			}
		}
		places = places[width:]
	}
	slices.Sort(l.ages)
}

// growing is how many numbers may be copied in a turn rather than one value be carried.
const growing = 32

// keep has the loops carry a memory.
func (b *builder) keep(m *memory) {
	rare := b.course.rare[m.writer]
	if m.grown = m.oldest*growing > len(b.trail.order)*m.channels; m.grown {
		m.past = append(m.past, b.carry(fmt.Sprintf("cache_%d", m.cache), rare, zeros(m.channels)))
		return
	}
	for age := 1; age <= m.oldest; age++ {
		nothing := onnx.Const("", onnx.NewTensor([]float32{}, 0, m.channels))
		m.past = append(m.past, b.carry(fmt.Sprintf("cache_%d_%d", m.cache, age), rare, nothing))
	}
}

// wrote notes what a stage writes into a memory.
func (b *builder) wrote(m *memory, v *onnx.Value) {
	if m.grown {
		v = b.loopOf(m.writer).graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, m.past[0].seen(b.loopOf(m.writer)), v)
	}
	m.fresh = v
}

// pass says what the loops carry of a memory into the next turn.
func (m *memory) pass() {
	for i, c := range m.past {
		if i == 0 {
			c.becomes(m.fresh)
		} else {
			c.becomes(m.past[i-1].own())
		}
	}
}

// at is what was written age turns ago, as a stage of a loop sees it.
func (b *builder) at(m *memory, age int, in *loop) *onnx.Value {
	if age == 0 {
		return m.fresh
	}
	return m.past[age-1].seen(in)
}

// all is everything that a stage reads of a memory, one below the other: a row of zeros
// where one is wanted, then by age.
func (b *builder) all(m *memory, stage int) *onnx.Value {
	in := b.loopOf(stage)
	if b.course.rare[m.writer] {
		in = b.loopOf(m.writer) // it stays the same in the inner loop
	}
	if m.grown {
		if m.fresh != nil {
			return m.fresh
		}
		return m.past[0].seen(in)
	}
	l := m.looks[stage]
	if l.joined != nil {
		return l.joined
	}
	var parts []*onnx.Value
	if l.blank {
		parts = append(parts, zeros(m.channels))
	}
	for _, age := range l.ages {
		parts = append(parts, b.at(m, age, in))
	}
	l.joined = parts[0]
	if len(parts) > 1 {
		l.joined = in.graph.Op("Concat", onnx.Attrs{"axis": int64(0)}, parts...)
	}
	return l.joined
}

func zeros(n int) *onnx.Value { return onnx.Const("", onnx.NewTensor(make([]float32, n), 1, n)) }

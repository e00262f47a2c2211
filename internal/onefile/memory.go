package onefile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// A memory is what the loop carries of a cache: what was written in each of the last
// steps, as a value of its own.
type memory struct {
	channels int
	past     []*onnx.Value // by age, from 1 on; [rows, channels]
	fresh    *onnx.Value   // what this step writes, once its stage is there
	looks    map[int]*look // by stage that reads it
}

// A look is what a stage reads of a memory.
type look struct {
	ages   []int // in ascending order
	blank  bool  // zeros are read as well
	joined *onnx.Value
}

// at is what was written age steps ago.
func (m *memory) at(age int) *onnx.Value {
	if age == 0 {
		return m.fresh
	}
	return m.past[age-1]
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
					b.memory[c] = &memory{channels: cache.Channels, looks: map[int]*look{}}
				}
				looks := b.memory[c].looks
				if looks[i] == nil {
					looks[i] = &look{}
				}
				looks[i].note(b.trail.from[i][j][k])
			}
		}
	}
	for c, m := range b.memory {
		if m == nil {
			continue
		}
		oldest := 0
		for _, l := range m.looks {
			slices.Sort(l.ages)
			if n := len(l.ages); n > 0 {
				oldest = max(oldest, l.ages[n-1])
			}
		}
		for age := 1; age <= oldest; age++ {
			nothing := onnx.Const("", onnx.NewTensor([]float32{}, 0, m.channels))
			m.past = append(m.past, b.carry(fmt.Sprintf("cache_%d_%d", c, age), nothing))
		}
	}
}

// note takes down what ages are read.
func (l *look) note(places []place) {
	for _, at := range places {
		if at.age == absent {
			l.blank = true
		} else if !slices.Contains(l.ages, at.age) {
			l.ages = append(l.ages, at.age)
		}
	}
}

// all is everything that a stage reads of a memory, one below the other: a row of zeros
// where one is wanted, then by age.
func (b *builder) all(m *memory, l *look) *onnx.Value {
	if l.joined != nil {
		return l.joined
	}
	var parts []*onnx.Value
	if l.blank {
		parts = append(parts, onnx.Const("", onnx.NewTensor(make([]float32, m.channels), 1, m.channels)))
	}
	for _, age := range l.ages {
		parts = append(parts, m.at(age))
	}
	l.joined = parts[0]
	if len(parts) > 1 {
		l.joined = b.body.Op("Concat", onnx.Attrs{"axis": int64(0)}, parts...)
	}
	return l.joined
}

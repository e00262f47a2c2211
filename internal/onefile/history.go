package onefile

import (
	"fmt"
	"maps"
	"slices"

	"pixelcnn/internal/onnx"
)

// A history is the part of a cache, or of several that are written and read alike, that the loops
// carry. Mostly it is one value for each of the last turns of its writer's loop, with what was
// written in that turn. Where these would be many small values it is a single one that grows: all
// that was ever written, below a row of zeros.
type history struct {
	caches   []int
	writer   int
	channels int // of all caches
	oldest   int // how many turns ago something was written that is read
	grown    bool
	past     []*carried    // by age, from 1 on, [rows, channels]; or the one that is grown
	written  []*onnx.Value // by cache, what this turn writes, once its stage is there
	fresh    *onnx.Value   // the same as the history keeps it
	uses     map[int]*use
}

// A use is what a stage reads of a history.
type use struct {
	reads  [][][]definition // each by part and number of row over all turns
	ages   []int            // in ascending order
	blank  bool             // zeros are read as well
	joined *onnx.Value
	taken  map[*onnx.Value][]*onnx.Value // by table of rows, what is there, by cache
}

// keepHistories makes the histories: none for the picture, for tables, and for what
// nothing reads.
func (b *builder) keepHistories() {
	b.historyOf = make([]*history, len(b.program.Caches))
	var all []*history // by cache
	for i, s := range b.program.Stages {
		for j, in := range s.Inputs {
			for k, c := range in.Caches {
				cache := b.program.Caches[c]
				if c < b.program.Channels || cache.Table != nil || b.conditionOf(c) >= 0 {
					continue
				}
				if b.historyOf[c] == nil {
					b.historyOf[c] = &history{caches: []int{c}, writer: b.reach.writer[c], channels: cache.Channels, uses: map[int]*use{}}
					all = append(all, b.historyOf[c])
				}
				b.note(b.historyOf[c], i, b.reach.defs[i][j][k], k > 0 && in.Caches[k-1] == c)
			}
		}
	}
	for _, h := range all {
		h.grown = h.oldest*growing > len(b.reach.order)*h.channels
		if i := slices.IndexFunc(b.histories, h.like); i >= 0 {
			to := b.histories[i]
			to.caches, to.channels = append(to.caches, h.caches...), to.channels+h.channels
			b.historyOf[h.caches[0]] = to
		} else {
			b.histories = append(b.histories, h)
		}
	}
	for _, h := range b.histories {
		h.written = make([]*onnx.Value, len(h.caches))
		b.keep(h)
	}
}

// like tells whether two histories can be kept as one: then a turn moves one value on for all of
// their caches, and one read serves them.
func (h *history) like(o *history) bool {
	read := func(p, q [][]definition) bool { return slices.EqualFunc(p, q, slices.Equal[[]definition]) }
	same := func(u, v *use) bool {
		return slices.EqualFunc(u.reads, v.reads, read) && (u.blank || len(u.ages) > 1)
	}
	return !h.grown && !o.grown && h.oldest > 1 && h.writer == o.writer && maps.EqualFunc(h.uses, o.uses, same)
}

// note records what a stage reads of a history: one part of a read, which continues the part before
// or begins a new read.
func (b *builder) note(h *history, stage int, defs []definition, goesOn bool) {
	u := h.uses[stage]
	if u == nil {
		u = &use{taken: map[*onnx.Value][]*onnx.Value{}}
		h.uses[stage] = u
	}
	if !goesOn {
		u.reads = append(u.reads, nil)
	}
	last := len(u.reads) - 1
	u.reads[last] = append(u.reads[last], defs)
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

// growing is up to how many numbers are copied in a turn to spare the loop a value.
const growing = 32

// keep has the loops carry a history.
func (b *builder) keep(h *history) {
	outer, shape := b.nest.outer[h.writer], []onnx.Dim{onnx.Free(""), onnx.Fixed(h.channels)}
	if h.grown {
		h.past = append(h.past, b.carry(fmt.Sprintf("cache_%d", h.caches[0]), outer, b.blank(1, onnx.List(h.channels)), shape...))
		return
	}
	for age := 1; age <= h.oldest; age++ {
		h.past = append(h.past, b.carry(fmt.Sprintf("cache_%d_%d", h.caches[0], age), outer, b.blank(0, onnx.List(h.channels)), shape...))
	}
}

// wrote notes what a stage writes into a cache.
func (b *builder) wrote(cache int, v *onnx.Value) {
	if b.pasts[cache] != nil {
		b.grow(cache, v)
		return
	}
	h := b.historyOf[cache]
	if h == nil {
		return
	}
	h.written[slices.Index(h.caches, cache)] = v
	l := b.loopOf(h.writer)
	switch {
	case slices.Contains(h.written, nil):
	case h.grown:
		h.fresh = l.graph.Concat(0, h.past[0].seen(l), v)
	case len(h.written) > 1:
		h.fresh = l.graph.Concat(1, h.written...)
	default:
		h.fresh = v
	}
}

// take is the rows of what [all] gives that a table names, of one cache: [rows of the
// table, its columns, channels].
func (b *builder) take(h *history, cache, stage int, table *onnx.Value) *onnx.Value {
	u := h.uses[stage]
	if u.taken[table] == nil {
		g := b.loopOf(stage).graph
		rows := g.Op("Gather", nil, b.all(h, stage), table)
		u.taken[table] = []*onnx.Value{rows}
		if len(h.caches) > 1 {
			var channels []int
			for _, c := range h.caches {
				channels = append(channels, b.program.Caches[c].Channels)
			}
			u.taken[table] = g.Ops(len(h.caches), "Split", onnx.Attrs{"axis": int64(2)}, rows, onnx.List(channels...))
		}
	}
	return u.taken[table][slices.Index(h.caches, cache)]
}

// pass says what the loops carry of a history into the next turn.
func (b *builder) pass(h *history) {
	for i, c := range h.past {
		if i == 0 {
			c.becomes(h.fresh)
		} else {
			// A body's input that is its output as it is confuses OpenVINO.
			c.becomes(b.loopOf(h.writer).graph.Op("Identity", nil, h.past[i-1].own()))
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
		u.joined = in.graph.Concat(0, parts...)
	}
	return u.joined
}

// blank is the value with which a loop begins: rows of zeros, of the sizes after the first. The
// number of rows is computed from the batch, though it is known: where it is a constant, OpenVINO
// loses the shape if there are no rows, and computes wrongly what the loop makes of it if there are
// some.
func (b *builder) blank(rows int, sizes ...*onnx.Value) *onnx.Value {
	n := b.once("none", func() *onnx.Value { return b.graph.Op("Sub", nil, b.images, b.images) })
	if rows > 0 {
		n = b.graph.Op("Add", nil, n, onnx.List(rows))
	}
	shape := b.graph.Concat(0, append([]*onnx.Value{n}, sizes...)...)
	return b.graph.Op("ConstantOfShape", nil, shape)
}

func zeros(n int) *onnx.Value { return onnx.Const("", onnx.NewTensor(make([]float32, n), 1, n)) }

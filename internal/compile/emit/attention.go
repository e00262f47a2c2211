package emit

import (
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/compile/schedule"
	"pixelcnn/internal/onnx"
)

// growth is by how many pixels what is kept by heads becomes longer at a time. All of it is
// copied then, so small steps copy much, and large ones have much looked at that is not
// there yet.
const growth = 64

// keepByHeads makes the caches of keys and values.
func (e *emitter) keepByHeads(units []*ir.Unit) error {
	e.past = slices.Repeat([]int{-1}, len(units))
	for _, u := range units {
		if u.Refused != nil {
			return u.Refused
		}
		for i, a := range u.Args {
			if !u.ByHeads(i) {
				continue
			}
			if u.Kind == ir.Dense && a.Access.(ir.Attended).Source(0, 0) != 0 || a.Src.Static() && !a.Src.Images || a.Src.Dom.W() != u.Dom.W() || e.past[a.Src.ID] >= 0 || a.Chans != nil { // no file gets here
				return &ir.UnsupportedError{Node: u.Node, Op: u.Op, Reason: fmt.Sprintf("its argument %d is not kept by heads", i)}
			}
			c := program.Cache{
				Channels: a.Src.Channels, Slots: a.Src.Dom.H() * a.Src.Dom.W(), Heads: min(max(1, u.Heads), a.Src.Channels),
				Turned: u.Kind == ir.Attention && i != 2, Fixed: a.Src.Static(),
			}
			at := len(e.program.Caches)
			if c.Fixed {
				e.program.Conditions = append(e.program.Conditions, program.Condition{Channels: c.Channels, Unit: a.Src, Cache: at, Slots: ir.Count(c.Slots)})
			}
			e.past[a.Src.ID] = at
			e.program.Caches = append(e.program.Caches, c)
			e.addresses = append(e.addresses, &addressing{group: a.Src.Dom.W(), groups: a.Src.Dom.H()})
		}
	}
	return nil
}

// reaches is how long what is kept by heads must be for units on a wave.
func (e *emitter) reaches(units []*ir.Unit, w schedule.Wave) (length int) {
	for _, u := range units {
		if e.past[u.ID] >= 0 {
			y, x := w.At(w.N - 1)
			length = max(length, y*u.Dom.W()+x+1)
		}
		for i, a := range u.Args {
			if u.ByHeads(i) && !a.Src.Static() {
				length = max(length, 1)
				if in := a.Access.Image(ir.Rect{Y0: w.Y, X0: w.X, Y1: w.Y + 1, X1: w.X + 1}); !in.Empty() {
					length = max(length, (in.Y1-1)*u.Dom.W()+in.X1)
				}
			}
		}
	}
	return length
}

// maskKey is what masks that are the same have in common.
type maskKey struct {
	seen    ir.Attended
	summand *onnx.Tensor
	own     bool
	places  int
}

// rows is a mask and where the rows of its readers begin, for each head.
type rows struct {
	mask int
	at   [][]int
}

// masked is the mask of an attention.
func (e *emitter) masked(u *ir.Unit) rows {
	key := maskKey{u.Args[1].Access.(ir.Attended), u.Summand, u.Self, u.Args[1].Src.Dom.H() * u.Args[1].Src.Dom.W()}
	for other, known := range e.masks {
		if other.seen == key.seen && other.own == key.own && other.places == key.places && same(other.summand, key.summand) {
			return known
		}
	}
	m := program.Mask{Cache: e.past[u.Args[1].Src.ID], Heads: 1}
	if u.Self {
		m.Own = 1
	}
	r := rows{mask: len(e.program.Masks)}
	if first, ok := e.firsts(u); ok && u.Summand == nil {
		// One row serves all: it begins where so many are seen.
		m.Values = make([]float32, m.Own+2*key.places)
		for i := m.Own + key.places; i < len(m.Values); i++ {
			m.Values[i] = program.Unseen
		}
		for _, n := range first {
			r.at = append(r.at, []int{key.places - n})
		}
	} else {
		m.Values, r.at = e.table(u, key, &m)
	}
	e.program.Masks = append(e.program.Masks, m)
	e.masks[key] = r
	return r
}

// firsts is how many pixels each reader sees where those are the first ones.
func (e *emitter) firsts(u *ir.Unit) (n []int, ok bool) {
	w := u.Dom.W()
	for p := range u.Dom.H() * w {
		k := 0
		for ; ; k++ {
			y, x, more := u.Args[1].Access.At(p/w, p%w, k)
			if !more {
				break
			}
			if y*w+x != k {
				return nil, false
			}
		}
		n = append(n, k)
	}
	return n, true
}

// table has a row for each reader and head.
func (e *emitter) table(u *ir.Unit, key maskKey, m *program.Mask) (values []float32, at [][]int) {
	if u.Summand != nil {
		m.Heads = u.Summand.Shape[0]
	}
	w, each := u.Dom.W(), m.Own+key.places
	values = slices.Repeat([]float32{program.Unseen}, u.Dom.H()*w*m.Heads*each)
	for p := range u.Dom.H() * w {
		reader, _ := key.seen.Place(p/w, p%w)
		var begin []int
		for h := range m.Heads {
			row := values[(p*m.Heads+h)*each:]
			begin = append(begin, (p*m.Heads+h)*each)
			if u.Self {
				row[0] = hidden(u.Added(h, reader, reader))
			}
			for k := 0; ; k++ {
				y, x, more := key.seen.At(p/w, p%w, k)
				if !more {
					break
				}
				row[m.Own+y*w+x] = hidden(u.Added(h, reader, key.seen.Source(y, x)))
			}
		}
		at = append(at, begin)
	}
	return values, at
}

// hidden is a summand as masks have it: −∞ would not be a number where it is all there is.
func hidden(x float64) float32 { return float32(math.Max(x, program.Unseen)) }

func same(a, b *onnx.Tensor) bool {
	return a == b || a != nil && b != nil && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Floats(), b.Floats())
}

// attend emits an attention: products of the query with the keys of the past and its own,
// their softmax, and that times the values.
func (g *stageGraph) attend(u *ir.Unit) *onnx.Value {
	if u.Args[1].Src.Static() {
		return g.cross(u)
	}
	depth, width := u.Args[0].Channels()/u.Heads, u.Channels/u.Heads
	op, reshape, heads, mask := g.graph.Op, g.graph.Reshape, u.Heads, g.masked(u).mask
	query := reshape(g.read(u, u.Args[0]), -1, heads, 1, depth)
	scores := op("MatMul", nil, query, g.kept(u.Args[1], mask)) // [images, heads, 1, length]
	if u.Self {
		key := reshape(g.read(u, u.Args[3]), -1, heads, depth, 1)
		scores = g.graph.Concat(3, op("MatMul", nil, query, key), scores)
	}
	weights := op("Softmax", onnx.Attrs{"axis": int64(-1)}, op("Add", nil, scores, g.mask(u)))
	if !u.Self {
		return reshape(op("MatMul", nil, weights, g.kept(u.Args[2], mask)), -1, u.Channels)
	}
	own := g.graph.Slice(weights, 3, onnx.List(0), onnx.List(1))
	weights = g.graph.Slice(weights, 3, onnx.List(1), onnx.List(math.MaxInt64))
	sum := op("MatMul", nil, weights, g.kept(u.Args[2], mask)) // [images, heads, 1, width]
	value := reshape(g.read(u, u.Args[4]), -1, heads, 1, width)
	return reshape(op("Add", nil, sum, op("Mul", nil, own, value)), -1, u.Channels)
}

// cross emits an attention whose keys and values are made of conditions: all pixels of an image
// look at the same ones.
func (g *stageGraph) cross(u *ir.Unit) *onnx.Value {
	mask := g.masked(u).mask
	op, heads, keys := g.graph.Op, u.Heads, g.kept(u.Args[1], mask)
	images := g.graph.Slice(op("Shape", nil, keys), 0, onnx.List(0), onnx.List(1))
	// Without the first dimension ONNX Runtime 1.24 makes the transposition a part of the product,
	// and dies where a one-file sampler has no pixels in a turn.
	size := g.graph.Concat(0, onnx.List(1, -1), images, onnx.List(heads, u.Args[0].Channels()/heads))
	query := g.graph.Transpose(op("Reshape", nil, g.read(u, u.Args[0]), size), 0, 2, 3, 1, 4)
	scores := op("Add", nil, op("MatMul", nil, query, keys), g.mask(u)) // [1, images, heads, pixels, places]
	if len(u.Args) > 3 {
		scores = op("Add", nil, scores, g.kept(u.Args[3], mask))
	}
	sum := op("MatMul", nil, op("Softmax", onnx.Attrs{"axis": int64(-1)}, scores), g.kept(u.Args[2], mask))
	return g.graph.Reshape(g.graph.Transpose(sum, 0, 3, 1, 2, 4), -1, u.Channels)
}

// dense emits a product with the position's own weights.
func (g *stageGraph) dense(u *ir.Unit) *onnx.Value {
	a := u.Args[0]
	m := program.Mask{Cache: g.past[a.Src.ID], Heads: 1, Weights: u.Channels, Values: u.Table.Floats()}
	seen, each := a.Access.(ir.Attended), u.Table.Shape[1]*u.Channels
	r := &reading{width: u.Dom.W()}
	for p := range u.Dom.H() * u.Dom.W() {
		reader, _ := seen.Place(p/u.Dom.W(), p%u.Dom.W())
		r.at = append(r.at, []int{reader * each})
	}
	name := fmt.Sprintf("weights_%d", len(g.program.Masks))
	weights := g.graph.Input(name, onnx.Float32, onnx.Free("length"), onnx.Fixed(a.Src.Channels), onnx.Fixed(u.Channels))
	g.inputs = append(g.inputs, program.Input{Form: program.Masked, Mask: len(g.program.Masks)})
	g.reads, g.masks = append(g.reads, nil), append(g.masks, r)
	g.program.Masks = append(g.program.Masks, m)
	rows := g.graph.Op("Flatten", onnx.Attrs{"axis": int64(1)}, g.kept(a, len(g.program.Masks)-1)) // [images, length·channels]
	return g.graph.Op("MatMul", nil, rows, g.graph.Reshape(weights, -1, u.Channels))
}

// kept is a graph input with what a cache has of the past, for what looks through a mask.
func (g *stageGraph) kept(a ir.Arg, mask int) *onnx.Value {
	c := g.past[a.Src.ID]
	cache := g.program.Caches[c]
	shape := []onnx.Dim{onnx.Free("rows"), onnx.Fixed(cache.Heads), onnx.Free("length"), onnx.Fixed(cache.Channels / cache.Heads)}
	if cache.Turned {
		shape[2], shape[3] = shape[3], shape[2]
	}
	v := g.graph.Input(fmt.Sprintf("past_%d", c), onnx.Float32, shape...)
	g.inputs = append(g.inputs, program.Input{Form: program.Past, Past: c, Mask: mask, Channels: cache.Channels})
	g.reads, g.masks = append(g.reads, nil), append(g.masks, nil)
	return v
}

// mask is a graph input with what is added to the scores.
func (g *stageGraph) mask(u *ir.Unit) *onnx.Value {
	r := g.masked(u)
	m := g.program.Masks[r.mask]
	name := fmt.Sprintf("mask_%d", r.mask)
	if v := g.byInput[name]; v != nil {
		return v
	}
	v := g.graph.Input(name, onnx.Float32, onnx.Fixed(m.Heads), onnx.Fixed(1), onnx.Free(name))
	g.inputs = append(g.inputs, program.Input{Form: program.Masked, Mask: r.mask})
	g.reads, g.masks = append(g.reads, nil), append(g.masks, &reading{r.at, u.Dom.W()})
	g.byInput[name] = v
	return v
}

// reading is where the rows of a mask begin for each position of the reader.
type reading struct {
	at    [][]int
	width int
}

func (r *reading) of(w schedule.Wave) []int { return r.at[w.Y*r.width+w.X] }

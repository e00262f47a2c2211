package frontend

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// scores are what a product of queries and keys has become on its way to the values:
//
//	by·query·key + plus, and, where soft is set, its softmax over the keys, times weight.
//
// Masks, scales and biases are in these, whichever way a file applies them.
type scores struct {
	query, key *view // channels by head, then as they are multiplied
	along      role  // column: pixels look at those of their row; row: of their column; batch: at all
	by, plus   plane
	soft, safe bool // safe: what is not a number becomes zero
	weight     plane
	hides      *hiding // what conditions add to the scores; nil for nothing
	isNaN      bool    // it asks of each weight whether it is not a number
}

// A plane has a number for each head, query and key. In a direction of size 1 all are the
// same.
type plane struct {
	size [3]int
	data []float64
}

// flat is the same everywhere.
func flat(x float64) plane { return plane{[3]int{1, 1, 1}, []float64{x}} }

func (p plane) at(head, query, key int) float64 {
	i := 0
	for d, k := range [3]int{head, query, key} {
		if p.size[d] > 1 {
			i = i*p.size[d] + k
		}
	}
	return p.data[i]
}

// with applies f to p and q, number by number.
func (r *reader) with(n *onnx.Node, p, q plane, f func(p, q float64) float64) plane {
	var out plane
	for d := range out.size {
		out.size[d] = max(p.size[d], q.size[d])
	}
	if out.size[0] > 4*maxScores/max(1, out.size[1]*out.size[2]) {
		fail(n, "its attention is over too many pixels")
	}
	out.data = make([]float64, 0, product(out.size[:]))
	for h := range out.size[0] {
		for i := range out.size[1] {
			for j := range out.size[2] {
				out.data = append(out.data, f(p.at(h, i, j), q.at(h, i, j)))
			}
		}
	}
	return out
}

// attention reads a product of two values: of queries and keys, or of weights and values.
func (r *reader) attention(n *onnx.Node) *view {
	if n.Op != "MatMul" {
		fail(n, "its right factor is not constant")
	}
	a, b := r.factors(n)
	switch {
	case a.scores != nil && b.scores == nil:
		return r.weigh(n, a, b, false)
	case b.scores != nil && a.scores == nil:
		return r.weigh(n, b, a, true)
	case a.scores != nil:
		fail(n, "it multiplies weights of attentions with each other")
	}
	rank := max(len(a.dims), len(b.dims))
	a, b = r.ranked(a, rank), r.ranked(b, rank)
	if rank < 3 {
		fail(n, "it is no product of each pixel's channels with those of others")
	}
	along, ok := a.span(rank - 2)
	if too, both := b.span(rank - 1); !ok || !both || too != along || !a.dims[rank-1].only(channel) || !b.dims[rank-2].only(channel) || a.w != b.w ||
		a.src.DType != onnx.Float32 || b.src.DType != onnx.Float32 {
		fail(n, "it is no product of each pixel's channels with those of others")
	}
	depth := a.dims[rank-1].size()
	dims := r.leading(n, a, b, along)
	heads := product(channelShape(dims))
	left, right := *a, *b
	left.chans = r.spread(n, a, append(channelShape(dims), 1, depth))
	right.chans = r.spread(n, b, append(channelShape(dims), depth, 1))
	if a.dims[rank-2].size()*b.dims[rank-1].size() > maxScores {
		fail(n, "its attention is over too many pixels")
	}
	query, key := &left, &right
	if a.src.Static() {
		query, key = key, query
		dims = append(dims, dim{{looked, a.dims[rank-2].size()}}, b.dims[rank-1])
	} else {
		dims = append(dims, a.dims[rank-2], dim{{looked, b.dims[rank-1].size()}})
	}
	return &view{
		dims: dims, h: query.h, w: query.w, chans: ir.Count(heads),
		scores: &scores{query: query, key: key, along: along, by: flat(1), plus: flat(0), weight: flat(1)},
	}
}

// maxScores bounds the numbers of a plane.
const maxScores = 1 << 24

// ranked is v with dimensions of size 1 before its own.
func (r *reader) ranked(v *view, rank int) *view {
	out := *v
	out.dims = append(make([]dim, rank-len(v.dims)), v.dims...)
	return &out
}

// leading are the dimensions of a product before those that are multiplied: images and
// heads, and, where pixels look along rows or columns only, those that they stay in.
func (r *reader) leading(n *onnx.Node, a, b *view, along role) []dim {
	var dims []dim
	for i := range len(a.dims) - 2 {
		d, e := a.dims[i], b.dims[i]
		for _, d := range []dim{d, e} {
			if along != batch && !d.has(along) && a.dims[i].like(b.dims[i]) {
				continue
			}
			if slices.ContainsFunc(d, func(a axis) bool { return a.role != batch && a.role != channel && a.size != 1 }) {
				fail(n, "it multiplies pixels with each other in a way that is no attention")
			}
		}
		if d.size() == 1 {
			d = e
		}
		dims = append(dims, d)
	}
	return dims
}

// spread is v's channels, repeated to a shape.
func (r *reader) spread(n *onnx.Node, v *view, shape []int) []int {
	t, err := onnx.Broadcast(onnx.NewTensor(convert[int64](v.chans), channelShape(v.dims)...), shape)
	check(n, err)
	return convert[int](t.Ints())
}

// sequence tells whether dimension d is all pixels of v, row by row.
func (v *view) sequence(d int) bool {
	n := 0
	last := batch
	for _, a := range v.dims[d] {
		if a.size == 1 {
			continue
		}
		if a.role <= last || a.role == channel {
			return false
		}
		n, last = n+1, a.role
	}
	return v.dims[d].has(place) || v.dims[d].size() == v.h*v.w
}

// span is what dimension d goes along: row or column, where it is one of those whole, or batch
// for all pixels.
func (v *view) span(d int) (along role, ok bool) {
	switch {
	case v.sequence(d):
		return batch, true
	case v.dims[d].only(column) && v.dims[d].size() == v.w:
		return column, true
	case v.dims[d].only(row) && v.dims[d].size() == v.h:
		return row, true
	}
	return batch, false
}

// widened is s, with planes over all of h rows of w pixels.
func (r *reader) widened(n *onnx.Node, s *scores, h, w int) *scores {
	if s.along == batch {
		return s
	}
	over := func(p plane, outside float64) plane {
		out := plane{[3]int{p.size[0], h * w, h * w}, nil}
		if out.size[0] > 4*maxScores/max(1, h*w*h*w) {
			fail(n, "its attention is over too many pixels")
		}
		for head := range p.size[0] {
			for i := range h * w {
				for j := range h * w {
					x := outside
					if s.along == column && i/w == j/w {
						x = p.at(head, i, j%w)
					} else if s.along == row && i%w == j%w {
						x = p.at(head, i, j/w)
					}
					out.data = append(out.data, x)
				}
			}
		}
		return out
	}
	out := *s
	out.by, out.plus, out.weight = over(s.by, 0), over(s.plus, math.Inf(-1)), over(s.weight, 1)
	return &out
}

// onScores are the operators that scores can go through.
var onScores = map[string]func(*reader, *onnx.Node) *view{
	"MatMul": (*reader).attention, "Softmax": (*reader).soften, "IsNaN": (*reader).askNaN, "Where": (*reader).choose,
	"Add": (*reader).affine, "Sub": (*reader).affine, "Mul": (*reader).affine, "Div": (*reader).affine, "Max": (*reader).affine,
	"Transpose": (*reader).rearrange, "Reshape": (*reader).rearrange, "Squeeze": (*reader).rearrange, "Unsqueeze": (*reader).rearrange,
	"Flatten": (*reader).rearrange, "Identity": (*reader).keep, "Dropout": (*reader).dropout, "Cast": (*reader).keep,
}

// scored is the scores that a node takes, and which of its inputs they are.
func (r *reader) scored(n *onnx.Node) (v *view, at int) {
	for i, in := range n.Inputs {
		if w := r.views[in]; w != nil && w.scores != nil {
			return w, i
		}
	}
	return nil, -1
}

// keep reads what leaves scores as they are.
func (r *reader) keep(n *onnx.Node) *view {
	if n.Outputs[0].DType != onnx.Float32 {
		fail(n, "it makes other numbers of an attention's scores")
	}
	return r.scores(n, 0)
}

// scores is input i, which must be scores, to be changed.
func (r *reader) scores(n *onnx.Node, i int) *view {
	if v := r.input(n, i); v.scores != nil {
		return v.changed()
	}
	fail(n, "its input %d is no attention's scores", i)
	return nil
}

// changed is v with scores of its own, to be changed.
func (v *view) changed() *view {
	out, s := *v, *v.scores
	out.scores = &s
	return &out
}

// plane is input i of a node as numbers for v's scores; their dimensions broadcast.
func (r *reader) plane(n *onnx.Node, i int, v *view) plane {
	t := r.fixed(n, i)
	if t == nil || len(t.Shape) > len(v.dims) {
		fail(n, "its input %d is no constant for an attention's scores", i)
	}
	shape := append(slices.Repeat([]int{1}, len(v.dims)-len(t.Shape)), t.Shape...)
	var out plane
	group := make([]int, len(v.dims)) // of each dimension: heads, queries, keys
	full := slices.Clone(shape)
	for g := range out.size {
		out.size[g] = 1
		var of []int
		for d, axes := range v.dims {
			is := -1
			for _, a := range axes {
				if a.size == 1 {
					continue
				}
				now := map[role]int{batch: 0, channel: 0, row: 1, column: 1, place: 1, looked: 2}[a.role]
				if is >= 0 && is != now {
					fail(n, "it mixes the pixels of an attention with its heads")
				}
				is = now
			}
			if group[d] = max(is, 0); is == g && shape[d] > 1 {
				of = append(of, d)
			}
		}
		if len(of) > 0 {
			for d := range v.dims {
				if group[d] == g {
					full[d] = v.dims[d].size()
					out.size[g] *= full[d]
				}
			}
		}
	}
	if out.size[0] > 1 && out.size[0] != len(v.chans) {
		fail(n, "its input %d differs from image to image", i)
	}
	t, err := onnx.Broadcast(t, full)
	check(n, err)
	order := ir.Count(len(full))
	rank := func(d int) int {
		if group[d] == 1 && !v.dims[d].has(row) {
			return 2*group[d] + 1 // pixels are counted row by row
		}
		return 2 * group[d]
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	out.data = onnx.Reals(onnx.Transpose(t, order))
	if out.size[0] > 1 {
		sorted, each := make([]float64, len(out.data)), len(out.data)/len(v.chans)
		for k, head := range v.chans {
			copy(sorted[head*each:(head+1)*each], out.data[k*each:])
		}
		out.data = sorted
	}
	return out
}

// affine reads arithmetic with constants.
func (r *reader) affine(n *onnx.Node) *view {
	v, at := r.scored(n)
	v = v.changed()
	if n.Op == "Add" && len(n.Inputs) == 2 && r.conditions[n.Inputs[1-at]] && !v.scores.isNaN {
		r.hide(n, n.Inputs[1-at], v)
		return v
	}
	c, s := r.plane(n, 1-at, v), v.scores
	if s.hides != nil && !s.soft && n.Op != "Add" && n.Op != "Sub" {
		fail(n, "it changes an attention's scores after a condition's mask")
	}
	times := func(p, q float64) float64 {
		if p == 0 {
			return 0 // masked: an infinite summand is no reason for it to be no number
		}
		return p * q
	}
	over := func(p, q float64) float64 { return p / q }
	switch {
	case s.isNaN || len(n.Inputs) != 2:
		fail(n, "it is not known of an attention's scores")
	case n.Op == "Mul" && s.soft:
		s.weight = r.with(n, s.weight, c, times)
	case n.Op == "Div" && s.soft && at == 0:
		s.weight = r.with(n, s.weight, c, over)
	case s.soft:
		fail(n, "it changes an attention's weights")
	case n.Op == "Mul":
		s.by, s.plus = r.with(n, s.by, c, times), r.with(n, s.plus, c, times)
	case n.Op == "Div" && at == 0:
		s.by, s.plus = r.with(n, s.by, c, over), r.with(n, s.plus, c, over)
	case n.Op == "Add":
		s.plus = r.with(n, s.plus, c, func(p, q float64) float64 { return p + q })
	case n.Op == "Sub" && at == 0:
		s.plus = r.with(n, s.plus, c, func(p, q float64) float64 { return p - q })
	case n.Op == "Max" && slices.Max(c.data) <= -1e4: // so that not all of a row is −∞
		s.plus = r.with(n, s.plus, c, math.Max)
	default:
		fail(n, "it is not known of an attention's scores")
	}
	return v
}

// choose reads a Where that puts numbers in the place of scores, or zeros in that of
// weights that are not numbers.
func (r *reader) choose(n *onnx.Node) *view {
	if asked := r.views[n.Inputs[0]]; asked != nil {
		v, zero := r.scores(n, 2), r.fixed(n, 1)
		if !asked.scoresAsk() || zero == nil || zero.Len() != 1 || onnx.Reals(zero)[0] != 0 {
			fail(n, "it chooses between an attention's scores by something else than a mask")
		}
		v.scores.safe = true
		return v
	}
	v, at := r.scored(n)
	v = v.changed()
	if at == 0 || r.views[n.Inputs[3-at]] != nil {
		fail(n, "it chooses between scores")
	}
	if mask := n.Inputs[0]; r.conditions[mask] {
		// What is low enough may as well be added.
		low := r.fixed(n, 3-at)
		if low == nil || low.Len() != 1 || low.Floats() == nil || low.Floats()[0] > -1e4 {
			fail(n, "it puts something in the place of scores by %q, which depends on a condition", mask.Name)
		}
		branches := []*onnx.Value{mask, onnx.Const("", onnx.Scalar(float32(0))), onnx.Const("", onnx.Scalar(float32(0)))}
		branches[3-at] = onnx.Const("", onnx.Scalar(low.Floats()[0]))
		added := r.graph.Op("Where", nil, branches...)
		added.DType, added.Shape = onnx.Float32, mask.Shape
		r.hide(n, added, v)
		return v
	}
	mask, c, s := r.plane(n, 0, v), r.plane(n, 3-at, v), v.scores
	keeps := func(m float64) bool { return (m != 0) == (at == 1) }
	if s.soft && slices.ContainsFunc(c.data, func(x float64) bool { return x != 0 }) {
		fail(n, "it changes an attention's weights")
	}
	only := func(p, m float64) float64 {
		if keeps(m) {
			return p
		}
		return 0
	}
	if s.soft {
		s.weight = r.with(n, s.weight, mask, only)
		return v
	}
	s.by = r.with(n, s.by, mask, only)
	instead := r.with(n, mask, c, func(m, c float64) float64 {
		if keeps(m) {
			return math.NaN()
		}
		return c
	})
	s.plus = r.with(n, s.plus, instead, func(p, c float64) float64 {
		if math.IsNaN(c) {
			return p
		}
		return c
	})
	return v
}

// scoresAsk tells whether v is the answer of [reader.askNaN].
func (v *view) scoresAsk() bool { return v.scores != nil && v.scores.isNaN }

// askNaN reads IsNaN of weights, which a Where takes.
func (r *reader) askNaN(n *onnx.Node) *view {
	v := r.scores(n, 0)
	v.scores.isNaN = true
	return v
}

// soften reads the softmax over the keys.
func (r *reader) soften(n *onnx.Node) *view {
	v := r.scores(n, 0)
	axis, err := onnx.Axis(n.Attrs.Int("axis", -1), len(v.dims))
	check(n, err)
	if s := v.scores; s.soft || s.isNaN || !v.dims[axis].only(looked) || r.opset < 13 && axis != len(v.dims)-1 {
		fail(n, "it is no softmax of an attention's scores over what is looked at")
	}
	v.scores.soft = true
	return v
}

// weigh reads the product of weights and values: an attention is complete. Where turned is
// set the values stand left, and channels before pixels.
func (r *reader) weigh(n *onnx.Node, w, v *view, turned bool) *view {
	rank := max(len(w.dims), len(v.dims))
	w, v = r.ranked(w, rank), r.ranked(v, rank)
	queries, keys, places, deep := rank-2, rank-1, rank-2, rank-1
	if turned {
		queries, keys, places, deep = rank-1, rank-2, rank-1, rank-2
	}
	s := w.scores
	from, ok := w.span(queries)
	if of, both := v.span(places); !s.soft || s.isNaN || !ok || !both || from != s.along || of != s.along || !w.dims[keys].only(looked) || !v.dims[deep].only(channel) ||
		v.dims[places].size() != w.dims[keys].size() || v.w != w.w || v.src.DType != onnx.Float32 || v.src.Static() != s.key.src.Static() {
		fail(n, "it is no product of an attention's weights with values")
	}
	dims := r.leading(n, w, v, s.along)
	heads := len(w.chans)
	if product(channelShape(dims)) != heads {
		fail(n, "its values are of more heads than its weights")
	}
	value := *v
	each := v.dims[deep].size()
	shape := append(channelShape(dims), 1, 1)
	shape[deep] = each
	value.chans = r.spread(n, v, shape)
	// The heads' order may have been changed on the way.
	query, key := *s.query, *s.key
	depth := len(query.chans) / heads
	query.chans, key.chans = nil, nil
	for _, h := range w.chans {
		query.chans = append(query.chans, s.query.chans[h*depth:(h+1)*depth]...)
		key.chans = append(key.chans, s.key.chans[h*depth:(h+1)*depth]...)
	}
	all, looks := w.dims[queries].size(), w.dims[keys].size()
	if s.along != batch {
		all, looks = w.h*w.w, w.h*w.w
	}
	m := masked(r.widened(n, s, w.h, w.w), w.chans, all, looks)
	two := make([]dim, 2)
	two[queries-rank+2], two[deep-rank+2] = w.dims[queries], dim{{channel, each}}
	return r.attend(n, s, &query, &key, &value, m, append(dims, two...))
}

// attend makes the unit of an attention.
func (r *reader) attend(n *onnx.Node, s *scores, query, key, value *view, m *maskedScores, dims []dim) *view {
	if m.scale != 1 {
		u := query.apply(n.String(), "Mul", onnx.Float32, nil)
		u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: onnx.Scalar(float32(m.scale))})
		query = query.shown(u, query.dims)
	}
	key, value = r.kept(n, key), r.kept(n, value)
	reads := func(v *view, mask *ir.Mask) ir.Arg {
		a := v.arg()
		at, _ := v.access.(ir.Shift)
		a.Access = ir.Attend(r.mask(mask)).Moved(ir.Shift{}, at)
		return a
	}
	heads := len(m.heads)
	var hides *view
	if s.hides != nil {
		hides, value = r.unpadded(n, s, m.heads, value)
	}
	u := &ir.Unit{
		Kind: ir.Attention, Node: n.String(), Op: n.Op, Channels: value.src.Channels, DType: onnx.Float32,
		Args:  []ir.Arg{query.arg(), reads(key, m.keys(query.w)), reads(value, m.values(query.w))},
		Heads: heads, Self: m.self, Summand: m.bias(), Refused: m.refused(n),
	}
	if m.self {
		u.Args = append(u.Args, key.arg(), value.arg())
	}
	if hides != nil {
		u.Args = append(u.Args, reads(hides, m.keys(query.w)))
	}
	places := int64(m.places)
	r.layers = append(r.layers, ir.Layer{
		Node: n.String(), Op: "Attention", In: key.src.Channels, Out: u.Channels, Taps: m.places, Live: m.most(),
		MACs: int64(m.readers) * places * int64(key.src.Channels+u.Channels),
	})
	base := &view{access: ir.Here, h: query.h, w: query.w}
	out := base.shown(u, dims)
	if f := m.factors(query.h * query.w); f != nil {
		u := out.apply(n.String(), "Mul", onnx.Float32, nil)
		factor := &ir.Unit{Kind: ir.Static, Pixels: true, Node: n.String(), Channels: 1, DType: onnx.Float32}
		factor.Value = onnx.Const("", onnx.NewTensor(f, 1, query.h, query.w))
		u.Operands = append(u.Operands, ir.Operand{Arg: 1})
		u.Args = append(u.Args, base.shown(factor, dims).arg())
		out = out.shown(u, dims)
	}
	return out
}

// solid is v as a unit of its own, each position at its place.
func (v *view) solid(n *onnx.Node) *view {
	return v.shown(v.apply(n.String(), "Identity", v.src.DType, nil), v.dims)
}

// mask is m, or the one like it that was there before.
func (r *reader) mask(m *ir.Mask) *ir.Mask {
	for _, o := range r.masks {
		if o.W == m.W && slices.EqualFunc(o.Sees, m.Sees, slices.Equal[[]ir.Span]) {
			return o
		}
	}
	r.masks = append(r.masks, m)
	return m
}

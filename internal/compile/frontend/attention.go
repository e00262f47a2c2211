package frontend

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

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
	last := batch
	for _, a := range v.dims[d] {
		if a.size == 1 {
			continue
		}
		if a.role <= last || a.role != row && a.role != column && a.role != place {
			return false
		}
		last = a.role
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
		factor := r.overPixels(n, onnx.Const("", onnx.NewTensor(f, 1, query.h, query.w)), base, nil)
		u.Args, u.Operands = append(u.Args, factor.arg()), append(u.Operands, ir.Operand{Arg: 1})
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

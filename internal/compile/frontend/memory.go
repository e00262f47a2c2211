package frontend

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// In cross-attention, queries of pixels look at a sequence that is made of conditions alone: a
// map that is laid end to end, or the tokens of a text. Such a sequence stands in rows and
// columns here, as wide as those of the queries, though the last row may not be full, and is
// read as pixels are that attention looks at.

// factors are the inputs of a product of two values, of which one may be made of conditions.
func (r *reader) factors(n *onnx.Node) (a, b *view) {
	a, b = r.views[n.Inputs[0]], r.views[n.Inputs[1]]
	switch {
	case a == nil:
		back := 2 // the places of keys stand left of queries, those of values right of weights
		if b.scores != nil {
			back = 1
		}
		a = r.memory(n, n.Inputs[0], b, back)
	case b == nil:
		back := 1
		if a.scores != nil {
			back = 2
		}
		b = r.memory(n, n.Inputs[1], a, back)
	}
	return a, b
}

// memory shows a value that depends on conditions alone, whose places are the dimension so far
// back, to queries.
func (r *reader) memory(n *onnx.Node, in *onnx.Value, queries *view, back int) *view {
	if in.DType != onnx.Float32 || len(in.Shape) < 2 {
		fail(n, "%q, which depends on a condition, is no float32 matrix of known size", in.Name)
	}
	shape := onnx.Sizes(in.Shape)
	at := len(shape) - back
	base := &view{access: ir.Here, w: queries.w}
	var perm []int
	dims := make([]dim, len(shape))
	for d, size := range shape {
		if dims[d] = (dim{{channel, size}}); d == at {
			dims[d] = dim{{place, size}}
			base.h = (size + queries.w - 1) / queries.w
		} else {
			perm = append(perm, d)
		}
	}
	v := r.graph.Transpose(in, append(perm, at)...)
	return r.overPlaces(n, v, shape[at], base, dims)
}

// overPlaces is a unit of a value of conditions, [channels…, so many places].
func (r *reader) overPlaces(n *onnx.Node, v *onnx.Value, places int, base *view, dims []dim) *view {
	channels := product(channelShape(dims))
	v = r.graph.Reshape(v, channels, places)
	if rest := base.h*base.w - places; rest > 0 {
		zeros := onnx.Const("", onnx.NewTensor(make([]float32, channels*rest), channels, rest))
		v = r.graph.Concat(1, v, zeros)
	}
	out := r.overPixels(n, r.graph.Reshape(v, channels, base.h, base.w), base, dims)
	out.src.Images = true
	return out
}

// kept is v as a unit of its own, of all of whose channels there are heads.
func (r *reader) kept(n *onnx.Node, v *view) *view {
	if !v.src.Static() {
		return v.solid(n)
	}
	out, u := *v, *v.src
	u.Value = r.graph.Op("Gather", onnx.Attrs{"axis": int64(0)}, u.Value, onnx.List(v.chans...))
	u.Channels = len(v.chans)
	out.src, out.chans = &u, ir.Count(u.Channels)
	return &out
}

// A hiding is what conditions add to scores, a padding mask say: the same for all queries.
type hiding struct {
	heads int         // 1 or all
	value *onnx.Value // [heads, places]
}

// hide adds input i of a node, which depends on conditions alone, to v's scores.
func (r *reader) hide(n *onnx.Node, in *onnx.Value, v *view) {
	shape, name := onnx.Sizes(in.Shape), in.Name
	if v.scores.soft || !v.scores.key.src.Static() || in.DType != onnx.Float32 || len(shape) == 0 || len(shape) > len(v.dims) {
		fail(n, "what it makes of %q, which depends on a condition, is no mask of what is looked at", in.Name)
	}
	lead := len(v.dims) - len(shape)
	full, heads, places, last := []int{}, 1, 1, 0
	var perm []int
	for d, size := range shape {
		switch of := v.dims[lead+d]; {
		case of.has(looked):
			full, places, last = append(full, of.size()), of.size(), d
			continue
		case of.only(batch) || of.only(channel):
			full, heads = append(full, size), heads*size
		case size == 1 || onnx.Same(in, d):
			in = r.graph.Op("Gather", onnx.Attrs{"axis": int64(d)}, in, onnx.List(0))
			full = append(full, 1)
		default:
			fail(n, "%q, which depends on a condition, differs from pixel to pixel", name)
		}
		perm = append(perm, d)
	}
	if heads > 1 && heads != len(v.chans) || !v.dims[lead+last].has(looked) {
		fail(n, "%q, which depends on a condition, is no mask of what is looked at", name)
	}
	in = r.graph.Op("Expand", nil, in, onnx.List(full...))
	in = r.graph.Transpose(in, append(perm, last)...)
	h := &hiding{heads, r.graph.Reshape(in, heads, places)}
	if heads > 1 {
		order := make([]int, heads)
		for k, head := range v.chans {
			order[head] = k
		}
		h.value = r.graph.Op("Gather", onnx.Attrs{"axis": int64(0)}, h.value, onnx.List(order...))
	}
	if old := v.scores.hides; old != nil {
		h = &hiding{max(heads, old.heads), r.graph.Op("Add", nil, old.value, h.value)}
	}
	v.scores.hides = h
}

// unpadded gives an attention of keys and values of conditions what hides some of them: a view
// for the summand, and values that are zero where all is hidden and that is safe.
func (r *reader) unpadded(n *onnx.Node, s *scores, heads []int, value *view) (hides, values *view) {
	h, v := *s.hides, *value
	if h.heads > 1 {
		h.value = r.graph.Op("Gather", onnx.Attrs{"axis": int64(0)}, h.value, onnx.List(heads...))
	}
	places := v.dims[slices.IndexFunc(v.dims, func(d dim) bool { return d.has(place) })].size()
	if s.safe {
		const low = math.MaxFloat32 / -2
		h.value = r.graph.Op("Max", nil, h.value, onnx.Const("", onnx.Scalar(float32(low))))
		some := r.graph.Cast(r.graph.Op("Greater", nil, h.value, onnx.Const("", onnx.Scalar(float32(low)))), onnx.Float32)
		some = r.graph.Op("MatMul", nil, some, onnx.Const("", onnx.NewTensor(slices.Repeat([]float32{1}, places), places, 1))) // how many
		some = r.graph.Op("Min", nil, some, onnx.Const("", onnx.Scalar(float32(1))))
		u := *v.src
		all := r.graph.Reshape(u.Value, len(heads), -1)
		u.Value = r.graph.Reshape(r.graph.Op("Mul", nil, all, some), u.Channels, v.h, v.w)
		v.src = &u
	}
	base := &view{access: ir.Here, h: v.h, w: v.w}
	return r.overPlaces(n, h.value, places, base, []dim{{{channel, h.heads}}, {{place, places}}}), &v
}

package frontend

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// pad reads a Pad of zeros over rows and columns.
func (r *reader) pad(n *onnx.Node) *view {
	v := r.input(n, 0)
	if mode := n.Attrs.String("mode", "constant"); mode != "constant" {
		fail(n, "it pads by mode %q", mode)
	}
	begin, end, value, err := onnx.Pads(n, len(v.dims))
	check(n, err)
	if n.Attrs.Float("value", 0) != 0 || value != nil && (value.Const == nil || !zero(value.Const)) {
		fail(n, "it pads with something other than zero")
	}
	return r.moved(n, v, func(d int) onnx.Range {
		return onnx.Range{Start: -begin[d], Step: 1, Len: v.dims[d].size() + begin[d] + end[d]}
	})
}

func (r *reader) dropout(n *onnx.Node) *view {
	if len(n.Inputs) > 2 && n.Inputs[2] != nil {
		fail(n, "it is in training mode")
	}
	return r.input(n, 0)
}

// rearrange reads what only changes the dimensions.
func (r *reader) rearrange(n *onnx.Node) *view {
	v := r.input(n, 0)
	if n.Op == "Transpose" {
		perm, err := onnx.Permutation(n, len(v.dims))
		check(n, err)
		return v.transposed(perm)
	}
	return r.reshape(n, v, onnx.Sizes(n.Outputs[0].Shape))
}

// moved crops, pads or thins out the spatial dimensions: from tells which elements of
// dimension d it takes. No other dimension may change.
func (r *reader) moved(n *onnx.Node, v *view, from func(d int) onnx.Range) *view {
	y, x, h, w := ir.Every(1, 0), ir.Every(1, 0), v.h, v.w
	for d := range v.dims {
		s := from(d)
		if s.Step == 1 && (s.Start != 0 || s.Len != v.dims[d].size()) && v.line(d) {
			return r.moved(n, v.along(n, d, s.Start, s.Len), func(e int) onnx.Range {
				if e == d {
					return onnx.Range{Len: s.Len, Step: 1}
				}
				return from(e)
			})
		}
		switch {
		case s.Start == 0 && s.Step == 1 && s.Len == v.dims[d].size():
		case s.Step < 1:
			fail(n, "it turns pixels round")
		case len(v.dims[d]) == 1 && v.dims[d][0].role == row:
			y, h = ir.Every(s.Step, s.Start), s.Len
		case len(v.dims[d]) == 1 && v.dims[d][0].role == column:
			x, w = ir.Every(s.Step, s.Start), s.Len
		default:
			fail(n, "it changes dimension %d, which is neither height nor width alone", d)
		}
	}
	if h < 1 || w < 1 {
		fail(n, "it leaves nothing")
	}
	return r.take(n, v, y, x, h, w)
}

func zero(t *onnx.Tensor) bool {
	return !slices.ContainsFunc(onnx.Reals(t), func(x float64) bool { return x != 0 })
}

func (r *reader) slice(n *onnx.Node) *view {
	v := r.input(n, 0)
	ranges, err := onnx.Slices(n, onnx.Sizes(n.Inputs[0].Shape))
	check(n, err)
	for d, s := range ranges {
		if s.Start == 0 && s.Step == 1 && s.Len == v.dims[d].size() || !v.dims[d].only(channel) {
			continue
		}
		index := make([]int, s.Len)
		for i := range index {
			index[i] = s.Start + i*s.Step
		}
		v = v.picked(d, index)
		ranges[d] = onnx.Range{Start: 0, Len: s.Len, Step: 1}
	}
	return r.moved(n, v, func(d int) onnx.Range { return ranges[d] })
}

func (r *reader) split(n *onnx.Node) *view {
	v := r.input(n, 0)
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), len(v.dims))
	check(n, err)
	sizes, err := onnx.SplitSizes(n, v.dims[axis].size())
	check(n, err)
	if !v.dims[axis].only(channel) {
		fail(n, "it splits pixels")
	}
	all := ir.Count(v.dims[axis].size())
	for i, out := range n.Outputs {
		if out != nil {
			r.views[out] = v.picked(axis, all[:sizes[i]])
		}
		all = all[sizes[i]:]
	}
	return r.views[n.Outputs[0]]
}

// gather reads Gather on a value's channels, and Gather of a constant's rows by a
// value: an embedding.
func (r *reader) gather(n *onnx.Node) *view {
	if n.Inputs[0].Const != nil {
		v, t := r.input(n, 1), r.floats(n, 0)
		if n.Attrs.Int("axis", 0) != 0 || len(t.Shape) != 2 || len(v.chans) != 1 {
			fail(n, "it is no table of vectors, looked up by one channel")
		}
		return r.lookup(n, v, t, len(v.dims))
	}
	v := r.input(n, 0)
	index := r.fixed(n, 1)
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), len(v.dims))
	if err != nil || index == nil || index.Ints() == nil || !v.dims[axis].only(channel) {
		fail(n, "it does not pick channels")
	}
	var at []int
	for _, i := range index.Ints() {
		k, err := onnx.Axis(i, v.dims[axis].size())
		check(n, err)
		at = append(at, k)
	}
	return r.reshape(n, v.picked(axis, at), onnx.Sizes(n.Outputs[0].Shape))
}

// lookup makes a unit of the rows of t, [entries, channels], that v numbers. The
// channels become the dimension at.
func (r *reader) lookup(n *onnx.Node, v *view, t *onnx.Tensor, at int) *view {
	u := &ir.Unit{
		Kind: ir.Lookup, Node: n.String(), Op: n.Op, Channels: t.Shape[1], DType: onnx.Float32, Table: t,
		Args: []ir.Arg{v.arg()},
	}
	dims := slices.Insert(slices.Clone(v.dims), at, dim{{channel, u.Channels}})
	for i, d := range dims {
		if i != at { // the old single channel would stand in the order otherwise
			dims[i] = slices.DeleteFunc(slices.Clone(d), func(a axis) bool { return a.role == channel })
		}
	}
	return v.shown(u, dims)
}

func (r *reader) oneHot(n *onnx.Node) *view {
	v := r.input(n, 0)
	values := r.fixed(n, 2)
	axis, err := onnx.Axis(n.Attrs.Int("axis", -1), len(v.dims)+1)
	if err != nil || len(v.chans) != 1 || values == nil || values.Len() != 2 {
		fail(n, "it does not encode one channel by two values")
	}
	depth := n.Outputs[0].Shape[axis].Size
	pair := onnx.Reals(values)
	t := slices.Repeat([]float32{float32(pair[0])}, depth*depth)
	for i := range depth {
		t[i*depth+i] = float32(pair[1])
	}
	out := r.lookup(n, v, onnx.NewTensor(t, depth, depth), axis)
	if d := n.Outputs[0].DType; d != onnx.Float32 {
		out = out.shown(out.apply(n.String(), "Cast", d, onnx.Attrs{"to": int64(d)}), out.dims)
	}
	return out
}

// concat reads a Concat of channels, and one of rows or columns with constant
// zeros, which is a Pad.
func (r *reader) concat(n *onnx.Node) *view {
	var first *view
	at := 0
	for i, v := range n.Inputs {
		if r.views[v] != nil && first == nil {
			first, at = r.views[v], i
		}
	}
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), len(first.dims))
	check(n, err)
	if first.line(axis) {
		return r.chain(n, first, axis)
	}
	if !first.dims[axis].only(channel) {
		return r.concatZeros(n, first, at, axis)
	}
	u := &ir.Unit{Kind: ir.Concat, Node: n.String(), Op: n.Op, DType: first.src.DType}
	dims := slices.Clone(first.dims)
	size := onnx.Sizes(n.Outputs[0].Shape)[axis]
	dims[axis] = dim{{channel, size}}
	for _, in := range n.Inputs {
		if v := r.views[in]; v != nil && (v.h != first.h || !v.joins(first, axis)) {
			fail(n, "it joins pixels that are laid out differently")
		}
		part := slices.Clone(dims)
		part[axis] = dim{{channel, in.Shape[axis].Size}}
		v := r.like(n, in, first, part)
		if len(v.chans) != part[axis].size() || v.src.DType != onnx.Float32 {
			fail(n, "it joins more than one dimension of channels")
		}
		u.Args = append(u.Args, v.arg())
		u.Channels += len(v.chans)
	}
	return first.shown(u, dims)
}

func (r *reader) concatZeros(n *onnx.Node, v *view, at, axis int) *view {
	before := 0
	for i, in := range n.Inputs {
		if i == at {
			continue
		}
		if in.Const == nil || !zero(in.Const) {
			fail(n, "it joins pixels")
		}
		if i < at {
			before += in.Const.Shape[axis]
		}
	}
	return r.moved(n, v, func(d int) onnx.Range {
		if d == axis {
			return onnx.Range{Start: -before, Step: 1, Len: n.Outputs[0].Shape[axis].Size}
		}
		return onnx.Range{Step: 1, Len: v.dims[d].size()}
	})
}

// expand reads an Expand that repeats channels, or nothing.
func (r *reader) expand(n *onnx.Node) *view {
	v := r.input(n, 0)
	shape := onnx.Sizes(n.Outputs[0].Shape)
	v = r.ranked(v, len(shape))
	for d, size := range shape {
		if size == v.dims[d].size() {
			continue
		}
		if !v.dims[d].repeats() {
			fail(n, "it repeats pixels")
		}
		v = v.picked(d, make([]int, size))
	}
	return v
}

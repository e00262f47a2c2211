package frontend

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Transformers lay the pixels end to end, and move along that: symbols are shifted by a
// start token, and the last one is cut off. Such a tensor stays in rows and columns here:
// its place i is the pixel at row i / w, column i % w, though the last row may not be full.

// line is the dimension of so many places, and the rows that they take.
func line(places, w int) (d dim, h int) {
	h = (places + w - 1) / w
	if h*w == places {
		return dim{{row, h}, {column, w}}, h
	}
	return dim{{place, places}}, h
}

// along is v with dimension d, its pixels, cut to size places from start on; a negative
// start or a size beyond the end pads with zeros.
func (v *view) along(n *onnx.Node, d, start, size int) *view {
	if size < 1 {
		fail(n, "it leaves nothing")
	}
	places := v.dims[d].size()
	to := *v
	to.dims = slices.Clone(v.dims)
	to.dims[d], to.h = line(size, v.w)
	if start == 0 && size <= places {
		return &to
	}
	if t := v.src.DType; t != onnx.Float32 { // caches hold float32
		moved := v.shown(v.apply(n.String(), "Cast", onnx.Float32, onnx.Attrs{"to": int64(onnx.Float32)}), v.dims).along(n, d, start, size)
		return moved.shown(moved.apply(n.String(), "Cast", t, onnx.Attrs{"to": int64(t)}), moved.dims)
	}
	f := ir.Flat{W: v.w, By: start, Lo: 0, Hi: places}
	switch a := v.access.(type) {
	case ir.Shift:
		to.access = f.Moved(ir.Shift{}, a)
	case ir.Flat:
		both, ok := a.Then(f)
		if !ok {
			return v.solid(n).along(n, d, start, size)
		}
		to.access = both
	default:
		return v.solid(n).along(n, d, start, size)
	}
	return &to
}

// chain reads a Concat of pixels that lie end to end: of values, of constants, and of what
// is the same for all pixels of an image. first is the first that depends on the picture.
func (r *reader) chain(n *onnx.Node, first *view, axis int) *view {
	total := onnx.Sizes(n.Outputs[0].Shape)[axis]
	dims := slices.Clone(first.dims)
	var out view
	dims[axis], out.h = line(total, first.w)
	out.w, out.access = first.w, ir.Here
	var parts []*view
	rest := make([]float32, product(onnx.Sizes(n.Outputs[0].Shape))) // what is constant
	begin := 0
	for _, in := range n.Inputs {
		size := onnx.Sizes(in.Shape)[axis]
		switch v := r.views[in]; {
		case v != nil:
			if !v.joins(first, axis) || size > 1 && !v.sequence(axis) {
				fail(n, "it joins pixels that are laid out differently")
			}
			moved := v.along(n, axis, -begin, total)
			parts = append(parts, moved)
		case in.Const != nil:
			fillAlong(rest, in.Const, onnx.Sizes(n.Outputs[0].Shape), axis, begin)
		case size > 1:
			parts = append(parts, r.several(n, in, &out, dims, axis, begin))
		default:
			parts = append(parts, r.once(n, in, &out, dims, begin))
		}
		begin += size
	}
	if slices.ContainsFunc(rest, func(x float32) bool { return x != 0 }) {
		parts = append(parts, r.perPosition(n, onnx.NewTensor(rest, onnx.Sizes(n.Outputs[0].Shape)...), &out, dims))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	t := first.src.DType
	u := &ir.Unit{Kind: ir.Apply, Node: n.String(), Op: "Add", Channels: len(first.chans), DType: onnx.Float32}
	if len(parts) > 2 {
		u.Op = "Sum"
	}
	for i, p := range parts {
		if p.src.DType != onnx.Float32 {
			p = p.shown(p.apply(n.String(), "Cast", onnx.Float32, onnx.Attrs{"to": int64(onnx.Float32)}), p.dims)
		}
		u.Args, u.Operands = append(u.Args, p.arg()), append(u.Operands, ir.Operand{Arg: i})
	}
	sum := out.shown(u, dims)
	if t != onnx.Float32 {
		sum = sum.shown(sum.apply(n.String(), "Cast", t, onnx.Attrs{"to": int64(t)}), dims)
	}
	return sum
}

// fillAlong puts t, a part along an axis, where it begins.
func fillAlong(to []float32, t *onnx.Tensor, shape []int, axis, begin int) {
	inner := product(shape[axis+1:])
	part := t.Shape[axis] * inner
	for k, x := range onnx.Reals(t) {
		to[k/part*shape[axis]*inner+begin*inner+k%part] = float32(x)
	}
}

// several is what depends on conditions only, at as many places of out as it has along an axis;
// elsewhere it is zero.
func (r *reader) several(n *onnx.Node, in *onnx.Value, out *view, dims []dim, axis, begin int) *view {
	shape := onnx.Sizes(in.Shape)
	if in.DType != onnx.Float32 || len(shape) != len(dims) || product(shape) != product(channelShape(dims))*shape[axis] {
		fail(n, "%q, which depends on a condition, is laid out differently than the pixels that it is joined to", in.Name)
	}
	perm := slices.Delete(ir.Count(len(shape)), axis, axis+1)
	v := r.graph.Transpose(in, append(perm, axis)...)
	channels := product(channelShape(dims))
	v = r.graph.Reshape(v, channels, shape[axis])
	if begin > 0 {
		zeros := onnx.Const("", onnx.NewTensor(make([]float32, channels*begin), channels, begin))
		v = r.graph.Concat(1, zeros, v)
	}
	return r.overPlaces(n, v, begin+shape[axis], out, dims)
}

// once is what depends on conditions only, at one place of out; elsewhere it is zero.
func (r *reader) once(n *onnx.Node, in *onnx.Value, out *view, dims []dim, place int) *view {
	v := r.like(n, in, out, dims)
	at := make([]float32, out.h*out.w)
	at[place] = 1
	here := r.overPixels(n, onnx.Const("", onnx.NewTensor(at, 1, out.h, out.w)), out, nil)
	u := v.apply(n.String(), "Mul", onnx.Float32, nil)
	u.Args, u.Operands = append(u.Args, here.arg()), append(u.Operands, ir.Operand{Arg: 1})
	return out.shown(u, dims)
}

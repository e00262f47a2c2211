package frontend

import (
	"slices"
	"strings"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// local lists the operators that work on each element by itself, whose operands
// broadcast.
var local = strings.Fields(`Relu LeakyRelu Elu Selu Celu Gelu Tanh Sigmoid HardSigmoid HardSwish Softplus Softsign Mish
	ThresholdedRelu Exp Log Sqrt Neg Abs Erf Reciprocal Floor Ceil Round Sin Cos Sign Not Clip Cast PRelu
	Add Sub Mul Div Pow Min Max Sum Mean Mod Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor`)

// local reads an elementwise operator.
func (r *reader) local(n *onnx.Node) *view {
	dims, first := r.common(n)
	channels := product(channelShape(dims))
	u := &ir.Unit{Kind: ir.Apply, Node: n.String(), Op: n.Op, Channels: channels, DType: n.Outputs[0].DType, Attrs: n.Attrs}
	for _, in := range n.Inputs {
		if in == nil {
			u.Operands = append(u.Operands, ir.Operand{Arg: -1})
			continue
		}
		if in.Const != nil {
			if t := perChannel(in.Const, dims); t != nil {
				u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: t})
				continue
			}
		}
		v := r.like(n, in, first, dims)
		u.Operands = append(u.Operands, ir.Operand{Arg: len(u.Args)})
		u.Args = append(u.Args, v.arg())
	}
	return first.shown(u, dims)
}

// common finds the dimensions of an elementwise result, and the first input that
// is a view.
func (r *reader) common(n *onnx.Node) ([]dim, *view) {
	shape := onnx.Sizes(n.Outputs[0].Shape)
	dims := make([]dim, len(shape))
	var first *view
	for _, in := range n.Inputs {
		v := r.views[in]
		if v == nil {
			continue
		}
		if first == nil {
			first = v
		}
		if len(v.dims) > len(dims) {
			fail(n, "its operands have more dimensions than its result")
		}
		if v.h != first.h || v.w != first.w {
			fail(n, "its operands differ in height or width")
		}
		for i, d := range v.dims {
			o := &dims[i+len(dims)-len(v.dims)]
			switch {
			case len(*o) == 0 || o.size() == 1 && d.size() > 1:
				*o = d
			case d.size() == 1 || o.fits(d):
			default:
				fail(n, "its operands lay out pixels differently")
			}
		}
	}
	for i, size := range shape {
		if dims[i].size() != size {
			if !dims[i].repeats() {
				fail(n, "it repeats pixels")
			}
			dims[i] = dim{{channel, size}} // a constant's or a condition's
		}
	}
	has := func(r role) bool { return slices.ContainsFunc(dims, func(d dim) bool { return d.has(r) }) }
	if !has(place) && !(has(row) && has(column)) {
		fail(n, "it mixes pixels with each other")
	}
	return dims, first
}

// perChannel is a constant as a scalar or as [channels], for a result of the given
// dimensions; nil where it differs from pixel to pixel.
func perChannel(t *onnx.Tensor, dims []dim) *onnx.Tensor {
	if t.Len() == 1 {
		return &onnx.Tensor{Shape: []int{}, Data: t.Data}
	}
	all, err := onnx.Broadcast(t, channelShape(dims))
	if err != nil || !overChannels(t.Shape, dims) {
		return nil
	}
	return &onnx.Tensor{Shape: []int{all.Len()}, Data: all.Data}
}

// overChannels tells whether what has a shape, aligned with dims at their ends, differs
// from channel to channel only.
func overChannels(shape []int, dims []dim) bool {
	for i, size := range shape {
		if size != 1 && !dims[i+len(dims)-len(shape)].only(channel) {
			return false
		}
	}
	return true
}

// like shows an operand of a result of the given dimensions. Channels are repeated
// as broadcasting says, but a single one stays single.
func (r *reader) like(n *onnx.Node, in *onnx.Value, first *view, dims []dim) *view {
	shape := channelShape(dims)
	repeat := func(chans []int, from []int) []int {
		if len(chans) == 1 {
			return chans
		}
		t, err := onnx.Broadcast(onnx.NewTensor(convert[int64](chans), from...), shape)
		check(n, err)
		return convert[int](t.Ints())
	}
	if v := r.views[in]; v != nil {
		out := *v
		out.chans = repeat(v.chans, channelShape(v.dims))
		return &out
	}
	if in.Const != nil {
		return r.perPosition(n, in.Const, first, dims)
	}
	if in.DType != onnx.Float32 || in.Shape == nil {
		fail(n, "%q, which depends on a condition, is no float32 of known size", in.Name)
	}
	from := onnx.Sizes(in.Shape)
	if len(from) > len(dims) {
		fail(n, "%q has more dimensions than the result", in.Name)
	}
	if !overChannels(from, dims) {
		if v := r.projected(n, in, first, dims); v != nil {
			return v
		}
		return r.perPixel(n, in, first, dims)
	}
	u := r.static[in]
	if u == nil {
		const all = 1 << 30 // the same everywhere
		u = &ir.Unit{
			Kind: ir.Static, Images: true, Node: in.Name, Channels: product(onnx.Sizes(in.Shape)), DType: in.DType,
			Value: in, Full: ir.Rect{Y0: -all, X0: -all, Y1: all, X1: all},
		}
		r.static[in] = u
	}
	chans := repeat(ir.Count(u.Channels), from)
	return &view{src: u, access: ir.Here, dims: dims, h: first.h, w: first.w, valid: u.Full, chans: chans}
}

// perPosition makes a unit of a constant that differs from pixel to pixel.
func (r *reader) perPosition(n *onnx.Node, t *onnx.Tensor, first *view, dims []dim) *view {
	sizes, split, perm := layout(n, dims)
	all, err := onnx.Broadcast(t, sizes)
	if err != nil || all.Floats() == nil {
		fail(n, "its constant of shape %v does not fit", t.Shape)
	}
	value := onnx.Transpose(onnx.NewTensor(all.Floats(), split...), perm)
	channels := product(channelShape(dims))
	all = onnx.NewTensor(whole(value.Floats(), channels, first.h*first.w), channels, first.h, first.w)
	return r.overPixels(n, onnx.Const("", all), first, dims)
}

// whole is x, [channels, places], with zeros for the places that are missing of so many.
func whole(x []float32, channels, places int) []float32 {
	if len(x) == channels*places {
		return x
	}
	out := make([]float32, channels*places)
	for c, n := 0, len(x)/channels; c < channels; c++ {
		copy(out[c*places:], x[c*n:(c+1)*n])
	}
	return out
}

// perPixel makes a unit of a value that depends on conditions and differs from pixel to
// pixel.
func (r *reader) perPixel(n *onnx.Node, v *onnx.Value, first *view, dims []dim) *view {
	sizes, split, perm := layout(n, dims)
	if slices.ContainsFunc(dims, func(d dim) bool { return d.has(place) }) {
		fail(n, "%q, which depends on a condition, has places that are no rows", v.Name)
	}
	if !slices.Equal(onnx.Sizes(v.Shape), sizes) {
		v = r.graph.Op("Expand", nil, v, onnx.List(sizes...))
	}
	v = r.graph.Op("Transpose", onnx.Attrs{"perm": convert[int64](perm)}, r.graph.Reshape(v, split...))
	v = r.graph.Reshape(v, product(channelShape(dims)), first.h, first.w)
	out := r.overPixels(n, v, first, dims)
	out.src.Images = true
	return out
}

// projected is a summand that a convolution of one tap makes of a map of conditions with no
// more channels: it becomes a part of the steps, so that the map is what is kept of an image,
// once for all layers that are given it. It is nil where in is no such summand.
func (r *reader) projected(n *onnx.Node, in *onnx.Value, first *view, dims []dim) *view {
	if n.Op != "Add" || in.Node == nil || in.Node.Op != "Conv" || len(dims) != 4 ||
		!dims[0].only(batch) || !dims[1].only(channel) || !dims[2].only(row) || !dims[3].only(column) {
		return nil
	}
	from, w := in.Node.Inputs[0], in.Node.Inputs[1].Const
	shape, out := onnx.Sizes(from.Shape), onnx.Sizes(in.Shape)
	if w == nil || w.Floats() == nil || product(w.Shape) != out[1]*shape[1] || shape[1] > out[1] || !slices.Equal(shape[2:], out[2:]) ||
		len(in.Node.Inputs) > 2 && in.Node.Inputs[2] != nil && in.Node.Inputs[2].Const == nil ||
		!slices.Equal(out, []int{dims[0].size(), dims[1].size(), first.h, first.w}) {
		return nil
	}
	v := r.maps[from]
	if v == nil {
		its := slices.Clone(dims)
		its[1] = dim{{channel, shape[1]}}
		v = r.perPixel(n, from, first, its)
		r.maps[from] = v
	}
	r.views[from] = v
	defer delete(r.views, from)
	return r.conv(in.Node)
}

// overPixels is a unit of what is static, [channels, h, w].
func (r *reader) overPixels(n *onnx.Node, v *onnx.Value, first *view, dims []dim) *view {
	return first.shown(&ir.Unit{
		Kind: ir.Static, Pixels: true, Node: n.String(), Channels: product(channelShape(dims)), DType: onnx.Float32, Value: v,
	}, dims)
}

// layout is the sizes of dims, those of their axes, and what brings those into the order
// channels, rows, columns.
func layout(n *onnx.Node, dims []dim) (sizes, axes, perm []int) {
	all := slices.Concat(dims...)
	for _, d := range dims {
		sizes = append(sizes, d.size())
	}
	for _, a := range all {
		if axes = append(axes, a.size); a.role == batch && a.size != 1 {
			fail(n, "what it reads differs from pixel to pixel in a batch of fixed size")
		}
	}
	perm = ir.Count(len(all))
	slices.SortStableFunc(perm, func(i, j int) int { return int(all[i].role - all[j].role) }) // as roles are declared
	return sizes, axes, perm
}

// acrossChannels reads operators that look at all channels of a pixel.
func (r *reader) acrossChannels(n *onnx.Node) *view {
	v := r.input(n, 0)
	rank := len(v.dims)
	var axes []int
	u := v.apply(n.String(), n.Op, v.src.DType, onnx.Attrs{"axis": int64(-1)})
	dims := v.dims
	switch n.Op {
	case "LayerNormalization":
		axis, err := onnx.Axis(n.Attrs.Int("axis", -1), rank)
		check(n, err)
		axes = ir.Count(rank)[axis:]
		u.Attrs["epsilon"] = n.Attrs.Float("epsilon", 1e-5)
		for i := 1; i < len(n.Inputs) && n.Inputs[i] != nil; i++ {
			t := r.floats(n, i)
			if t.Len() != u.Channels {
				fail(n, "it does not normalise over the channels alone")
			}
			u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: onnx.NewTensor(t.Floats(), u.Channels)})
		}
	case "Softmax", "LogSoftmax":
		def := int64(-1)
		if r.opset < 13 {
			def = 1
		}
		axis, err := onnx.Axis(n.Attrs.Int("axis", def), rank)
		check(n, err)
		axes = []int{axis}
		if r.opset < 13 {
			axes = ir.Count(rank)[axis:]
		}
	default:
		var err error
		if axes, err = onnx.Axes(n, 1, rank); err != nil || axes == nil {
			fail(n, "it does not say over which dimensions")
		}
		u.Channels, u.Attrs = 1, onnx.Attrs{"keepdims": int64(1)}
		dims = nil
		for i, d := range v.dims {
			if !slices.Contains(axes, i) {
				dims = append(dims, d)
			} else if n.Attrs.Int("keepdims", 1) == 1 {
				dims = append(dims, dim{})
			}
		}
	}
	for i, d := range v.dims {
		if slices.Contains(axes, i) && !d.only(channel) || !slices.Contains(axes, i) && channelShape([]dim{d})[0] != 1 {
			fail(n, "it works on other dimensions than the channels alone")
		}
	}
	return v.shown(u, dims)
}

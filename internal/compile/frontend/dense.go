package frontend

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Masked dense layers on the whole picture, as in MADE (Germain et al. 2015), have weights
// whose zeros make them causal. Here each result stands at a pixel: the first that all it
// depends on lies before. What is computed at a pixel are the rows of weights whose results
// stand there.

// standing is where the elements of a value stand that is no picture: at which pixel, and as
// which channel there.
type standing struct{ pixel, channel []int }

// dense reads a product of all pixels, or of what such a product made, with a matrix
// [in, out].
func (r *reader) dense(n *onnx.Node, v *view, matrix *onnx.Tensor, bias []float32) *view {
	in, out := matrix.Shape[0], matrix.Shape[1]
	w := matrix.Floats()
	from := r.standing(n, v)
	pixels := v.h * v.w
	// The last pixel that each result depends on, as its sources stand: of the picture itself
	// the next one is the first that may know it.
	after := 0
	if v.stands == nil {
		after = 1
	}
	to := standing{pixel: make([]int, out)}
	for o := range out {
		for i := range in {
			if w[i*out+o] != 0 {
				to.pixel[o] = max(to.pixel[o], from.pixel[i]+after)
			}
		}
	}
	final := r.final(n)
	dims := slices.Clone(v.dims)
	d := len(dims) - 1
	if final {
		dims[d], to.pixel = r.picture(n, v, to.pixel)
	} else {
		dims[d] = dim{{ragged, out}}
	}
	count := make([]int, pixels)
	to.channel = make([]int, out)
	for o, p := range to.pixel {
		p = min(p, pixels-1) // it knows the last pixel, and nothing may depend on it
		to.pixel[o], to.channel[o] = p, count[p]
		count[p]++
	}
	channels := max(1, slices.Max(count))
	source := v.solid(n)
	sources := source.src.Channels
	if pixels*pixels*sources > maxScores/channels {
		fail(n, "it is a dense layer over too many pixels")
	}
	table := make([]float32, pixels*pixels*sources*channels)
	sees := make([][]bool, pixels)
	for p := range sees {
		sees[p] = make([]bool, pixels)
	}
	for i := range in {
		for o := range out {
			x := w[i*out+o]
			if x == 0 {
				continue
			}
			p, q := to.pixel[o], from.pixel[i]
			sees[p][q] = true
			table[((p*pixels+q)*sources+from.channel[i])*channels+to.channel[o]] = x
		}
	}
	m := &ir.Mask{W: v.w}
	for p := range sees {
		m.Sees = append(m.Sees, spans(where(sees[p])))
	}
	a := source.arg()
	at, _ := source.access.(ir.Shift)
	a.Access = ir.Attend(r.mask(m)).Moved(ir.Shift{}, at)
	u := &ir.Unit{
		Kind: ir.Dense, Node: n.String(), Op: n.Op, Channels: channels, DType: onnx.Float32,
		Args: []ir.Arg{a}, Table: onnx.NewTensor(table, pixels, pixels*sources, channels),
	}
	base := &view{access: ir.Here, h: v.h, w: v.w}
	y := base.shown(u, dims)
	if !final {
		y.stands = &to
	}
	r.layers = append(r.layers, ir.Layer{Node: n.String(), Op: n.Op, In: in, Out: out, Taps: 1, Live: 1, MACs: int64(in * out)})
	if slices.ContainsFunc(bias, func(x float32) bool { return x != 0 }) {
		add := y.apply(n.String(), "Add", onnx.Float32, nil)
		add.Operands = append(add.Operands, ir.Operand{Arg: 1})
		add.Args = append(add.Args, r.stood(n, bias, y, &to).arg())
		stands := y.stands
		y = y.shown(add, dims)
		y.stands = stands
	}
	return y
}

// standing is where v's elements stand.
func (r *reader) standing(n *onnx.Node, v *view) standing {
	if v.stands != nil {
		return *v.stands
	}
	d := v.dims[len(v.dims)-1]
	places, channels, first := v.h*v.w, len(v.chans), -1
	for i, a := range d {
		if a.role == channel && a.size > 1 && first < 0 {
			first = i
		}
	}
	if product(channelShape(v.dims)) != channelShape([]dim{d})[0] || d.size() != places*channels || v.src.DType != onnx.Float32 {
		fail(n, "it is no product of all pixels")
	}
	var out standing
	inner := first < 0 || first == len(d)-1 // channels come last
	if !inner && first != 0 {
		fail(n, "it is no product of all pixels, one after the other")
	}
	for i := range places * channels {
		if inner {
			out.pixel, out.channel = append(out.pixel, i/channels), append(out.channel, i%channels)
		} else {
			out.pixel, out.channel = append(out.pixel, i%places), append(out.channel, i/places)
		}
	}
	return out
}

// final tells whether no product comes after a node.
func (r *reader) final(n *onnx.Node) bool {
	reached := map[*onnx.Value]bool{}
	for _, v := range n.Outputs {
		reached[v] = true
	}
	after := false
	for _, m := range r.graph.Nodes {
		if m == n {
			after = true
			continue
		}
		if !after || !slices.ContainsFunc(m.Inputs, func(v *onnx.Value) bool { return v != nil && reached[v] }) {
			continue
		}
		if m.Op == "Gemm" || m.Op == "MatMul" || m.Op == "Conv" {
			return false
		}
		for _, v := range m.Outputs {
			reached[v] = true
		}
	}
	return true
}

// picture is the dimension of the last layer's results, so many for each pixel, and the
// pixel of each: in the order in which fewer, mostly none, know their own.
func (r *reader) picture(n *onnx.Node, v *view, first []int) (dim, []int) {
	places := v.h * v.w
	if len(first)%places != 0 {
		fail(n, "its %d results are not as many for each of %d pixels", len(first), places)
	}
	each := len(first) / places
	inner, outer := make([]int, len(first)), make([]int, len(first))
	early := 0 // how many more know too much channels last than channels first
	for o, p := range first {
		inner[o], outer[o] = o/each, o%places
		if p > inner[o] {
			early++
		}
		if p > outer[o] {
			early--
		}
	}
	if early <= 0 {
		return dim{{row, v.h}, {column, v.w}, {channel, each}}, inner
	}
	return dim{{channel, each}, {row, v.h}, {column, v.w}}, outer
}

// stood is a constant per element of v as one per pixel.
func (r *reader) stood(n *onnx.Node, c []float32, v *view, at *standing) *view {
	places, channels := v.h*v.w, v.src.Channels
	data := make([]float32, channels*places)
	for i := range at.pixel {
		data[at.channel[i]*places+at.pixel[i]] = c[i%len(c)]
	}
	base := &view{access: ir.Here, h: v.h, w: v.w}
	return r.overPixels(n, onnx.Const("", onnx.NewTensor(data, channels, v.h, v.w)), base, []dim{{{batch, 1}}, {{channel, channels}}, {{row, v.h}}, {{column, v.w}}})
}

// standingLocal reads an operator that works on each element by itself, of a value that is no
// picture.
func (r *reader) standingLocal(n *onnx.Node) *view {
	var first *view
	for _, in := range n.Inputs {
		if v := r.views[in]; v != nil && v.stands != nil && first == nil {
			first = v
		}
	}
	if len(n.Outputs[0].Shape) != len(first.dims) || n.Outputs[0].Shape[len(first.dims)-1].Size != len(first.stands.pixel) {
		fail(n, "it changes the results of a dense layer otherwise than one by one")
	}
	u := &ir.Unit{Kind: ir.Apply, Node: n.String(), Op: n.Op, Channels: first.src.Channels, DType: n.Outputs[0].DType, Attrs: n.Attrs}
	for _, in := range n.Inputs {
		v := r.views[in]
		switch {
		case in == nil:
			u.Operands = append(u.Operands, ir.Operand{Arg: -1})
			continue
		case v != nil && v.stands != nil && slices.Equal(v.stands.pixel, first.stands.pixel) && slices.Equal(v.stands.channel, first.stands.channel):
			u.Args = append(u.Args, v.arg())
		case in.Const != nil && in.Const.Len() == 1:
			u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: &onnx.Tensor{Shape: []int{}, Data: in.Const.Data}})
			continue
		case in.Const != nil && in.Const.Len() == len(first.stands.pixel) && in.Const.Floats() != nil:
			u.Args = append(u.Args, r.stood(n, in.Const.Floats(), first, first.stands).arg())
		default:
			fail(n, "it joins the results of a dense layer with something else")
		}
		u.Operands = append(u.Operands, ir.Operand{Arg: len(u.Args) - 1})
	}
	out := first.shown(u, first.dims)
	out.stands = first.stands
	return out
}

package frontend

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// taken is h×w pixels of v, along rows and columns as the axes say; not ok where they cannot
// be told of what v shows.
func (v *view) taken(y, x ir.Axis, h, w int) (*view, bool) {
	if all := ir.Every(1, 0); y == all && x == all && h == v.h && w == v.w {
		return v, true
	}
	access, ok := ir.After(ir.Scale(y, x), v.access)
	if !ok {
		return nil, false
	}
	out := *v
	out.access, out.h, out.w = access, h, w
	out.valid = v.valid.And(access.Image(ir.Sized(h, w)))
	out.dims = sized(v.dims, h, w)
	return &out, true
}

// take is h×w pixels of v; where they cannot be told of what v shows, v becomes a unit.
func (r *reader) take(n *onnx.Node, v *view, y, x ir.Axis, h, w int) *view {
	out, ok := v.taken(y, x, h, w)
	if !ok {
		out, ok = v.solid(n).taken(y, x, h, w)
	}
	if !ok {
		fail(n, "it takes pixels in an order that is not understood")
	}
	return out
}

// tap reads v as take does, for a unit of h×w pixels, which reads no further: what v shows
// is not cropped to that, so that two taps of one value are not told apart.
func (r *reader) tap(n *onnx.Node, v *view, y, x ir.Axis, h, w int) ir.Arg {
	a := r.take(n, v, y, x, h, w).arg()
	if a.Src == v.src {
		a.Valid = v.valid
	}
	return a
}

// window reads the windows of a node with a kernel of area positions over rows and columns,
// and the height and width of what it makes.
func (r *reader) window(n *onnx.Node, v *view, kernel []int) (ys, xs onnx.Window, h, w int) {
	rank := len(v.dims)
	shape := channelShape(v.dims)
	if rank < 3 || product(shape) != shape[1] || !v.dims[0].only(batch) || !v.dims[1].only(channel) || v.src.DType != onnx.Float32 {
		fail(n, "its input is not [batch, channels, height, width]")
	}
	windows, err := onnx.Windows(n, onnx.Sizes(n.Inputs[0].Shape), kernel)
	check(n, err)
	ys, xs = onnx.Window{Kernel: 1, Stride: 1, Dilation: 1}, onnx.Window{Kernel: 1, Stride: 1, Dilation: 1}
	if rank == 4 && v.dims[2].only(row) && v.dims[3].only(column) {
		size := onnx.Sizes(n.Outputs[0].Shape)
		return windows[0], windows[1], size[2], size[3]
	}
	for _, w := range windows {
		if w != ys {
			fail(n, "its kernel is not over rows and columns")
		}
	}
	return ys, xs, v.h, v.w
}

// made is the view of a unit that has dims' places at h×w pixels, with its own channels.
func made(u *ir.Unit, dims []dim, h, w int) *view {
	dims = sized(dims, h, w)
	dims[1] = dim{{channel, u.Channels}}
	return (&view{access: ir.Here, h: h, w: w}).shown(u, dims)
}

// sized is dims with so many rows and columns.
func sized(dims []dim, h, w int) []dim {
	out := make([]dim, len(dims))
	for i, d := range dims {
		out[i] = slices.Clone(d)
		for j, a := range d {
			switch a.role {
			case row:
				out[i][j].size = h
			case column:
				out[i][j].size = w
			}
		}
	}
	return out
}

// convTranspose reads a transposed convolution as a sum over taps, each of which reads those
// pixels that it has one for.
func (r *reader) convTranspose(n *onnx.Node) *view {
	v := r.input(n, 0)
	w := r.floats(n, 1)
	bias := r.fixed(n, 2)
	ys, xs, h, wd := r.window(n, v, w.Shape)
	if n.Attrs.String("auto_pad", "NOTSET") != "NOTSET" || n.Attrs.Ints("output_shape") != nil {
		fail(n, "it is padded automatically")
	}
	group := int(n.Attrs.Int("group", 1))
	outGroup, inGroup := w.Shape[1], w.Shape[0]/group
	out := outGroup * group
	u := linear(n, out)
	if bias != nil {
		copy(u.Bias, bias.Floats())
	}
	d := w.Floats()
	area := ys.Kernel * xs.Kernel
	for k, used := range live(d, area) {
		if !used {
			continue
		}
		tap := make([]float32, len(v.chans)*out)
		for i := range w.Shape[0] {
			for o := range outGroup {
				tap[i*out+i/inGroup*outGroup+o] = d[(i*outGroup+o)*area+k]
			}
		}
		at := ir.Tap(k, ys, xs)
		add(u, r.take(n, v, ir.Spread(ys.Stride, -at.DY), ir.Spread(xs.Stride, -at.DX), h, wd).arg(), tap)
	}
	r.layers = append(r.layers, ir.Layer{
		Node: n.String(), Op: n.Op, In: len(v.chans), Out: out, Taps: area, Live: len(u.Args),
		MACs: int64(area*outGroup*w.Shape[0]) * int64(v.h*v.w),
	})
	return made(u, v.dims, h, wd)
}

// pool reads the largest or the mean of each window.
func (r *reader) pool(n *onnx.Node) *view {
	v := r.input(n, 0)
	kernel := []int{1, 1}
	for _, k := range n.Attrs.Ints("kernel_shape") {
		kernel = append(kernel, int(k))
	}
	ys, xs, h, w := r.window(n, v, kernel)
	within := func(o onnx.Window, at, size int) int { // positions of the window at a place that are pixels
		inside := 0
		for k := range o.Kernel {
			if p := at*o.Stride + k*o.Dilation - o.Begin; p >= 0 && p < size {
				inside++
			}
		}
		return inside
	}
	area := ys.Kernel * xs.Kernel
	count, whole := make([]float32, h*w), true
	for y := range h {
		for x := range w {
			inside := within(ys, y, v.h) * within(xs, x, v.w)
			whole = whole && inside == area
			count[y*w+x] = float32(inside)
		}
	}
	u := &ir.Unit{Kind: ir.Apply, Node: n.String(), Op: map[string]string{"MaxPool": "Max", "AveragePool": "Sum"}[n.Op], Channels: len(v.chans), DType: onnx.Float32}
	for k := range area {
		at := ir.Tap(k, ys, xs)
		u.Operands = append(u.Operands, ir.Operand{Arg: len(u.Args)})
		u.Args = append(u.Args, r.take(n, v, ir.Every(ys.Stride, at.DY), ir.Every(xs.Stride, at.DX), h, w).arg())
	}
	out := made(u, v.dims, h, w)
	if n.Op == "MaxPool" {
		if !whole {
			fail(n, "its windows go over the edge")
		}
		return out
	}
	mean := out.apply(n.String(), "Div", onnx.Float32, nil)
	switch {
	case whole || n.Attrs.Int("count_include_pad", 0) != 0 && n.Attrs.Int("ceil_mode", 0) == 0:
		mean.Operands = append(mean.Operands, ir.Operand{Arg: -1, Value: onnx.Scalar(float32(area))})
	case slices.Contains(count, 0) || n.Attrs.Int("count_include_pad", 0) != 0:
		fail(n, "its windows go over the edge")
	default:
		number := r.perPosition(n, onnx.NewTensor(count, 1, 1, h, w), out, []dim{{{batch, 1}}, {{channel, 1}}, out.dims[2], out.dims[3]})
		mean.Operands = append(mean.Operands, ir.Operand{Arg: 1})
		mean.Args = append(mean.Args, number.arg())
	}
	return out.shown(mean, out.dims)
}

// resize reads an upsampling by whole factors that takes the nearest pixel, or a downsampling
// that does.
func (r *reader) resize(n *onnx.Node) *view {
	v := r.input(n, 0)
	from, to := onnx.Sizes(n.Inputs[0].Shape), onnx.Sizes(n.Outputs[0].Shape)
	y, x := ir.Every(1, 0), ir.Every(1, 0)
	h, w := v.h, v.w
	for d := range from {
		if from[d] == to[d] {
			continue
		}
		axis, ok := nearest(n, from[d], to[d])
		if len(v.dims[d]) != 1 || !ok {
			fail(n, "it does not repeat each pixel as often, or leave out as many between two")
		}
		switch v.dims[d][0].role {
		case row:
			y, h = axis, to[d]
		case column:
			x, w = axis, to[d]
		default:
			fail(n, "it resizes dimension %d, which is neither height nor width alone", d)
		}
	}
	return r.take(n, v, y, x, h, w)
}

// nearest is how a node resizes from so many pixels to so many; not ok where it is not by a
// whole factor.
func nearest(n *onnx.Node, from, to int) (ir.Axis, bool) {
	read, err := onnx.Nearest(n, from, to)
	check(n, err)
	axis := ir.Every(1, 0)
	switch {
	case to%from == 0:
		axis = ir.Nearest(to/from, 0)
	case from%to == 0:
		axis = ir.Every(from/to, read(0))
	}
	for i := range to {
		if at := ir.Scale(axis, ir.Every(1, 0)); !reads(at, i, read(i)) {
			return axis, false
		}
	}
	return axis, true
}

func reads(a ir.Access, y, want int) bool {
	got, _, ok := a.At(y, 0, 0)
	return ok && got == want
}

// depthToSpace reads blocks of channels as pixels, or of pixels as channels.
func (r *reader) depthToSpace(n *onnx.Node) *view {
	v := r.input(n, 0)
	s := onnx.Sizes(n.Inputs[0].Shape)
	if len(s) != 4 {
		fail(n, "its input is not [batch, channels, height, width]")
	}
	b := int(n.Attrs.Int("blocksize", 1))
	images, rows, columns := axis{batch, s[0]}, axis{row, s[2]}, axis{column, s[3]}
	channels, block := axis{channel, s[1] / b / b}, axis{channel, b}
	switch {
	case n.Op == "SpaceToDepth":
		rows.size, columns.size = rows.size/b, columns.size/b
		v = r.apart(n, v, []dim{{images}, {{channel, s[1]}}, {rows}, {{withinRow, b}}, {columns}, {{withinColumn, b}}})
		v = v.transposed([]int{0, 3, 5, 1, 2, 4})
		v.dims = []dim{{images}, {{channel, s[1] * b * b}}, {rows}, {columns}}
		return v
	case n.Attrs.String("mode", "DCR") == "CRD":
		v = r.reshape(n, v, []int{s[0], s[1] / b / b, b, b, s[2], s[3]}).transposed([]int{0, 1, 4, 2, 5, 3})
	default:
		v = r.reshape(n, v, []int{s[0], b, b, s[1] / b / b, s[2], s[3]}).transposed([]int{0, 3, 4, 1, 5, 2})
	}
	v.dims = []dim{{images}, {channels}, {rows, block}, {columns, block}}
	return r.together(n, v)
}

// apart makes channels of what was cut off rows and columns: within row and column stand in
// dims for the places in a block.
func (r *reader) apart(n *onnx.Node, v *view, dims []dim) *view {
	block := map[role]int{}
	for _, a := range slices.Concat(dims...) {
		if a.role == withinRow || a.role == withinColumn {
			block[a.role] = a.size
		}
	}
	if len(block) == 0 {
		out := *v
		out.dims = dims
		return &out
	}
	if v.scores != nil {
		fail(n, "it cuts the rows or columns of an attention's scores")
	}
	by, bx := max(1, block[withinRow]), max(1, block[withinColumn])
	u := &ir.Unit{Kind: ir.Concat, Node: n.String(), Op: "Concat", Channels: by * bx * len(v.chans), DType: v.src.DType}
	for k := range by * bx {
		u.Args = append(u.Args, r.take(n, v, ir.Every(by, k/bx), ir.Every(bx, k%bx), v.h/by, v.w/bx).arg())
	}
	out := (&view{access: ir.Here, h: v.h / by, w: v.w / bx}).shown(u, dims)
	out.dims = make([]dim, len(dims))
	// The channels in the order of dims: the unit has a number for each place in a block, then v's.
	shape, perm := []int{by, bx}, []int{}
	for i, d := range dims {
		for _, a := range d {
			switch a.role {
			case withinRow:
				perm, a.role = append(perm, 0), channel
			case withinColumn:
				perm, a.role = append(perm, 1), channel
			case channel:
				perm, shape = append(perm, len(shape)), append(shape, a.size)
			}
			out.dims[i] = append(out.dims[i], a)
		}
	}
	for d := range 2 { // of one place
		if !slices.Contains(perm, d) {
			perm = append(perm, d)
		}
	}
	t := onnx.NewTensor(convert[int64](ir.Count(u.Channels)), shape...)
	out.chans = convert[int](onnx.Transpose(t, perm).Ints())
	return out
}

// together makes pixels of channels that stand behind a row and behind a column in one
// dimension; or behind one of them alone, where that makes no more than the picture has.
func (r *reader) together(n *onnx.Node, v *view) *view {
	at := map[role]int{} // the dimension
	block := map[role]int{row: 1, column: 1}
	for i, d := range v.dims {
		d = slices.DeleteFunc(slices.Clone(d), func(a axis) bool { return a.size == 1 && a.role != row && a.role != column })
		if len(d) == 2 && (d[0].role == row || d[0].role == column) && d[1].role == channel {
			at[d[0].role], block[d[0].role] = i, d[1].size
		}
	}
	by, bx := block[row], block[column]
	if v.scores != nil || len(at) == 0 || len(at) == 1 && (v.h*by > r.size.H() || v.w*bx > r.size.W()) {
		return v
	}
	channels := len(v.chans) / by / bx
	u := &ir.Unit{Kind: ir.Apply, Node: n.String(), Op: "Sum", Channels: channels, DType: v.src.DType}
	shape := channelShape(v.dims)
	for k := range by * bx {
		part := *v
		part.chans = nil
		for c, from := range v.chans {
			place := func(of role) int {
				if d, ok := at[of]; ok {
					return c / product(shape[d+1:]) % shape[d]
				}
				return 0
			}
			if place(row) == k/bx && place(column) == k%bx {
				part.chans = append(part.chans, from)
			}
		}
		u.Operands = append(u.Operands, ir.Operand{Arg: k})
		u.Args = append(u.Args, r.take(n, &part, ir.Spread(by, -(k/bx)), ir.Spread(bx, -(k%bx)), v.h*by, v.w*bx).arg())
	}
	dims := sized(v.dims, v.h*by, v.w*bx)
	for of, d := range at {
		dims[d] = slices.DeleteFunc(dims[d], func(a axis) bool { return a.role != of })
	}
	return (&view{access: ir.Here, h: v.h * by, w: v.w * bx}).shown(u, dims)
}

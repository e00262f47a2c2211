package frontend

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// A view is a tensor of the file: which unit's values it shows, and where.
type view struct {
	src    *ir.Unit
	access ir.Access // what of src stands at each row and column of the tensor
	dims   []dim
	h, w   int
	valid  ir.Rect // in src's coordinates; elsewhere the tensor holds zeros
	chans  []int   // src's channel of each of the tensor's, flattened in the order of dims

	stands *standing // the tensor is what a dense layer made, and no picture
	scores *scores   // the tensor is an attention's scores, of no unit: chans are the heads
}

// A dim is one dimension of a tensor: the product of its axes, row-major. Several
// axes come of reshaping; none is a dimension of size 1 that came of nothing.
type dim []axis

type axis struct {
	role role
	size int
}

type role int

const (
	batch role = iota
	channel
	row
	column
	withinRow // the place in a block of rows, or of columns
	withinColumn
	place  // of a sequence that ends within a row: rows and columns, laid end to end
	ragged // what a dense layer made: see standing
	looked // of scores, the pixel that is looked at
)

func (d dim) size() int {
	n := 1
	for _, a := range d {
		n *= a.size
	}
	return n
}

// only tells whether all axes have the role. It is true where there is none.
func (d dim) only(r role) bool {
	return !slices.ContainsFunc(d, func(a axis) bool { return a.role != r && a.size != 1 })
}

// repeats tells whether a dimension of size 1 may be repeated: it is no image's, row's or column's.
func (d dim) repeats() bool {
	return !slices.ContainsFunc(d, func(a axis) bool { return a.role != channel })
}

func (d dim) has(r role) bool {
	return slices.ContainsFunc(d, func(a axis) bool { return a.role == r })
}

// like tells whether two dimensions stand for the same.
func (d dim) like(e dim) bool {
	long := func(d dim) (out dim) {
		for _, a := range d {
			if a.size != 1 {
				out = append(out, a)
			}
		}
		return out
	}
	return slices.Equal(long(d), long(e))
}

// fits tells whether two dimensions of one size can be operands: of channels, or of the same pixels.
func (d dim) fits(e dim) bool { return d.only(channel) && e.only(channel) || d.like(e) }

// joins tells whether v and w can be joined along an axis: all other dimensions lie alike.
func (v *view) joins(w *view, axis int) bool {
	for d := range v.dims {
		if d != axis && !v.dims[d].fits(w.dims[d]) {
			return false
		}
	}
	return v.w == w.w
}

// line tells whether dimension d is pixels laid end to end, and more than one row of them.
func (v *view) line(d int) bool {
	return v.dims[d].has(place) || v.dims[d].has(row) && v.dims[d].has(column) && v.sequence(d)
}

// channelShape is, per dimension, the size of its channel axes.
func channelShape(dims []dim) []int {
	shape := make([]int, len(dims))
	for i, d := range dims {
		shape[i] = 1
		for _, a := range d {
			if a.role == channel {
				shape[i] *= a.size
			}
		}
	}
	return shape
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// regroup cuts the axes of dims into dimensions of the given sizes. Where a cut goes through
// rows or columns there are blocks of them.
func regroup(dims []dim, shape []int) ([]dim, bool) {
	axes := slices.Concat(dims...)
	out := make([]dim, len(shape))
	for i, size := range shape {
		d := dim{}
		n := 1
		for len(axes) > 0 {
			a := axes[0]
			if n == size && (a.size != 1 || size == 1 && len(d) > 0) {
				break
			}
			if n*a.size > size {
				rest := map[role]role{channel: channel, row: withinRow, column: withinColumn}[a.role]
				if rest == batch || size%n != 0 || a.size%(size/n) != 0 {
					return nil, false
				}
				d = append(d, axis{a.role, size / n})
				axes = slices.Insert(axes[1:], 0, axis{rest, a.size / (size / n)})
				n = size
				break
			}
			d = append(d, a)
			n *= a.size
			axes = axes[1:]
		}
		if n != size {
			return nil, false
		}
		out[i] = d
	}
	for _, a := range axes {
		if a.size != 1 {
			return nil, false
		}
	}
	if len(out) > 0 {
		out[len(out)-1] = append(out[len(out)-1], axes...)
	}
	return out, true
}

// transposed is v with its dimensions permuted.
func (v *view) transposed(perm []int) *view {
	out := *v
	out.dims = make([]dim, len(perm))
	for i, p := range perm {
		out.dims[i] = v.dims[p]
	}
	t := onnx.NewTensor(convert[int64](v.chans), channelShape(v.dims)...)
	out.chans = convert[int](onnx.Transpose(t, perm).Ints())
	return &out
}

// picked is v with the given channels of dimension d, which must hold nothing else.
func (v *view) picked(d int, index []int) *view {
	shape := channelShape(v.dims)
	inner := product(shape[d+1:])
	out := *v
	out.chans = nil
	for o := range product(shape[:d]) {
		for _, k := range index {
			at := (o*shape[d] + k) * inner
			out.chans = append(out.chans, v.chans[at:at+inner]...)
		}
	}
	out.dims = slices.Clone(v.dims)
	out.dims[d] = dim{{channel, len(index)}}
	return &out
}

// arg reads v.
func (v *view) arg() ir.Arg {
	a := ir.Arg{Src: v.src, Access: v.access, Valid: v.valid}
	if !slices.Equal(v.chans, ir.Count(v.src.Channels)) {
		a.Chans = v.chans
	}
	return a
}

// shown is the view of a unit made from v, of which it has the height and width, and the
// given dimensions. The unit takes the coordinates of what v shows: whoever reads both
// sees which values stand at the same place.
func (v *view) shown(u *ir.Unit, dims []dim) *view {
	at, _ := v.access.(ir.Shift) // on another lattice positions are the view's own
	for i, a := range u.Args {
		u.Args[i].Access = a.Access.Moved(at.Neg(), ir.Shift{})
	}
	u.Full = at.Image(ir.Sized(v.h, v.w))
	return &view{src: u, access: at, dims: dims, h: v.h, w: v.w, valid: u.Full, chans: ir.Count(u.Channels)}
}

// apply is a unit of an operator on v by itself.
func (v *view) apply(node, op string, t onnx.DType, attrs onnx.Attrs) *ir.Unit {
	return &ir.Unit{
		Kind: ir.Apply, Node: node, Op: op, Channels: len(v.chans), DType: t, Full: ir.Sized(v.h, v.w),
		Args: []ir.Arg{v.arg()}, Operands: []ir.Operand{{Arg: 0}}, Attrs: attrs,
	}
}

func convert[T, F int | int64](v []F) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

package compile

import (
	"math"
	"slices"

	"pixelcnn/internal/onnx"
)

// conv reads a convolution as a sum over taps. Taps whose weights are all zero do
// not exist.
func (r *reader) conv(n *onnx.Node) (*view, error) {
	v, err := r.input(n, 0)
	if err != nil {
		return nil, err
	}
	w, err := r.floats(n, 1)
	if err != nil {
		return nil, err
	}
	bias, err := r.fixed(n, 2)
	if err != nil {
		return nil, err
	}
	rank := len(v.dims)
	shape := channelShape(v.dims)
	if rank < 3 || product(shape) != shape[1] || !v.dims[0].only(batch) || !v.dims[1].only(channel) || v.src.dtype != onnx.Float32 {
		return nil, unsupported(n, "its input is not [batch, channels, height, width]")
	}
	windows, err := onnx.Windows(n, onnx.Sizes(n.Inputs[0].Shape), w.Shape)
	if err != nil {
		return nil, unsupported(n, "%v", err)
	}
	ys, xs := onnx.Window{Kernel: 1, Stride: 1, Dilation: 1}, onnx.Window{Kernel: 1, Stride: 1, Dilation: 1}
	if rank == 4 && v.dims[2].only(row) && v.dims[3].only(column) {
		ys, xs = windows[0], windows[1]
	} else {
		for _, w := range windows {
			if w != ys {
				return nil, unsupported(n, "its kernel is not over rows and columns")
			}
		}
	}
	if ys.Stride != 1 || xs.Stride != 1 {
		return nil, unsupported(n, "its strides are not 1")
	}
	inGroup, out := w.Shape[1], w.Shape[0]
	group := len(v.chans) / inGroup
	u := &unit{kind: linear, label: n.Label(), op: n.Op, channels: out, dtype: onnx.Float32, bias: make([]float32, out)}
	if bias != nil {
		copy(u.bias, bias.Floats())
	}
	size := onnx.Sizes(n.Outputs[0].Shape)
	h, wd := v.h, v.w
	if rank == 4 {
		h, wd = size[2], size[3]
	}
	u.full = rect{0, 0, h, wd}
	d := w.Floats()
	area := ys.Kernel * xs.Kernel
	for ky := range ys.Kernel {
		for kx := range xs.Kernel {
			tap := make([]float32, len(v.chans)*out)
			used := false
			for o := range out {
				base := o / (out / group) * inGroup
				for i := range inGroup {
					x := d[(o*inGroup+i)*area+ky*xs.Kernel+kx]
					tap[(base+i)*out+o] = x
					used = used || x != 0
				}
			}
			if used {
				u.add(v.arg(ys.Begin-ky*ys.Dilation, xs.Begin-kx*xs.Dilation), tap)
			}
		}
	}
	r.layers = append(r.layers, Layer{
		Node: n.Label(), Op: n.Op, In: len(v.chans), Out: out, Taps: area, Live: len(u.args),
		MACs: int64(area*inGroup*out) * int64(h*wd),
	})
	dims := slices.Clone(v.dims)
	dims[1] = dim{{channel, out}}
	if rank == 4 {
		dims[2], dims[3] = dim{{row, h}}, dim{{column, wd}}
	}
	return &view{src: u, dims: dims, h: h, w: wd, valid: u.full, chans: count(out)}, nil
}

// add appends a weighted argument. A choice of channels that leaves few out
// becomes one of the weights' rows.
func (u *unit) add(a arg, w []float32) {
	if len(a.chans) != 0 && 4*len(a.chans) >= 3*a.src.channels {
		all := make([]float32, a.src.channels*u.channels)
		for k, c := range a.chans {
			for o := range u.channels {
				all[c*u.channels+o] += w[k*u.channels+o]
			}
		}
		a.chans, w = nil, all
	}
	a.label = u.label
	u.args, u.weights = append(u.args, a), append(u.weights, w)
}

// product reads a matrix product of a constant with a value's channels.
func (r *reader) product(n *onnx.Node) (*view, error) {
	if n.Op == "Gemm" && (n.Attrs.Int("transA", 0) != 0 || n.Inputs[1].Const == nil) {
		return nil, unsupported(n, "its right factor is not constant")
	}
	side := 0 // the value's
	if r.views[n.Inputs[0]] == nil {
		side = 1
	}
	v := r.views[n.Inputs[side]]
	w, err := r.floats(n, 1-side)
	if err != nil {
		return nil, err
	}
	rank := len(w.Shape)
	if product(w.Shape[:rank-2]) != 1 {
		return nil, unsupported(n, "it multiplies by several matrices")
	}
	matrix := onnx.NewTensor(w.Floats(), w.Shape[rank-2:]...)
	if (side == 1) != (n.Attrs.Int("transB", 0) != 0) {
		matrix = onnx.Transpose(matrix, []int{1, 0})
	}
	in, out := matrix.Shape[0], matrix.Shape[1]
	d := len(v.dims) - 1 - side // the dimension of the channels
	if !v.dims[d].only(channel) || v.dims[d].size() != len(v.chans) || v.src.dtype != onnx.Float32 || in != len(v.chans) {
		return nil, unsupported(n, "it does not multiply a value's channels")
	}
	weights := slices.Clone(matrix.Floats())
	u := &unit{kind: linear, label: n.Label(), op: n.Op, channels: out, dtype: onnx.Float32, bias: make([]float32, out)}
	if n.Op == "Gemm" {
		alpha, beta := n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
		for i := range weights {
			weights[i] *= alpha
		}
		c, err := r.fixed(n, 2)
		if err != nil {
			return nil, err
		}
		if c != nil {
			if len(c.Shape) > 1 && product(c.Shape[:len(c.Shape)-1]) != 1 {
				return nil, unsupported(n, "its summand differs from row to row")
			}
			row, err := onnx.Broadcast(onnx.NewTensor(c.Floats(), c.Len()), []int{out})
			if err != nil {
				return nil, unsupported(n, "%v", err)
			}
			for i, x := range row.Floats() {
				u.bias[i] = beta * x
			}
		}
	}
	u.add(v.arg(v.dy, v.dx), weights)
	r.layers = append(r.layers, Layer{Node: n.Label(), Op: n.Op, In: in, Out: out, Taps: 1, Live: 1, MACs: int64(in*out) * int64(v.h*v.w)})
	dims := slices.Clone(v.dims)
	dims[d] = dim{{channel, out}}
	return v.shown(u, dims), nil
}

// batchNorm reads x·γ/√(σ²+ε) + (β − μ·γ/√(σ²+ε)) as a product and a sum.
func (r *reader) batchNorm(n *onnx.Node) (*view, error) {
	v, err := r.input(n, 0)
	if err != nil {
		return nil, err
	}
	if n.Attrs.Int("training_mode", 0) != 0 {
		return nil, unsupported(n, "it is in training mode")
	}
	var p [4][]float32
	for i := range p {
		t, err := r.floats(n, i+1)
		if err != nil {
			return nil, err
		}
		if p[i] = t.Floats(); len(p[i]) != len(v.chans) {
			return nil, unsupported(n, "it does not normalise a value's channels")
		}
	}
	if len(v.dims) < 2 || v.dims[1].size() != len(v.chans) {
		return nil, unsupported(n, "it does not normalise a value's channels")
	}
	scale, shift := make([]float32, len(v.chans)), make([]float32, len(v.chans))
	for i := range scale {
		f := float64(p[0][i]) / math.Sqrt(float64(p[3][i])+float64(n.Attrs.Float("epsilon", 1e-5)))
		scale[i], shift[i] = float32(f), float32(float64(p[1][i])-float64(p[2][i])*f)
	}
	scaled := v.shown(binaryUnit(n, "Mul", v, scale), v.dims)
	return scaled.shown(binaryUnit(n, "Add", scaled, shift), v.dims), nil
}

func binaryUnit(n *onnx.Node, op string, v *view, c []float32) *unit {
	return &unit{
		kind: apply, label: n.Label(), op: op, channels: len(v.chans), dtype: onnx.Float32,
		args:     []arg{v.arg(v.dy, v.dx)},
		operands: []operand{{arg: 0}, {arg: -1, value: onnx.NewTensor(c, len(c))}},
	}
}

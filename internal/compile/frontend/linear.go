package frontend

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// conv reads a convolution as a sum over taps. Taps whose weights are all zero do
// not exist.
func (r *reader) conv(n *onnx.Node) *view {
	v := r.input(n, 0)
	w := r.floats(n, 1)
	bias := r.fixed(n, 2)
	ys, xs, h, wd := r.window(n, v, w.Shape)
	inGroup, out := w.Shape[1], w.Shape[0]
	group := len(v.chans) / inGroup
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
		for o := range out {
			base := o / (out / group) * inGroup
			for i := range inGroup {
				tap[(base+i)*out+o] = d[(o*inGroup+i)*area+k]
			}
		}
		at := ir.Tap(k, ys, xs)
		add(u, r.tap(n, v, ir.Every(ys.Stride, at.DY), ir.Every(xs.Stride, at.DX), h, wd), tap)
	}
	r.layers = append(r.layers, ir.Layer{
		Node: n.String(), Op: n.Op, In: len(v.chans), Out: out, Taps: area, Live: len(u.Args),
		MACs: int64(area*inGroup*out) * int64(h*wd),
	})
	return made(u, v.dims, h, wd)
}

// live tells which positions of kernels of size area have a weight other than zero.
func live(weights []float32, area int) []bool {
	used := make([]bool, area)
	for ; len(weights) > 0; weights = weights[area:] {
		for k := range used {
			used[k] = used[k] || weights[k] != 0
		}
	}
	return used
}

func linear(n *onnx.Node, out int) *ir.Unit {
	return &ir.Unit{Kind: ir.Linear, Node: n.String(), Op: n.Op, Channels: out, DType: onnx.Float32, Bias: make([]float32, out)}
}

// add appends a weighted argument. A choice of channels that leaves few out
// becomes one of the weights' rows.
func add(u *ir.Unit, a ir.Arg, w []float32) {
	if len(a.Chans) != 0 && 4*len(a.Chans) >= 3*a.Src.Channels {
		all := make([]float32, a.Src.Channels*u.Channels)
		for k, c := range a.Chans {
			for o := range u.Channels {
				all[c*u.Channels+o] += w[k*u.Channels+o]
			}
		}
		a.Chans, w = nil, all
	}
	a.Node = u.Node
	u.Args, u.Weights = append(u.Args, a), append(u.Weights, w)
}

// product reads a matrix product of a constant with a value's channels.
func (r *reader) product(n *onnx.Node) *view {
	if n.Inputs[0].Const == nil && n.Inputs[1].Const == nil {
		return r.attention(n)
	}
	if n.Op == "Gemm" && (n.Attrs.Int("transA", 0) != 0 || r.views[n.Inputs[0]] == nil) {
		fail(n, "its right factor is not constant")
	}
	side := 0 // the value's
	if r.views[n.Inputs[0]] == nil {
		side = 1
	}
	v := r.views[n.Inputs[side]]
	w := r.floats(n, 1-side)
	rank := len(w.Shape)
	if rank < 2 || product(w.Shape[:rank-2]) != 1 {
		fail(n, "it multiplies by several matrices")
	}
	matrix := onnx.NewTensor(w.Floats(), w.Shape[rank-2:]...)
	if (side == 1) != (n.Attrs.Int("transB", 0) != 0) {
		matrix = onnx.Transpose(matrix, []int{1, 0})
	}
	in, out := matrix.Shape[0], matrix.Shape[1]
	d := len(v.dims) - 1 - side // the dimension of the channels
	if d < 0 {
		fail(n, "it does not multiply a value's channels")
	}
	pixels := v.stands != nil || v.dims[d].has(row) && v.dims[d].has(column)
	if !pixels && (!v.dims[d].only(channel) || v.dims[d].size() != len(v.chans) || v.src.DType != onnx.Float32 || in != len(v.chans)) || pixels && (side == 1 || v.dims[d].size() != in) {
		fail(n, "it does not multiply a value's channels")
	}
	weights := slices.Clone(matrix.Floats())
	u := linear(n, out)
	if n.Op == "Gemm" {
		alpha, beta := n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
		for i := range weights {
			weights[i] *= alpha
		}
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			c := r.floats(n, 2)
			if len(c.Shape) > 1 && product(c.Shape[:len(c.Shape)-1]) != 1 {
				fail(n, "its summand differs from row to row")
			}
			row, err := onnx.Broadcast(onnx.NewTensor(c.Floats(), c.Len()), []int{out})
			check(n, err)
			for i, x := range row.Floats() {
				u.Bias[i] = beta * x
			}
		}
	}
	if pixels {
		return r.dense(n, v, onnx.NewTensor(weights, in, out), u.Bias)
	}
	add(u, v.arg(), weights)
	r.layers = append(r.layers, ir.Layer{Node: n.String(), Op: n.Op, In: in, Out: out, Taps: 1, Live: 1, MACs: int64(in*out) * int64(v.h*v.w)})
	dims := slices.Clone(v.dims)
	dims[d] = dim{{channel, out}}
	return v.shown(u, dims)
}

// batchNorm reads x·γ/√(σ²+ε) + (β − μ·γ/√(σ²+ε)) as a product and a sum.
func (r *reader) batchNorm(n *onnx.Node) *view {
	v := r.input(n, 0)
	if n.Attrs.Int("training_mode", 0) != 0 {
		fail(n, "it is in training mode")
	}
	var p [4][]float32
	for i := range p {
		t := r.floats(n, i+1)
		if p[i] = t.Floats(); len(p[i]) != len(v.chans) {
			fail(n, "it does not normalise a value's channels")
		}
	}
	if len(v.dims) < 2 || v.dims[1].size() != len(v.chans) {
		fail(n, "it does not normalise a value's channels")
	}
	scale, shift := make([]float32, len(v.chans)), make([]float32, len(v.chans))
	for i := range scale {
		f := float64(p[0][i]) / math.Sqrt(float64(p[3][i])+float64(n.Attrs.Float("epsilon", 1e-5)))
		scale[i], shift[i] = float32(f), float32(float64(p[1][i])-float64(p[2][i])*f)
	}
	with := func(v *view, op string, c []float32) *view {
		u := v.apply(n.String(), op, onnx.Float32, nil)
		u.Operands = append(u.Operands, ir.Operand{Arg: -1, Value: onnx.NewTensor(c, len(c))})
		return v.shown(u, v.dims)
	}
	return with(with(v, "Mul", scale), "Add", shift)
}

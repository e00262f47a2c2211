package exact

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// Conditions computes what the prologue makes of the inputs of one image, which are as
// ConditionInputs say: per entry of p.Conditions, [channels] or [channels, h, w]. It fails on
// operators that it does not know. Where there are no conditions it returns nil.
func Conditions(p *program.Program, inputs []*onnx.Tensor) ([][]float64, error) {
	if p.Prologue == nil {
		return nil, nil
	}
	m, err := onnx.Simplify(p.Prologue, nil)
	if err != nil {
		return nil, fmt.Errorf("compile: conditions: %w", err)
	}
	known, r := map[*onnx.Value]*onnx.Tensor{}, &room{}
	for i, v := range m.Graph.Inputs {
		known[v] = inputs[i]
	}
	of := func(v *onnx.Value) *onnx.Tensor {
		if v != nil && v.Const != nil {
			return v.Const
		}
		return known[v]
	}
	for _, n := range m.Graph.Nodes {
		in := make([]*onnx.Tensor, len(n.Inputs))
		for i, v := range n.Inputs {
			in[i] = of(v)
		}
		out, err := r.node(n, in, m.Opsets[""])
		if err != nil {
			return nil, fmt.Errorf("compile: conditions: %s: %w", n.String(), err)
		}
		if len(out) < len(n.Outputs) {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", n.String(), n.Op)
		}
		for i, v := range n.Outputs {
			known[v] = out[i]
		}
	}
	var out [][]float64
	for _, v := range m.Graph.Outputs {
		out = append(out, onnx.Reals(of(v)))
	}
	return out, nil
}

// room is where a node is computed in float64; the next one takes its place.
type room struct {
	operands [][]float64
	out      []float64
	read     []float64 // by a convolution
}

// sized is a slice of n numbers, of *r if that has so many.
func sized(r *[]float64, n int) []float64 {
	if cap(*r) < n {
		*r = make([]float64, n)
	}
	return (*r)[:n]
}

// zeros are n of them, for a result.
func (r *room) zeros(n int) []float64 {
	out := sized(&r.out, n)
	clear(out)
	return out
}

// reals are the elements of a float32 operand.
func (r *room) reals(operand int, t *onnx.Tensor) []float64 {
	for len(r.operands) <= operand {
		r.operands = append(r.operands, nil)
	}
	x := sized(&r.operands[operand], t.Len())
	kernel.Widen64(x, t.Floats())
	return x
}

// node computes a node of the prologue: in float64, and rounded then. It returns nil where it does
// not know the operator.
func (r *room) node(n *onnx.Node, in []*onnx.Tensor, opset int64) ([]*onnx.Tensor, error) {
	if n.Domain != "" {
		return nil, nil
	}
	if shape := onnx.Sizes(n.Outputs[0].Shape); n.Outputs[0].Shape != nil && n.Outputs[0].DType == onnx.Float32 && floating(in) {
		var out []float64
		switch n.Op {
		case "Conv":
			out = r.convolution(n, in, shape)
		case "MatMul":
			out = r.product(in, shape)
		case "Cast": // to what is no float32, too
		default:
			out = r.eachOf(n, in, shape, opset)
		}
		if out != nil {
			rounded := make([]float32, len(out))
			for i, x := range out {
				rounded[i] = float32(x)
			}
			return []*onnx.Tensor{onnx.NewTensor(rounded, shape...)}, nil
		}
	}
	return onnx.Evaluate(n, in)
}

func floating(in []*onnx.Tensor) bool {
	return len(in) > 0 && !slices.ContainsFunc(in, func(t *onnx.Tensor) bool { return t == nil || t.DType() != onnx.Float32 })
}

// eachOf computes what works element by element, or along the last dimension; else it returns
// nil.
func (r *room) eachOf(n *onnx.Node, in []*onnx.Tensor, shape []int, opset int64) []float64 {
	u := &ir.Unit{Op: n.Op, Attrs: n.Attrs}
	out := r.zeros(size(shape))
	operands := make([][]float64, len(in))
	positions := 1
	if _, each := onnx.Real(n.Op, n.Attrs); each {
		for i, t := range in {
			if !slices.Equal(t.Shape, shape) {
				var err error
				if t, err = onnx.Broadcast(t, shape); err != nil {
					return nil
				}
			}
			operands[i] = r.reals(i, t)
		}
	} else {
		last := int64(len(shape) - 1)
		axis := n.Attrs.Int("axis", -1)
		if n.Op != "Softmax" && n.Op != "LogSoftmax" && n.Op != "LayerNormalization" || len(n.Outputs) > 1 ||
			opset < 13 || last < 0 || axis != -1 && axis != last {
			return nil
		}
		positions = len(out) / shape[last]
		for i, t := range in {
			if operands[i] = r.reals(i, t); i > 0 { // scale and bias
				if t.Len() != shape[last] {
					return nil
				}
				operands[i] = slices.Repeat(operands[i], positions)
			}
		}
	}
	operatorOf(u)(operands, out, positions)
	return out
}

// product is that of matrices [..., m, k] and [..., k, n]; it returns nil where the second are
// fewer, but one, than the first.
func (r *room) product(in []*onnx.Tensor, shape []int) []float64 {
	a, b := in[0], in[1]
	if len(a.Shape) < 2 || len(b.Shape) < 2 || len(shape) != len(a.Shape) {
		return nil
	}
	m, k, n := a.Shape[len(a.Shape)-2], a.Shape[len(a.Shape)-1], b.Shape[len(b.Shape)-1]
	many := a.Len() / (m * k)
	step := k * n
	if b.Len() == step {
		m, many, step = m*many, 1, 0
	} else if b.Len() != many*step || !slices.Equal(a.Shape[:len(a.Shape)-2], b.Shape[:len(b.Shape)-2]) {
		return nil
	}
	x, y, out := r.reals(0, a), r.reals(1, b), r.zeros(size(shape))
	for i := range many {
		kernel.AddProduct64(out[i*m*n:], n, x[i*m*k:], k, y[i*step:], n, m, n, k)
	}
	return out
}

// convolution is one of two dimensions in one group; nil where it is another one.
func (r *room) convolution(n *onnx.Node, in []*onnx.Tensor, shape []int) []float64 {
	x, w := in[0], in[1]
	if len(x.Shape) != 4 || n.Attrs.Int("group", 1) != 1 {
		return nil
	}
	windows, err := onnx.Windows(n, x.Shape, w.Shape)
	if err != nil {
		return nil
	}
	ys, xs := windows[0], windows[1]
	ins, h, width := x.Shape[1], x.Shape[2], x.Shape[3]
	outs, oh, ow := shape[1], shape[2], shape[3]
	depth := ins * ys.Kernel * xs.Kernel
	src, weights, out := x.Floats(), r.reals(1, w), r.zeros(size(shape))
	if len(in) > 2 {
		for plane, bias := range slices.Repeat(r.reals(2, in[2]), shape[0]) {
			for i := range oh * ow {
				out[plane*oh*ow+i] = bias
			}
		}
	}
	rows := max(1, 2*lot/ow) // of the result, at a time
	all := sized(&r.read, depth*min(rows, oh)*ow)
	for image := range shape[0] {
		for first := 0; first < oh; first += rows {
			last := min(first+rows, oh)
			n := (last - first) * ow
			read := all[:depth*n] // [depth, positions]
			clear(read)
			at := read
			for tap := range depth {
				plane := src[(image*ins+tap/(ys.Kernel*xs.Kernel))*h*width:]
				dy, dx := tap/xs.Kernel%ys.Kernel*ys.Dilation-ys.Begin, tap%xs.Kernel*xs.Dilation-xs.Begin
				// Columns of the result that read one of the picture.
				from := min(ow, max(0, (xs.Stride-1-dx)/xs.Stride))
				to := max(from, min(ow, (width-1-dx+xs.Stride)/xs.Stride))
				for y := first; y < last; y++ {
					row := at[:ow]
					at = at[ow:]
					fy := y*ys.Stride + dy
					if fy < 0 || fy >= h || from == to {
						continue
					}
					source := plane[fy*width:][:width]
					if xs.Stride == 1 {
						kernel.Widen64(row[from:to], source[from+dx:to+dx])
						continue
					}
					for c := from; c < to; c++ {
						row[c] = float64(source[c*xs.Stride+dx])
					}
				}
			}
			kernel.AddProduct64(out[(image*outs*oh+first)*ow:], oh*ow, weights, depth, read, n, outs, n, depth)
		}
	}
	return out
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

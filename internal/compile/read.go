package compile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// reader turns a simplified graph's nodes into units.
type reader struct {
	opset  int64
	views  map[*onnx.Value]*view
	labels map[*onnx.Value]bool  // values that depend on labels only
	shared map[*onnx.Value]*unit // perImage units
	layers []Layer
}

// read reads the graph whose first-named input is the picture and returns the
// unit of the logits, defined at each pixel, its channels the levels, and the layers.
func read(m *onnx.Model, picture *onnx.Value) (*unit, []Layer, error) {
	r := &reader{opset: m.Opsets[""], views: map[*onnx.Value]*view{}, labels: map[*onnx.Value]bool{}, shared: map[*onnx.Value]*unit{}}
	for _, v := range m.Graph.Inputs {
		if v != picture {
			r.labels[v] = true
		}
	}
	r.views[picture] = pictureView(picture)
	for _, n := range m.Graph.Nodes {
		if err := r.node(n); err != nil {
			return nil, nil, err
		}
	}
	u, err := r.logits(m.Graph.Outputs[0])
	return u, r.layers, err
}

func pictureView(v *onnx.Value) *view {
	shape := onnx.Sizes(v.Shape)
	roles := []role{batch, channel, row, column} // [N, 1, H, W]
	switch {
	case len(shape) == 3: // [N, H, W]
		roles = []role{batch, row, column}
	case shape[3] == 1 && shape[1] != 1: // [N, H, W, 1]
		roles = []role{batch, row, column, channel}
	}
	dims := make([]dim, len(shape))
	for i, size := range shape {
		dims[i] = dim{{roles[i], size}}
	}
	h, w := shape[slices.Index(roles, row)], shape[slices.Index(roles, column)]
	full := rect{0, 0, h, w}
	u := &unit{kind: image, label: fmt.Sprintf("input %q", v.Name), channels: 1, dtype: onnx.Float32, full: full}
	view := &view{src: u, dims: dims, h: h, w: w, valid: full, chans: []int{0}}
	if v.DType != onnx.Float32 {
		// The picture is kept as float32, which holds every level exactly.
		cast := &unit{
			kind: apply, label: u.label, op: "Cast", channels: 1, dtype: v.DType, full: full,
			args: []arg{view.arg(0, 0)}, operands: []operand{{arg: 0}}, attrs: onnx.Attrs{"to": int64(v.DType)},
		}
		view.src = cast
	}
	return view
}

func (r *reader) logits(v *onnx.Value) (*unit, error) {
	out := r.views[v]
	if out == nil {
		return nil, &UnsupportedError{fmt.Sprintf("output %q", v.Name), "", "does not depend on the picture"}
	}
	rect := rect{0, 0, out.h, out.w}
	u := out.src
	if out.dy == 0 && out.dx == 0 && u.full == rect && out.valid == rect && identity(out.chans, u.channels) && u.kind == linear {
		return u, nil
	}
	return &unit{
		kind: apply, label: fmt.Sprintf("output %q", v.Name), op: "Identity", channels: len(out.chans), dtype: u.dtype,
		full: rect, args: []arg{out.arg(0, 0)}, operands: []operand{{arg: 0}},
	}, nil
}

// node reads one node.
func (r *reader) node(n *onnx.Node) error {
	ofPicture, ofLabels := false, false
	for _, v := range n.Inputs {
		ofPicture = ofPicture || r.views[v] != nil
		ofLabels = ofLabels || r.labels[v]
	}
	if !ofPicture {
		for _, v := range n.Outputs {
			r.labels[v] = ofLabels
		}
		if !ofLabels {
			return unsupported(n, "the operator %s is not known here", n.Op)
		}
		return nil
	}
	if n.Domain != "" {
		return unsupported(n, "the operator %s of domain %q is not known here", n.Op, n.Domain)
	}
	for _, v := range n.Outputs {
		if v != nil && v.Shape == nil {
			return unsupported(n, "the operator %s is not known here", n.Op)
		}
		if v != nil && slices.Contains(onnx.Sizes(v.Shape), 0) {
			return unsupported(n, "it makes nothing")
		}
	}
	var out *view
	var err error
	switch n.Op {
	case "Conv":
		out, err = r.conv(n)
	case "MatMul", "Gemm":
		out, err = r.product(n)
	case "BatchNormalization":
		out, err = r.batchNorm(n)
	case "LayerNormalization", "Softmax", "LogSoftmax", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin":
		out, err = r.acrossChannels(n)
	case "Gather":
		out, err = r.gather(n)
	case "OneHot":
		out, err = r.oneHot(n)
	case "Concat":
		out, err = r.concat(n)
	case "Split":
		return r.split(n)
	case "Pad":
		out, err = r.pad(n)
	case "Slice":
		out, err = r.slice(n)
	case "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze":
		out, err = r.rearrange(n)
	case "Expand":
		out, err = r.expand(n)
	case "Dropout":
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			return unsupported(n, "it is in training mode")
		}
		out, err = r.input(n, 0)
	default:
		if !local[n.Op] {
			return unsupported(n, "the operator %s is not known here", n.Op)
		}
		out, err = r.local(n)
	}
	if err != nil {
		return err
	}
	r.views[n.Outputs[0]] = out
	return nil
}

// input is the view of input i, which must be one.
func (r *reader) input(n *onnx.Node, i int) (*view, error) {
	if i < len(n.Inputs) {
		if v := r.views[n.Inputs[i]]; v != nil {
			return v, nil
		}
	}
	return nil, unsupported(n, "its input %d does not depend on the picture", i)
}

// fixed is the constant of input i; nil where it is absent.
func (r *reader) fixed(n *onnx.Node, i int) (*onnx.Tensor, error) {
	if i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil, nil
	}
	if t := n.Inputs[i].Const; t != nil {
		return t, nil
	}
	return nil, unsupported(n, "its input %d is not constant", i)
}

// floats is the constant of input i, which must be float32 and there.
func (r *reader) floats(n *onnx.Node, i int) (*onnx.Tensor, error) {
	t, err := r.fixed(n, i)
	if err == nil && (t == nil || t.Floats() == nil) {
		err = unsupported(n, "its input %d is not float32", i)
	}
	return t, err
}

// plane is the rectangle of v, in the coordinates of v's unit.
func (v *view) plane() rect { return rect{v.dy, v.dx, v.dy + v.h, v.dx + v.w} }

// shown is the view of a unit made from v, in the same coordinates, that has the
// given dimensions.
func (v *view) shown(u *unit, dims []dim) *view {
	u.full = v.plane()
	return &view{src: u, dims: dims, dy: v.dy, dx: v.dx, h: v.h, w: v.w, valid: u.full, chans: count(u.channels)}
}

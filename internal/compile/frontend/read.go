// Package frontend reads a graph of ONNX as units.
//
// [Prepare] finds the picture among the inputs, fixes the sizes and folds constants.
// [Read] goes through the nodes. What it knows of each tensor is a view (view.go):
// which unit's values it shows, in which order of dimensions, and where. Operators that
// compute make a unit (linear.go, local.go); those that only move values about change
// the view (move.go), and are gone.
package frontend

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// reader turns a simplified graph's nodes into units.
type reader struct {
	opset      int64
	views      map[*onnx.Value]*view
	conditions map[*onnx.Value]bool     // values that depend on conditions only
	static     map[*onnx.Value]*ir.Unit // those of them that are read
	layers     []ir.Layer
}

// Read reads a graph that [Prepare] has made. It returns the unit of the logits, which
// is defined at each pixel, its channels the levels, and the graph's layers.
func Read(m *onnx.Model, picture *onnx.Value) (*ir.Unit, []ir.Layer, error) {
	r := &reader{
		opset: m.Opsets[""], views: map[*onnx.Value]*view{picture: pictureView(picture)},
		conditions: map[*onnx.Value]bool{}, static: map[*onnx.Value]*ir.Unit{},
	}
	for _, v := range m.Graph.Inputs {
		r.conditions[v] = v != picture
	}
	for _, n := range m.Graph.Nodes {
		if err := r.node(n); err != nil {
			return nil, nil, err
		}
	}
	shown, out := r.views[picture], r.views[m.Graph.Outputs[0]]
	name := fmt.Sprintf("output %q", m.Graph.Outputs[0].Name)
	if out == nil {
		return nil, nil, &ir.UnsupportedError{Node: name, Reason: "does not depend on the picture"}
	}
	logits, all := out.src, ir.Sized(out.h, out.w)
	if out.access != ir.Here || logits.Full != all || out.valid != all || !identity(out.chans, logits.Channels) || logits.Kind != ir.Linear {
		logits = out.apply(name, "Identity", logits.DType, nil)
	}
	if out.h != shown.h || out.w != shown.w {
		return nil, nil, &ir.UnsupportedError{Node: logits.Node, Reason: fmt.Sprintf("the logits are for %d×%d pixels, the picture has %d×%d", out.h, out.w, shown.h, shown.w)}
	}
	return logits, r.layers, nil
}

// node reads one node.
func (r *reader) node(n *onnx.Node) error {
	ofPicture, ofConditions := false, false
	for _, v := range n.Inputs {
		ofPicture = ofPicture || r.views[v] != nil
		ofConditions = ofConditions || r.conditions[v]
	}
	if !ofPicture {
		for _, v := range n.Outputs {
			r.conditions[v] = ofConditions
		}
		if !ofConditions {
			return ir.Unsupported(n, "the operator %s is not known here", n.Op)
		}
		return nil
	}
	if n.Domain != "" {
		return ir.Unsupported(n, "the operator %s of domain %q is not known here", n.Op, n.Domain)
	}
	for _, v := range n.Outputs {
		if v != nil && v.Shape == nil {
			return ir.Unsupported(n, "the operator %s is not known here", n.Op)
		}
		if v != nil && slices.Contains(onnx.Sizes(v.Shape), 0) {
			return ir.Unsupported(n, "it makes nothing")
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
			return ir.Unsupported(n, "it is in training mode")
		}
		out, err = r.input(n, 0)
	default:
		if !local[n.Op] {
			return ir.Unsupported(n, "the operator %s is not known here", n.Op)
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
	return nil, ir.Unsupported(n, "its input %d does not depend on the picture", i)
}

// fixed is the constant of input i; nil where it is absent.
func (r *reader) fixed(n *onnx.Node, i int) (*onnx.Tensor, error) {
	if i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil, nil
	}
	if t := n.Inputs[i].Const; t != nil {
		return t, nil
	}
	return nil, ir.Unsupported(n, "its input %d is not constant", i)
}

// floats is the constant of input i, which must be float32 and there.
func (r *reader) floats(n *onnx.Node, i int) (*onnx.Tensor, error) {
	t, err := r.fixed(n, i)
	if err == nil && (t == nil || t.Floats() == nil) {
		err = ir.Unsupported(n, "its input %d is not float32", i)
	}
	return t, err
}

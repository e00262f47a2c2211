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
	graph      *onnx.Graph
	opset      int64
	size       ir.Rect // of the picture
	views      map[*onnx.Value]*view
	conditions map[*onnx.Value]bool     // values that depend on conditions only
	static     map[*onnx.Value]*ir.Unit // those of them that are read
	maps       map[*onnx.Value]*view    // and those that are projected in the steps
	layers     []ir.Layer
	masks      []*ir.Mask // of the attentions, each of them once
}

// Read reads a graph that [Prepare] has made. Its one output is defined at each pixel, its
// channels are the file's. It returns the graph's layers as well.
func Read(m *onnx.Model, picture *onnx.Value) (net *ir.Network, layers []ir.Layer, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *ir.UnsupportedError: // see fail
			net, layers, err = nil, nil, p
		default:
			panic(p)
		}
	}()
	shown, pictures := pictureView(picture)
	r := &reader{
		graph: m.Graph, opset: m.Opsets[""], size: ir.Sized(shown.h, shown.w), views: map[*onnx.Value]*view{picture: shown},
		conditions: map[*onnx.Value]bool{}, static: map[*onnx.Value]*ir.Unit{}, maps: map[*onnx.Value]*view{},
	}
	for _, v := range m.Graph.Inputs {
		r.conditions[v] = v != picture
	}
	for _, n := range m.Graph.Nodes {
		r.node(n)
	}
	out := r.views[m.Graph.Outputs[0]]
	name := fmt.Sprintf("output %q", m.Graph.Outputs[0].Name)
	if out == nil {
		return nil, nil, &ir.UnsupportedError{Node: name, Reason: "does not depend on the picture"}
	}
	if out.scores != nil || out.stands != nil {
		return nil, nil, &ir.UnsupportedError{Node: name, Reason: "is no picture"}
	}
	// Roles are in the order of [N, channels, rows, columns]. Who runs the graph takes outputs of that
	// shape to be in that order.
	var order []role
	for _, a := range slices.Concat(out.dims...) {
		if a.size > 1 && a.role != batch {
			order = append(order, a.role)
		}
	}
	if shape := onnx.Sizes(m.Graph.Outputs[0].Shape); !slices.IsSorted(order) && slices.Equal(shape[1:], []int{len(out.chans), out.h, out.w}) {
		return nil, nil, &ir.UnsupportedError{Node: name, Reason: "has its channels, rows and columns in another order"}
	}
	logits := out.src
	all := ir.Sized(out.h, out.w)
	if out.access != ir.Here || logits.Full != all || out.valid != all || !slices.Equal(out.chans, ir.Count(logits.Channels)) || logits.Kind != ir.Linear {
		logits = out.apply(name, "Identity", logits.DType, nil)
	}
	if out.h != shown.h || out.w != shown.w {
		return nil, nil, &ir.UnsupportedError{Node: logits.Node, Reason: fmt.Sprintf("the logits are for %d×%d pixels, the picture has %d×%d", out.h, out.w, shown.h, shown.w)}
	}
	return &ir.Network{Pictures: pictures, Outputs: []*ir.Unit{logits}}, r.layers, nil
}

// fail ends the reading at a node that is outside what is understood: [Read] returns
// the error.
func fail(n *onnx.Node, format string, args ...any) {
	panic(&ir.UnsupportedError{Node: n.String(), Op: n.Op, Reason: fmt.Sprintf(format, args...)})
}

// check fails where there is an error.
func check(n *onnx.Node, err error) {
	if err != nil {
		fail(n, "%v", err)
	}
}

// readers are by operator; those that are not here may be [local].
var readers = map[string]func(*reader, *onnx.Node) *view{
	"Conv": (*reader).conv, "MatMul": (*reader).product, "Gemm": (*reader).product, "BatchNormalization": (*reader).batchNorm,
	"LayerNormalization": (*reader).acrossChannels, "Softmax": (*reader).acrossChannels, "LogSoftmax": (*reader).acrossChannels,
	"ReduceMean": (*reader).acrossChannels, "ReduceSum": (*reader).acrossChannels, "ReduceMax": (*reader).acrossChannels,
	"ReduceMin": (*reader).acrossChannels, "Gather": (*reader).gather, "OneHot": (*reader).oneHot, "Concat": (*reader).concat,
	"Transpose": (*reader).rearrange, "Reshape": (*reader).rearrange, "Flatten": (*reader).rearrange, "Squeeze": (*reader).rearrange,
	"Unsqueeze": (*reader).rearrange, "Pad": (*reader).pad, "Slice": (*reader).slice, "Split": (*reader).split,
	"Expand": (*reader).expand, "Dropout": (*reader).dropout, "ConvTranspose": (*reader).convTranspose,
	"MaxPool": (*reader).pool, "AveragePool": (*reader).pool, "Resize": (*reader).resize, "Upsample": (*reader).resize,
	"DepthToSpace": (*reader).depthToSpace, "SpaceToDepth": (*reader).depthToSpace,
}

// node reads one node.
func (r *reader) node(n *onnx.Node) {
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
			fail(n, "the operator %s is not known here", n.Op)
		}
		return
	}
	if n.Domain != "" {
		fail(n, "the operator %s of domain %q is not known here", n.Op, n.Domain)
	}
	for _, v := range n.Outputs {
		if v != nil && v.Shape == nil {
			fail(n, "the operator %s is not known here", n.Op)
		}
		if v != nil && slices.Contains(onnx.Sizes(v.Shape), 0) {
			fail(n, "it makes nothing")
		}
	}
	read := readers[n.Op]
	if v, _ := r.scored(n); v != nil {
		if read = onScores[n.Op]; read == nil {
			fail(n, "the operator %s is not known of an attention's scores", n.Op)
		}
	} else if r.stand(n) && slices.Contains(local, n.Op) {
		read = (*reader).standingLocal
	} else if r.stand(n) && n.Op != "Gemm" && n.Op != "MatMul" && n.Op != "Dropout" {
		fail(n, "the operator %s is not known of a dense layer's results", n.Op)
	} else if slices.Contains(local, n.Op) {
		read = (*reader).local
	} else if read == nil {
		fail(n, "the operator %s is not known here", n.Op)
	}
	r.views[n.Outputs[0]] = read(r, n)
}

// stand tells whether a node takes a dense layer's results.
func (r *reader) stand(n *onnx.Node) bool {
	return slices.ContainsFunc(n.Inputs, func(in *onnx.Value) bool { return r.views[in] != nil && r.views[in].stands != nil })
}

// input is the view of input i, which must be one.
func (r *reader) input(n *onnx.Node, i int) *view {
	if i >= len(n.Inputs) || r.views[n.Inputs[i]] == nil {
		fail(n, "its input %d does not depend on the picture", i)
	}
	return r.views[n.Inputs[i]]
}

// reshape is v with its axes cut anew.
func (r *reader) reshape(n *onnx.Node, v *view, shape []int) *view {
	dims, ok := regroup(v.dims, shape)
	if !ok {
		fail(n, "it mixes pixels with each other")
	}
	return r.together(n, r.apart(n, v, dims))
}

// fixed is the constant of input i; nil where it is absent.
func (r *reader) fixed(n *onnx.Node, i int) *onnx.Tensor {
	if i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil
	}
	if n.Inputs[i].Const == nil {
		fail(n, "its input %d is not constant", i)
	}
	return n.Inputs[i].Const
}

// floats is the constant of input i, which must be float32 and there.
func (r *reader) floats(n *onnx.Node, i int) *onnx.Tensor {
	t := r.fixed(n, i)
	if t == nil || t.Floats() == nil {
		fail(n, "its input %d is not float32", i)
	}
	return t
}

package compile

import (
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// prologue writes the graph that makes the values of an image's labels.
func (e *emitter) prologue(m *onnx.Model, picture *onnx.Value) error {
	g := &onnx.Graph{Name: "labels"}
	for _, v := range m.Graph.Inputs {
		if v != picture {
			g.Inputs = append(g.Inputs, v)
			e.program.LabelInputs = append(e.program.LabelInputs, onnx.ValueInfo{Name: v.Name, DType: v.DType, Shape: onnx.Sizes(v.Shape)})
		}
	}
	values := make([]*onnx.Value, len(e.labels))
	for u, k := range e.labels {
		values[k] = u.value
	}
	needed := map[*onnx.Node]bool{}
	var need func(v *onnx.Value)
	need = func(v *onnx.Value) {
		if v == nil || v.Node == nil || needed[v.Node] {
			return
		}
		needed[v.Node] = true
		for _, in := range v.Node.Inputs {
			need(in)
		}
	}
	for _, v := range values {
		need(v)
	}
	for _, n := range m.Graph.Nodes {
		if needed[n] {
			g.Nodes = append(g.Nodes, n)
		}
	}
	for k, v := range values {
		flat := g.Op("Reshape", nil, v, vector(-1))
		g.Output(flat, fmt.Sprintf("per_image_%d", k), onnx.Float32, onnx.Fixed(e.program.Labels[k].Channels))
	}
	e.program.labelOf = e.labels
	e.program.Prologue = &onnx.Model{IRVersion: 8, Opsets: m.Opsets, ProducerName: "pixelcnn", Graph: g}
	return nil
}

// ExactLabels computes what the prologue makes of the labels of one image, per entry of
// Labels [channels], in plain Go and always in the same way: the same result on every
// runtime and machine. inputs are as LabelInputs say. It fails on operators that it does
// not know. Where there are no labels it returns nil.
func (p *Program) ExactLabels(inputs []*onnx.Tensor) ([][]float64, error) {
	if p.Prologue == nil {
		return nil, nil
	}
	constant := map[*onnx.Value]*onnx.Value{}
	for i, v := range p.Prologue.Graph.Inputs {
		constant[v] = onnx.Const(v.Name, inputs[i])
	}
	fixed := *p.Prologue
	fixed.Graph = &onnx.Graph{Name: p.Prologue.Graph.Name, Outputs: p.Prologue.Graph.Outputs}
	for _, n := range p.Prologue.Graph.Nodes {
		n := &onnx.Node{Op: n.Op, Domain: n.Domain, Name: n.Name, Inputs: slices.Clone(n.Inputs), Outputs: n.Outputs, Attrs: n.Attrs}
		for i, v := range n.Inputs {
			if c := constant[v]; c != nil {
				n.Inputs[i] = c
			}
		}
		fixed.Graph.Nodes = append(fixed.Graph.Nodes, n)
	}
	known, err := onnx.Simplify(&fixed, nil)
	if err != nil {
		return nil, fmt.Errorf("compile: labels: %w", err)
	}
	var out [][]float64
	for _, v := range known.Graph.Outputs {
		if v.Const == nil {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", v.Node.Label(), v.Node.Op)
		}
		out = append(out, onnx.Reals(v.Const))
	}
	return out, nil
}

package signature

import "pixelcnn/internal/onnx"

// broadcasts are the operators that can combine one image with many.
var broadcasts = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true}

// Shares tells whether one image can be run with many classes at once, by ONNX's rules of
// broadcasting, so that what does not depend on the class is computed once. That is so where only
// operators that broadcast combine the image and the class.
func (s *Signature) Shares() bool {
	if s.classInput == nil || s.Conditions != nil || s.Batch > 0 || s.classInput.shape[0] > 0 {
		return false
	}
	g := s.model.Graph
	classed := map[*onnx.Value]bool{g.Inputs[s.classInput.at]: true}
	pictured := map[*onnx.Value]bool{g.Inputs[s.pictureAt]: true}
	for _, n := range g.Nodes {
		class, picture := false, false // among the inputs; what depends on both counts as a class
		for _, v := range n.Inputs {
			class = class || classed[v]
			picture = picture || pictured[v]
		}
		if class && picture && !broadcasts[n.Op] {
			return false
		}
		for _, v := range n.Outputs {
			if class {
				classed[v] = true
			} else {
				pictured[v] = picture
			}
		}
	}
	return classed[g.Outputs[0]]
}

// Shared is the model for one image of all classes.
func (s *Signature) Shared() *onnx.Model {
	in := s.model.Graph.Inputs
	sized, err := onnx.Simplify(s.model, map[string][]int{
		in[s.pictureAt].Name:     {1, s.Channels, s.Height, s.Width},
		in[s.classInput.at].Name: append([]int{len(s.Classes)}, s.classInput.shape[1:]...),
	})
	if err == nil {
		var w sums
		w.rewrite(sized.Graph, sized.Graph.Inputs[s.classInput.at])
		sized, err = onnx.Simplify(sized, nil) // without what nothing needs any more
	}
	if err == nil {
		return sized
	}
	// The number of classes has a name of its own: ONNX Runtime takes two sizes of one name for
	// equal.
	m := s.model.Clone()
	for _, v := range []*onnx.Value{m.Graph.Inputs[s.classInput.at], m.Graph.Outputs[0]} {
		v.Shape[0] = onnx.Free("classes")
	}
	return m
}

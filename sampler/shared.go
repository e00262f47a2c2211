package sampler

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// broadcasts are the operators in which one image may stand beside many.
var broadcasts = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true}

// sharesImage tells whether one image can be run with many labels at once: what the label
// has no part in is then computed once, and ONNX's rules of broadcasting do the rest. That
// is so where only operators that broadcast bring the two together.
func (s *Spec) sharesImage() bool {
	if s.label == nil || s.Batch > 0 || s.label.shape[0] > 0 {
		return false
	}
	g := s.model.Graph
	labelled := map[*onnx.Value]bool{g.Inputs[s.label.at]: true}
	pictured := map[*onnx.Value]bool{g.Inputs[s.imageAt]: true}
	for _, n := range g.Nodes {
		label, picture := false, false // among the inputs; a picture that knows the label counts as a label
		for _, v := range n.Inputs {
			label = label || labelled[v]
			picture = picture || pictured[v]
		}
		if label && picture && !broadcasts[n.Op] {
			return false
		}
		for _, v := range n.Outputs {
			if label {
				labelled[v] = true
			} else {
				pictured[v] = picture
			}
		}
	}
	return labelled[g.Outputs[0]]
}

// shared is a session of the model for one image and many labels, made when it is first
// asked for. In it the number of labels has a name of its own: ONNX Runtime takes two sizes
// of one name for equal.
func (e *fullEngine) shared() (onnx.Session, error) {
	e.sharing.Do(func() {
		m, err := onnx.Unmarshal(e.spec.file)
		if err == nil {
			for _, v := range []*onnx.Value{m.Graph.Inputs[e.spec.label.at], m.Graph.Outputs[0]} {
				v.Shape[0] = onnx.Free("labels")
			}
			var file []byte
			if file, err = onnx.Marshal(m); err == nil {
				e.forLabels, err = e.rt.Load(file, onnx.SessionOptions{})
			}
		}
		if err != nil {
			e.sharingErr = fmt.Errorf("%w: %w", ErrModel, err)
		}
	})
	return e.forLabels, e.sharingErr
}

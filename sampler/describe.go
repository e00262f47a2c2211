package sampler

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// Description says what a model file holds, for people to read.
type Description struct {
	Producer         string
	Bytes            int64 // of the file, and of others in which its weights are
	IRVersion, Opset int64
	Parameters       int
	Metadata         map[string]string
	Doc              string
	Layers           []Layer
}

// Layer is one node of the graph.
type Layer struct {
	Name, Op   string
	Kernel     string // "7×7"
	Channels   string // "1 → 64"
	Taps       string // "24 of 49": kernel positions with a weight other than zero
	Parameters int
}

// Describe says what the file holds. It is empty for a model that was not read from a file.
func (m *Model) Describe() Description {
	if m.Signature == nil {
		return Description{}
	}
	f := m.Model()
	d := Description{
		Bytes:     m.bytes,
		Producer:  f.ProducerName + " " + f.ProducerVersion,
		IRVersion: f.IRVersion,
		Opset:     f.Opsets[""],
		Metadata:  f.Metadata,
		Doc:       f.Doc,
	}
	seen := map[*onnx.Value]bool{}
	for _, n := range f.Graph.Nodes {
		if n.Op == "Constant" {
			continue
		}
		l := Layer{Name: n.Name, Op: n.Op}
		for _, v := range n.Inputs {
			// Integer constants are shapes and indices, not parameters.
			if v != nil && v.Const != nil && v.Const.DType() == onnx.Float32 && !seen[v] {
				seen[v] = true
				l.Parameters += v.Const.Len()
			}
		}
		if n.Op == "Conv" && len(n.Inputs) > 1 && n.Inputs[1].Const != nil && len(n.Inputs[1].Const.Shape) == 4 {
			w := n.Inputs[1].Const
			l.Kernel = fmt.Sprintf("%d×%d", w.Shape[2], w.Shape[3])
			l.Channels = fmt.Sprintf("%d → %d", w.Shape[1]*int(n.Attrs.Int("group", 1)), w.Shape[0])
			l.Taps = fmt.Sprintf("%d of %d", liveTaps(w), w.Shape[2]*w.Shape[3])
		}
		d.Parameters += l.Parameters
		d.Layers = append(d.Layers, l)
	}
	return d
}

// liveTaps counts the kernel positions of w, [out, in, kh, kw], that are not all zero.
func liveTaps(w *onnx.Tensor) int {
	taps := w.Shape[2] * w.Shape[3]
	live := make([]bool, taps)
	for i, x := range w.Floats() {
		if x != 0 {
			live[i%taps] = true
		}
	}
	n := 0
	for _, l := range live {
		if l {
			n++
		}
	}
	return n
}

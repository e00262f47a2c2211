package train

import (
	"fmt"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// A network is a model without its sizes; [models.Model] is one.
type network interface {
	Build(models.Builder) models.Value // returns the logits
	Params() []models.Param
}

// newPass builds the graph that runs the model on a number of images.
//
// Inputs: the levels, uint8 [pixels, images]; the labels, int32 [images], of a model
// with classes; then each parameter as its slot has
// it; where it is to learn, then each parameter's gradient so far. Outputs: the
// negative log-likelihood of each image in nats, [images]; where it is to learn,
// then each gradient with these images' added. Gradients are of the plain sum over
// images and pixels, so they do not depend on how images are dealt out.
func newPass(n network, l packing, s shape, learn bool) *tape {
	t := newTape(l, s, learn)
	logits := n.Build(t)
	nll, grad := t.loss(logits)
	t.graph.Output(nll, "nll", onnx.Float32, onnx.Fixed(s.images))
	if learn {
		t.backward(logits, grad)
		for i, p := range l.slots {
			t.graph.Output(t.grads[i], "grad_"+p.param.Name, onnx.Float32, onnx.Shape(p.shape...)...)
		}
	}
	return t
}

func load(rt onnx.Runtime, g *onnx.Graph, opt onnx.SessionOptions) (onnx.Session, error) {
	s, err := rt.Load(&onnx.Model{
		IRVersion: format.IRVersion,
		Opsets:    map[string]int64{"": format.Opset},
		Graph:     g,
	}, opt)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return s, nil
}

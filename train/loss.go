package train

import (
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// crossEntropy returns each image's −Σ log softmax(logits)[level] over its pixels,
// [images], in nats, and the gradient of their sum by the logits, softmax − one-hot,
// which is nil where nothing learns. LogSoftmax subtracts each row's maximum.
func (t *tape) crossEntropy(logits models.Value) (nll, grad *onnx.Value) {
	truth := t.oneHot()
	logp := t.graph.Op("LogSoftmax", onnx.Attrs{"axis": int64(1)}, t.vars[logits].value)

	drop := onnx.Attrs{"keepdims": int64(0)}
	nll = t.graph.Op("ReduceSum", drop, t.graph.Op("Mul", nil, logp, truth), constant([]int64{1}, 1))
	nll = t.graph.Op("ReduceSum", drop, t.reshape(nll, t.shape.pixels(), t.shape.images), constant([]int64{0}, 1))
	nll = t.graph.Op("Neg", nil, nll)
	if t.sums != nil {
		grad = t.graph.Op("Sub", nil, t.graph.Op("Exp", nil, logp), truth)
	}
	return nll, grad
}

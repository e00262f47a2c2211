package train

import (
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// loss returns each image's −Σ log p(level) over its pixels, [images], in nats, and the
// gradient of their sum by the outputs, which is nil where nothing learns. What the
// outputs say of a pixel is the head's.
func (t *tape) loss(outputs models.Value) (nll, grad *onnx.Value) {
	head := likelihood.Categorical{Depth: t.shape.levels}
	logProb, grad := head.LossNodes(t.graph, t.vars[outputs].value, t.oneHot(), t.sums != nil)
	rows := t.reshape(logProb, t.shape.pixels(), t.shape.images)
	nll = t.graph.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, rows, constant([]int64{0}, 1))
	return t.graph.Op("Neg", nil, nll), grad
}

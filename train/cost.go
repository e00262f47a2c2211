package train

import "pixelcnn/models"

// MultiplyAdds counts the multiply-adds of one image with live taps only: of a forward
// pass, and of a training step, which does each convolution's product twice more, for
// the weight's gradient and the input's. The first layer's input needs none.
func MultiplyAdds(m *models.Model) (forward, step int64) {
	l := newPacking(m)
	for _, g := range newPass(m, l, shapeOf(m, 1), true).gemms {
		n := int64(g.rows) * int64(g.depth) * int64(g.cols)
		switch {
		case g.bias:
		case g.forward:
			forward += n
			step += n
		default:
			step += n
		}
	}
	return forward, step
}

package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// fuser is a step that can do the work of the nodes after it as well, while its
// result is still in registers.
type fuser interface {
	// joinAdd adds v to the result, and tells whether it can.
	joinAdd(v *value) bool
	// joinRelu applies relu to the result, and tells whether it can.
	joinRelu() bool
	// joinRamp multiplies the result by a step function, and tells whether it can.
	joinRamp(r *ramp) bool
	made() *step
}

// fusable is the step that makes argument i of a node, where that node alone reads it.
func (p *binder) fusable(n *node, i int) fuser {
	if v := n.in[i]; v.from != nil && p.uses[n.Inputs[i]] == 1 {
		return v.from
	}
	return nil
}

// joinAdd lets the step before an Add do it, and tells whether that was possible.
func (p *binder) joinAdd(n *node) bool {
	for i, v := range n.in {
		other := n.in[1-i]
		shape, err := broadcast(v.shape, other.shape)
		if err != nil || !slices.Equal(shape, v.shape) || other.dtype != onnx.Float32 {
			continue
		}
		f := p.fusable(n, i)
		if f == nil || !f.joinAdd(other) {
			continue
		}
		s := f.made()
		s.reads = append(s.reads, other)
		p.last(s) // other may have been made after it
		p.set(n, 0, v)
		return true
	}
	return false
}

// A ramp is min(max(slope·x, 0), 1), which is a step function where the slope is steep.
type ramp struct {
	x     *value
	slope float32
}

// joinRamp lets the step before a Mul by a ramp do it, and tells whether that was
// possible.
func (p *binder) joinRamp(n *node) bool {
	for i, v := range n.in {
		r := n.in[1-i].ramp
		if r == nil || !slices.Equal(r.x.shape, v.shape) {
			continue
		}
		f := p.fusable(n, i)
		if f == nil || !f.joinRamp(r) {
			continue
		}
		s := f.made()
		s.reads = append(s.reads, r.x)
		p.last(s)
		p.set(n, 0, v)
		return true
	}
	return false
}

// tanhSigmoid finds a and b where a Mul is of tanh(a) and sigmoid(b) and alone reads them: one step
// can do all three then, and prune takes out the two. Whether it does must not depend on shapes, for
// an image's bits not to depend on how many there are.
func (p *binder) tanhSigmoid(n *node, x, y *value) (a, b *value) {
	if x.sigmoidOf != nil {
		x, y = y, x
	}
	if n.Op != "Mul" || x.tanhOf == nil || y.sigmoidOf == nil || p.uses[n.Inputs[0]] != 1 || p.uses[n.Inputs[1]] != 1 {
		return nil, nil
	}
	return x.tanhOf, y.sigmoidOf
}

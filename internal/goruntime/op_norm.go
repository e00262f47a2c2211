package goruntime

import (
	"errors"
	"math"
	"slices"

	"pixelcnn/internal/onnx"
)

// bindBatchNorm: (x - mean)/√(variance + ε)·scale + bias per channel, with the
// statistics that were found in training.
func bindBatchNorm(p *binder, n *node) error {
	x := n.in[0]
	if n.Attrs.Int("training_mode", 0) != 0 {
		return errors.New("training mode is not supported")
	}
	for _, o := range n.Outputs[1:] {
		if o != nil {
			return errors.New("it has outputs of training mode")
		}
	}
	if x.rank() < 2 {
		return errorf("an argument of shape %v has no channels", x.shape)
	}
	for _, v := range n.in {
		if err := wantType(v, onnx.Float32); err != nil {
			return err
		}
	}
	channels := x.shape[1]
	for _, v := range n.in[1:] {
		if v.rank() != 1 || v.count != channels {
			return errorf("statistics of shape %v for %d channels", v.shape, channels)
		}
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	scale, bias, mean, variance := n.in[1], n.in[2], n.in[3], n.in[4]
	epsilon := n.Attrs.Float("epsilon", 1e-5)
	pixels := product(x.shape[2:])
	p.add(n, &step{reads: n.in, writes: []*value{y}, overwrites: true, run: func(*workers) error {
		src, dst := x.floats(), y.floats()
		for i := 0; i < len(src); i += pixels {
			c := i / pixels % channels
			factor := float64(scale.floats()[c]) / math.Sqrt(float64(variance.floats()[c])+float64(epsilon))
			f, m, b := float32(factor), mean.floats()[c], bias.floats()[c]
			for k, v := range src[i : i+pixels] {
				dst[i+k] = float32((v-m)*f) + b
			}
		}
		return nil
	}})
	return nil
}

// bindLayerNorm: the same over all axes from one on, with the statistics of the
// elements themselves. Optional outputs are the mean and 1/√(variance + ε).
func bindLayerNorm(p *binder, n *node) error {
	x := n.in[0]
	axis, err := onnx.Axis(n.Attrs.Int("axis", -1), x.rank())
	if err != nil {
		return err
	}
	if t := n.Attrs.Int("stash_type", 1); t != 1 {
		return errorf("stash_type %d is not supported", t)
	}
	reads := present(n.in)
	for i, v := range reads {
		if err := wantType(v, onnx.Float32); err != nil {
			return err
		}
		if both, err := broadcast(v.shape, x.shape[axis:]); i > 0 && (err != nil || !slices.Equal(both, x.shape[axis:])) {
			return errorf("scale or bias of shape %v for shape %v", v.shape, x.shape[axis:])
		}
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	small := slices.Clone(x.shape)
	for i := axis; i < len(small); i++ {
		small[i] = 1
	}
	mean, err := p.output(n, 1, onnx.Float32, small)
	if err != nil {
		return err
	}
	inverse, err := p.output(n, 2, onnx.Float32, small)
	if err != nil {
		return err
	}
	size, epsilon := product(x.shape[axis:]), float64(n.Attrs.Float("epsilon", 1e-5))
	p.add(n, &step{reads: []*value{x}, writes: []*value{y, mean, inverse}, run: func(*workers) error {
		src, dst := x.floats(), y.floats()
		for i := range mean.floats() {
			row := src[i*size : (i+1)*size]
			var sum, squares float64
			for _, v := range row {
				sum += float64(v)
			}
			m := sum / float64(size)
			for _, v := range row {
				d := float64(v) - m
				squares += float64(d * d)
			}
			r := 1 / math.Sqrt(squares/float64(size)+epsilon)
			for k, v := range row {
				dst[i*size+k] = float32((float64(v) - m) * r)
			}
			mean.floats()[i], inverse.floats()[i] = float32(m), float32(r)
		}
		return nil
	}})
	if err := p.arithmetic(n.as("Mul"), y, y, n.in[1]); err != nil {
		return err
	}
	if bias := n.input(2); bias != nil {
		return p.arithmetic(n.as("Add"), y, y, bias)
	}
	return nil
}

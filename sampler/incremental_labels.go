package sampler

import (
	"context"
	"fmt"

	"pixelcnn/internal/onnx"
)

// labelRun is the prologue with its tensors, for one image at a time.
type labelRun struct {
	binding onnx.Binding
	inputs  []*onnx.Tensor
	outputs [][]float32 // per label, [channels]
}

// bindLabels prepares the prologue, if there is one.
func (w *worker) bindLabels() error {
	if w.prologue == nil {
		return nil
	}
	for _, in := range w.program.LabelInputs {
		t, err := empty(in)
		if err != nil {
			return err
		}
		w.label.inputs = append(w.label.inputs, t)
	}
	var outputs []*onnx.Tensor
	for _, l := range w.program.Labels {
		data := make([]float32, l.Channels)
		w.label.outputs = append(w.label.outputs, data)
		outputs = append(outputs, onnx.NewTensor(data, l.Channels))
	}
	b, err := w.prologue.Bind(w.label.inputs, outputs)
	if err != nil {
		return fmt.Errorf("sampler: binding the labels' graph: %w", err)
	}
	w.label.binding, w.bindings = b, append(w.bindings, b)
	return nil
}

// empty makes a tensor to copy a label input into.
func empty(in onnx.ValueInfo) (*onnx.Tensor, error) {
	n, err := onnx.Size(in.Shape)
	if err != nil {
		return nil, fmt.Errorf("%w: input %q: %w", ErrModel, in.Name, err)
	}
	switch in.DType {
	case onnx.Int64:
		return onnx.NewTensor(make([]int64, n), in.Shape...), nil
	case onnx.Int32:
		return onnx.NewTensor(make([]int32, n), in.Shape...), nil
	case onnx.Float32:
		return onnx.NewTensor(make([]float32, n), in.Shape...), nil
	}
	return nil, fmt.Errorf("%w: input %q is %v, a label must be int64, int32 or float32", ErrModel, in.Name, in.DType)
}

// runLabels computes what the labels of n images make, and spreads it over the rows
// of a wave.
func (w *worker) runLabels(ctx context.Context, first uint64, n int) error {
	if w.prologue == nil {
		return nil
	}
	for i := range n {
		for k, t := range w.labels(first + uint64(i)) {
			to := w.label.inputs[k]
			switch from := t.Data.(type) {
			case []int64:
				copy(to.Data.([]int64), from)
			case []int32:
				copy(to.Data.([]int32), from)
			case []float32:
				copy(to.Data.([]float32), from)
			}
		}
		if err := w.label.binding.Run(ctx); err != nil {
			return fmt.Errorf("sampler: %w", err)
		}
		for k, value := range w.label.outputs {
			rows := w.perImage[k]
			for at := i * len(value); at < len(rows); at += w.images * len(value) {
				copy(rows[at:], value)
			}
		}
	}
	return nil
}

//go:build cgo

package runtime

import (
	"fmt"
	goruntime "runtime"

	ort "github.com/yalue/onnxruntime_go"

	"pixelcnn/internal/onnx"
)

// fit checks tensors against the graph's inputs or outputs.
func fit(kind string, infos []ValueInfo, tensors []*Tensor) error {
	if err := onnx.Fit(kind, infos, tensors); err != nil {
		return err
	}
	for i, t := range tensors {
		if len(t.Shape) == 0 {
			return fmt.Errorf("%w: %q is of rank 0: give it the shape [1] in the graph", ErrBind, infos[i].Name)
		}
	}
	return nil
}

func shapes(tensors []*Tensor) [][]int {
	out := make([][]int, len(tensors))
	for i, t := range tensors {
		out[i] = t.Shape
	}
	return out
}

// newValue makes a value over t's own elements, which C may then keep a pointer
// to: pins holds them where they are.
func newValue(t *Tensor, pins *goruntime.Pinner) (ort.Value, error) {
	shape := make(ort.Shape, len(t.Shape))
	for i, n := range t.Shape {
		shape[i] = int64(n)
	}
	switch d := t.Data.(type) {
	case []float32:
		return wrap(shape, d, pins)
	case []float64:
		return wrap(shape, d, pins)
	case []int64:
		return wrap(shape, d, pins)
	case []int32:
		return wrap(shape, d, pins)
	case []int8:
		return wrap(shape, d, pins)
	case []uint8:
		return wrap(shape, d, pins)
	case []bool:
		return wrap(shape, d, pins)
	}
	return nil, fmt.Errorf("%w: a %T cannot be a tensor's data", ErrBind, t.Data)
}

func wrap[T onnx.Element](shape ort.Shape, data []T, pins *goruntime.Pinner) (ort.Value, error) {
	if len(data) > 0 {
		pins.Pin(&data[0])
	}
	v, err := ort.NewTensor(shape, data)
	if err != nil {
		return nil, err
	}
	return v, nil
}

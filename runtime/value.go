//go:build cgo

package runtime

import (
	"fmt"
	"reflect"
	goruntime "runtime"

	ort "github.com/yalue/onnxruntime_go"

	"pixelcnn/internal/onnx"
)

// fit checks tensors against the graph's inputs or outputs.
func fit(kind string, infos []onnx.ValueInfo, tensors []*onnx.Tensor) error {
	if len(tensors) != len(infos) {
		return fmt.Errorf("runtime: %d %s tensors, the graph has %d %ss", len(tensors), kind, len(infos), kind)
	}
	for i, t := range tensors {
		if err := fitOne(infos[i], t); err != nil {
			return err
		}
	}
	return nil
}

func fitOne(info onnx.ValueInfo, t *onnx.Tensor) error {
	if t == nil {
		return fmt.Errorf("runtime: no tensor for %q", info.Name)
	}
	if t.DType() != info.DType {
		return &TypeError{info.Name, info.DType, t.DType()}
	}
	match := info.Shape == nil || len(info.Shape) == len(t.Shape)
	for i := 0; match && i < len(info.Shape); i++ {
		match = info.Shape[i] < 0 || info.Shape[i] == t.Shape[i]
	}
	if !match {
		return &ShapeError{info.Name, info.Shape, t.Shape}
	}
	if len(t.Shape) == 0 {
		return fmt.Errorf("runtime: %q is of rank 0, which cannot be bound: give it the shape [1] in the graph", info.Name)
	}
	n, err := onnx.Size(t.Shape)
	if err != nil {
		return fmt.Errorf("runtime: %q: %w", info.Name, err)
	}
	if got := reflect.ValueOf(t.Data).Len(); got != n {
		return fmt.Errorf("runtime: %q has shape %v, hence %d elements, but %d are there", info.Name, t.Shape, n, got)
	}
	return nil
}

// newValue makes a value over t's own elements, which C may then keep a pointer
// to: pins holds them where they are.
func newValue(t *onnx.Tensor, pins *goruntime.Pinner) (ort.Value, error) {
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
	return nil, fmt.Errorf("a %T cannot be a tensor's data", t.Data)
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

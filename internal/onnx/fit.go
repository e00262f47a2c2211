package onnx

import (
	"fmt"
	"reflect"
	"slices"
)

// ShapeError is a tensor whose shape a graph does not take. -1 in Want is a dimension
// that is free. The runtime whose error it is puts its own name before it.
type ShapeError struct {
	Name      string // of the graph's input or output
	Want, Got []int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%q has shape %v, the graph wants %v", e.Name, e.Got, e.Want)
}

// TypeError is a tensor whose element type a graph does not take. The runtime whose
// error it is puts its own name before it.
type TypeError struct {
	Name      string // of the graph's input or output
	Want, Got DType
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("%q has element type %v, the graph wants %v", e.Name, e.Got, e.Want)
}

// Infos describes a graph's inputs or outputs, which is their kind, for a [Session]. It
// fails where one has an element type that is not supported.
func Infos(kind string, values []*Value) ([]ValueInfo, error) {
	var infos []ValueInfo
	for _, v := range values {
		if v.DType.size() == 0 {
			return nil, fmt.Errorf("the model's %s %q has element type %v, which is not supported", kind, v.Name, v.DType)
		}
		info := ValueInfo{Name: v.Name, DType: v.DType}
		if v.Shape != nil {
			info.Shape = Sizes(v.Shape)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// CloneInfos is a copy that shares nothing.
func CloneInfos(infos []ValueInfo) []ValueInfo {
	out := slices.Clone(infos)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

// Fit checks tensors against a graph's inputs or outputs, which is their kind: their
// number, types, shapes and lengths. Errors: [*ShapeError], [*TypeError] and others.
func Fit(kind string, infos []ValueInfo, tensors []*Tensor) error {
	if len(tensors) != len(infos) {
		return fmt.Errorf("%d %s tensors, the graph has %d %ss", len(tensors), kind, len(infos), kind)
	}
	for i, t := range tensors {
		if err := fit(infos[i], t); err != nil {
			return err
		}
	}
	return nil
}

func fit(info ValueInfo, t *Tensor) error {
	if t == nil {
		return fmt.Errorf("no tensor for %q", info.Name)
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
	n, err := Size(t.Shape)
	if err != nil {
		return fmt.Errorf("%q: %w", info.Name, err)
	}
	if got := reflect.ValueOf(t.Data).Len(); got != n {
		return fmt.Errorf("%q has shape %v, hence %d elements, but %d are there", info.Name, t.Shape, n, got)
	}
	return nil
}

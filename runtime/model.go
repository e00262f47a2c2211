package runtime

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// Model is a decoded model file. [Decode] makes one.
type Model = onnx.Model

// Decode reads a model file's bytes, which are not kept, within limits; those of the
// runtime that is to load it are the ones to take. The error wraps [ErrFormat], [ErrLimit]
// or [ErrLimits].
func Decode(file []byte, l Limits) (*Model, error) {
	m, err := onnx.UnmarshalWithin(file, l)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	return m, nil
}

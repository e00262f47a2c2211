package runtime

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// The types that every runtime shares. They are other names of a package that a program
// outside cannot import.
type (
	// Runtime loads models: [Env] is one, [Any] is one, and what [Go] returns. Its method
	// is Load(*Model, SessionOptions) (Session, error), which does not change the model.
	// A session may keep the model's weights, so these must not be changed while it is open.
	Runtime = onnx.Runtime
	// Session is a model that has been loaded. Inputs and Outputs describe what it takes and
	// gives, Bind(inputs, outputs []*Tensor) ties it to tensors, by position, and Close
	// frees it. It is safe for concurrent use; two bindings of it may run at once.
	Session = onnx.Session
	// Binding is a session with its tensors. Run(ctx) runs the model once: it reads and
	// writes the tensors' slices in place. It must not run twice at once. Close frees it.
	Binding = onnx.Binding
	// Tensor is a dense, row-major array: its Shape, and Data, a slice of as many elements
	// of one of the types of [DType]. The slice is shared, never copied.
	Tensor = onnx.Tensor
	// SessionOptions say how a model is to be run. The zero value is one thread, no profile.
	SessionOptions = onnx.SessionOptions
	// ValueInfo is the name, type and shape of an input or output; -1 is a dimension that is
	// free.
	ValueInfo = onnx.ValueInfo
	// DType is a type of elements.
	DType = onnx.DType
	// Model is a model file that has been decoded; see [Decode].
	Model = onnx.Model
)

// The types of elements.
const (
	Float32 = onnx.Float32
	Float64 = onnx.Float64
	Int64   = onnx.Int64
	Int32   = onnx.Int32
	Int8    = onnx.Int8
	Uint8   = onnx.Uint8
	Bool    = onnx.Bool
)

// Decode reads an ONNX file's bytes, which are not kept, within limits: those of the
// runtime that is to load the model, or the defaults. The error wraps [ErrFormat],
// [ErrLimit] or [ErrLimits].
func Decode(file []byte, l Limits) (*Model, error) {
	m, err := onnx.UnmarshalWithin(file, l)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	return m, nil
}

package runtime

import "pixelcnn/internal/onnx"

// Limits bound what a model file may ask of the machine, before a runtime sees it. A
// field that is zero means its default, which is far more than a PixelCNN needs and
// less than what brings a machine down.
//
// Every model goes through the same checks, whatever the runtime, when it is read ([Decode])
// and when it is loaded; ONNX Runtime is given what was checked, written anew. Limits that
// depend on the sizes of tensors are checked when the model is loaded, as far as its
// inputs' sizes are fixed, and when tensors are bound.
type Limits = onnx.Limits

// What is wrong with a model file. Every error of Load about a file wraps one of these.
var (
	// ErrFormat is wrapped where a file is no ONNX model, or one with parts that are
	// not supported: external data, functions, sparse tensors, other element types.
	ErrFormat = onnx.ErrFormat
	// ErrLimit is wrapped by a [*LimitError].
	ErrLimit = onnx.ErrLimit
	// ErrOperator is wrapped by an [*OperatorError].
	ErrOperator = onnx.ErrOperator
	// ErrNotFinite is wrapped by a [*WeightError].
	ErrNotFinite = onnx.ErrNotFinite
	// ErrShape is wrapped where the sizes of a graph's values do not fit.
	ErrShape = onnx.ErrShape
	// ErrLimits is wrapped where [Limits] are invalid.
	ErrLimits = onnx.ErrLimits
)

type (
	// LimitError is a model that asks for more than [Limits] allow.
	LimitError = onnx.LimitError
	// OperatorError is a node whose operator is not known, or not one of ONNX's own.
	OperatorError = onnx.OperatorError
	// WeightError is a constant that is not a finite number where it has to be.
	WeightError = onnx.WeightError
)

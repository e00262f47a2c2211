package goruntime

import (
	"errors"
	"fmt"

	"pixelcnn/internal/onnx"
)

// ErrClosed is wrapped by the error of any use after Close.
var ErrClosed = onnx.ErrClosed

// ErrInUse is wrapped by a session's Close while bindings of it are open.
var ErrInUse = errors.New("still in use")

// ErrOption is wrapped by Load's error about its options.
var ErrOption = errors.New("invalid option")

// ErrTooLarge is wrapped where a graph needs more memory than [Config] allows. It is
// an [onnx.ErrLimit] too.
var ErrTooLarge error = tooLarge{}

type tooLarge struct{}

func (tooLarge) Error() string        { return "more memory than the limit" }
func (tooLarge) Is(target error) bool { return target == onnx.ErrLimit }

// UnknownOpError is a node whose operator this runtime does not have, though it is one
// that models may have. It wraps [onnx.ErrOperator].
type UnknownOpError struct {
	Op, Domain string // Domain is empty for ONNX's own operators
	Node       string // as in messages
}

func (e *UnknownOpError) Error() string {
	if e.Domain != "" {
		return fmt.Sprintf("goruntime: operator %s of domain %q is not supported (%s)", e.Op, e.Domain, e.Node)
	}
	return fmt.Sprintf("goruntime: operator %s is not supported (%s)", e.Op, e.Node)
}

// Unwrap makes errors.Is(err, onnx.ErrOperator) true.
func (e *UnknownOpError) Unwrap() error { return onnx.ErrOperator }

// OpsetError is a model for a version of the operator set that is not supported.
type OpsetError struct{ Version int64 }

// Unwrap makes errors.Is(err, onnx.ErrOperator) true.
func (e *OpsetError) Unwrap() error { return onnx.ErrOperator }

func (e *OpsetError) Error() string {
	return fmt.Sprintf("goruntime: the model uses operator set %d; %d to %d are supported", e.Version, minOpset, maxOpset)
}

// NodeError is a node that does not follow the operator's definition, whose inputs
// do not fit, or that met a value at Run that it cannot work on.
type NodeError struct {
	Node string // as in messages
	Err  error
}

func (e *NodeError) Error() string { return fmt.Sprintf("goruntime: %s: %v", e.Node, e.Err) }

func (e *NodeError) Unwrap() error { return e.Err }

// Unsupported tells whether Load's error is about what this runtime cannot do, and not
// about a model that none can run.
func Unsupported(err error) bool {
	var (
		op    *UnknownOpError
		opset *OpsetError
		node  *NodeError
	)
	return errors.As(err, &op) || errors.As(err, &opset) || errors.As(err, &node) && !errors.Is(err, onnx.ErrLimit)
}

// ShapeError is a tensor whose shape the graph does not take.
type ShapeError = onnx.ShapeError

// TypeError is a tensor whose element type the graph does not take.
type TypeError = onnx.TypeError

var (
	errNotKnown   = errors.New("its sizes depend on the data, which is not supported")
	errNotInteger = errors.New("a list of sizes or indices is not of integers")
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

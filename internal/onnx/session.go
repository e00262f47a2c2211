package onnx

import (
	"context"
	"errors"
)

// ErrClosed is wrapped by the error of any use after Close.
var ErrClosed = errors.New("already closed")

// SessionOptions say how a runtime should run a graph.
type SessionOptions struct {
	// Threads inside an operator; 0 means one. Callers that want both cores
	// run several bindings at once instead, which is faster at these sizes.
	Threads int
	// ProfilePrefix, where not empty, makes the runtime write a profile of each
	// operator to a file whose name begins so, when the session is closed.
	ProfilePrefix string
	// Fast lets a runtime make convolutions of fewer multiplications, with up to some fifty
	// times the rounding errors of plain sums, and functions of fewer operations.
	Fast bool
}

// A Session is one loaded graph. It is safe for concurrent use; two bindings of
// it may run at once.
//
// The interface is here and not with a consumer because it has two, sampler
// and train, and because Go wants the same named type in Runtime.Load's result
// on both sides.
type Session interface {
	// Inputs and Outputs describe the graph's own, in file order.
	Inputs() []ValueInfo
	Outputs() []ValueInfo
	// Bind ties the graph's inputs and outputs to tensors, by position. The
	// runtime reads and writes the tensors' slices in place at every Run, and
	// keeps them alive until the binding is closed. Tensors may be views of a
	// common slice.
	Bind(inputs, outputs []*Tensor) (Binding, error)
	// Close frees the session. It must come after the close of its bindings.
	Close() error
}

// A Binding is a session with its tensors. It must not run twice at once.
type Binding interface {
	// Run runs the graph once. It does not allocate on the Go side. It returns
	// only once the runtime has stopped touching the tensors, also when ctx ends;
	// then it returns ctx's error.
	Run(ctx context.Context) error
	Close() error
}

// A Runtime loads graphs: ONNX Runtime, or the one in Go.
type Runtime interface {
	// Load makes a session of a model, which it does not change. The session may keep the
	// model's tensors, so these must stay as they are until it is closed.
	Load(model *Model, opt SessionOptions) (Session, error)
}

// A Named runtime has a name, such as "ort" or "go".
type Named interface{ Name() string }

// NameOf returns the name of a runtime, "ort" where it has none.
func NameOf(rt Runtime) string {
	if n, ok := rt.(Named); ok {
		return n.Name()
	}
	return "ort"
}

// ValueInfo is the name, type and shape of a graph input or output. A dimension
// that is not fixed is -1.
type ValueInfo struct {
	Name  string
	DType DType
	Shape []int
}

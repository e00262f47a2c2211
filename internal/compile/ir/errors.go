package ir

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// UnsupportedError says that a graph is outside what is understood here. It may
// still be a good model.
type UnsupportedError struct {
	Node   string // as in the file
	Op     string
	Reason string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("compile: %s: %s", e.Node, e.Reason)
}

// Unsupported is the error of a node.
func Unsupported(n *onnx.Node, format string, args ...any) error {
	return &UnsupportedError{n.Label(), n.Op, fmt.Sprintf(format, args...)}
}

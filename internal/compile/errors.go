package compile

import (
	"errors"
	"fmt"

	"pixelcnn/internal/onnx"
)

// ErrNotCausal is wrapped where a pixel's logits depend on the pixel itself or on a
// later one: no order of drawing suits such a graph. The error is a [*CausalityError].
var ErrNotCausal = errors.New("compile: the graph is not autoregressive")

// CausalityError names what looks ahead.
type CausalityError struct {
	Node   string // the node, as in the file
	DY, DX int    // its tap: rows down, columns to the right
	// The logits of the pixel at row Y, column X depend on the pixel at row FromY,
	// column FromX, which is drawn no earlier.
	Y, X, FromY, FromX int
}

func (e *CausalityError) Error() string {
	return fmt.Sprintf("%v: %s reads %s, so the logits at row %d, column %d depend on the pixel at row %d, column %d",
		ErrNotCausal, e.Node, place(e.DY, e.DX), e.Y, e.X, e.FromY, e.FromX)
}

func place(dy, dx int) string {
	if dy == 0 && dx == 0 {
		return "the tap (0, 0), the pixel itself"
	}
	return fmt.Sprintf("the tap (%+d, %+d)", dy, dx)
}

// Unwrap makes errors.Is(err, ErrNotCausal) true.
func (e *CausalityError) Unwrap() error { return ErrNotCausal }

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

func unsupported(n *onnx.Node, format string, args ...any) error {
	return &UnsupportedError{n.Label(), n.Op, fmt.Sprintf(format, args...)}
}

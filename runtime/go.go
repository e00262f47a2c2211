package runtime

import (
	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// Go returns the runtime in plain Go: no shared library, no cgo, the same graphs, and
// results within float rounding of ONNX Runtime's. There is nothing to close.
func Go() (onnx.Runtime, error) { return goruntime.New(goruntime.Config{}) }

package runtime

import (
	"fmt"

	"pixelcnn/internal/goruntime"
)

// Go returns the runtime in plain Go: no shared library, no cgo, the same graphs, and
// results within float rounding of ONNX Runtime's. There is nothing to close.
func Go() (Runtime, error) { return GoWithin(Limits{}) }

// GoWithin is [Go] with limits for the models that are loaded.
func GoWithin(l Limits) (Runtime, error) {
	rt, err := goruntime.New(goruntime.Config{Limits: l})
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	return rt, nil
}

//go:build !cgo

package runtime

import (
	"errors"
	"testing"

	"pixelcnn/internal/onnx"
)

func TestWithoutCgo(t *testing.T) {
	_, err := Open(Config{})
	if !errors.Is(err, ErrNoCgo) || !errors.Is(err, ErrNoRuntime) {
		t.Errorf("error %v", err)
	}
	wantMessage(t, err, "built without cgo", "CGO_ENABLED=1")
	var env Env
	if _, err := env.Load(nil, onnx.SessionOptions{}); !errors.Is(err, ErrNoCgo) {
		t.Errorf("error %v", err)
	}
	if env.Lib() != "" || env.Version() != "" || env.Close() != nil {
		t.Error("there is something where nothing can be")
	}
}

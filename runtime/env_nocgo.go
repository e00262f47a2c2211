//go:build !cgo

package runtime

import "pixelcnn/internal/onnx"

// Env is ONNX Runtime, which this build cannot have.
type Env struct{}

// Open returns [ErrNoCgo].
func Open(Config) (*Env, error) { return nil, ErrNoCgo }

// Load returns [ErrNoCgo].
func (*Env) Load(*onnx.Model, onnx.SessionOptions) (onnx.Session, error) { return nil, ErrNoCgo }

// Limits are empty.
func (*Env) Limits() onnx.Limits { return onnx.Limits{} }

// Version is empty.
func (*Env) Version() string { return "" }

// Lib is empty.
func (*Env) Lib() string { return "" }

// Close does nothing.
func (*Env) Close() error { return nil }

func libraryVersion(string) (string, error) { return "", ErrNoCgo }

func usable(string) error { return nil }

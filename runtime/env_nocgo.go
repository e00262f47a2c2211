//go:build !cgo

package runtime

// Env is ONNX Runtime, which this build cannot have.
type Env struct{}

// Open returns [ErrNoCgo].
func Open(Config) (*Env, error) { return nil, ErrNoCgo }

// Load returns [ErrNoCgo].
func (*Env) Load(*Model, SessionOptions) (Session, error) { return nil, ErrNoCgo }

// Limits are empty.
func (*Env) Limits() Limits { return Limits{} }

// Version is empty.
func (*Env) Version() string { return "" }

// Lib is empty.
func (*Env) Lib() string { return "" }

// Close does nothing.
func (*Env) Close() error { return nil }

func libraryVersion(string) (string, error) { return "", ErrNoCgo }

func usable(string) error { return nil }

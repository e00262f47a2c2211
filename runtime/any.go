package runtime

import (
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// Kind says which runtime [OpenAny] is to open.
type Kind string

const (
	Auto   Kind = "auto" // ONNX Runtime where its library is found, the one in Go where not
	ORT    Kind = "ort"  // ONNX Runtime
	PureGo Kind = "go"   // the one in Go, see [Go]
)

// Kinds lists the values of [Kind].
var Kinds = []Kind{Auto, ORT, PureGo}

// ErrKind is wrapped by [OpenAny]'s error where there is no runtime of that kind.
var ErrKind = errors.New("runtime: no such runtime")

// Any is a runtime of either kind. It is safe for concurrent use.
type Any struct {
	onnx.Runtime
	env *Env // nil with the runtime in Go
	why error
}

// OpenAny opens a runtime of a kind; an empty one is [Auto]. With the
// runtime in Go, nothing but the limits of cfg counts. With Auto the one in Go serves where no library is
// found; not where cfg or the environment names one that cannot be used. Errors are those
// of [Open], and wrap [ErrKind].
func OpenAny(kind Kind, cfg Config) (*Any, error) {
	if kind == "" {
		kind = Auto
	}
	if !slices.Contains(Kinds, kind) {
		return nil, fmt.Errorf("%w: %q, must be one of %q", ErrKind, kind, Kinds)
	}
	a := &Any{}
	if kind != PureGo {
		env, err := Open(cfg)
		if err == nil {
			a.Runtime, a.env = env, env
			return a, nil
		}
		if kind == ORT || cfg.Lib != "" || !errors.Is(err, ErrNoRuntime) {
			return nil, err
		}
		a.why = err
	}
	var err error
	a.Runtime, err = GoWithin(cfg.Limits)
	return a, err
}

// Kind is that of the runtime in use, ORT or PureGo. Where Auto had to take the one in
// Go, why is the reason, which wraps [ErrNoRuntime].
func (a *Any) Kind() (used Kind, why error) {
	if a.env != nil {
		return ORT, nil
	}
	return PureGo, a.why
}

// Close frees the runtime, as [Env.Close] does.
func (a *Any) Close() error {
	if a.env == nil {
		return nil
	}
	return a.env.Close()
}

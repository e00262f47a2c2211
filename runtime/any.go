package runtime

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// Kind says which runtime [OpenAny] is to open.
type Kind string

const (
	Auto   Kind = "auto" // the faster one that is there, see [OpenAny]
	ORT    Kind = "ort"  // ONNX Runtime
	PureGo Kind = "go"   // the one in Go, see [Go]
)

// Kinds lists the values of [Kind].
var Kinds = []Kind{Auto, ORT, PureGo}

// ErrKind is wrapped by [OpenAny]'s error where there is no runtime of that kind.
var ErrKind = errors.New("runtime: no such runtime")

// Any is a runtime of either kind. It is safe for concurrent use.
type Any struct {
	first Runtime // takes every model, or all but those that second takes
	used  Kind    // the kind of first
	why   error   // why it is PureGo where ONNX Runtime would be the faster

	second bool // ONNX Runtime takes what the one in Go has no operator for
	cfg    Config
	mu     sync.Mutex
	env    *Env // nil until it is needed
}

// OpenAny opens a runtime of a kind; an empty one is [Auto].
//
// Auto takes the one in Go on processors where it is known to be the faster, which are
// those with AVX2, and there ONNX Runtime for the models whose operators the one in Go
// does not have. On others it takes ONNX Runtime, and the one in Go where no library is
// found. Where cfg.Lib or the environment names a library, it is ONNX Runtime. The images
// are the same bytes whichever it is.
//
// With the runtime in Go, nothing but the limits of cfg counts. Errors are those of
// [Open], and wrap [ErrKind].
func OpenAny(kind Kind, cfg Config) (*Any, error) { return openAny(kind, cfg, goruntime.Fast()) }

// openAny is OpenAny on a processor where the runtime in Go is fast, or not.
func openAny(kind Kind, cfg Config, fast bool) (*Any, error) {
	if kind == "" {
		kind = Auto
	}
	if !slices.Contains(Kinds, kind) {
		return nil, fmt.Errorf("%w: %q, must be one of %q", ErrKind, kind, Kinds)
	}
	a := &Any{cfg: cfg, used: PureGo}
	a.second = kind == Auto && fast && !newSearch().named(cfg.Lib)
	if kind == ORT || kind == Auto && !a.second {
		env, err := Open(cfg)
		if err == nil {
			a.first, a.used, a.env = env, ORT, env
			return a, nil
		}
		if kind == ORT || cfg.Lib != "" || !errors.Is(err, ErrNoRuntime) {
			return nil, err
		}
		a.why = err
	}
	var err error
	a.first, err = GoWithin(cfg.Limits)
	return a, err
}

// Load makes a session of a model, as [Env.Load] does.
func (a *Any) Load(model *Model, opt SessionOptions) (Session, error) {
	if a.first == nil { // OpenAny did not make it
		return nil, fmt.Errorf("runtime: %w", ErrClosed)
	}
	s, err := a.first.Load(model, opt)
	if err == nil || !goruntime.Unsupported(err) {
		return s, err
	}
	var env *Env
	missing := a.why
	switch {
	case a.second:
		env, missing = a.ort()
	case missing == nil:
		return nil, fmt.Errorf("%w; ONNX Runtime may be able to: --runtime ort", err)
	}
	if missing != nil {
		return nil, fmt.Errorf("%w; ONNX Runtime may be able to: %w", err, missing)
	}
	return env.Load(model, opt)
}

// ort opens ONNX Runtime when it is first needed.
func (a *Any) ort() (*Env, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.env != nil {
		return a.env, nil
	}
	var err error
	a.env, err = Open(a.cfg)
	return a.env, err
}

// Limits are those that models are held to, complete with the defaults.
func (a *Any) Limits() Limits { return onnx.LimitsOf(a.first) }

// Kind is that of the runtime in use, ORT or PureGo. Where Auto had to take the one in
// Go though ONNX Runtime is the faster here, why is the reason, which wraps
// [ErrNoRuntime].
func (a *Any) Kind() (used Kind, why error) { return a.used, a.why }

// Name is Kind as [onnx.NameOf] wants it: "ort" or "go".
func (a *Any) Name() string { return string(a.used) }

// String names the runtime in use with its version, where it has one.
func (a *Any) String() string {
	if a.used == ORT {
		return "ONNX Runtime " + a.env.Version()
	}
	return "the runtime in Go"
}

// Close frees the runtime, as [Env.Close] does.
func (a *Any) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.env == nil {
		return nil
	}
	return a.env.Close()
}

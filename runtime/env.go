//go:build cgo

package runtime

import (
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// process is the state that onnxruntime_go keeps once per process, and who uses it.
var process struct {
	sync.Mutex
	users   int  // Envs that are open
	owned   bool // this package started the environment
	lib     string
	version string
}

// Env is a user of the process's ONNX Runtime. It is safe for concurrent use.
type Env struct {
	lib, version string
	limits       Limits
	open         bool // this and sessions are under process's lock
	sessions     int
}

var _ Runtime = (*Env)(nil)

// Open finds the library and starts ONNX Runtime, or shares the one that is up
// (see the package comment). The caller closes what it gets, after all that it has loaded
// on it; that another user has it open does not matter. Where the library cannot be had or used the error is
// as [Locate]'s; where another one is open it is an [*InUseError]; limits that make no
// sense wrap [ErrLimits].
func Open(cfg Config) (*Env, error) {
	limits, err := cfg.Limits.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	process.Lock()
	defer process.Unlock()
	switch {
	case process.users > 0:
		if err := shares(cfg.Lib); err != nil {
			return nil, err
		}
	case ort.IsInitialized():
		if cfg.Lib != "" {
			return nil, &InUseError{Asked: cfg.Lib}
		}
		process.owned, process.lib, process.version = false, "", ort.GetVersion()
	default:
		lib, err := newSearch().find(cfg.Lib, start)
		if err != nil {
			return nil, err
		}
		process.owned, process.lib, process.version = true, lib, ort.GetVersion()
	}
	process.users++
	return &Env{lib: process.lib, version: process.version, limits: limits, open: true}, nil
}

// shares checks that lib, where it is set, is the library that is open.
func shares(lib string) error {
	if lib == "" {
		return nil
	}
	path, err := newSearch().find(lib, func(string) error { return nil })
	if err != nil {
		return err
	}
	a, err1 := os.Stat(process.lib)
	b, err2 := os.Stat(path)
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		return &InUseError{Open: process.lib, Asked: path}
	}
	return nil
}

// start makes the library at path the process's ONNX Runtime.
func start(path string) error {
	// onnxruntime_go names neither the version that it found nor the one that it
	// wants, so look first. It maps the library a second time; the first is kept
	// until then, since mapping it is most of the work.
	l, err := openLibrary(path)
	if err != nil {
		return err
	}
	defer l.close()
	if _, err := checkVersion(l.version); err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	// Errors are returned; the library should not print them as well.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("%w: ONNX Runtime %s does not start: %s", ErrStart, l.version, oneLine(err.Error()))
	}
	if err := ort.DisableTelemetry(); err != nil {
		_ = ort.DestroyEnvironment() // the first error is the one that tells
		return fmt.Errorf("%w: its telemetry cannot be disabled: %s", ErrStart, oneLine(err.Error()))
	}
	return nil
}

// Limits are those that models are held to, complete with the defaults.
func (e *Env) Limits() Limits { return e.limits }

// Version is ONNX Runtime's version, such as "1.24.1".
func (e *Env) Version() string { return e.version }

// Lib is the path of the library, empty where the host program had opened it.
func (e *Env) Lib() string { return e.lib }

// Close gives the environment up; the last user's Close ends it where this package
// has started it. It fails, wrapping [ErrInUse], while sessions are open.
func (e *Env) Close() error {
	process.Lock()
	defer process.Unlock()
	if !e.open {
		return nil
	}
	if e.sessions > 0 {
		return fmt.Errorf("runtime: environment %w by %d sessions: close them first", ErrInUse, e.sessions)
	}
	e.open = false
	process.users--
	if process.users > 0 || !process.owned || !ort.IsInitialized() {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("%w: %s", ErrClose, oneLine(err.Error()))
	}
	return nil
}

// hold counts a session before it is made, so that Close cannot come in between.
func (e *Env) hold() error {
	process.Lock()
	defer process.Unlock()
	if !e.open {
		return fmt.Errorf("runtime: environment %w", ErrClosed)
	}
	e.sessions++
	return nil
}

func (e *Env) release() {
	process.Lock()
	defer process.Unlock()
	e.sessions--
}

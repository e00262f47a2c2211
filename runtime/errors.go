package runtime

import (
	"errors"
	"fmt"
	"strings"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// installHint is the command that gets a library.
const installHint = "sampler install-runtime"

// ErrNoRuntime is wrapped by [Locate]'s and [Open]'s error where no setting names
// a library and no usable one is in the places that are searched. The error is a
// [*NotFoundError], or [ErrNoCgo].
var ErrNoRuntime = errors.New("runtime: no usable ONNX Runtime library found")

// ErrNoCgo is returned by what needs to open a library in a build without cgo.
var ErrNoCgo = fmt.Errorf("%w: this program was built without cgo; build it with CGO_ENABLED=1 and a C compiler", ErrNoRuntime)

// ErrOption is wrapped by Load's error about its options.
var ErrOption = goruntime.ErrOption

// ErrStart is wrapped by a [*LibraryError] whose library cannot be loaded, is not ONNX
// Runtime, or does not start.
var ErrStart = errors.New("not a usable library")

// ErrBind is wrapped where tensors that fit the graph cannot be bound to it.
var ErrBind = errors.New("runtime: the tensors cannot be bound")

// ErrRun is wrapped where ONNX Runtime's run of a graph fails. That of the runtime in Go
// is a [*NodeError].
var ErrRun = errors.New("runtime: running the graph failed")

// ErrClose is wrapped by Close's error where ONNX Runtime reports a failure of its own.
// What was closed is closed all the same.
var ErrClose = errors.New("runtime: ONNX Runtime failed at closing")

// ErrCache is wrapped where the system names no folder for caches.
var ErrCache = errors.New("runtime: no cache folder")

// ErrRelease is wrapped by [Install]'s error where no checksum is known of a library: of
// that version, or for this platform.
var ErrRelease = errors.New("no checksum is known")

// ErrFetch is wrapped by [Install]'s error where the library cannot be fetched: npm is
// not there, or fails.
var ErrFetch = errors.New("it cannot be fetched")

// ErrArchive is wrapped by [Install]'s error where a file is neither a library nor holds
// one, is damaged, or unpacks to more than a library ever would.
var ErrArchive = errors.New("not a usable archive")

// ErrTooOld is wrapped by a [*LibraryError] whose library is too old.
var ErrTooOld = errors.New("too old")

// ErrClosed is wrapped by the error of any use after Close.
var ErrClosed = goruntime.ErrClosed

// ErrInUse is wrapped by Close's error while something made of it is still open.
var ErrInUse = goruntime.ErrInUse

// LibraryError is a file or folder that does not yield a usable library. It wraps
// [ErrTooOld], [ErrStart], fs.ErrNotExist and the like.
type LibraryError struct {
	Setting string // what named it: "--ort-lib", an environment variable, or a place
	Path    string
	Err     error
}

func (e *LibraryError) Error() string {
	return fmt.Sprintf("runtime: %s: %s: %v", e.Setting, e.Path, e.Err)
}

func (e *LibraryError) Unwrap() error { return e.Err }

// Attempt is one place where a library was looked for.
type Attempt struct {
	Place string // as in [LibraryError.Setting]
	Path  string // empty where the place does not exist
	Err   error
}

// NotFoundError lists where a library was looked for and why each place had none.
// It wraps [ErrNoRuntime].
type NotFoundError struct{ Tried []Attempt }

func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v; install one with: %s", ErrNoRuntime, installHint)
	for _, a := range e.Tried {
		b.WriteString("\n  " + a.Place)
		if a.Path != "" {
			b.WriteString(": " + a.Path)
		}
		fmt.Fprintf(&b, ": %v", a.Err)
	}
	return b.String()
}

func (e *NotFoundError) Unwrap() error { return ErrNoRuntime }

// InUseError is returned by [Open] where another library is open in the process.
type InUseError struct {
	Open  string // empty where the host program opened it
	Asked string
}

func (e *InUseError) Error() string {
	if e.Open == "" {
		return fmt.Sprintf("runtime: the host program has already started ONNX Runtime; "+
			"%s cannot be opened beside it (leave the library unset to share it)", e.Asked)
	}
	return fmt.Sprintf("runtime: %s is already open; %s cannot be opened beside it in one process", e.Open, e.Asked)
}

// ShapeError is a tensor whose shape the graph does not take.
type ShapeError = onnx.ShapeError

// TypeError is a tensor whose element type the graph does not take.
type TypeError = onnx.TypeError

// What the runtime in Go says of a model. The first two wrap [ErrOperator].
type (
	// UnknownOpError is a node whose operator the runtime in Go does not have.
	UnknownOpError = goruntime.UnknownOpError
	// OpsetError is a model for a version of the operator set that it does not have.
	OpsetError = goruntime.OpsetError
	// NodeError is a node that it cannot work on: when the model is loaded, or at a run.
	NodeError = goruntime.NodeError
)

// ChecksumError is a file that is not the one expected.
type ChecksumError struct {
	Name      string
	Want, Got string // SHA-256, in hexadecimal
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("runtime: %s has SHA-256 %s, expected %s", e.Name, e.Got, e.Want)
}

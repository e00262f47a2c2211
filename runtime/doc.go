// Package runtime runs ONNX graphs on ONNX Runtime, whose shared library it finds and
// installs, or in plain Go.
//
//	env, err := runtime.Open(runtime.Config{}) // finds libonnxruntime
//	defer env.Close()
//	model, err := runtime.Decode(file, env.Limits())
//	s, err := env.Load(model, runtime.SessionOptions{})
//	defer s.Close()
//	x := &runtime.Tensor{Shape: []int{1, 1, 16, 16}, Data: pixels}
//	y := &runtime.Tensor{Shape: []int{1, 4, 16, 16}, Data: logits}
//	b, err := s.Bind([]*runtime.Tensor{x}, []*runtime.Tensor{y})
//	defer b.Close()
//	err = b.Run(ctx) // reads pixels, writes logits
//
// [Go] needs no library. It has the operators of convolutional networks, and on amd64 with
// AVX2 is the faster one for sampling. [OpenAny] takes the faster one that is there:
//
//	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
//	defer rt.Close()
//
// [Locate] says which library [Open] would take, [Install] fetches one into the
// user's cache folder. Neither Open nor Locate ever fetches anything.
//
// # The environment
//
// ONNX Runtime has one environment per process, and onnxruntime_go, through which
// it is called, keeps that in global variables. This package counts its users:
// the first Open starts the environment, the last [Env.Close] ends it. A host
// program that has started it itself (onnxruntime_go's InitializeEnvironment)
// keeps it: Open then adopts it as it is and Close leaves it up, so the host must
// not destroy it before. Telemetry is disabled in an environment that Open started.
//
// There can be no second library beside the first. While one is open, an Open
// with no Lib shares it, whatever the environment variables say, and [Env.Lib]
// reports its path; an Open whose Lib is another file fails with [*InUseError].
//
// # Sessions and bindings
//
// A session's graph runs on one thread unless [SessionOptions] asks for more.
// Denormal numbers are not flushed to zero, since results should be the same
// everywhere. A [Binding] holds on to the slices of its tensors: they are
// pinned, and C reads and writes them in place. What an output holds is undefined
// where it overlaps an input or another output, and after a Run that failed.
//
// Everything is closed in the reverse order of its making: Env.Close refuses while
// a session of it is open, and a session's Close while a binding of it is. A
// binding's Close waits for a Run in flight. A second Close does nothing; any other
// use after Close is [ErrClosed].
//
// # Cancellation
//
// Run returns only when ONNX Runtime has stopped touching the tensors. A binding's
// run takes no options in onnxruntime_go, hence cannot be stopped on its way, while
// a run that can be stopped costs 1 to 3 µs and some allocations more. So a
// binding whose last run was short (under 10 ms) runs to its end, with ctx looked
// at before; the first run and those after a long one stop at the next operator.
//
// # Errors
//
// Of a library: [ErrNoRuntime] as [*NotFoundError], or [ErrNoCgo]; [*LibraryError] with
// [ErrStart], [ErrTooOld] or the system's error; [*InUseError]; [ErrKind]. Of installing
// one: [ErrRelease], [ErrFetch], [ErrArchive], [ErrCache], [*ChecksumError]. Of a model:
// [ErrFormat], [ErrLimit], [ErrOperator], [ErrNotFinite], [ErrShape] and their types, or
// [*NodeError]; [ErrLoad] for what ONNX Runtime refuses. Of settings: [ErrLimits] and
// [ErrOption]. Of tensors: [*ShapeError], [*TypeError] and [ErrBind]. Of a run: [ErrRun]
// or [*NodeError], or the context's error. Of closing: [ErrInUse], [ErrClosed] and
// [ErrClose].
//
// Building without cgo leaves Locate and Install; Open then fails with [ErrNoCgo].
package runtime

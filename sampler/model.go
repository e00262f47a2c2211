package sampler

import (
	"errors"
	"fmt"
	"io/fs"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/format"
	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/engine"
)

// Signature is what a model file takes and gives, as far as drawing is concerned.
type Signature = signature.Signature

// Model is a model file that has been read. No runtime has been opened for it yet: [Model.Open]
// does that.
type Model struct {
	*Signature
	cfg   Config
	bytes int64 // of the file, and of those beside it
	// Beside are the names of the files of the model's folder in which it keeps weights.
	Beside []string
}

// Read reads a model file. Where the file leaves open how it is to be read, that is found out
// by trial, by the runtime in Go. Errors wrap [ErrConfig] for a bad setting
// and [ErrModel] for a file that is no model to draw from, or not in the size that is set.
// The weights must be in the file; for those that are beside it there is [ReadFile].
func Read(file []byte, cfg Config) (*Model, error) { return read(nil, ofBytes(file), cfg) }

// ReadFile reads a model by the path of its file, as [Read] does its bytes, with the weights
// that it keeps in other files of the same folder, as PyTorch writes them (NAME.onnx.data).
// Where the file itself cannot be read, the error is an [*fs.PathError].
func ReadFile(path string, cfg Config) (*Model, error) { return read(nil, ofPath(path), cfg) }

// source is a file: by its path, or its bytes.
type source struct {
	byPath bool
	path   string
	bytes  []byte
}

func ofBytes(file []byte) source { return source{bytes: file} }

func ofPath(path string) source { return source{byPath: true, path: path} }

func (s source) read() (*onnx.Model, error) {
	if s.byPath {
		return onnx.ReadFile(s.path, onnx.Limits{})
	}
	return onnx.Unmarshal(s.bytes)
}

// embed is the file with its weights inside and other metadata.
func (s source) embed(metadata map[string]string) ([]byte, error) {
	if s.byPath {
		return onnx.EmbedFile(s.path, metadata)
	}
	return onnx.Embed(s.bytes, metadata)
}

// read reads a file. What only a trial can tell is tried on rt, or on the runtime in Go
// where that is nil.
func read(rt onnx.Runtime, file source, cfg Config) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m, err := file.read()
	switch unreadable := (*fs.PathError)(nil); {
	case errors.As(err, &unreadable):
		return nil, err
	case errors.Is(err, onnx.ErrBytes):
		return nil, fmt.Errorf("%w: %w (ReadFile, OpenFile)", ErrModel, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Metadata[format.Sampler] == "" {
		if err := onnx.Lower(m); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrModel, err)
		}
	}
	if rt == nil {
		if rt, err = goruntime.New(goruntime.Config{}); err != nil {
			return nil, fmt.Errorf("sampler: %w", err)
		}
	}
	sig, err := signature.Read(m, cfg.reading(), rt)
	if errors.Is(err, signature.ErrNotCausal) {
		return nil, engine.NotCausal{Err: err}
	}
	if err != nil {
		return nil, err
	}
	if err := prove(rt, sig); err != nil {
		return nil, err
	}
	for _, n := range m.Notes() {
		sig.Findings = append(sig.Findings, signature.Finding{Part: n.Part, Value: n.Value, Why: n.Why, Differs: n.Differs})
	}
	if err := sig.CheckTogether("batch", cfg.Batch); err != nil {
		return nil, err
	}
	return &Model{Signature: sig, cfg: cfg.withDefaults(), bytes: m.Size(), Beside: m.Beside()}, nil
}

// prove proves that a file from elsewhere is autoregressive, or tries it where the graph cannot be
// understood; those of this format are proven when they are opened. Where it is open whether a channel's
// outputs depend on the pixel's earlier ones, trial may have missed that they do: then the
// graph says so, and where it cannot, the channels are drawn one by one, which is right for both.
func prove(rt onnx.Runtime, sig *Signature) error {
	open := sig.OrderOpen()
	if sig.OneFile != nil || sig.Meta.Format != "" && !open {
		return nil
	}
	err := compile.Prove(sig.Model(), engine.CompileOptions(sig, false))
	switch {
	case open && err == nil:
		sig.SetOrder(false, "by the graph")
	case open && errors.Is(err, ErrNotCausal):
		sig.SetOrder(true, "by the graph")
		err = compile.Prove(sig.Model(), engine.CompileOptions(sig, false))
	case open:
		sig.SetOrder(true, "the graph does not tell, and in this order either is drawn rightly")
	}
	switch {
	case errors.Is(err, ErrNotCausal):
		return fmt.Errorf("%w: %w", ErrModel, err)
	case err != nil:
		if err = sig.Try(rt); errors.Is(err, signature.ErrNotCausal) {
			return engine.NotCausal{Err: err}
		}
	}
	return err
}

// ErrNotCausal is wrapped, beside [ErrModel], where a pixel's logits depend on the
// pixel itself or on a later one: there is no order to draw in.
var ErrNotCausal = compile.ErrNotCausal

// CausalityError names the node by which a pixel depends on itself or a later one, where the
// compiler has found it. It wraps [ErrNotCausal].
type CausalityError = compile.CausalityError

// UnsupportedError says why a model is not compiled, which the full loop may draw all the same. It
// comes with [ErrModel] where the incremental engine, a plan or a one-file sampler was asked for.
type UnsupportedError = compile.UnsupportedError

// Plan describes how the incremental engine draws.
type Plan struct {
	compile.Plan
	// Wave tells in which step each pixel is drawn, [H, W], counted from 0.
	Wave []int
}

// Plan compiles the model, without running it. The error wraps [ErrModel], and
// [ErrNotCausal] where the model is no autoregressive one.
func (m *Model) Plan() (*Plan, error) {
	if m.Signature == nil {
		return nil, errNoFile
	}
	if m.Signature.OneFile != nil {
		return nil, errOneFile
	}
	p, err := compileAs(m.Model(), engine.CompileOptions(m.Signature, false))
	if err != nil {
		return nil, err
	}
	return &Plan{p.Plan(), p.Wave()}, nil
}

func compileAs(m *onnx.Model, opt compile.Options) (*compile.Program, error) {
	p, err := compile.Compile(m, opt)
	if unsupported := (*UnsupportedError)(nil); errors.As(err, &unsupported) {
		return nil, &notCompiledError{"it is drawn by the full loop and does not compile", err}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return p, nil
}

// notCompiledError is a model that can be drawn from, but not be compiled, or not to one file. It
// wraps [ErrModel] as others do, without its words.
type notCompiledError struct {
	what string
	why  error
}

func (e *notCompiledError) Error() string { return fmt.Sprintf("sampler: %s: %v", e.what, e.why) }

func (e *notCompiledError) Unwrap() []error { return []error{ErrModel, e.why} }

package sampler

import (
	"errors"
	"fmt"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
)

// Signature is what a model file takes and gives, as far as drawing is concerned.
type Signature = signature.Signature

// Model is a model file that has been read, and nothing run of it.
type Model struct {
	*Signature
	cfg Config
}

// Read reads a model file. Where the file leaves open how it is to be read, that is found out
// by trial, by the runtime in Go. Errors wrap [ErrConfig] for a bad setting
// and [ErrModel] for a file that is no model to draw from, or not in the size that is set.
func Read(file []byte, cfg Config) (*Model, error) { return read(nil, file, cfg) }

// read is [Read] with a runtime for what can be told by trial only.
func read(rt onnx.Runtime, file []byte, cfg Config) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m, err := onnx.Unmarshal(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if rt == nil {
		var err error
		if rt, err = goruntime.New(goruntime.Config{}); err != nil {
			return nil, fmt.Errorf("sampler: %w", err)
		}
	}
	sig, err := signature.Read(m, cfg.reading(), rt)
	if errors.Is(err, signature.ErrNotCausal) {
		return nil, fmt.Errorf("%w: %w", ErrNotCausal, err)
	}
	if err != nil {
		return nil, err
	}
	if err := sig.CheckTogether("batch", cfg.Batch); err != nil {
		return nil, err
	}
	return &Model{sig, cfg.withDefaults()}, nil
}

// ErrNotCausal is wrapped, beside [ErrModel], where a pixel's logits depend on the
// pixel itself or on a later one: there is no order to draw in.
var ErrNotCausal = compile.ErrNotCausal

// CausalityError names what looks ahead, where the compiler has found it. It wraps
// [ErrNotCausal].
type CausalityError = compile.CausalityError

// UnsupportedError says why the incremental engine cannot run a model. It comes with
// [ErrModel] where that engine was asked for.
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
	p, err := compile.Compile(m.Model(), compile.Options{Height: m.Height, Width: m.Width})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return &Plan{p.Plan(), p.Wave()}, nil
}

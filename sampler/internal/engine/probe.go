package engine

import (
	"context"
	"errors"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/signature"
)

// probe looks for a symbol that sees itself or its future, by trial. It tries every symbol of
// small images, and 256 spread over large ones.
func (e *Full) probe(ctx context.Context) error {
	batch := e.Fit(16)
	f, err := e.Forward(batch)
	if err != nil {
		return err
	}
	defer f.Close()
	err = e.sig.Probe(ctx, f, batch, 256)
	if errors.Is(err, signature.ErrNotCausal) {
		return NotCausal{err}
	}
	return err
}

// NotCausal is an error of a trial, which wraps the compiler's as well: the one for what is not causal.
type NotCausal struct{ Err error }

func (e NotCausal) Error() string { return e.Err.Error() }

// Unwrap makes errors.Is find both.
func (e NotCausal) Unwrap() []error { return []error{e.Err, compile.ErrNotCausal} }

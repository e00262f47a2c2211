package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
)

// Name is an engine's.
type Name string

// The engines. OneFile is that of a file that holds a one-file sampler, and cannot be asked
// for.
const (
	Auto            Name = "auto"
	NameIncremental Name = "incremental"
	NameFull        Name = "full"
	NameOneFile     Name = "one-file"
)

// Drawer is an engine. It is safe for concurrent use.
type Drawer interface {
	// Draw draws the rows, of which no two share memory. Once ctx ends it returns with its
	// error; then the rows are unfinished.
	Draw(ctx context.Context, rows []draw.Row, run Run) error
	Close() error
}

// Run says how rows are drawn.
type Run struct {
	Batch   int // rows computed together; 0: the engine chooses
	Threads int // batches at once, 1 or more
	// After is called after each step with the number of symbols that it decided. An
	// error ends the draw. Where Threads is not 1, calls may coincide.
	After func(symbols int) error
	// Held is set where After may wait for its caller: then the draw takes no slot, since
	// others could wait for it for ever.
	Held bool
}

// Options say how engines are made.
type Options struct {
	Engine  Name
	Raster  bool  // pixel by pixel, instead of in waves
	Threads int   // as many draws at once use
	Idle    int64 // bytes that workers of sizes not used last may keep; 0: idleBytes
}

// Engines are those of a model.
type Engines struct {
	Drawer           // the one that draws
	Used    Name     // which that is
	Why     error    // that it is not the compiled one
	Full    *Full    // nil for a one-file sampler, which does not score either
	Scores  *Whole   // as it scores
	Shared  *Whole   // as it scores an image of all classes at once; nil where it cannot
	Settler *Settler // nil where near ties cannot be settled
	Slots   Slots
}

// Open makes the engines of a model and chooses the one that draws. Whatever it is, the
// model must be causal: by the compiler's proof, or, where the graph is beyond the
// compiler, by a numeric probe.
func Open(rt onnx.Runtime, sig *signature.Signature, opt Options) (*Engines, error) {
	slots := newSlots(opt.Threads)
	if sig.OneFile != nil {
		if opt.Engine != Auto || opt.Raster {
			return nil, ErrOneFile
		}
		one, err := newOneFile(rt, sig, slots)
		if err != nil {
			return nil, err
		}
		return &Engines{Drawer: one, Used: NameOneFile, Slots: slots}, nil
	}
	plain, scores, shared, err := newWholes(rt, sig)
	if err != nil {
		return nil, err
	}
	full := &Full{Whole: plain, slots: slots}
	// What is wrong with the file is said in the file's own names.
	if _, _, err := onnx.Check(sig.Model(), onnx.LimitsOf(rt)); err != nil {
		return nil, fmt.Errorf("%w: %w", signature.ErrModel, err)
	}
	e := &Engines{Drawer: full, Used: NameFull, Full: full, Scores: scores, Shared: shared, Slots: slots}
	if err := e.choose(rt, sig, opt); err != nil {
		return nil, errors.Join(err, full.Close())
	}
	return e, nil
}

// CompileOptions say how a signature's model is compiled.
func CompileOptions(sig *signature.Signature, raster bool) compile.Options {
	return compile.Options{Picture: sig.Picture(), SubPixel: sig.SubPixel, Height: sig.Height, Width: sig.Width, Raster: raster}
}

// choose makes the engine that is asked for.
func (e *Engines) choose(rt onnx.Runtime, sig *signature.Signature, opt Options) error {
	compiled, err := NewIncremental(rt, network(sig), CompileOptions(sig, opt.Raster), e.Slots)
	if err == nil {
		compiled.pool.spare, compiled.pool.alternates = cmp.Or(opt.Idle, idleBytes), opt.Idle > 0
		if e.Settler = newSettler(compiled.throughput.program, compiled.net); e.Settler != nil {
			e.Full.settle, compiled.settle = e.Settler, e.Settler
		}
		if opt.Engine != NameFull {
			e.Why = compiled.fits(1)
		}
	}
	switch {
	case err == nil && (opt.Engine == NameFull || opt.Engine == Auto && e.Why != nil):
		_, err := e.Full.session()
		return errors.Join(err, compiled.Close())
	case err == nil && e.Why != nil:
		return errors.Join(fmt.Errorf("%w: the incremental engine cannot run it: %w", signature.ErrModel, e.Why), compiled.Close())
	case err == nil:
		e.Drawer, e.Used = compiled, NameIncremental
		return nil
	case errors.Is(err, compile.ErrNotCausal):
		return fmt.Errorf("%w: %w", signature.ErrModel, err)
	case opt.Engine == NameIncremental:
		return fmt.Errorf("%w: the incremental engine cannot run it: %w", signature.ErrModel, err)
	}
	e.Why = err
	return e.Full.probe(context.Background())
}

// Close frees the engines. It must not be called while one is in use.
func (e *Engines) Close() error {
	err := errors.Join(e.Drawer.Close(), e.Scores.Close(), e.Shared.Close())
	if e.Full != nil && e.Drawer != Drawer(e.Full) {
		err = errors.Join(err, e.Full.Close())
	}
	return err
}

// Slots bound how much is computed at once.
type Slots chan struct{}

// Do calls f once there is a slot for it. f must not wait for one itself.
func (s Slots) Do(ctx context.Context, f func() error) error {
	select {
	case s <- struct{}{}:
		defer func() { <-s }()
		return f()
	case <-ctx.Done():
		return fmt.Errorf("sampler: %w", ctx.Err())
	}
}

// inParts calls f for each part of rows, size long but the last: run.Threads at once, but in
// the caller's goroutine where there is one thread or one part. Each takes a slot. The first
// error ends it.
func (s Slots) inParts(ctx context.Context, rows []draw.Row, size int, run Run, f func(ctx context.Context, part []draw.Row) error) error {
	one := func(ctx context.Context, at int) error {
		part := rows[at:min(at+size, len(rows))]
		if run.Held {
			return f(ctx, part)
		}
		return s.Do(ctx, func() error { return f(ctx, part) })
	}
	if run.Threads == 1 || len(rows) <= size {
		for at := 0; at < len(rows); at += size {
			if err := one(ctx, at); err != nil {
				return err
			}
		}
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(run.Threads)
	for at := 0; at < len(rows); at += size {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return one(ctx, at)
		})
	}
	return g.Wait()
}

// step ends a step of a draw.
func (run Run) step(b *draw.Batch) error {
	if run.After == nil {
		return nil
	}
	return run.After(b.Decided())
}

package sampler

import (
	"context"
	"errors"
	"fmt"
	"image"
	"iter"
	"slices"

	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// Step is a draw under way. Its slices are those that the draw fills: they must not be changed, and
// the next step adds to them.
type Step struct {
	Number  int      // of the step, from 1
	First   uint64   // the number of the first image
	Levels  []uint16 // [n, H, W, C], row-major; those that are not known have no meaning
	Known   []bool   // [n, H, W, C]: which levels are known; given ones are from the start
	Classes []int    // [n], the images' classes; nil where the model has none
}

// Steps draws the images of a request and yields after each step of the engine: with
// the full engine after each symbol. All images are drawn together, so that a picture
// of them grows, but where the model's batch is fixed; they must not have more than 2³⁰
// pixels. Leaving the loop ends the draw.
// After an error it yields nothing more.
//
// BestOf and particles have no such steps and are errors here.
func (s *Sampler) Steps(ctx context.Context, req Request) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if err := s.steps(ctx, req, func(st Step) bool { return yield(st, nil) }); err != nil && !errors.Is(err, errLeft) {
			yield(Step{}, err)
		}
	}
}

// errLeft ends a draw whose steps nobody wants any more.
var errLeft = errors.New("sampler: the caller left the loop")

func (s *Sampler) steps(ctx context.Context, req Request, yield func(Step) bool) error {
	req.LevelsOnly = true
	p, err := s.check(req)
	switch {
	case err != nil:
		return err
	case req.BestOf > 1 || req.Inpainting.Particles > 1:
		return fmt.Errorf("%w: best-of and particles cannot be drawn in steps", ErrConfig)
	case req.N == 0:
		return nil
	}
	if err := s.sig.CheckTogether("the number of images", req.N); err != nil {
		return err
	}
	if p.classes, err = s.newClasses(ctx, req); err != nil {
		return err
	}
	classes, err := p.classes.of(req.First, req.N)
	if err != nil {
		return err
	}
	levels := make([]uint16, req.N*s.symbols())
	rows := s.rows(p, req.First, classes, levels)
	step := newStep(req.First, rows, levels, classes)
	done := 0
	return s.engines.Draw(ctx, rows, engine.Run{Batch: req.N, Threads: 1, Held: true, After: func(symbols int) error {
		step.Number++
		done += symbols
		if req.Progress != nil {
			req.Progress(done, len(step.Levels))
		}
		if req.Watch != nil {
			req.Watch(*step)
		}
		if !yield(*step) {
			return errLeft
		}
		return nil
	}})
}

// newStep is the step before the first, and has rows note in it which symbols are known. levels and
// classes are those of the rows.
func newStep(first uint64, rows []draw.Row, levels []uint16, classes []int) *Step {
	step := &Step{First: first, Levels: levels, Known: make([]bool, len(levels)), Classes: classes}
	at := 0
	for i := range rows {
		rows[i].Known = step.Known[at : at+len(rows[i].Levels)]
		copy(rows[i].Known, rows[i].Mask)
		at += len(rows[i].Levels)
	}
	return step
}

// watched is a part of a draw whose steps are shown to somebody.
type watched struct {
	watch func(Step)
	step  *Step
}

// watching returns a function that shows a step to those who watch, and then calls after.
func watching(after func(symbols int) error, all []watched) func(symbols int) error {
	if len(all) == 0 {
		return after
	}
	return func(symbols int) error {
		for _, w := range all {
			w.step.Number++
			w.watch(*w.step)
		}
		if after == nil {
			return nil
		}
		return after(symbols)
	}
}

// Image makes a picture of image i of a step, of a model's size and levels: levels as
// [Signature.Image] does, pixels transparent of which a channel is not decided. It is nil
// where the step has no image i of the model's.
func (st Step) Image(sig *Signature, i int) *image.NRGBA {
	symbols := sig.Height * sig.Width * sig.Channels
	if i < 0 || symbols < 1 || i >= min(len(st.Levels), len(st.Known))/symbols {
		return nil
	}
	whole := sig.Image(st.Levels[i*symbols : (i+1)*symbols])
	if whole == nil {
		return nil
	}
	img := image.NewNRGBA(whole.Bounds())
	k := 0
	for known := range slices.Chunk(st.Known[i*symbols:(i+1)*symbols], sig.Channels) {
		if !slices.Contains(known, false) {
			img.Set(k%sig.Width, k/sig.Width, whole.At(k%sig.Width, k/sig.Width))
		}
		k++
	}
	return img
}

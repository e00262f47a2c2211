package sampler

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"iter"
	"slices"
)

// Step is a draw under way. Its slices are those that the draw goes on to fill: they
// must not be changed, and hold more with the next step.
type Step struct {
	Number  int     // of the step, from 1
	Levels  []uint8 // [n, H, W], row-major; where they are not known they mean nothing
	Known   []bool  // [n, H, W]: which levels are known; kept pixels are from the start
	Classes []int   // [n], the images' classes; nil where the model has none
}

// Steps draws the images of a request and yields after each step of the engine: with
// the full engine after each pixel. All images are drawn together, so that a picture
// of them grows, but where the model's batch is fixed; they must not have more than 2³⁰
// pixels. Leaving the loop ends the draw.
// After an error it yields nothing more.
//
// BestOf and particles have no such steps and are errors here.
func (s *Sampler) Steps(ctx context.Context, req Request) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		err := s.check(req)
		if err == nil && (req.BestOf > 1 || req.Completion.Particles > 1) {
			err = fmt.Errorf("%w: best-of and particles cannot be drawn in steps", ErrConfig)
		}
		if err == nil {
			err = s.spec.checkTogether("the number of images", req.N)
		}
		if err != nil {
			yield(Step{}, err)
			return
		}
		if req.N == 0 {
			return
		}
		pixels := s.spec.Height * s.spec.Width
		step := Step{Levels: make([]uint8, req.N*pixels), Known: make([]bool, req.N*pixels)}
		how := s.options()
		how.batch, how.threads = req.N, 1
		how.first, how.known = req.First, step.Known
		classes, err := s.requestClasses(ctx, req)
		if err == nil {
			step.Classes, err = classes.of(req.First, req.N)
		}
		if err != nil {
			yield(Step{}, err)
			return
		}
		how.classes = step.Classes
		if c := req.Completion; c.Keep != nil {
			how.keep = slices.Repeat(c.Keep, req.N)
			step.Levels = slices.Repeat(c.Picture, req.N)
			copy(step.Known, how.keep)
		}
		done := 0
		how.after = func(drawn int) error {
			step.Number++
			done += drawn
			if req.Progress != nil {
				req.Progress(done, len(step.Levels))
			}
			if !yield(step, nil) {
				return errLeft
			}
			return nil
		}
		if err := s.engine.draw(ctx, req.First, step.Levels, how); err != nil && !errors.Is(err, errLeft) {
			yield(Step{}, err)
		}
	}
}

// errLeft ends a draw whose steps nobody wants any more.
var errLeft = errors.New("sampler: the caller left the loop")

// Image makes a picture of image i of a step, of a model's size and levels: levels as
// [Spec.Gray] does, pixels that are not decided transparent. It is nil where the step
// has no image i of the model's.
func (st Step) Image(spec *Spec, i int) *image.NRGBA {
	pixels := spec.Height * spec.Width
	if i < 0 || pixels < 1 || i >= min(len(st.Levels), len(st.Known))/pixels {
		return nil
	}
	gray := spec.Gray(st.Levels[i*pixels : (i+1)*pixels])
	if gray == nil {
		return nil
	}
	img := image.NewNRGBA(gray.Rect)
	for k, known := range st.Known[i*pixels : (i+1)*pixels] {
		if known {
			v := gray.Pix[k]
			img.SetNRGBA(k%spec.Width, k/spec.Width, color.NRGBA{v, v, v, 0xff})
		}
	}
	return img
}

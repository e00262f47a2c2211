package sampler

import (
	"context"
	"fmt"
	"image"
	"iter"
	"math"
	"slices"
	"sync/atomic"

	"pixelcnn/sampler/internal/draw"
)

// Sample is a drawn image. Log-probabilities are in nats.
type Sample struct {
	Index   uint64   // its number
	Levels  []uint16 // [H, W, C], row-major
	Class   int      // -1 where the model has no classes
	LogProb float64  // of the image, under the model as it is (temperature 1), given its class
	// LogProbDrawn is the log-probability with which the pixels that are not given were
	// drawn, under the temperature and the other parameters.
	LogProbDrawn float64
	// LogProbGiven is the part of LogProb that given pixels have.
	LogProbGiven float64
	// EffectiveSize is the effective sample size of the particles, 1 to
	// Inpainting.Particles, when one of them was chosen: (Σw)²/Σw² of the weights
	// gathered since they were last resampled. It is 0 where there are none, or where
	// every particle finds the given pixels impossible.
	EffectiveSize float64
	// Resampled is how many times the particles were.
	Resampled int

	off float64 // how far LogProb may be off, where the head tells it
}

// Images draws what is requested and yields the images in order, as they are done:
// *image.Gray or *image.NRGBA, see [Signature.Image]. After an error it yields nothing more;
// it is one where the model's pictures have no [Signature.Colour].
func (s *Sampler) Images(ctx context.Context, req Request) iter.Seq2[image.Image, error] {
	return func(yield func(image.Image, error) bool) {
		if s.sig.Colour() == "" {
			yield(nil, fmt.Errorf("%w: pictures of %d channels cannot be shown: take their levels", ErrConfig, s.sig.Channels))
			return
		}
		req.LevelsOnly = true
		for sample, err := range s.Samples(ctx, req) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(s.sig.Image(sample.Levels), nil) {
				return
			}
		}
	}
}

// Samples draws what is requested and yields the images in order, as they are done,
// each with its log-probability. After an error it yields nothing more.
func (s *Sampler) Samples(ctx context.Context, req Request) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		p, err := s.prepare(ctx, req)
		if err != nil {
			yield(Sample{}, err)
			return
		}
		after := progress([]*prepared{p}, s.symbols())
		size := s.portion(p)
		for at := 0; at < req.N; at += size {
			samples, err := s.drawParts(ctx, []part{{p, req.First + uint64(at), min(size, req.N-at)}}, after)
			if err != nil {
				yield(Sample{}, err)
				return
			}
			for _, sample := range samples[0] {
				if !yield(sample, nil) {
					return
				}
			}
		}
	}
}

// Together draws several requests in shared batches, and returns the images of each: the
// same ones that each gives alone. It pays where requests are small. Particles are drawn
// apart. Progress is told of all requests together. The images must not have more than 2³⁰
// pixels, candidates included.
func (s *Sampler) Together(ctx context.Context, requests []Request) ([][]Sample, error) {
	all := make([]*prepared, len(requests))
	parts := make([]part, len(requests))
	images := 0
	for i, req := range requests {
		var err error
		if all[i], err = s.prepare(ctx, req); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		parts[i] = part{all[i], req.First, req.N}
		// Both numbers are below 2³⁰ and their sum is checked each time, so it cannot overflow.
		if err := s.sig.CheckTogether("the number of images", min(req.N, 1<<30)); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		images += req.N * all[i].candidates()
		if err := s.sig.CheckTogether("the number of images", images); err != nil {
			return nil, err
		}
	}
	return s.drawParts(ctx, parts, progress(all, s.symbols()))
}

// Draw fills levels, [n, H, W, C] row-major, with the images of a request, where n is req.N. It
// returns once ctx ends, with its error; then levels are unfinished.
func (s *Sampler) Draw(ctx context.Context, req Request, levels []uint16) error {
	if len(levels) != req.N*s.symbols() {
		return fmt.Errorf("%w: room for %d levels is not that for %d images of %s", ErrConfig, len(levels), req.N, s.sig.Shape())
	}
	req.LevelsOnly = true
	p, err := s.prepare(ctx, req)
	if err != nil {
		return err
	}
	if p.candidates() > 1 || req.N == 0 {
		at := 0
		for sample, err := range s.Samples(ctx, req) {
			if err != nil {
				return err
			}
			at += copy(levels[at:], sample.Levels)
		}
		return ctx.Err()
	}
	classes, err := p.classes.of(req.First, req.N)
	if err != nil {
		return err
	}
	return s.draw(ctx, s.rows(p, req.First, classes, levels), progress([]*prepared{p}, s.symbols()), false)
}

// prepare checks a request and decides how its classes are drawn.
func (s *Sampler) prepare(ctx context.Context, req Request) (*prepared, error) {
	p, err := s.check(req)
	if err != nil {
		return nil, err
	}
	p.classes, err = s.newClasses(ctx, req)
	return p, err
}

// perThread is the number of candidates that a processor draws at a time where the
// caller left it open.
const perThread = 64

// portion is the number of images of a request that are under way at once: enough to keep
// the processors busy, few enough to be done soon.
func (s *Sampler) portion(p *prepared) int {
	batch := s.cfg.Batch
	if batch == 0 {
		batch = perThread
	}
	return max(1, batch*s.cfg.Threads/p.candidates())
}

// progress tells those who asked for it how much of all requests is done; it is nil where
// nobody did.
func progress(all []*prepared, pixels int) func(symbols int) error {
	var tell []func(done, all int)
	total := 0
	for _, p := range all {
		total += p.N * p.candidates() * pixels
		if p.Progress != nil {
			tell = append(tell, p.Progress)
		}
	}
	if tell == nil {
		return nil
	}
	var done atomic.Int64
	return func(symbols int) error {
		n := int(done.Add(int64(symbols)))
		for _, f := range tell {
			f(n, total)
		}
		return nil
	}
}

// A part of a request: n images from first on.
type part struct {
	*prepared
	first uint64
	n     int
}

// drawParts draws parts of requests together, and returns the images of each.
func (s *Sampler) drawParts(ctx context.Context, parts []part, after func(symbols int) error) ([][]Sample, error) {
	candidates := make([][]Sample, len(parts))
	rows := make([][]draw.Row, len(parts))
	var all []draw.Row
	var steps []watched
	for i, p := range parts {
		best := p.bestOf()
		classes, err := p.classes.of(p.first, p.n)
		if err != nil {
			return nil, err
		}
		first, n, classes := p.first*uint64(best), p.n*best, repeated(classes, best)
		if p.Inpainting.Particles > 1 {
			if candidates[i], err = s.particles(ctx, p.prepared, first, n, classes, after); err != nil {
				return nil, err
			}
			continue
		}
		levels := make([]uint16, n*s.symbols())
		rows[i] = s.rows(p.prepared, first, classes, levels)
		if p.Watch != nil {
			steps = append(steps, watched{p.Watch, newStep(p.first, rows[i], levels, classes)})
		}
		all = append(all, rows[i]...)
	}
	if len(all) > 0 {
		if err := s.draw(ctx, all, watching(after, steps), len(steps) > 0); err != nil {
			return nil, err
		}
	}
	for i, p := range parts {
		if p.over() {
			candidates[i] = nil
			continue
		}
		for k := range rows[i] {
			candidates[i] = append(candidates[i], s.sample(&rows[i][k]))
		}
		candidates[i] = p.likeliest(candidates[i])
		if p.Rounded && p.recorded() || p.Rounded && p.Inpainting.Particles > 1 {
			if err := s.round(ctx, p.prepared, candidates[i]); err != nil {
				return nil, err
			}
		}
	}
	return candidates, nil
}

// sample makes the sample of a row that was drawn.
func (s *Sampler) sample(r *draw.Row) Sample {
	out := Sample{Index: r.Image, Levels: r.Levels, Class: -1}
	if s.sig.ClassInput != "" {
		out.Class = r.Class
	}
	if r.Record != nil {
		out.LogProb, out.LogProbDrawn, out.LogProbGiven = draw.Sum(r.Record.Model), draw.Sum(r.Record.Drawn), draw.Sum(r.Record.Given)
		out.off = math.Sqrt(draw.Sum(r.Record.Off))
	}
	return out
}

// likeliest keeps the likeliest of the candidates for each image.
func (p part) likeliest(candidates []Sample) []Sample {
	best := p.bestOf()
	chosen := candidates[:0]
	for i := range p.n {
		chosen = append(chosen, slices.MaxFunc(candidates[i*best:(i+1)*best], func(a, b Sample) int {
			if a.LogProb < b.LogProb {
				return -1
			}
			return 1 // MaxFunc keeps the first of equals
		}))
		chosen[i].Index = p.first + uint64(i)
	}
	return chosen
}

// repeated repeats each element of s so many times. It is nil for nil.
func repeated(s []int, times int) (out []int) {
	for _, x := range s {
		out = append(out, slices.Repeat([]int{x}, times)...)
	}
	return out
}

package sampler

import (
	"context"
	"fmt"
	"image"
	"iter"
	"math"
	"slices"
	"sync/atomic"
)

// Request says which images to draw, and how beyond the [Config].
type Request struct {
	// First is the number of the first image, N how many there are.
	First uint64
	N     int
	// BestOf, where over 1, draws as many candidates for each image and keeps the
	// likeliest under the model as it is: image i is one of the images i·BestOf to
	// (i+1)·BestOf-1 of a request without. The candidates for an image, with particles
	// BestOf·Particles, must not have more than 2³⁰ pixels.
	BestOf int
	// Completion is zero where nothing is kept.
	Completion Completion
	// Classes, where there are any, take the place of Config.Classes.
	Classes []int
	// LevelsOnly leaves out the log-probabilities, which saves a few percent of the
	// time. BestOf and particles need them all the same.
	LevelsOnly bool
	// Rounded rounds the log-probabilities to hundredths of a nat, and makes them the same
	// for every engine and runtime: where float32 leaves open to which, they are computed
	// again in float64. That is one image in fifty or so, at temperature 1, and takes about
	// as long as drawing fifty. A model with operators that are unknown in float64 has them
	// rounded only.
	Rounded bool
	// Progress, where not nil, is told how many pixels of all are done, after each
	// step. Calls may coincide and come out of order.
	Progress func(done, all int)
}

// Sample is a drawn image. Log-probabilities are in nats.
type Sample struct {
	Index   uint64  // its number
	Levels  []uint8 // [H, W], row-major
	Class   int     // -1 where the model has no classes
	LogProb float64 // of the image, under the model as it is (temperature 1), given its class
	// LogProbOptions is the log-probability with which the pixels that are not kept
	// were drawn, under the temperature and the other options.
	LogProbOptions float64
	// LogProbKept is the part of LogProb that kept pixels have.
	LogProbKept float64
	// EffectiveSize is the effective sample size of the particles, 1 to
	// Completion.Particles, when one of them was chosen: (Σw)²/Σw² of the weights
	// gathered since they were last resampled. It is 0 where there are none, or where
	// every particle finds the kept pixels impossible.
	EffectiveSize float64
	// Resampled is how many times the particles were.
	Resampled int
}

// Images draws n images and yields them in order, as they are done. After an error it
// yields nothing more.
func (s *Sampler) Images(ctx context.Context, n int) iter.Seq2[*image.Gray, error] {
	return func(yield func(*image.Gray, error) bool) {
		for sample, err := range s.Samples(ctx, Request{N: n, LevelsOnly: true}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(s.spec.Gray(sample.Levels), nil) {
				return
			}
		}
	}
}

// Samples draws what is requested and yields the images in order, as they are done,
// each with its log-probability. After an error it yields nothing more.
func (s *Sampler) Samples(ctx context.Context, req Request) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		if err := s.check(req); err != nil {
			yield(Sample{}, err)
			return
		}
		classes, err := s.requestClasses(ctx, req)
		if err != nil {
			yield(Sample{}, err)
			return
		}
		p := &portion{s: s, req: req, how: s.options(), classes: classes}
		if req.Progress != nil {
			all := req.N * p.candidates() * s.spec.Height * s.spec.Width
			var done atomic.Int64
			p.how.after = func(pixels int) error {
				req.Progress(int(done.Add(int64(pixels))), all)
				return nil
			}
		}
		for at := 0; at < req.N; at += p.size() {
			samples, err := p.draw(ctx, req.First+uint64(at), min(p.size(), req.N-at))
			if err != nil {
				yield(Sample{}, err)
				return
			}
			for _, sample := range samples {
				if !yield(sample, nil) {
					return
				}
			}
		}
	}
}

// check validates a request.
func (s *Sampler) check(r Request) error {
	if err := s.open(); err != nil {
		return err
	}
	switch {
	case r.N < 0:
		return fmt.Errorf("%w: the number of images is %d, must not be negative", ErrConfig, r.N)
	case r.BestOf < 0:
		return fmt.Errorf("%w: best-of is %d, must not be negative", ErrConfig, r.BestOf)
	case s.spec.whole != nil && r.Completion.Particles > 1:
		return errWhole
	case r.BestOf > 1 && s.cfg.Greedy:
		return fmt.Errorf("%w: greedy and best-of exclude each other: greedy candidates are all alike", ErrConfig)
	}
	if err := s.checkCandidates(r); err != nil {
		return err
	}
	if err := s.spec.checkClasses(r.Classes); err != nil {
		return err
	}
	if err := s.spec.checkDrawn(s.listed(r)); err != nil {
		return err
	}
	return s.checkCompletion(r.Completion)
}

// checkCandidates bounds what is drawn for an image, and for all of them, so that what is
// counted of it is a number.
func (s *Sampler) checkCandidates(r Request) error {
	bestOf, particles := max(1, r.BestOf), max(1, r.Completion.Particles)
	if err := s.spec.checkTogether("best-of", bestOf); err != nil {
		return err
	}
	if err := s.spec.checkTogether("particles", particles); err != nil {
		return err
	}
	candidates := int64(bestOf) * int64(particles) // of 30 bits each
	if candidates > maxTogether/int64(s.pixels()) {
		return fmt.Errorf("%w: best-of %d with %d particles: of candidates of %d×%d, %d are the most",
			ErrConfig, bestOf, particles, s.spec.Height, s.spec.Width, maxTogether/s.pixels())
	}
	if most := math.MaxInt / (int(candidates) * s.pixels()); r.N > most {
		return fmt.Errorf("%w: the number of images is %d; of %d×%d, %d are the most", ErrConfig, r.N, s.spec.Height, s.spec.Width, most)
	}
	return nil
}

// listed are the classes that a request lists, if any.
func (s *Sampler) listed(r Request) []int {
	if len(r.Classes) > 0 {
		return r.Classes
	}
	return s.cfg.Classes
}

// portion draws the images of a request that are under way at once: enough to keep
// the processors busy, few enough to be done soon.
type portion struct {
	s       *Sampler
	req     Request
	how     options
	classes *requestClasses
}

// perThread is the number of candidates that a processor draws at a time where the
// caller left it open.
const perThread = 64

// candidates is the number drawn for each image.
func (p *portion) candidates() int { return p.bestOf() * max(1, p.req.Completion.Particles) }

func (p *portion) bestOf() int { return max(1, p.req.BestOf) }

// size is the number of images in a portion.
func (p *portion) size() int {
	batch := p.how.batch
	if batch == 0 {
		batch = perThread
	}
	return max(1, batch*p.how.threads/p.candidates())
}

// draw draws the images first to first+n-1.
func (p *portion) draw(ctx context.Context, first uint64, n int) ([]Sample, error) {
	best := p.bestOf()
	classes, err := p.classes.of(first, n)
	if err != nil {
		return nil, err
	}
	draw := p.plain
	if p.req.Completion.Particles > 1 {
		draw = p.particles
	}
	samples, err := draw(ctx, first*uint64(best), n*best, repeated(classes, best))
	if err != nil {
		return nil, err
	}
	chosen := samples[:0]
	for i := range n {
		of := samples[i*best : (i+1)*best]
		chosen = append(chosen, slices.MaxFunc(of, func(a, b Sample) int {
			if a.LogProb < b.LogProb {
				return -1
			}
			return 1 // MaxFunc keeps the first of equals
		}))
		chosen[i].Index = first + uint64(i)
	}
	if p.req.Rounded {
		return chosen, p.round(ctx, chosen)
	}
	return chosen, nil
}

// plain draws the candidates first to first+n-1, one each.
func (p *portion) plain(ctx context.Context, first uint64, n int, classes []int) ([]Sample, error) {
	height, pixels := p.s.spec.Height, p.s.spec.Height*p.s.spec.Width
	how := p.how
	how.first, how.classes = first, classes
	record := newRecord(n * height)
	if !p.req.LevelsOnly || p.bestOf() > 1 {
		how.record = record
	}
	levels := make([]uint8, n*pixels)
	if c := p.req.Completion; c.Keep != nil {
		how.keep = slices.Repeat(c.Keep, n)
		levels = slices.Repeat(c.Picture, n)
	}
	if err := p.s.engine.draw(ctx, first, levels, how); err != nil {
		return nil, err
	}
	samples := make([]Sample, n)
	for i := range samples {
		samples[i] = Sample{
			Levels:         levels[i*pixels : (i+1)*pixels : (i+1)*pixels],
			Class:          -1,
			LogProb:        total(record.model[i*height:][:height]),
			LogProbOptions: total(record.drawn[i*height:][:height]),
			LogProbKept:    total(record.kept[i*height:][:height]),
		}
		if classes != nil {
			samples[i].Class = classes[i]
		}
	}
	return samples, nil
}

// repeated is each element of s so many times; nil for nil.
func repeated(s []int, times int) (out []int) {
	for _, x := range s {
		out = append(out, slices.Repeat([]int{x}, times)...)
	}
	return out
}

func total(rows []float64) float64 {
	sum := 0.0
	for _, x := range rows {
		sum += x
	}
	return sum
}

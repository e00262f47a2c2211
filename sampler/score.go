package sampler

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// LogProb returns the log-probability of each image in nats, under the model as it
// is (temperature 1). levels are [n, H, W], row-major. It takes one forward pass, and
// one for each class where the model has classes; these are summed out:
// log Σ p(class)·p(image | class).
func (s *Sampler) LogProb(ctx context.Context, levels []uint16) ([]float64, error) {
	if s.sig.ClassInput == "" {
		return s.logProb(ctx, levels, 1, s.pixels(), func(int) int { return 0 }, nil)
	}
	byClass, err := s.LogProbByClass(ctx, levels)
	if err != nil {
		return nil, err
	}
	return s.sig.SumOut(byClass), nil
}

// LogProbGivenClass is [Sampler.LogProb] for images whose classes are known, by number, [n]:
// log p(image | class). It takes one forward pass.
func (s *Sampler) LogProbGivenClass(ctx context.Context, levels []uint16, classes []int) ([]float64, error) {
	if s.sig.ClassInput == "" {
		return nil, signature.ErrNoClasses
	}
	if n := len(levels) / s.pixels(); len(classes) != n {
		return nil, fmt.Errorf("%w: %d classes for %d images", ErrConfig, len(classes), n)
	}
	for i, class := range classes {
		if err := s.sig.CheckClass(class); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
	}
	return s.logProb(ctx, levels, 1, s.pixels(), func(i int) int { return classes[i] }, nil)
}

// LogProbByClass is log p(image | class) for every class, [n, classes]. It takes one
// forward pass for each class; where the model lets it, what does not depend on the class is
// computed once.
func (s *Sampler) LogProbByClass(ctx context.Context, levels []uint16) ([]float64, error) {
	byClass, _, err := s.logProbByClass(ctx, levels, false)
	return byClass, err
}

// logProbByClass is LogProbByClass, and of each symbol, [n, classes, H, W], where that is wanted.
func (s *Sampler) logProbByClass(ctx context.Context, levels []uint16, wanted bool) (byClass, each []float64, err error) {
	n := len(s.sig.Classes)
	if n == 0 {
		if s.sig.ClassInput != "" {
			return nil, nil, fmt.Errorf("%w: the model has classes but does not tell how many", ErrConfig)
		}
		return nil, nil, signature.ErrNoClasses
	}
	if wanted {
		each = make([]float64, len(levels)*n)
	}
	byClass, err = s.logProb(ctx, levels, n, s.pixels(), func(i int) int { return i % n }, each)
	return byClass, each, err
}

// LogProbSymbols is the log-probability of each symbol given those before it, [n, H, W] as levels
// are: the sum over an image is that of [Sampler.LogProb], and where the model has no classes
// it is the same to the bit if they are summed in order. Where it has, they are summed out:
// log Σ p(class | earlier)·p(symbol | earlier, class).
func (s *Sampler) LogProbSymbols(ctx context.Context, levels []uint16) ([]float64, error) {
	each := make([]float64, len(levels))
	if s.sig.ClassInput == "" {
		_, err := s.logProb(ctx, levels, 1, s.pixels(), func(int) int { return 0 }, each)
		return each, err
	}
	n, symbols := len(s.sig.Classes), s.pixels()
	// A few images at a time, for each of which there is a map for each class.
	step := symbols * max(1, 1<<22/(symbols*max(1, n)))
	for at := 0; at < len(levels); at += step {
		part := levels[at:min(at+step, len(levels))]
		byClass, maps, err := s.logProbByClass(ctx, part, true)
		if err != nil {
			return nil, err
		}
		clear(byClass)
		for k := range part {
			image, symbol := k/symbols, k%symbols
			sums := byClass[image*n : (image+1)*n]
			before := s.sig.SumOut(sums)[0]
			for class := range sums {
				sums[class] += maps[(image*n+class)*symbols+symbol]
			}
			each[at+k] = math.Inf(-1) // after one that cannot be, all are
			if !math.IsInf(before, -1) {
				each[at+k] = s.sig.SumOut(sums)[0] - before
			}
		}
	}
	return each, nil
}

// logProb scores the first pixels of each image of levels, times over; class is that of
// each of the n·times results, [n, times]. The pixels' own go to each, [n, times, H, W], unless
// that is nil.
func (s *Sampler) logProb(ctx context.Context, levels []uint16, times, first int, class func(i int) int, each []float64) ([]float64, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.sig.OneFile != nil {
		return nil, errOneFile
	}
	pixels := s.pixels()
	if len(levels)%pixels != 0 {
		return nil, fmt.Errorf("%w: %d levels are no whole number of %d×%d images", ErrConfig, len(levels), s.sig.Height, s.sig.Width)
	}
	for i, l := range levels {
		if int(l) >= s.sig.Levels {
			return nil, fmt.Errorf("%w: image %d has level %d, the model has %d levels", ErrConfig, i/pixels, l, s.sig.Levels)
		}
	}
	out := make([]float64, len(levels)/pixels*times)
	const fill = 16 // images a run: small enough for the activations to stay in cache
	q := &scoring{s: s, levels: levels, times: times, first: first, class: class, out: out, each: each, images: s.engines.Full.Fit(fill)}
	q.batch = q.images
	if times > 1 && s.sig.Shares() && s.engines.Full.Fit(times) == times {
		q.images, q.batch = 1, times
	}
	g, ctx := errgroup.WithContext(ctx)
	runs := (len(out) + q.batch - 1) / q.batch
	share := (runs + s.cfg.Threads - 1) / s.cfg.Threads * q.batch
	for from := 0; from < len(out); from += share {
		g.Go(func() error {
			return s.engines.Slots.Do(ctx, func() error { return q.run(ctx, from, min(from+share, len(out))) })
		})
	}
	return out, g.Wait()
}

// scoring is what several goroutines share.
type scoring struct {
	s      *Sampler
	levels []uint16 // [n, H, W]
	times  int
	first  int // pixels that count
	class  func(i int) int
	out    []float64 // [n, times]
	each   []float64 // [n, times, H, W]; nil where it is not wanted
	images int       // of a run, as many as its results, or one with all its classes
	batch  int       // results of a run
}

// run computes the results from from to to-1.
func (q *scoring) run(ctx context.Context, from, to int) error {
	f, err := q.forward()
	if err != nil {
		return err
	}
	defer f.Close()
	d := draw.NewDrawer(q.s.sig.Head)
	for ; from < to; from += q.batch {
		n := min(q.batch, to-from)
		for i := range n {
			if i < q.images {
				f.SetImage(i, q.image(from+i))
			}
			f.SetClass(i, q.class(from+i))
		}
		if err := f.Run(ctx); err != nil {
			return err
		}
		for i := range n {
			for pixel, level := range q.image(from + i)[:q.first] {
				outputs, stride := f.At(i, pixel)
				lp, ok := d.ModelLogProb(outputs, stride, nil, int(level))
				if !ok {
					return draw.Unusable(uint64((from+i)/q.times), pixel, q.s.sig.Width)
				}
				q.out[from+i] += lp
				if q.each != nil {
					q.each[(from+i)*q.s.pixels()+pixel] = lp
				}
			}
		}
	}
	return nil
}

func (q *scoring) forward() (*engine.Forward, error) {
	if q.images < q.batch {
		return q.s.engines.Full.SharedForward(q.batch)
	}
	return q.s.engines.Full.Forward(q.batch)
}

// image is what result i is for, [H, W].
func (q *scoring) image(i int) []uint16 {
	pixels := q.s.pixels()
	return q.levels[i/q.times*pixels:][:pixels]
}

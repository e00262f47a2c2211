package sampler

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/signature"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// LogProb returns the log-probability of each image in nats, under the model as it
// is (temperature 1). levels are [n, H, W, C], row-major. It takes one forward pass, and
// one for each class where the model has classes; these are summed out:
// log Σ p(class)·p(image | class).
func (s *Sampler) LogProb(ctx context.Context, levels []uint16) ([]float64, error) {
	return s.Score(ctx, levels, Given{})
}

// Given is what is known of images beside their levels.
type Given struct {
	First      uint64             // the number of the first image, for the conditions' rows
	Classes    []int              // of each image, by number; nil where they are not known
	Conditions map[string]*Tensor // as in a [Request]: one row for all, or image i has row i
}

// Score is [Sampler.LogProb] for images of which more is known: without classes, these are
// summed out.
func (s *Sampler) Score(ctx context.Context, levels []uint16, given Given) ([]float64, error) {
	q, err := s.scoring(levels, given)
	if err != nil {
		return nil, err
	}
	out, err := s.logProb(ctx, q)
	if err != nil || !q.summed {
		return out, err
	}
	return s.sig.SumOut(out), nil
}

// ScoreSymbols is the log-probability of each symbol given those before it, [n, H, W, C] as
// levels are: the sum over an image is that of [Sampler.Score], and where no classes are
// summed out it is the same to the bit if they are summed in order. Where they are:
// log Σ p(class | earlier)·p(symbol | earlier, class).
func (s *Sampler) ScoreSymbols(ctx context.Context, levels []uint16, given Given) ([]float64, error) {
	each := make([]float64, len(levels))
	q, err := s.scoring(levels, given)
	if err != nil {
		return nil, err
	}
	if !q.summed {
		q.each = each
		_, err := s.logProb(ctx, q)
		return each, err
	}
	n, symbols := q.times, s.symbols()
	// A few images at a time, for each of which there is a map for each class.
	images := max(1, 1<<22/(symbols*n))
	for at := 0; at < len(levels); at += images * symbols {
		part := levels[at:min(at+images*symbols, len(levels))]
		if q, err = s.scoring(part, given); err != nil {
			return nil, err
		}
		given.First += uint64(images)
		q.each = make([]float64, len(part)*n)
		sums, err := s.logProb(ctx, q)
		if err != nil {
			return nil, err
		}
		clear(sums)
		for k := range part {
			image, symbol := k/symbols, k%symbols
			sums := sums[image*n : (image+1)*n]
			before := s.sig.SumOut(sums)[0]
			for class := range sums {
				sums[class] += q.each[(image*n+class)*symbols+symbol]
			}
			each[at+k] = math.Inf(-1) // after one that cannot be, all are
			if !math.IsInf(before, -1) {
				each[at+k] = s.sig.SumOut(sums)[0] - before
			}
		}
	}
	return each, nil
}

// scoring prepares the scoring of images of which so much is known.
func (s *Sampler) scoring(levels []uint16, given Given) (q *scoring, err error) {
	q = &scoring{levels: levels, times: 1, first: s.symbols(), class: func(int) int { return 0 }}
	of, err := s.checkConditions(Request{First: given.First, N: len(levels) / s.symbols(), Conditions: given.Conditions})
	if err != nil {
		return q, err
	}
	if of != nil {
		q.conditions = func(i uint64) []*Tensor { return of(given.First + i) }
	}
	switch {
	case given.Classes != nil:
		q.class = func(i int) int { return given.Classes[i] }
		return q, s.checkGiven(levels, given.Classes)
	case s.sig.ClassInput == "":
		return q, nil
	case len(s.sig.Classes) == 0:
		return q, errNoCount
	}
	q.times, q.summed = len(s.sig.Classes), true
	q.class = func(i int) int { return i % q.times }
	return q, nil
}

// errNoCount is what a model says that does not tell how many classes there are.
var errNoCount = fmt.Errorf("%w: the model has classes but does not tell how many", ErrConfig)

// checkGiven checks the classes of images.
func (s *Sampler) checkGiven(levels []uint16, classes []int) error {
	if s.sig.ClassInput == "" {
		return signature.ErrNoClasses
	}
	if n := len(levels) / s.symbols(); len(classes) != n {
		return fmt.Errorf("%w: %d classes for %d images", ErrConfig, len(classes), n)
	}
	for i, class := range classes {
		if err := s.sig.CheckClass(class); err != nil {
			return fmt.Errorf("image %d: %w", i, err)
		}
	}
	return nil
}

// LogProbGivenClass is [Sampler.LogProb] for images whose classes are known, by number, [n]:
// log p(image | class). It takes one forward pass.
func (s *Sampler) LogProbGivenClass(ctx context.Context, levels []uint16, classes []int) ([]float64, error) {
	if classes == nil {
		classes = []int{}
	}
	return s.Score(ctx, levels, Given{Classes: classes})
}

// LogProbByClass is log p(image | class) for every class, [n, classes]. It takes one
// forward pass for each class; where the model lets it, what does not depend on the class is
// computed once.
func (s *Sampler) LogProbByClass(ctx context.Context, levels []uint16) ([]float64, error) {
	return s.ScoreByClass(ctx, levels, Given{})
}

// ScoreByClass is [Sampler.LogProbByClass] for images of which more is known, but not the class.
func (s *Sampler) ScoreByClass(ctx context.Context, levels []uint16, given Given) ([]float64, error) {
	given.Classes = nil
	if s.sig.ClassInput == "" {
		return nil, signature.ErrNoClasses
	}
	q, err := s.scoring(levels, given)
	if err != nil {
		return nil, err
	}
	return s.logProb(ctx, q)
}

// logProb scores the first symbols of each image of levels, times over.
func (s *Sampler) logProb(ctx context.Context, q *scoring) ([]float64, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.sig.OneFile != nil {
		return nil, errOneFile
	}
	symbols := s.symbols()
	if len(q.levels)%symbols != 0 {
		return nil, fmt.Errorf("%w: %d levels are no whole number of images of %s", ErrConfig, len(q.levels), s.sig.Shape())
	}
	for i, l := range q.levels {
		if int(l) >= s.sig.Levels {
			return nil, fmt.Errorf("%w: image %d has level %d, the model has %d levels", ErrConfig, i/symbols, l, s.sig.Levels)
		}
	}
	out := make([]float64, len(q.levels)/symbols*q.times)
	const fill = 16 // images a run: small enough for the activations to stay in cache
	q.s, q.out = s, out
	switch shared := s.engines.Shared; {
	case q.drawing:
		q.whole = s.engines.Full.Whole
	case q.times > 1 && shared != nil && shared.Fit(q.times) == q.times:
		q.whole, q.images, q.batch = shared, 1, q.times
	default:
		q.whole = s.engines.Scores
	}
	if q.images == 0 {
		q.images = q.whole.Fit(fill)
		q.batch = q.images
	}
	g, ctx := errgroup.WithContext(ctx)
	for range min(s.cfg.Threads, (len(out)+q.batch-1)/q.batch) {
		g.Go(func() error {
			return s.engines.Slots.Do(ctx, func() error { return q.run(ctx) })
		})
	}
	return out, g.Wait()
}

// scoring is what several goroutines share.
type scoring struct {
	s       *Sampler
	whole   *engine.Whole
	levels  []uint16 // [n, H, W, C]
	times   int
	summed  bool            // times are classes, which the caller sums out
	drawing bool            // what is drawn depends on it
	first   int             // symbols that count
	class   func(i int) int // of each of the n·times results, [n, times]
	// conditions of an image; nil where the model has none.
	conditions func(image uint64) []*Tensor
	out        []float64 // [n, times]
	each       []float64 // [n, times, H, W, C]; nil where it is not wanted
	images     int       // of a run, as many as its results, or one with all its classes
	batch      int       // results of a run

	next atomic.Int64 // run that nobody has begun
}

// run computes results until there are none left.
func (q *scoring) run(ctx context.Context) error {
	f, err := q.whole.Forward(q.batch)
	if err != nil {
		return err
	}
	defer f.Close()
	d, lps := draw.NewDrawer(q.s.sig.Head), make([]float64, q.first)
	for {
		from := (int(q.next.Add(1)) - 1) * q.batch
		n := min(q.batch, len(q.out)-from)
		if n <= 0 {
			return nil
		}
		for i := range n {
			if i < q.images {
				f.SetImage(i, q.image(from+i))
			}
			f.SetClass(i, q.class(from+i))
			if q.conditions != nil {
				f.SetConditions(i, q.conditions(uint64((from+i)/q.times)))
			}
		}
		if err := f.Run(ctx); err != nil {
			return err
		}
		for i := range n {
			outputs, stride := f.At(i, 0)
			if bad := d.ModelLogProbs(lps, outputs, stride, q.image(from + i)[:q.first]); bad >= 0 {
				return draw.Unusable(uint64((from+i)/q.times), bad, q.s.sig.Width)
			}
			q.out[from+i] = draw.Sum(lps)
			if q.each != nil {
				copy(q.each[(from+i)*q.s.symbols():], lps)
			}
		}
	}
}

// image is what result i is for, [H, W, C].
func (q *scoring) image(i int) []uint16 {
	symbols := q.s.symbols()
	return q.levels[i/q.times*symbols:][:symbols]
}

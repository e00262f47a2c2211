package sampler

import (
	"fmt"
	"math"

	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// Parameters are the sampling parameters: temperature, filters, seed.
type Parameters = draw.Parameters

// DefaultFilters is the order of the temperature and the filters where [Parameters].Filters is empty.
const DefaultFilters = draw.DefaultFilters

// Request says which images to draw, and how. The zero value asks for none.
type Request struct {
	// First is the number of the first image, N how many there are.
	First uint64
	N     int
	// Parameters are the temperature, the filters and the seed.
	Parameters
	// Classes are the classes to draw from a class-conditional model, by number, in turn: image i
	// of the seed is of class Classes[i mod len(Classes)]. [Signature.Class] finds a number by
	// name. Where there are none, each image's class is drawn from the model's prior. It has a
	// uniform of its own, so that the pixels have the same ones as without.
	Classes []int
	// ClassRun is how many images in a row have the same one of Classes: image i is of class
	// Classes[⌊i/ClassRun⌋ mod len(Classes)]. 0 means 1.
	ClassRun int
	// BestOf, where over 1, draws as many candidates for each image and keeps the
	// likeliest under the model as it is: image i is one of the images i·BestOf to
	// (i+1)·BestOf-1 of a request without. The candidates for an image, with particles
	// BestOf·Particles, must not have more than 2³⁰ pixels.
	BestOf int
	// Inpainting says which levels are given. It is zero where none is.
	Inpainting Inpainting
	// Conditions are what the model is given beside the picture and the class, by the input's
	// name: tensors of one row for all images, or of one for each, of which image i has row i. The
	// name may be empty where there is but one.
	Conditions map[string]*Tensor
	// LevelsOnly leaves out the log-probabilities, which saves a few percent of the time. BestOf
	// and particles compute them all the same.
	LevelsOnly bool
	// Rounded rounds the log-probabilities to hundredths of a nat, and makes them the same for
	// every engine and runtime: where the errors of float32 leave open to which hundredth, they are
	// computed again in float64. At temperature 1 that happens to one image in fifty or so, and
	// takes about as long as drawing fifty. A model with operators that are unknown in float64 has
	// them rounded only.
	Rounded bool
	// Progress, where not nil, is told how many pixels of all are done, after each
	// step. Calls may coincide and come out of order. It must not draw itself.
	Progress func(done, all int)
	// Watch, where not nil, is shown the images under way after each step of the engine, as
	// [Sampler.Steps] yields them. All that is drawn together with such a request is drawn by one
	// thread. Watch must not draw itself, nor wait for anybody who does. BestOf and particles have
	// no such steps and are errors.
	Watch func(Step)
	// Done, where not nil, cancels the request once it is closed. What is under way of it ends with
	// the engine's step, while other requests in the same batches go on (see [Sampler.Together]).
	// Its images are then unfinished, and are not returned.
	Done <-chan struct{}
}

// over tells whether the request was cancelled.
func (r *Request) over() bool {
	select {
	case <-r.Done:
		return true
	default:
		return false
	}
}

// Inpainting says what of a picture is given; the rest is drawn.
//
// A plain one draws pixel after pixel in raster order and steps over the given ones. So a
// given pixel affects those that come after it, in its row to the right and
// in the rows below; the free pixels before it are drawn as if it were not given. Where
// the class is drawn, too, the given pixels before the first free one bear on it. With
// Particles over 1 all of them do: as many candidates are drawn together, each with a
// class of its own where that is drawn; each is weighed by the probability that it gives
// the given pixels, and where the weights get uneven at the end of a row, the candidates
// are resampled (sequential importance resampling; Gordon et al., "Novel approach to
// nonlinear/non-Gaussian Bayesian state estimation", 1993). The more particles, the
// nearer is the result to a draw from the model given all of them.
type Inpainting struct {
	// Picture holds the levels of a picture, [H, W, C], row-major, or those of several, one after the other.
	// Those that are not given do not matter.
	Picture []uint16
	Mask    []bool // [H, W, C]: which are given
	// Run is, where there are several pictures, how many images in a row have the same one: image i has
	// picture ⌊i/Run⌋ mod their number. 0 means 1.
	Run int
	// Particles is the number of candidates for each image. 0 and 1 mean a plain
	// one. See Request.BestOf for the most.
	Particles int
}

// at is the number of an image's picture.
func (in *Inpainting) at(image uint64) int {
	return int(image / uint64(max(1, in.Run)) % uint64(len(in.Picture)/len(in.Mask)))
}

// levels are a picture's, [H, W, C].
func (in *Inpainting) levels(number int) []uint16 {
	return in.Picture[number*len(in.Mask) : (number+1)*len(in.Mask)]
}

// errOneFile is wrapped where a one-file sampler is asked for what it cannot do.
var errOneFile = engine.ErrOneFile

// prepared is a request that was checked.
type prepared struct {
	Request
	how     *draw.How
	classes *classes

	conditions func(image uint64) []*Tensor // of an image; nil where the model has none
}

// Check validates a request, without drawing anything. Errors wrap [ErrConfig] or [ErrClosed].
func (s *Sampler) Check(req Request) error {
	_, err := s.check(req)
	return err
}

// check validates all of a request that needs no run of the model.
func (s *Sampler) check(r Request) (*prepared, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.sig.OneFile != nil {
		if err := engine.CheckOneFile(r.Parameters); err != nil {
			return nil, err
		}
		if r.Inpainting.Particles > 1 {
			return nil, errOneFile
		}
	}
	how, err := r.For(s.sig.Head, s.sig.Height)
	switch {
	case err != nil:
		return nil, err
	case r.N < 0:
		return nil, fmt.Errorf("%w: the number of images is %d, must not be negative", ErrConfig, r.N)
	case r.BestOf < 0:
		return nil, fmt.Errorf("%w: best-of is %d, must not be negative", ErrConfig, r.BestOf)
	case r.ClassRun < 0:
		return nil, fmt.Errorf("%w: the number of images in a row of a class is %d, must not be negative", ErrConfig, r.ClassRun)
	case r.Watch != nil && (r.BestOf > 1 || r.Inpainting.Particles > 1):
		return nil, fmt.Errorf("%w: best-of and particles cannot be drawn in steps", ErrConfig)
	case r.BestOf > 1 && r.Greedy:
		return nil, fmt.Errorf("%w: greedy and best-of exclude each other: greedy candidates are all alike", ErrConfig)
	}
	for _, check := range []error{
		s.checkCandidates(r), s.sig.CheckClasses(r.Classes), s.sig.CheckDrawn(r.Classes), s.checkInpainting(r),
	} {
		if check != nil {
			return nil, check
		}
	}
	p := &prepared{Request: r, how: how}
	if p.conditions, err = s.checkConditions(r); err != nil {
		return nil, err
	}
	return p, nil
}

// checkCandidates bounds the candidates of an image and of all images, so that no count of them
// overflows.
func (s *Sampler) checkCandidates(r Request) error {
	bestOf, particles := max(1, r.BestOf), max(1, r.Inpainting.Particles)
	if err := s.sig.CheckTogether("best-of", bestOf); err != nil {
		return err
	}
	if err := s.sig.CheckTogether("particles", particles); err != nil {
		return err
	}
	candidates, most := int64(bestOf)*int64(particles), s.sig.Together() // each below 2³⁰
	if candidates > int64(most) {
		return fmt.Errorf("%w: best-of %d with %d particles: of candidates of %s, %d are the most",
			ErrConfig, bestOf, particles, s.sig.Shape(), most)
	}
	if most := math.MaxInt / (int(candidates) * s.symbols()); r.N > most {
		return fmt.Errorf("%w: the number of images is %d; of %s, %d are the most", ErrConfig, r.N, s.sig.Shape(), most)
	}
	return nil
}

func (s *Sampler) checkInpainting(r Request) error {
	symbols, in := s.symbols(), r.Inpainting
	switch {
	case in.Particles < 0:
		return fmt.Errorf("%w: particles is %d, must not be negative", ErrConfig, in.Particles)
	case in.Run < 0:
		return fmt.Errorf("%w: the number of images in a row of a picture is %d, must not be negative", ErrConfig, in.Run)
	case in.Mask == nil && (in.Picture != nil || in.Particles != 0):
		return fmt.Errorf("%w: inpainting needs a mask, which says what of the picture is given", ErrConfig)
	case in.Mask == nil:
		return nil
	case len(in.Mask) != symbols || len(in.Picture) == 0 || len(in.Picture)%symbols != 0:
		return fmt.Errorf("%w: the picture to inpaint has %d symbols, its mask %d; the model's images have %s",
			ErrConfig, len(in.Picture), len(in.Mask), s.sig.Shape())
	case in.Particles > 1 && r.Greedy:
		return fmt.Errorf("%w: greedy and particles exclude each other: greedy candidates are all alike", ErrConfig)
	}
	for k, level := range in.Picture {
		if in.Mask[k%symbols] && int(level) >= s.sig.Levels {
			pixel := k % symbols / s.sig.Channels
			return fmt.Errorf("%w: the picture to inpaint has level %d in row %d, column %d; the model has %d levels",
				ErrConfig, level, pixel/s.sig.Width, pixel%s.sig.Width, s.sig.Levels)
		}
	}
	return nil
}

// candidates is the number drawn for each image.
func (p *prepared) candidates() int { return p.bestOf() * max(1, p.Inpainting.Particles) }

func (p *prepared) bestOf() int { return max(1, p.BestOf) }

// recorded tells whether log-probabilities are wanted.
func (p *prepared) recorded() bool { return !p.LevelsOnly || p.bestOf() > 1 }

// rows are the images from first on, of the classes given, whose levels, [n, H, W, C], go to
// levels.
func (s *Sampler) rows(p *prepared, first uint64, classes []int, levels []uint16) []draw.Row {
	symbols := s.symbols()
	rows := make([]draw.Row, len(levels)/symbols)
	for i := range rows {
		rows[i] = draw.Row{Image: first + uint64(i), How: p.how, Levels: levels[i*symbols : (i+1)*symbols : (i+1)*symbols], Mask: p.Inpainting.Mask, Done: p.Done}
		image := (first + uint64(i)) / uint64(p.candidates())
		if p.conditions != nil {
			rows[i].Conditions = p.conditions(image)
		}
		if in := &p.Inpainting; in.Mask != nil {
			copy(rows[i].Levels, in.levels(in.at(image)))
		}
		if classes != nil {
			rows[i].Class = classes[i]
		}
		if p.recorded() {
			rows[i].Record = draw.NewRecord(s.sig.Height)
		}
	}
	return rows
}

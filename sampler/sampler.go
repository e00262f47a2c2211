package sampler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"pixelcnn/internal/onnx"
)

// ErrConfig is wrapped by every error about a [Config].
var ErrConfig = errors.New("sampler: invalid configuration")

// ErrClosed is wrapped by the error of any use of a [Sampler] after its Close.
var ErrClosed = onnx.ErrClosed

// Engine chooses how pixels are computed. Every engine draws the same images.
type Engine string

const (
	Auto Engine = "auto" // the fastest that the model allows
	// Incremental compiles the model, computes each activation once, and many pixels
	// of an image at once; see docs/sampling.md. Not every graph allows it.
	Incremental Engine = "incremental"
	Full        Engine = "full" // the whole network once per pixel
)

// Config says how to draw. The zero value draws from the model as it is.
type Config struct {
	// Temperature divides the logits: below 1 the draws keep to the likely, above 1
	// they stray. 0 means 1; it must be positive and finite.
	Temperature float64
	// TemperatureEnd, where not 0, is the temperature of the last row; from
	// Temperature, that of the first, it changes by the same amount from row to row.
	TemperatureEnd float64
	// Greedy takes the likeliest level of each pixel, the lower one of two alike. It
	// excludes the other ways to steer.
	Greedy bool
	// TopK leaves the TopK likeliest levels of each pixel, equal ones by level; 0
	// means all. It must not exceed the model's levels.
	TopK int
	// TopP leaves the fewest levels, the likeliest first, that have this probability
	// together, after the temperature and TopK; 0 means all, as does 1.
	TopP float64
	// MinP leaves the levels with at least this share of the likeliest one's
	// probability, after the temperature; 0 means all.
	MinP float64
	// Seed chooses the images: image i of a seed is always the same one, whatever
	// the batch, the threads and the engine.
	Seed uint64
	// Classes are the classes to draw from a class-conditional model, by number, in
	// turn: image i of the seed is of class Classes[i mod len(Classes)]. [Spec.Class]
	// finds a number by name. Where there are none, each image's class is drawn from the
	// model's prior, with a coin of its own that leaves the pixels' coins alone.
	Classes []int
	// ClassRun is how many images in a row have the same one of Classes, or of
	// Request.Classes: image i is of class Classes[⌊i/ClassRun⌋ mod len(Classes)]. 0 means 1.
	ClassRun int
	// Height and Width are those of the images where not 0; they need not be what the
	// model was trained on. Not every model can draw in another size.
	Height, Width int
	// Engine is Auto where empty.
	Engine Engine
	// Raster has the incremental engine draw pixel by pixel, row by row, instead of in
	// waves: slower, in reading order, and there to be compared with.
	Raster bool
	// Batch is the number of images computed together; 0 lets the engine choose. Their
	// pixels must not be more than 2³⁰.
	Batch int
	// Threads is the number of batches computed at once, up to 1,024; 0 means one per
	// processor.
	Threads int
	// PixelScale and PixelOffset turn a level into the model's input:
	// level·scale + offset. A scale of 0 means 1/(levels-1), the scale of this
	// project's own files.
	PixelScale, PixelOffset float64
}

// Sampler draws images from one model. It is safe for concurrent use.
type Sampler struct {
	spec    *Spec
	cfg     Config
	full    *fullEngine // also scores
	engine  engine
	used    Engine
	settler *settler
	why     error // that the engine is not the compiled one
	closed  atomic.Bool
}

// engine computes pixels. It is safe for concurrent use.
type engine interface {
	// draw fills levels, [n, H, W], with the images first to first+n-1 of a seed.
	draw(ctx context.Context, first uint64, levels []uint8, how options) error
	close() error
}

// Open reads an ONNX model and prepares it on a runtime, such as the one that
// [pixelcnn/runtime.OpenAny] returns. The runtime must outlive the sampler.
//
// Errors wrap [ErrConfig] for a bad setting and [ErrModel] for a file that is no
// model to draw from.
func Open(rt onnx.Runtime, model []byte, cfg Config) (*Sampler, error) {
	if rt == nil {
		return nil, fmt.Errorf("%w: there is no runtime: open one, as runtime.OpenAny does", ErrConfig)
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	spec, err := ReadSpecSize(model, cfg.Height, cfg.Width)
	if err != nil {
		return nil, err
	}
	if err := spec.checkClasses(cfg.Classes); err != nil {
		return nil, err
	}
	if err := spec.checkTogether("batch", cfg.Batch); err != nil {
		return nil, err
	}
	cfg.Classes = slices.Clone(cfg.Classes)
	if spec.whole != nil {
		return openWhole(rt, spec, cfg)
	}
	if cfg.TopK > spec.Levels {
		return nil, fmt.Errorf("%w: top-k is %d, the model has %d levels", ErrConfig, cfg.TopK, spec.Levels)
	}
	values := spec.inputs(cfg.PixelScale, cfg.PixelOffset)
	full, err := newFullEngine(rt, spec, values)
	if err != nil {
		return nil, err
	}
	s := &Sampler{spec: spec, cfg: cfg, full: full}
	if err := s.choose(rt, values); err != nil {
		return nil, errors.Join(err, full.close())
	}
	return s, nil
}

// Check validates the settings, as [Open] does.
func (c Config) Check() error {
	if err := c.checkSteering(); err != nil {
		return err
	}
	if err := checkSize(c.Height, c.Width); err != nil {
		return err
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	switch {
	case c.Batch < 0:
		return fmt.Errorf("%w: batch is %d, must not be negative", ErrConfig, c.Batch)
	case c.Threads < 0 || c.Threads > maxThreads:
		return fmt.Errorf("%w: threads is %d, must be from 0 (for one per processor) to %d", ErrConfig, c.Threads, maxThreads)
	case c.ClassRun < 0:
		return fmt.Errorf("%w: the number of images in a row of a class is %d, must not be negative", ErrConfig, c.ClassRun)
	case !finite(c.PixelScale) || !finite(c.PixelOffset):
		return fmt.Errorf("%w: pixel scale %g and offset %g must be finite", ErrConfig, c.PixelScale, c.PixelOffset)
	}
	switch c.Engine {
	case "", Auto, Full, Incremental:
		return nil
	}
	return fmt.Errorf("%w: engine is %q, must be one of %q", ErrConfig, c.Engine, []Engine{Auto, Incremental, Full})
}

// maxThreads bounds the threads, each of which has memory of its own: more than the
// processors are of no use, and few machines have as many.
const maxThreads = 1024

func (c Config) withDefaults() Config {
	if c.Temperature == 0 {
		c.Temperature = 1
	}
	if c.Engine == "" {
		c.Engine = Auto
	}
	if c.ClassRun == 0 {
		c.ClassRun = 1
	}
	if c.Threads == 0 {
		c.Threads = min(runtime.GOMAXPROCS(0), maxThreads)
	}
	return c
}

// Spec describes the model.
func (s *Sampler) Spec() *Spec { return s.spec }

// Close frees what Open made. It must not be called while a draw is running. Closing
// again does nothing.
func (s *Sampler) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	switch s.used {
	case Full:
		return s.full.close()
	case Whole:
		return s.engine.close()
	}
	return errors.Join(s.engine.close(), s.full.close())
}

// open tells whether the sampler is, as the error that says it is not.
func (s *Sampler) open() error {
	if s.closed.Load() {
		return fmt.Errorf("sampler: %w", ErrClosed)
	}
	return nil
}

// Draw fills levels, [n, H, W] row-major, with the images first to first+n-1 of
// the seed. It returns once ctx ends, with its error; then levels are unfinished.
func (s *Sampler) Draw(ctx context.Context, first uint64, levels []uint8) error {
	if err := s.open(); err != nil {
		return err
	}
	if len(levels)%s.pixels() != 0 {
		return fmt.Errorf("%w: %d levels are no whole number of %d×%d images", ErrConfig, len(levels), s.spec.Height, s.spec.Width)
	}
	if len(levels) == 0 {
		return ctx.Err()
	}
	if err := s.spec.checkDrawn(s.cfg.Classes); err != nil {
		return err
	}
	how := s.options()
	how.first = first
	classes := requestClasses{s: s, list: s.cfg.Classes, prior: s.spec.Prior}
	var err error
	if how.classes, err = classes.of(first, len(levels)/s.pixels()); err != nil {
		return err
	}
	return s.engine.draw(ctx, first, levels, how)
}

// options are those of a plain draw.
func (s *Sampler) options() options {
	return options{
		temperature:  s.cfg.Temperature,
		temperatures: s.cfg.temperatures(s.spec.Height, s.spec.Width),
		steering:     steering{s.cfg.Greedy, s.cfg.TopK, s.cfg.TopP, s.cfg.MinP},
		seed:         s.cfg.Seed,
		batch:        s.cfg.Batch,
		threads:      s.cfg.Threads,
		settle:       s.settler,
	}
}

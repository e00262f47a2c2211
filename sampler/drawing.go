package sampler

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// options are the settings of one draw, apart from the model and the engine.
type options struct {
	temperature  float64
	temperatures []float64 // by pixel; nil where all are alike
	steering     steering
	seed         uint64
	batch        int // 0: the engine chooses
	threads      int
	settle       *settler // nil where near ties cannot be settled

	// first is the number of the image that the slices below begin with.
	first   uint64
	classes []int   // [n]; nil where the model has none
	keep    []bool  // [n, H, W]: pixels that are there already; nil: none
	known   []bool  // [n, H, W]: where to note what is decided; nil: nowhere
	record  *record // nil: not wanted
	// after is called after each step with the number of pixels that it decided. An
	// error ends the draw. Where threads is not 1, calls may coincide.
	after func(pixels int) error
}

// class is that of an image; 0 where the model has none.
func (how options) class(image uint64) int {
	if how.classes == nil {
		return 0
	}
	return how.classes[image-how.first]
}

// inParts calls draw for each part of levels, size long but the last, and where it
// begins: how.threads at once, but in the caller's goroutine where there is one thread
// or one part. The first error ends it.
func (how options) inParts(ctx context.Context, levels []uint8, size int, draw func(ctx context.Context, at int, part []uint8) error) error {
	if how.threads == 1 || len(levels) <= size {
		for at := 0; at < len(levels); at += size {
			if err := draw(ctx, at, levels[at:min(at+size, len(levels))]); err != nil {
				return err
			}
		}
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(how.threads)
	for at := 0; at < len(levels); at += size {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return draw(ctx, at, levels[at:min(at+size, len(levels))])
		})
	}
	return g.Wait()
}

// record holds log-probabilities in nats by image and row, [n, H] each. Sums by row
// make totals the same in whatever order an engine decides pixels: within a row it is
// always the same.
type record struct {
	model []float64 // of every pixel, under the model as it is
	kept  []float64 // of the kept ones, under the model as it is
	drawn []float64 // of the others, under the options
}

func newRecord(n int) *record {
	return &record{make([]float64, n), make([]float64, n), make([]float64, n)}
}

// drawing decides the pixels of the images first to first+n-1, for the one goroutine
// that draws them. Both engines ask it, pixel by pixel.
type drawing struct {
	drawer
	how    options
	plain  bool // nothing to do but draw and store
	first  uint64
	offset int // images from how.first to first
	levels []uint8
	height int
	width  int
	pixels int
	count  int // pixels decided since the last step
}

// begin starts a drawing of levels, [n, height, width], with the images from first on,
// for a model of depth levels.
func (how options) begin(first uint64, levels []uint8, height, width, depth int) drawing {
	return drawing{
		drawer: how.steering.drawer(how.temperature, depth),
		how:    how,
		plain:  how.temperatures == nil && how.keep == nil && how.known == nil && how.record == nil && how.after == nil,
		first:  first,
		offset: int(first - how.first),
		levels: levels,
		height: height,
		width:  width,
		pixels: height * width,
	}
}

// pixel decides a pixel of image i, counted from the drawing's first, and stores its
// level: the one that is kept there, or one drawn from the logits with coin u. The
// logit of level k is logits[k·stride]. The result is -1 where the logits are
// unusable.
func (d *drawing) pixel(i, pixel int, logits []float32, stride int, u float64) int {
	if !d.plain {
		return d.anyPixel(i, pixel, logits, stride, u)
	}
	level := d.level(logits, stride, u)
	if d.tie && d.how.settle != nil {
		level, _ = d.settled(i, pixel, u)
	}
	d.levels[i*d.pixels+pixel] = uint8(level)
	return level
}

// settled draws a near tie once more, and tells the logit that it took.
func (d *drawing) settled(i, pixel int, u float64) (level int, logit float64) {
	return d.how.settle.level(&d.drawer, d.levels[i*d.pixels:(i+1)*d.pixels], d.how.class(d.first+uint64(i)), pixel, u)
}

func (d *drawing) anyPixel(i, pixel int, logits []float32, stride int, u float64) int {
	at := (d.offset+i)*d.pixels + pixel
	kept := d.how.keep != nil && d.how.keep[at]
	level := int(d.levels[i*d.pixels+pixel])
	logit := 0.0 // of the level that is drawn
	if !kept {
		if d.how.temperatures != nil {
			d.temperature = d.how.temperatures[pixel]
		}
		if level = d.level(logits, stride, u); level >= 0 {
			logit = float64(logits[level*stride])
		}
		if d.tie && d.how.settle != nil {
			level, logit = d.settled(i, pixel, u)
		}
		if level < 0 {
			return -1
		}
		d.levels[i*d.pixels+pixel] = uint8(level)
	}
	if r := d.how.record; r != nil {
		// At temperature 1 with nothing left out the draw has done the sums already.
		model := 0.0
		if !kept && d.temperature == 1 && !d.steered {
			model = d.logProb(logit)
		} else {
			var ok bool
			if model, ok = logSoftmax(logits, stride, len(d.weights), level); !ok {
				return -1
			}
		}
		row := (d.offset+i)*d.height + pixel/d.width
		r.model[row] += model
		if kept {
			r.kept[row] += model
		} else {
			r.drawn[row] += d.logProb(logit)
		}
	}
	if d.how.known != nil {
		d.how.known[at] = true
	}
	d.count++
	return level
}

// step ends a step of the engine.
func (d *drawing) step() error {
	if d.how.after == nil {
		return nil
	}
	n := d.count
	d.count = 0
	return d.how.after(n)
}

// fail names the pixel whose logits cannot be drawn from.
func (d *drawing) fail(i, pixel int) error {
	return errLogits(d.first+uint64(i), pixel, d.width)
}

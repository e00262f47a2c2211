package engine

import (
	"context"
	"fmt"

	"pixelcnn/sampler/internal/draw"
)

// draw draws up to w.images rows; the others are idle. It begins a batch of them, in which near
// ties are settled at once or wait. A row that nobody wants any more is left out from the next step
// on, and where so many are that a smaller worker will do, which there may be, that one goes on. It
// returns the worker that drew to the end.
func (w *worker) draw(ctx context.Context, rows []draw.Row, run Run, b *draw.Batch, smaller func(w *worker, images int) *worker) (*worker, error) {
	for i := range w.drawn {
		w.drawn[i] = -1
	}
	for i := range rows {
		w.drawn[i] = i
		w.uniforms.Fill(w.u[i:], w.images, rows[i].How.Seed, rows[i].Image)
		if err := w.setConditions(ctx, i, &rows[i]); err != nil {
			return w, err
		}
	}
	for i, c := range w.program.Caches {
		if c.Ring {
			clear(w.caches[i])
		}
	}
	w.begin()
	for s, left := 0, len(rows); s < len(w.steps); s++ {
		if n := w.leave(b); n < left {
			if left = n; left == 0 {
				return w, nil
			}
			w = smaller(w, left)
		}
		if err := w.step(ctx, &w.steps[s], b); err != nil {
			return w, err
		}
		if err := run.step(b); err != nil {
			return w, err
		}
	}
	return w, nil
}

// leave leaves out the rows that nobody wants any more, and tells how many are left.
func (w *worker) leave(b *draw.Batch) (left int) {
	for at, i := range w.drawn {
		switch {
		case i < 0:
		case b.Wanted(i):
			left++
		default:
			w.drawn[at] = -1
		}
	}
	return left
}

// follow takes over what another worker of the same program is drawing, between two steps.
func (w *worker) follow(other *worker) {
	to := 0
	for from, i := range other.drawn {
		if i < 0 {
			continue
		}
		w.drawn[to] = i
		for k := range w.program.Height * w.program.Width * w.program.Channels {
			w.u[k*w.images+to] = other.u[k*other.images+from]
		}
		for k, c := range w.program.Caches {
			each := c.Channels
			if c.Fixed { // an image's is all together
				each *= c.Slots
			}
			copyImage(w.caches[k], other.caches[k], each, w.images, other.images, to, from)
		}
		for k, c := range w.program.Conditions {
			copyImage(w.perImage[k], other.perImage[k], c.Channels, w.images, other.images, to, from)
		}
		to++
	}
	for ; to < w.images; to++ {
		w.drawn[to] = -1
	}
}

// copyImage copies an image's part of [slots, images, channels] to where there are fewer images.
func copyImage(to, from []float32, channels, images, of, at, was int) {
	to, from = to[min(len(to), at*channels):], from[min(len(from), was*channels):]
	for len(to) > 0 && len(from) > 0 {
		copy(to[:channels], from)
		to, from = to[min(len(to), images*channels):], from[min(len(from), of*channels):]
	}
}

// step runs a step and draws its symbols.
func (w *worker) step(ctx context.Context, step *workerStep, b *draw.Batch) error {
	if step.length != w.length {
		w.grow(step.length)
	}
	for k := range step.runs {
		r := &step.runs[k]
		for i := range r.gathers {
			r.gathers[i].run()
		}
		if err := r.binding.Run(ctx); err != nil {
			return fmt.Errorf("sampler: %w", err)
		}
		for i := range r.after {
			r.after[i].run()
		}
		for i := range r.puts {
			w.put(&r.puts[i])
		}
	}
	p := w.program
	n := p.Outputs / p.Phases
	for _, d := range step.draws {
		from, to := p.Drawn(d.Phase)
		for at, i := range w.drawn {
			if i < 0 {
				continue
			}
			outputs := w.outputs[d.Phase][(d.Row*w.images+at)*n:]
			if p.Phases > 1 { // the head wants them at their place among all
				copy(w.pixel[d.Phase*n:], outputs[:n])
				outputs = w.pixel
			}
			for c := from; c < to; c++ {
				k := d.Pixel*p.Channels + c
				level := b.Symbol(i, k, outputs, 1, w.u[k*w.images+at])
				if level < 0 {
					return b.Fail(i, k)
				}
				w.caches[c][d.Slot*w.images+at] = w.net.Values[level]
			}
		}
	}
	return nil
}

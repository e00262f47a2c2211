package engine

import (
	"fmt"

	"pixelcnn/internal/compile/program"
)

// A put copies keys or values of a wave to where each head of each image has its own: from
// is [width, images, heads, channels of a head].
type put struct {
	from         []float32
	cache, pixel int
	width        int
}

// put does so.
func (w *worker) put(p *put) {
	c := w.program.Caches[p.cache]
	d, length := c.Channels/c.Heads, c.Length(w.length)
	from, to := p.from, w.caches[p.cache]
	if c.Turned {
		for k := range p.width {
			for row, x := range from[:w.images*c.Channels] {
				to[row*length+p.pixel+k] = x
			}
			from = from[w.images*c.Channels:]
		}
		return
	}
	for k := range p.width {
		for block := range w.images * c.Heads {
			copy(to[(block*length+p.pixel+k)*d:][:d], from)
			from = from[d:]
		}
	}
}

// fix puts what conditions make of image i, [channels, places], into a cache that is kept by
// heads.
func (w *worker) fix(cache, i int, value []float32) {
	c := w.program.Caches[cache]
	to := w.caches[cache][i*len(value):][:len(value)]
	if c.Turned {
		copy(to, value)
		return
	}
	d := c.Channels / c.Heads
	for channel := range c.Channels {
		for place, x := range value[channel*c.Slots:][:c.Slots] {
			to[(channel/d*c.Slots+place)*d+channel%d] = x
		}
	}
}

// begin empties what is kept by heads.
func (w *worker) begin() {
	w.length = w.steps[0].length
	for i, c := range w.program.Caches {
		if c.Grows() {
			clear(w.caches[i][:w.images*c.Channels*c.Length(w.length)])
		}
	}
}

// grow makes room for more pixels in what is kept by heads.
func (w *worker) grow(length int) {
	for i, c := range w.program.Caches {
		if !c.Grows() {
			continue
		}
		old, size, blocks := c.Length(w.length), c.Length(length), w.images*c.Channels
		if !c.Turned {
			d := c.Channels / c.Heads
			old, size, blocks = old*d, size*d, blocks/d
		}
		data := w.caches[i]
		for block := blocks - 1; block >= 0; block-- { // the last one first, so that none is overwritten
			copy(data[block*size:block*size+old], data[block*old:(block+1)*old])
			clear(data[block*size+old : (block+1)*size])
		}
	}
	w.length = length
}

// longest is longer than any step.
const longest = 1 << 30

// maskLen is how many numbers of a mask there are in a step of such a length.
func maskLen(p *program.Program, m program.Mask, length int) int {
	n := 1
	for _, d := range p.Shape(m, length) {
		n *= d
	}
	return n
}

// bindingKey tells bindings apart that need not be apart: in a program that grows, all
// tensors but those of what is kept by heads lie in places of their own.
func bindingKey(run program.Run, length int) string {
	return fmt.Sprint(run.Stage, run.Width, length)
}

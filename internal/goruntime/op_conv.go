package goruntime

import (
	"fmt"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// conv is the step of a convolution: for each image, group and strip of pixels, the
// columns that the kernel sees are laid out, one row per live weight, and multiplied
// by the weights.
type conv struct {
	x, w, bias, y *value
	step          *step
	task          func(worker, task int)

	images, groups   int
	ins, outs        int // channels of a group
	inPixels, pixels int
	positions        int // of the kernel
	stride           int // along a row
	strip            int // pixels at a time
	*taps

	left    []kernel.Left // the weights, per group
	columns *value        // room for each worker's columns; nil where x is read as it is
	room    int
	add     *value
	relu    bool
}

// taps is what a weight and a geometry give, kept for all bindings of a session.
type taps struct {
	rows    [][]int     // per group, the live rows of its weights
	weights [][]float32 // per group, those rows as [outs, rows]; nil where the weight is not known
	reads   [][][]piece // per position and strip; nil where no row needs the position
}

// tapKey is what taps depend on.
type tapKey struct {
	w             *value
	groups, strip int
	windows       string
}

func bindConv(p *binder, n *node) error {
	x, w, b := n.in[0], n.in[1], n.input(2)
	groups := int(n.Attrs.Int("group", 1))
	if err := wantWeights(x, w, b, groups); err != nil {
		return err
	}
	windows, err := n.windows(x.shape, w.shape)
	if err != nil {
		return err
	}
	shape := []int{x.shape[0], w.shape[0]}
	for _, o := range windows {
		shape = append(shape, o.out)
	}
	y, err := p.output(n, 0, onnx.Float32, shape)
	if err != nil {
		return err
	}
	c := &conv{
		x: x, w: w, bias: b, y: y, images: x.shape[0], groups: groups, ins: w.shape[1], outs: w.shape[0] / groups,
		inPixels: product(x.shape[2:]), pixels: product(shape[2:]), positions: product(w.shape[2:]), stride: windows[len(windows)-1].stride,
	}
	rows := c.ins * c.positions
	c.strip = stripOf(rows, c.pixels)
	// The taps are lists of at least a piece per position and row or strip.
	lists := int64(c.pixels/windows[len(windows)-1].out + c.strips())
	if max(c.pixels, c.inPixels) > 1<<30 || lists*int64(c.positions) > p.memory/32 {
		return errorf("%w: an image of shape %v and a kernel of shape %v", ErrTooLarge, shape, w.shape)
	}
	c.taps = p.packs.of(c, windows)
	same := func(o window) bool { return o.kernel == 1 && o.stride == 1 && o.in == o.out }
	direct := c.pixels%kernel.Panel == 0 && !slices.ContainsFunc(windows, func(o window) bool { return !same(o) })
	c.step = p.add(n, &step{run: c.run, place: c.place, reads: present(n.in), writes: []*value{y}})
	c.task = c.work
	for _, r := range c.rows {
		direct = direct && len(r) == c.ins
		c.room = max(c.room, len(r)*roomOf(c.strip))
	}
	if !direct && c.room > 0 {
		if c.columns, err = p.take(onnx.Float32, []int{p.threads, c.room}); err != nil {
			return err
		}
		c.step.writes = append(c.step.writes, c.columns)
	}
	y.from = c
	return nil
}

// stripOf is how many pixels are laid out at a time: as many as keep the columns in
// the second-level cache, in whole pairs of panels.
func stripOf(rows, pixels int) int {
	const bytes = 128 << 10
	const pair = 2 * kernel.Panel
	return min(max(pair, bytes/4/max(1, rows)/pair*pair), (pixels+pair-1)/pair*pair)
}

// roomOf is the distance between rows of columns. It is no multiple of a large power
// of two, so that the rows fall on different lines of the cache.
func roomOf(strip int) int { return strip + kernel.Panel }

// of finds the taps of a convolution, or makes them.
func (p *packs) of(c *conv, windows []window) *taps {
	key := tapKey{c.w, c.groups, c.strip, fmt.Sprint(windows)}
	if c.w.shared {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t := p.taps[key]; t != nil {
			return t
		}
	}
	t := &taps{reads: make([][][]piece, c.positions)}
	all := c.ins * c.positions
	for g := range c.groups {
		rows := live(c.w, g, c.outs, all)
		t.rows = append(t.rows, rows)
		for _, r := range rows {
			if q := r % c.positions; t.reads[q] == nil {
				t.reads[q] = tap(windows, q, c.strip, c.pixels)
			}
		}
		if !c.w.known {
			continue
		}
		d := make([]float32, 0, c.outs*len(rows))
		for o := range c.outs {
			for _, r := range rows {
				d = append(d, c.w.floats()[(g*c.outs+o)*all+r])
			}
		}
		t.weights = append(t.weights, d)
	}
	if c.w.shared {
		p.taps[key] = t
	}
	return t
}

func (c *conv) made() *step { return c.step }

func (c *conv) joinRelu() bool {
	c.relu = true
	return true
}

func (c *conv) joinRamp(*ramp) bool { return false }

// joinAdd takes whole results.
func (c *conv) joinAdd(v *value) bool {
	if c.relu || c.add != nil || v.count != c.y.count {
		return false
	}
	c.add = v
	return true
}

// place looks up where the weights are.
func (c *conv) place() {
	c.left = c.left[:0]
	for g, rows := range c.rows {
		k := len(rows)
		a := kernel.Left{Row: k, Step: 1, K: k}
		if c.weights != nil {
			a.Data = c.weights[g]
		} else {
			a.Data = c.w.floats()[g*c.outs*k:]
		}
		c.left = append(c.left, a)
	}
}

func (c *conv) strips() int { return (c.pixels + c.strip - 1) / c.strip }

func (c *conv) run(w *workers) error {
	if c.y.count > 0 {
		w.do(c.images*c.groups*c.strips(), c.task)
	}
	return nil
}

// work computes one strip of one group of one image.
func (c *conv) work(worker, task int) {
	s, g, image := task%c.strips(), task/c.strips()%c.groups, task/c.strips()/c.groups
	rows := c.rows[g]
	first := s * c.strip // pixel
	out := (image*c.groups + g) * c.outs * c.pixels
	p := kernel.Product{
		M: c.outs, N: min(c.strip, c.pixels-first), A: c.left[g : g+1], NextB: kernel.Panel,
		C: c.y.floats()[out+first:], RowC: c.pixels, Relu: c.relu,
	}
	in := c.x.floats()[(image*c.groups+g)*c.ins*c.inPixels:]
	switch {
	case len(rows) == 0:
	case c.columns == nil:
		p.B, p.StepB = in[first:], c.inPixels
	default:
		p.B, p.StepB = c.columns.floats()[worker*c.room:][:c.room], roomOf(c.strip)
		c.gather(p.B, in, rows, s)
	}
	if c.bias != nil {
		p.Init, p.RowInit, p.Column = c.bias.floats()[g*c.outs:], 1, true
	}
	if c.add != nil {
		p.Add, p.RowAdd = c.add.floats()[out+first:], c.pixels
	}
	p.Rows(0, p.M)
}

// gather writes what the live weights see of a strip.
func (c *conv) gather(columns, in []float32, rows []int, strip int) {
	for i, row := range rows {
		dst := columns[i*roomOf(c.strip):]
		src := in[row/c.positions*c.inPixels:]
		for _, r := range c.reads[row%c.positions][strip] {
			to, from, n := int(r.to), int(r.from), int(r.n)
			switch {
			case from < 0:
				clear(dst[to : to+n])
			case c.stride == 1:
				copy(dst[to:to+n], src[from:from+n])
			default:
				for j := range n {
					dst[to+j] = src[from+j*c.stride]
				}
			}
		}
	}
}

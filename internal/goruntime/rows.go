package goruntime

import (
	"fmt"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// Images may lie as rows, [pixels, N, C], in place of [N, C, H, W]. Then a convolution is
// a product of the rows that it sees, which are read where they are, and taps that are
// hidden or outside cost nothing (lots.go). A chain of convolutions stays so; its ends
// are turned.

// rowOperators are those that work on rows as well as on images.
var rowOperators = map[string]func(*binder, *node) error{
	"Conv": bindRowConv, "Relu": bindRowUnary, "Sigmoid": bindRowUnary, "Tanh": bindRowUnary, "Exp": bindRowUnary,
	"Add": bindRowArithmetic, "Sub": bindRowArithmetic, "Mul": bindRowArithmetic, "Div": bindRowArithmetic,
}

// errNoRows is a node that works on images only.
var errNoRows = fmt.Errorf("not on rows")

// dense sees to it that the elements of v are where its shape says.
func (p *binder) dense(n *node, v *value) error {
	if v == nil || v.rows == nil || v.turnedBack {
		return nil
	}
	v.turnedBack = true
	images, channels, pixels := v.shape[0], v.shape[1], product(v.shape[2:])
	shape := []int{images, channels, pixels}
	return p.move(n, v, v.rows, newLoops(shape, strides(shape), []int{channels, 1, images * channels}))
}

// asRows is x as rows.
func (p *binder) asRows(n *node, x *value) (*value, error) {
	if x.rows != nil {
		return x.rows, nil
	}
	images, channels, pixels := x.shape[0], x.shape[1], product(x.shape[2:])
	shape := []int{pixels, images, channels}
	r, err := p.take(x.dtype, shape)
	if err != nil {
		return nil, err
	}
	mark := len(p.steps)
	if err := p.move(n, r, x, newLoops(shape, strides(shape), []int{1, channels * pixels, pixels})); err != nil {
		return nil, err
	}
	if x.known { // and shared, perhaps, with other bindings
		return r, p.fold(mark)
	}
	x.rows, x.turnedBack = r, true
	return r, nil
}

// inRows makes output 0 of a node the images of a shape that lie as rows in r.
func (p *binder) inRows(n *node, r *value, shape []int) {
	y := newValue(r.dtype, slices.Clone(shape))
	y.local, y.rows = true, r
	p.set(n, 0, y)
}

// bindRowUnary is bindUnary of rows.
func bindRowUnary(p *binder, n *node) error {
	x := n.in[0]
	if x.rows == nil {
		return errNoRows
	}
	return p.onRows(n, bindUnary, x.shape, []*value{x.rows})
}

// onRows binds a node on other values than its inputs, and takes its result for the rows of
// images of a shape.
func (p *binder) onRows(n *node, bind func(*binder, *node) error, shape []int, in []*value) error {
	if err := bind(p, &node{Node: n.Node, in: in, opset: n.opset}); err != nil {
		return err
	}
	p.inRows(n, p.values[n.Outputs[0]], shape)
	return nil
}

// bindRowArithmetic is bindArithmetic of images of one size, at least one of which lies as
// rows, or of those and one number for each channel, for each channel of an image, or for
// all. One image may stand for many.
func bindRowArithmetic(p *binder, n *node) error {
	var full *value
	for _, v := range n.in {
		if v.rows != nil && (full == nil || product(v.shape[2:]) > product(full.shape[2:])) {
			full = v
		}
	}
	if full == nil || len(n.in) != 2 {
		return errNoRows
	}
	images, channels := 1, full.shape[1]
	for _, v := range n.in {
		if v.rank() == full.rank() && v.shape[0] != 1 {
			images = v.shape[0]
		}
	}
	shape := slices.Concat([]int{images}, full.shape[1:])
	in := make([]*value, 2)
	for i, v := range n.in {
		view := func(shape ...int) error {
			in[i] = newValue(v.dtype, shape)
			in[i].of = v
			if v.known {
				in[i].data, in[i].known = v.data, true
			}
			return p.dense(n, v)
		}
		var err error
		padded := slices.Concat(slices.Repeat([]int{1}, max(0, full.rank()-v.rank())), v.shape)
		fits := len(padded) == full.rank() && (padded[0] == 1 || padded[0] == images) && padded[1] == channels
		switch {
		case v.dtype != full.dtype:
			return errNoRows
		case fits && slices.Equal(padded[1:], full.shape[1:]) && v.rank() == full.rank():
			in[i], err = p.asRows(n, v)
		case v.count == 1:
			err = view(1)
		case fits && product(padded[2:]) == 1 && padded[0] == 1:
			err = view(channels)
		case fits && product(padded[2:]) == 1:
			err = view(images, channels)
		default:
			return errNoRows
		}
		if err != nil {
			return err
		}
	}
	return p.onRows(n, bindArithmetic, shape, in)
}

// widest is how many channels an input of several pixels may have that is turned into rows for
// a convolution.
const widest = 16

// bindRowConv is bindConv on rows: of two dimensions, in steps of one, in one group, by
// known weights.
func bindRowConv(p *binder, n *node) error {
	x, w, b := n.in[0], n.in[1], n.input(2)
	if x.rank() != 4 || !w.known || n.Attrs.Int("group", 1) != 1 || x.rows == nil && x.shape[1] > widest && product(x.shape[2:]) > 1 {
		return errNoRows
	}
	if err := wantWeights(x, w, b, 1); err != nil {
		return err
	}
	windows, err := n.windows(x.shape, w.shape)
	if err != nil {
		return err
	}
	if windows[0].stride != 1 || windows[1].stride != 1 {
		return errNoRows
	}
	images, ins, outs, pixels := x.shape[0], x.shape[1], w.shape[0], windows[0].out*windows[1].out
	if images == 0 || ins == 0 || outs == 0 || pixels == 0 {
		return errNoRows
	}
	taps := p.packs.liveTaps(w)
	if pixels*len(taps) > maxPlaces || int64(kernel.PackedLen(len(taps)*ins, outs)) > p.memory/4 {
		return errNoRows
	}
	r, err := p.asRows(n, x)
	if err != nil {
		return err
	}
	y, err := p.take(onnx.Float32, []int{pixels, images, outs})
	if err != nil {
		return err
	}
	if fewer, err := p.winograd(n, r, y, w, windows, taps); err != nil {
		return err
	} else if fewer != nil {
		y.from = fewer
	} else if y.from, err = p.lotted(n, r, y, w, windows, taps); err != nil {
		return err
	}
	if b != nil {
		y.from.joinAdd(b)
		s := y.from.made()
		s.reads = append(s.reads, b)
	}
	p.inRows(n, y, []int{images, outs, windows[0].out, windows[1].out})
	return nil
}

// lotted adds the step of a convolution on rows as the product of what its taps see.
func (p *binder) lotted(n *node, r, y, w *value, windows []window, taps []int) (fuser, error) {
	pixels, images, ins, outs := y.shape[0], y.shape[1], w.shape[1], w.shape[0]
	lots := p.packs.windows(sparseKey{n.Node, p.shapes}, windows, taps, images, ins, outs)
	if lots.border > 0 {
		var err error
		if r, err = p.bordered(n, r, windows[1].in, lots.border); err != nil {
			return nil, err
		}
	}
	f := &factors{a: r, b: w, y: y, m: pixels * images, n: outs, k: len(taps) * ins, rowA: ins, stepA: 1, at: [][2]int{{0, 0}}}
	m := &multiplier{factors: f, parts: []*value{r}, sparse: lots}
	m.lots, m.task = make([]kernel.Product, p.threads), m.lot
	m.step = p.add(n, &step{run: m.run, place: m.place, reads: []*value{r}, writes: []*value{y}, flops: 2 * m.macs()})
	m.step.prepare = func() { m.panels = p.packs.packedTaps(w, taps) }
	return m, nil
}

// liveTaps lists the positions of a kernel at which weights are not all zero, in raster
// order.
func (p *packs) liveTaps(w *value) []int {
	if w.shared {
		p.mu.Lock()
		defer p.mu.Unlock()
		if taps, ok := p.live[w]; ok {
			return taps
		}
	}
	var taps []int
	positions := product(w.shape[2:])
	for t := range positions {
		for i := t; i < w.count; i += positions {
			if w.floats()[i] != 0 {
				taps = append(taps, t)
				break
			}
		}
	}
	if w.shared {
		p.live[w] = taps
	}
	return taps
}

// windows finds the lots of a convolution on rows. Of one image and a large kernel hardly two
// pixels see as many taps; then the picture has a border of zeros to its left and right.
func (p *packs) windows(key sparseKey, windows []window, taps []int, images, ins, outs int) *sparse {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sparse[key]; s != nil {
		return s
	}
	s := &sparse{lots: windowLots(windows, taps, 0, images, ins, outs)}
	if width := windows[1]; images == 1 && thin(s.lots) {
		for _, t := range taps {
			from := t%width.kernel*width.dilation - width.begin
			s.border = max(s.border, -from, width.out-1+from-(width.in-1))
		}
		s.lots = windowLots(windows, taps, s.border, images, ins, outs)
	}
	p.sparse[key] = s
	return s
}

// thin tells whether lots have few rows.
func thin(lots []lot) bool {
	rows, times := 0, 0
	for _, l := range lots {
		rows, times = rows+l.times*l.rows, times+l.times
	}
	return rows < leastRows*times
}

// beside is how many pixels of a line are a lot where the picture has a border: of fewer, the
// kernel takes longer, and more see more of the border.
const beside = 8

// windowLots are the lots of a convolution whose picture has so wide a border. What none of the
// pixels of a lot sees but as border is left out.
func windowLots(windows []window, taps []int, border, images, ins, outs int) (lots []lot) {
	height, width := windows[0], windows[1]
	places := make([]int32, 0, height.out*width.out*len(taps)) // of pixels, by pixel and tap
	for y := range height.out {
		for x := range width.out {
			left, right := 0, 0 // pixels of the lot on either side
			if border > 0 {
				left = x % beside
				right = min(beside-left, width.out-x) - 1
			}
			for _, t := range taps {
				iy := y + t/width.kernel*height.dilation - height.begin
				ix := x + t%width.kernel*width.dilation - width.begin
				at := int32(-1)
				if iy >= 0 && iy < height.in && ix+right >= 0 && ix-left < width.in {
					at = int32(iy*(width.in+2*border) + ix + border)
				}
				places = append(places, at)
			}
		}
	}
	n := images * ins // elements of a pixel
	for _, l := range lotsOf(places, height.out*width.out, len(taps), len(taps), 1, 1) {
		l.row, l.rows, l.cols, l.rowA = l.row*images, l.rows*images, outs, ins
		l.down, l.downA = l.down*images, l.downA*n
		var stretches []stretch
		for _, s := range l.stretches {
			k, length := s.k, ins // taps, and the elements of each
			if images == 1 && s.step == 1 {
				k, length = 1, s.k*ins // all of them side by side
			}
			for i := range k {
				t := stretch{a: (s.a + i*s.step) * n, step: 1, k: length}
				if i == 0 {
					t.skip = s.skip * ins
				}
				stretches = append(stretches, t)
			}
		}
		l.stretches = stretches
		lots = append(lots, l.turned())
	}
	return lots
}

// bordered is a picture that lies as rows, with so many pixels of zeros to the left and the right
// of each of its lines.
func (p *binder) bordered(n *node, x *value, width, border int) (*value, error) {
	size := x.count / x.shape[0] // elements of a pixel
	y, err := p.take(x.dtype, []int{x.shape[0] / width * (width + 2*border), size})
	if err != nil {
		return nil, err
	}
	p.add(n, &step{reads: []*value{x}, writes: []*value{y}, run: func(*workers) error {
		dst, src := y.floats(), x.floats()
		clear(dst)
		for line := range x.shape[0] / width {
			copy(dst[(line*(width+2*border)+border)*size:], src[line*width*size:][:width*size])
		}
		return nil
	}})
	return y, nil
}

// packedTaps are the weights of some taps, a row for each tap and channel.
func (p *packs) packedTaps(w *value, taps []int) []float32 {
	key := packKey{b: w, k: -1}
	if w.shared {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d := p.known[key]; d != nil {
			return d
		}
	}
	outs, ins, positions := w.shape[0], w.shape[1], product(w.shape[2:])
	rows := make([]float32, 0, len(taps)*ins*outs)
	for _, t := range taps {
		for c := range ins {
			for o := range outs {
				rows = append(rows, w.floats()[(o*ins+c)*positions+t])
			}
		}
	}
	d := make([]float32, kernel.PackedLen(len(taps)*ins, outs))
	kernel.Pack(d, rows, len(taps)*ins, outs, outs, 1)
	if w.shared {
		p.known[key] = d
	}
	return d
}

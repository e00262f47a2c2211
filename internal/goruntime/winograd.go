package goruntime

import (
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// Convolutions on rows whose live taps are two or three columns in one or two lines of the
// kernel can be done with fewer multiplications than they have: see
// [kernel.WinogradOutputs]. A tile is four neighbouring outputs of a line. The inputs of all
// tiles are transformed, multiplied at each point by what the weights are there, and
// transformed back.
//
// Two lines of taps are one more such algorithm, F(2, 2), from line to line: of inputs a, b, c
// and taps g, h the outputs ag + bh and bg + ch are (a−b)g + m and (c−b)h + m, where
// m = b(g+h). The sums of both start from m.

// tiling is how the outputs of such a convolution are divided.
type tiling struct {
	images, ins    int
	height, width  int // of the input
	lines, columns int // of the output
	top, left      int // where the first tap is, from an output's line and column
	high, wide     int // lines and columns of taps
	tiles, groups  int // tiles of a line; groups of as many lines as there are lines of taps
	points         int // of a tile
}

// tilingOf finds how a convolution is divided whose kernel has those live taps, in raster order; ok
// is false where it cannot be, or that does not pay.
func tilingOf(windows []window, taps []int, images, ins int) (t tiling, ok bool) {
	height, width := windows[0], windows[1]
	if len(taps) == 0 || height.dilation != 1 || width.dilation != 1 {
		return t, false
	}
	var columns []int
	for _, tap := range taps {
		columns = append(columns, tap%width.kernel)
	}
	line, column := taps[0]/width.kernel, slices.Min(columns)
	t = tiling{
		images: images, ins: ins, height: height.in, width: width.in, lines: height.out, columns: width.out,
		top: line - height.begin, left: column - width.begin,
		high: taps[len(taps)-1]/width.kernel - line + 1, wide: slices.Max(columns) - column + 1,
	}
	t.tiles, t.groups = (t.columns+kernel.WinogradOutputs-1)/kernel.WinogradOutputs, (t.lines+t.high-1)/t.high
	t.points = kernel.WinogradPoints(t.wide)
	if t.high > 2 || t.wide < 2 || t.wide > 3 {
		return t, false
	}
	// The transforms take time, too: more than a quarter of the multiplications must go.
	return t, 4*t.factors()*t.points*t.groups*t.tiles < 3*len(taps)*t.lines*t.columns
}

// factors is how many products a group needs at each point.
func (t tiling) factors() int { return 2*t.high - 1 }

// line is the elements of a line of inputs at one point.
func (t tiling) line() int { return t.tiles * t.images * t.ins }

// seen is how many lines of inputs are transformed: those that some group needs.
func (t tiling) seen() int { return t.groups*t.high + t.high - 1 }

// place is where line i of them lies: even ones first, where two lines are a group.
func (t tiling) place(i int) int {
	if t.high == 2 {
		return i/2 + i%2*(t.groups+1)
	}
	return i
}

// transformed are the inputs of a tiling: [points, seen, tiles, images, ins].
func (p *binder) transformed(n *node, x *value, t tiling) (*value, error) {
	key := transformKey{x, t}
	if v := p.transforms[key]; v != nil {
		return v, nil
	}
	v, err := p.take(onnx.Float32, []int{t.points, t.seen(), t.line()})
	if err != nil {
		return nil, err
	}
	w := &winogradInputs{tiling: t, x: x, v: v, none: make([]float32, t.images*t.ins)}
	w.task = w.transform
	p.add(n, &step{run: w.run, reads: []*value{x}, writes: []*value{v}})
	if p.transforms == nil {
		p.transforms = map[transformKey]*value{}
	}
	p.transforms[key] = v
	return v, nil
}

// transformKey is what transformed inputs depend on.
type transformKey struct {
	x *value
	tiling
}

// winogradInputs is the step that transforms inputs.
type winogradInputs struct {
	tiling
	x, v *value
	task func(worker, task int)
	none []float32 // zeros, outside
}

func (w *winogradInputs) run(workers *workers) error {
	workers.do(w.seen(), w.task)
	return nil
}

// transform transforms a line of those that are seen.
func (w *winogradInputs) transform(_, i int) {
	block, step := w.images*w.ins, w.seen()*w.line()
	dst := w.v.floats()[w.place(i)*w.line():]
	line := i + w.top
	if line < 0 || line >= w.height {
		for j := range w.points {
			clear(dst[j*step:][:w.line()])
		}
		return
	}
	x := w.x.floats()[line*w.width*block:][:w.width*block]
	var pixels [6][]float32
	for t := 0; t < w.tiles; {
		tiles := kernel.Tiles{Taps: w.wide, Block: block, Count: 1, Step: step}
		first := t*kernel.WinogradOutputs + w.left
		if beyond := w.width - first - w.points; first >= 0 && beyond >= 0 { // and some of those after it
			tiles.Count = min(beyond/kernel.WinogradOutputs+1, w.tiles-t)
		}
		for k := range w.points {
			pixels[k] = w.none
			if at := first + k; at >= 0 && at < w.width {
				pixels[k] = x[at*block:]
			}
		}
		tiles.Inputs(dst[t*block:], pixels[:])
		t += tiles.Count
	}
}

// winograd is the step that multiplies transformed inputs and transforms the products back.
type winograd struct {
	tiling
	v, y, w *value
	outs    int
	corner  int // the first tap in the kernel
	step    *step
	task    func(worker, task int)

	weights []float32 // packed, for each product
	part    int       // groups of a task
	scratch *value    // of each worker
	room    int
	now     []kernel.Product // by worker
	none    []float32        // zeros, where nothing is added

	bias, add *value
	apart     int // elements of add from a pixel to the next; 0 where all have the same
	relu      bool
}

// winograd adds the steps of a convolution on rows, where it can be done so and the session wants it;
// else it gives nil.
func (p *binder) winograd(n *node, x, y, w *value, windows []window, taps []int) (*winograd, error) {
	images, ins, outs := x.shape[1], x.shape[2], w.shape[0]
	t, ok := tilingOf(windows, taps, images, ins)
	if !p.fast || !ok || ins%kernel.Panel != 0 || outs%kernel.Panel != 0 {
		return nil, nil
	}
	v, err := p.transformed(n, x, t)
	if err != nil {
		return nil, err
	}
	m := &winograd{tiling: t, v: v, y: y, w: w, outs: outs, none: make([]float32, images*outs), now: make([]kernel.Product, p.threads)}
	m.corner = (t.top+windows[0].begin)*windows[1].kernel + t.left + windows[1].begin
	const lines = 4 // their products stay in the second-level cache
	m.part = min(lines/t.high, t.groups)
	m.room = m.part * (t.line() + (t.points*t.high+1)*t.tiles*images*outs)
	if m.scratch, err = p.take(onnx.Float32, []int{p.threads, m.room}); err != nil {
		return nil, err
	}
	m.step = p.add(n, &step{
		run: m.run, reads: []*value{v}, writes: []*value{y, m.scratch},
		prepare: func() { m.weights = p.packs.winogradWeights(m) },
		flops:   2 * int64(t.factors()*t.points*t.groups) * int64(t.line()*outs),
	})
	m.task = m.groupsOf
	return m, nil
}

func (m *winograd) made() *step { return m.step }

func (m *winograd) joinRelu() bool {
	m.relu = true
	return true
}

func (m *winograd) joinRamp(*ramp) bool { return false }

// joinAdd takes what is the same for all pixels, of all images or of each, and whole results.
func (m *winograd) joinAdd(v *value) bool {
	switch {
	case m.relu || v.rank() == 0 || v.shape[v.rank()-1] != m.outs:
		return false
	case v.count == m.outs && m.bias == nil:
		m.bias = v
	case m.add != nil:
		return false
	case v.count == m.images*m.outs:
		m.add, m.apart = v, 0
	case v.count == m.y.count:
		m.add, m.apart = v, m.images*m.outs
	default:
		return false
	}
	return true
}

func (m *winograd) run(w *workers) error {
	w.do((m.groups+m.part-1)/m.part, m.task)
	return nil
}

// groupsOf computes the outputs of some groups.
func (m *winograd) groupsOf(worker, task int) {
	first := task * m.part
	groups := min(m.part, m.groups-first)
	p := &m.now[worker]
	*p = kernel.Product{
		M: groups * m.tiles * m.images, N: m.outs, StepB: kernel.Panel, NextB: kernel.Panel * m.ins, RowC: m.outs,
		A: append(p.A[:0], kernel.Left{Row: m.ins, Step: 1, K: m.ins}),
	}
	size, out, line := kernel.PackedLen(m.ins, m.outs), p.M*m.outs, m.line()
	product := func(dst, a, init []float32, weights int) {
		p.A[0].Data, p.B, p.C, p.Init = a, m.weights[weights*size:], dst, init
		p.Rows(0, p.M)
	}
	room := m.scratch.floats()[worker*m.room:][:m.room]
	less, both, products := room[:groups*line], room[groups*line:], room[groups*line+out:]
	for j := range m.points {
		var bias []float32
		if j == 1 && m.bias != nil { // every output has the product at point 1 once
			bias = m.bias.floats()
		}
		p.RowInit = 0
		at := func(i int) []float32 { return m.v.floats()[(j*m.seen()+m.place(i))*line:] }
		if m.high == 1 {
			product(products[j*out:], at(first), bias, j)
			continue
		}
		odd := at(2*first + 1)
		product(both, odd, bias, m.points+j)
		p.RowInit = m.outs
		for i := range 2 {
			kernel.Sub(less, at(2 * (first + i))[:groups*line], odd[:groups*line])
			product(products[(2*j+i)*out:], less, both, 2*i*m.points+j)
		}
	}
	for i := range min(groups*m.high, m.lines-first*m.high) {
		m.sum(first*m.high+i, products[i%m.high*out+i/m.high*m.tiles*m.images*m.outs:], m.high*out)
	}
}

// sum makes a line of outputs of its products.
func (m *winograd) sum(line int, products []float32, step int) {
	block := m.images * m.outs
	y := m.y.floats()[line*m.columns*block:][:m.columns*block]
	var pixels, adds [kernel.WinogradOutputs][]float32
	for t := 0; t < m.tiles; {
		tiles := kernel.Tiles{Taps: m.wide, Block: block, Count: m.columns/kernel.WinogradOutputs - t, Step: step}
		if tiles.Count == 0 { // the last, which is not whole
			tiles.Count = 1
		}
		for k := range pixels {
			at := t*kernel.WinogradOutputs + k
			adds[k] = m.none
			if at >= m.columns {
				pixels[k] = products[t*block:][:block] // which nobody needs any more
				continue
			}
			pixels[k] = y[at*block:]
			if m.add != nil {
				adds[k] = m.add.floats()[(line*m.columns+at)*m.apart:]
			}
		}
		tiles.Sums(&pixels, &adds, m.apart == 0, products[t*block:])
		t += tiles.Count
	}
	if m.relu {
		kernel.Relu(y, y)
	}
}

// winogradWeights are the weights at each point, packed: of the kernel's only line, or of its first,
// the sum of both, and its second.
func (p *packs) winogradWeights(m *winograd) []float32 {
	w := m.w
	key := packKey{b: w, k: -2}
	if w.shared {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d := p.known[key]; d != nil {
			return d
		}
	}
	points, width, positions := m.points, w.shape[3], product(w.shape[2:])
	at := func(o, c, line, column int) float64 {
		return float64(w.floats()[(o*m.ins+c)*positions+m.corner+line*width+column])
	}
	matrices := make([][]float32, points*(2*m.high-1))
	for i := range matrices {
		matrices[i] = make([]float32, m.ins*m.outs)
	}
	taps, u := make([]float64, m.wide), make([]float64, points)
	for c := range m.ins {
		for o := range m.outs {
			for i := range 2*m.high - 1 {
				for k := range taps {
					switch {
					case i == 0:
						taps[k] = at(o, c, 0, k)
					case i == 1:
						taps[k] = at(o, c, 0, k) + at(o, c, 1, k)
					default:
						taps[k] = at(o, c, 1, k)
					}
				}
				kernel.WinogradTaps(u, taps)
				for j := range points {
					matrices[i*points+j][c*m.outs+o] = float32(u[j])
				}
			}
		}
	}
	size := kernel.PackedLen(m.ins, m.outs)
	d := make([]float32, size*len(matrices))
	for i, matrix := range matrices {
		kernel.Pack(d[i*size:], matrix, m.ins, m.outs, m.outs, 1)
	}
	if w.shared {
		p.known[key] = d
	}
	return d
}

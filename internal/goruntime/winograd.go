package goruntime

import (
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// Convolutions on rows whose live taps are at most three lines and three columns of the kernel
// can be done with fewer multiplications than they have: see [kernel.WinogradTaps]. What a
// tile of outputs sees is transformed from line to line and from pixel to pixel, multiplied at
// each point by what the weights are there, and transformed back.

// tiling is how the outputs of such a convolution are divided.
type tiling struct {
	images, ins    int
	height, width  int // of the input
	lines, columns int // of the output
	top, left      int // where the first tap is, from an output's line and column
	high, wide     int // lines and columns of taps
	side           int // outputs of a tile, side by side
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
	t.side = 4
	if eight := (t.columns + 7) / 8; eight*(8+t.wide-1) < t.tiles()*t.points() {
		t.side = 8
	}
	if t.high > 3 || t.wide > 3 || t.wide < 2 {
		return t, false
	}
	// The transforms take time, too: more than a quarter of the multiplications must go.
	return t, 4*t.products()*t.groups()*t.tiles() < 3*len(taps)*t.lines*t.columns
}

// tiles is how many there are in a line.
func (t tiling) tiles() int { return (t.columns + t.side - 1) / t.side }

// points is how many a tile has, from pixel to pixel.
func (t tiling) points() int { return t.side + t.wide - 1 }

// lot is how many lines are a group, each tile of which is made at once.
func (t tiling) lot() int {
	if t.high == 1 {
		return 1
	}
	return 4
}

// rows is how many points a tile has, from line to line.
func (t tiling) rows() int { return t.lot() + t.high - 1 }

// groups is how many groups of lines there are.
func (t tiling) groups() int { return (t.lines + t.lot() - 1) / t.lot() }

// products is how many a tile takes.
func (t tiling) products() int { return t.rows() * t.points() }

// block is the elements of a pixel of the input.
func (t tiling) block() int { return t.images * t.ins }

// tile is one from line to line and from pixel to pixel, whose points lie so far apart.
func (t tiling) tile(step int, room []float32) kernel.WinogradTile {
	return kernel.WinogradTile{Rows: t.rows(), Points: t.points(), Step: step, Room: room}
}

// stride is from an input at a point to that at the next.
func (t tiling) stride() int { return apart(t.groups() * t.tiles() * t.block()) }

// apart is how far apart the points of so many blocks lie: a little further than they reach, so that
// those of a block do not all fall on the same lines of a cache.
func apart(blocks int) int { return blocks + 16 }

// transformed are the inputs of a tiling: for each product [groups, tiles, images, ins].
func (p *binder) transformed(n *node, x *value, t tiling) (*value, error) {
	key := transformKey{x, t}
	if v := p.transforms[key]; v != nil {
		return v, nil
	}
	v, err := p.take(onnx.Float32, []int{t.products(), t.stride()})
	if err != nil {
		return nil, err
	}
	w := &winogradInputs{tiling: t, x: x, v: v, none: make([]float32, t.width*t.block())}
	w.task = w.group
	s := p.add(n, &step{run: w.run, reads: []*value{x}, writes: []*value{v}})
	if t.high > 1 {
		if w.scratch, err = p.take(onnx.Float32, []int{p.threads, kernel.WinogradRoom}); err != nil {
			return nil, err
		}
		s.writes = append(s.writes, w.scratch)
	}
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
	x, v    *value
	task    func(worker, task int)
	none    []float32 // zeros: a line outside
	scratch *value    // of each worker
}

func (w *winogradInputs) run(workers *workers) error {
	workers.do(w.groups(), w.task)
	return nil
}

// group transforms what the tiles of a group see.
func (w *winogradInputs) group(worker, group int) {
	block, n := w.block(), w.width*w.block()
	var lines, pixels [10][]float32
	for k := range w.rows() {
		lines[k] = w.none
		if at := group*w.lot() + k + w.top; at >= 0 && at < w.height {
			lines[k] = w.x.floats()[at*n:][:n]
		}
	}
	for t := range w.tiles() {
		dst := w.v.floats()[(group*w.tiles()+t)*block:]
		first := t*w.side + w.left // column of the first pixel
		if w.high == 1 {
			for k := range w.points() {
				pixels[k] = w.none
				if at := first + k; at >= 0 && at < w.width {
					pixels[k] = lines[0][at*block:]
				}
			}
			kernel.WinogradInputs(dst, w.stride(), pixels[:w.points()], block)
			continue
		}
		from := min(max(0, first), w.width)
		to := max(from, min(first+w.points(), w.width))
		part := lines
		for k := range w.rows() {
			part[k] = lines[k][from*block:]
		}
		room := w.scratch.floats()[worker*kernel.WinogradRoom:][:kernel.WinogradRoom]
		w.tile(w.stride(), room).Inputs(dst, part[:w.rows()], block, from-first, to-from, block)
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
	each      bool // what is added is the same for all pixels, and not for all outputs
	relu      bool
}

// winograd adds the steps of a convolution on rows, where it can be done so and the session wants it;
// else it gives nil.
func (p *binder) winograd(n *node, x, y, w *value, windows []window, taps []int) (*winograd, error) {
	images, ins, outs := x.shape[1], x.shape[2], w.shape[0]
	t, ok := tilingOf(windows, taps, images, ins)
	if !p.fast || !ok || ins%kernel.Panel != 0 || outs%kernel.Panel != 0 || int64(t.products()*kernel.PackedLen(ins, outs)) > p.memory/4 {
		return nil, nil
	}
	v, err := p.transformed(n, x, t)
	if err != nil {
		return nil, err
	}
	m := &winograd{tiling: t, v: v, y: y, w: w, outs: outs, now: make([]kernel.Product, p.threads)}
	m.none = make([]float32, images*outs)
	m.corner = (t.top+windows[0].begin)*windows[1].kernel + t.left + windows[1].begin
	const lines = 16 // enough for products to have many rows
	m.part = min(max(1, lines/t.lot()), t.groups())
	m.room = t.products()*apart(m.part*t.tiles()*images*outs) + kernel.WinogradRoom + t.lot()*t.side*images*outs
	if m.scratch, err = p.take(onnx.Float32, []int{p.threads, m.room}); err != nil {
		return nil, err
	}
	m.step = p.add(n, &step{
		run: m.run, reads: []*value{v}, writes: []*value{y, m.scratch},
		prepare: func() { m.weights = p.packs.winogradWeights(m) },
		flops:   2 * int64(t.products()*t.groups()*t.tiles()*images) * int64(ins*outs),
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
	case m.add == nil && (v.count == m.images*m.outs || v.count == m.y.count):
		if m.add, m.each = v, v.count != m.y.count; !m.each {
			m.step.over = v
		}
	default:
		return false
	}
	return true
}

func (m *winograd) run(w *workers) error {
	w.do((m.groups()+m.part-1)/m.part, m.task)
	return nil
}

// groupsOf computes the outputs of some groups. Every output has the products at point 1 once, and
// so what is the same for all pixels is added there.
func (m *winograd) groupsOf(worker, task int) {
	first := task * m.part
	groups := min(m.part, m.groups()-first)
	block := m.images * m.outs
	in, out := m.tiles()*m.block(), m.tiles()*block // of a group at a point
	step := apart(groups * out)
	p := &m.now[worker]
	*p = kernel.Product{
		M: groups * m.tiles() * m.images, N: m.outs, StepB: kernel.Panel, NextB: kernel.Panel * m.ins, RowC: m.outs,
		A: append(p.A[:0], kernel.Left{Row: m.ins, Step: 1, K: m.ins}),
	}
	products, size := m.scratch.floats()[worker*m.room:][:m.room], kernel.PackedLen(m.ins, m.outs)
	middle := min(1, m.high-1)
	for i := range m.products() {
		p.A[0].Data, p.B, p.C, p.Init, p.RowInit = m.v.floats()[i*m.stride()+first*in:], m.weights[i*size:], products[i*step:], nil, 0
		if i == middle*m.points()+1 {
			m.start(p, groups*m.tiles())
		}
		p.Rows(0, p.M)
	}
	room := products[m.products()*step:]
	for g := range groups {
		m.group(first+g, products[g*out:], step, room)
	}
}

// start has the sums of so many tiles begin with what is the same for all pixels.
func (m *winograd) start(p *kernel.Product, tiles int) {
	switch block := m.images * m.outs; {
	case m.each:
		if m.bias != nil {
			kernel.AddRows(p.C[:tiles*block], m.add.floats(), 0, m.bias.floats(), 0, m.images, m.outs)
		} else {
			for t := range tiles {
				copy(p.C[t*block:], m.add.floats())
			}
		}
		p.Init, p.RowInit = p.C, p.RowC
	case m.bias != nil:
		p.Init = m.bias.floats()
	}
}

// group transforms the products of a group of lines back, tile by tile.
func (m *winograd) group(group int, products []float32, step int, room []float32) {
	block, high := m.images*m.outs, m.lot()
	line, size := m.columns*block, m.side*block // of the outputs, of a tile
	room, spare := room[:kernel.WinogradRoom], room[kernel.WinogradRoom:]
	var all []float32 // what is added
	if m.add != nil && !m.each {
		all = m.add.floats()
	}
	for t := range m.tiles() {
		lines, columns := min(high, m.lines-group*high), min(m.side, m.columns-t*m.side)
		at := (group*high*m.columns + t*m.side) * block
		y, apart, add := m.y.floats()[at:], line, all
		if add != nil {
			add = add[at:]
		}
		// A tile that is not whole is made elsewhere, and added to afterwards.
		whole := lines == high && columns == m.side
		if !whole {
			y, apart, add = spare, size, nil
		}
		switch {
		case m.high > 1:
			m.tile(step, room).Sums(y, add, apart, block, products[t*block:], block)
		case add != nil:
			kernel.WinogradSums(m.points(), y, block, add, block, products[t*block:], step, block)
		default:
			kernel.WinogradSums(m.points(), y, block, m.none, 0, products[t*block:], step, block)
		}
		for k := range lines {
			out := m.y.floats()[at+k*line:][:columns*block]
			switch made := y[k*apart:][:len(out)]; {
			case !whole && all != nil:
				kernel.Add(out, made, all[at+k*line:][:len(out)])
			case !whole:
				copy(out, made)
			}
			if m.relu {
				kernel.Relu(out, out)
			}
		}
	}
}

// winogradWeights are the weights at each point, packed.
func (p *packs) winogradWeights(m *winograd) []float32 {
	w := m.w
	key := packKey{b: w, k: -2, n: m.side} // pictures of one width may have other tiles than those of another
	if w.shared {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d := p.known[key]; d != nil {
			return d
		}
	}
	matrices := make([][]float32, m.products())
	for i := range matrices {
		matrices[i] = make([]float32, m.ins*m.outs)
	}
	at, width, positions := w.floats()[m.corner:], w.shape[3], product(w.shape[2:])
	rows, columns := m.rows(), m.points()
	taps, line := make([]float64, m.wide), make([]float64, m.high*columns) // a kernel's lines, at each point
	column, u := make([]float64, m.high), make([]float64, rows)
	for o := range m.outs {
		for c := range m.ins {
			for i := range m.high {
				for k := range taps {
					taps[k] = float64(at[(o*m.ins+c)*positions+i*width+k])
				}
				kernel.WinogradTaps(line[i*columns:][:columns], taps)
			}
			for j := range columns {
				for i := range column {
					column[i] = line[i*columns+j]
				}
				kernel.WinogradTaps(u, column)
				for i, x := range u {
					matrices[i*columns+j][c*m.outs+o] = float32(x)
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

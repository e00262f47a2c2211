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
	tile           kernel.WinogradTile
	images, ins    int
	height, width  int // of the input
	lines, columns int // of the output
	top, left      int // where the first tap is, from an output's line and column
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
		tile:   kernel.WinogradTile{High: taps[len(taps)-1]/width.kernel - line + 1, Wide: slices.Max(columns) - column + 1},
		images: images, ins: ins, height: height.in, width: width.in, lines: height.out, columns: width.out,
		top: line - height.begin, left: column - width.begin,
	}
	if t.tile.High > 3 || t.tile.Wide > 3 || t.tile.Wide < 2 {
		return t, false
	}
	// The transforms take time, too: more than a quarter of the multiplications must go.
	return t, 4*t.products()*t.groups()*t.tiles() < 3*len(taps)*t.lines*t.columns
}

// tiles is how many there are side by side.
func (t tiling) tiles() int { return (t.columns + kernel.WinogradSide - 1) / kernel.WinogradSide }

// groups is how many groups of lines there are, the tiles of which are side by side.
func (t tiling) groups() int { return (t.lines + t.tile.Lines() - 1) / t.tile.Lines() }

// products is how many a tile takes.
func (t tiling) products() int { return t.tile.Rows() * t.tile.Points() }

// block is the elements of a pixel of the input.
func (t tiling) block() int { return t.images * t.ins }

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
	if w.scratch, err = p.take(onnx.Float32, []int{p.threads, kernel.WinogradRoom}); err != nil {
		return nil, err
	}
	w.task = w.group
	p.add(n, &step{run: w.run, reads: []*value{x}, writes: []*value{v, w.scratch}})
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
	room := w.scratch.floats()[worker*kernel.WinogradRoom:][:kernel.WinogradRoom]
	var lines, part [6][]float32
	for k := range w.tile.Rows() {
		lines[k] = w.none
		if at := group*w.tile.Lines() + k + w.top; at >= 0 && at < w.height {
			lines[k] = w.x.floats()[at*n:][:n]
		}
	}
	for t := range w.tiles() {
		first := t*kernel.WinogradSide + w.left // column of the first pixel
		from := min(max(0, first), w.width)
		to := max(from, min(first+w.tile.Points(), w.width))
		for k := range w.tile.Rows() {
			part[k] = lines[k][from*block:]
		}
		w.tile.Inputs(room, w.v.floats()[(group*w.tiles()+t)*block:], w.stride(), part[:w.tile.Rows()], block, from-first, to-from, block)
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
	m.corner = (t.top+windows[0].begin)*windows[1].kernel + t.left + windows[1].begin
	const lines = 16 // enough for products to have many rows
	m.part = min(lines/t.tile.Lines(), t.groups())
	m.room = t.products()*apart(m.part*t.tiles()*images*outs) + kernel.WinogradRoom + t.tile.Lines()*kernel.WinogradSide*images*outs
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
	middle := min(1, m.tile.High-1)
	for i := range m.products() {
		p.A[0].Data, p.B, p.C, p.Init, p.RowInit = m.v.floats()[i*m.stride()+first*in:], m.weights[i*size:], products[i*step:], nil, 0
		if i == middle*m.tile.Points()+1 {
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
	block, high := m.images*m.outs, m.tile.Lines()
	line, size := m.columns*block, kernel.WinogradSide*block // of the outputs, of a tile
	room, spare := room[:kernel.WinogradRoom], room[kernel.WinogradRoom:]
	var all []float32 // what is added
	if m.add != nil && !m.each {
		all = m.add.floats()
	}
	for t := range m.tiles() {
		lines, columns := min(high, m.lines-group*high), min(kernel.WinogradSide, m.columns-t*kernel.WinogradSide)
		at := (group*high*m.columns + t*kernel.WinogradSide) * block
		y, apart, add := m.y.floats()[at:], line, all
		if add != nil {
			add = add[at:]
		}
		// A tile that is not whole is made elsewhere, and added to afterwards.
		whole := lines == high && columns == kernel.WinogradSide
		if !whole {
			y, apart, add = spare, size, nil
		}
		m.tile.Sums(room, y, add, apart, block, products[t*block:], step, block)
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
	key := packKey{b: w, k: -2}
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
	rows, columns := m.tile.Rows(), m.tile.Points()
	taps, line := make([]float64, m.tile.Wide), make([]float64, m.tile.High*columns) // a kernel's lines, at each point
	column, u := make([]float64, m.tile.High), make([]float64, rows)
	for o := range m.outs {
		for c := range m.ins {
			for i := range m.tile.High {
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

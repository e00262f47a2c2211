package goruntime

import (
	"slices"
	"sync"

	"pixelcnn/internal/goruntime/kernel"
)

// multiplier is the step of a product in float32, with what may be fused to it: a
// value that the sums start from, a ramp that multiplies them, a value that is added to
// them, and relu.
type multiplier struct {
	*factors
	step *step
	task func(worker, task int)

	panels []float32 // B where it is known, one matrix after the other
	packed *value    // room for one B where it is not
	direct bool      // B is read where it is

	init, add       *value
	rowInit, rowAdd int
	column, relu    bool

	gate *ramp

	parts  []*value // A, or what stands side by side in its place
	light  bool     // one product of now, on one thread
	now    kernel.Product
	part   int // rows of a task
	sparse *sparse
	lots   []kernel.Product // by worker, for the lots of sparse
}

// macs is the number of multiply-adds.
func (m *multiplier) macs() int64 {
	if m.sparse == nil {
		return int64(len(m.at)) * int64(m.m) * int64(m.n) * int64(m.k)
	}
	n := int64(0)
	for _, l := range m.sparse.lots {
		for _, s := range l.stretches {
			n += int64(l.times) * int64(l.rows) * int64(l.cols) * int64(s.k)
		}
	}
	return n
}

func (m *multiplier) made() *step { return m.step }

func (m *multiplier) joinRelu() bool {
	m.relu = true
	return true
}

// joinAdd takes whole results, rows that are repeated, and, to start from, columns.
func (m *multiplier) joinAdd(v *value) bool {
	first := m.init == nil && m.gate == nil // the sums can start from it
	if m.relu || len(m.at) != 1 || !first && m.add != nil {
		return false
	}
	row, column := 0, false
	switch {
	case v.count == m.y.count:
		row = m.n
	case v.count == m.n && v.rank() > 0 && v.shape[v.rank()-1] == m.n:
	case first && v.count == 1:
		column = true
	case first && v.count == m.m && m.y.rank() == 2 && v.rank() == 2 && v.shape[1] == 1:
		row, column = 1, true
	default:
		return false
	}
	if first {
		m.init, m.rowInit, m.column = v, row, column
	} else {
		m.add, m.rowAdd = v, row
	}
	if v.count == m.y.count && (first || m.atOnce()) {
		m.step.over = v
	}
	return true
}

// atOnce tells whether the sums are done before anything is written.
func (m *multiplier) atOnce() bool {
	if m.sparse == nil {
		return kernel.AtOnce(len(m.parts), m.k)
	}
	return !slices.ContainsFunc(m.sparse.lots, func(l lot) bool { return !kernel.AtOnce(len(l.stretches), m.k) })
}

func (m *multiplier) joinRamp(r *ramp) bool {
	if m.relu || len(m.at) != 1 || m.add != nil || m.gate != nil {
		return false
	}
	m.gate = r
	return true
}

// heavy is the number of multiply-adds from which on they are shared out.
const heavy = 1 << 18

// place looks up where everything is.
func (m *multiplier) place() {
	p := &m.now
	*p = kernel.Product{
		M: m.m, N: m.n, StepB: kernel.Panel, NextB: kernel.Panel * m.k, A: p.A[:0],
		RowC: m.n, RowInit: m.rowInit, RowAdd: m.rowAdd, Column: m.column, Relu: m.relu,
	}
	for _, v := range m.parts {
		a := kernel.Left{Data: v.floats(), Row: m.rowA, Step: m.stepA, K: m.k}
		if v != m.a {
			a.K = v.shape[v.rank()-1]
			a.Row = a.K
		}
		p.A = append(p.A, a)
	}
	switch {
	case m.panels != nil:
		p.B = m.panels
	case m.direct:
		p.B, p.StepB, p.NextB = m.b.floats(), m.rowB, kernel.Panel
	default:
		p.B = m.packed.floats()
	}
	if m.init != nil {
		p.Init = m.init.floats()
	}
	if m.gate != nil {
		p.Gate, p.RowGate, p.Slope = m.gate.x.floats(), m.n, m.gate.slope
	}
	if m.add != nil {
		p.Add = m.add.floats()
	}
	p.C = m.y.floats()
	m.light = len(m.at) == 1 && m.packed == nil && m.sparse == nil && m.m*m.n*m.k < heavy
	if m.light {
		p.Check()
	}
}

// run looks at little where the product is small: a draw of one image has thousands, and
// finds what it looks at in the memory, not in a cache.
func (m *multiplier) run(w *workers) error {
	if m.light {
		m.now.Rows(0, m.now.M)
		return nil
	}
	if len(m.at) == 1 {
		m.multiply(w, m.b.floats())
		return nil
	}
	p := &m.now
	a, b, c := m.a.floats(), p.B, p.C
	for i, at := range m.at {
		p.A[0].Data, p.C = a[at[0]:], c[i*m.m*m.n:]
		switch {
		case m.panels != nil:
			p.B = b[i*kernel.PackedLen(m.k, m.n):]
		case m.direct:
			p.B = b[at[1]:]
		}
		m.multiply(w, m.b.floats()[at[1]:])
	}
	p.B, p.C = b, c
	return nil
}

// multiply computes the product whose factor B begins where b does.
func (m *multiplier) multiply(w *workers, b []float32) {
	if m.packed != nil {
		kernel.Pack(m.now.B, b, m.k, m.n, m.rowB, m.stepB)
	}
	if m.sparse != nil {
		w.do(len(m.sparse.lots), m.task)
		return
	}
	if w == nil || m.m*m.n*m.k < heavy {
		m.now.Rows(0, m.m)
		return
	}
	m.part = max(24, (m.m/(4*(w.helpers+1))+11)/12*12)
	w.do((m.m+m.part-1)/m.part, m.task)
}

func (m *multiplier) rows(_, task int) {
	m.now.Rows(task*m.part, min((task+1)*m.part, m.m))
}

// unmove makes the source of a factor that is moved from elsewhere the factor.
func (m *multiplier) unmove(threads int) {
	if m.sparse.right {
		m.b = m.b.source()
	} else {
		m.a = m.a.source()
		m.parts = []*value{m.a}
	}
	m.lots = make([]kernel.Product, threads)
	m.task = m.lot
}

// lot computes one lot of a sparse product.
func (m *multiplier) lot(worker, task int) {
	l, p := &m.sparse.lots[task], &m.lots[worker]
	a := p.A[:0]
	*p = m.now
	p.M, p.N, p.Apart, p.Lots, p.NextLot, p.NextA = l.rows, l.cols, l.apart, l.times, l.down, l.downA
	p.C = p.C[l.row*p.RowC+l.col:]
	switch {
	case p.Init == nil:
	case p.Column:
		p.Init = p.Init[l.row*p.RowInit:]
	default:
		p.Init = p.Init[l.row*p.RowInit+l.col:]
	}
	if p.Gate != nil {
		p.Gate = p.Gate[l.row*p.RowGate+l.col:]
	}
	if p.Add != nil {
		p.Add = p.Add[l.row*p.RowAdd+l.col:]
	}
	if m.sparse.right {
		p.B, p.StepB, p.NextB = p.B[l.b:], m.sparse.rowB, kernel.Panel
	}
	data := m.a.floats()
	for _, s := range l.stretches {
		a = append(a, kernel.Left{Data: data[s.a:], Row: l.rowA, Step: s.step, K: s.k, Skip: s.skip})
	}
	p.A = a
	p.Rows(0, p.M)
}

// packs keeps what is made of constants once for all bindings of a session.
type packs struct {
	mu    sync.Mutex
	known map[packKey][]float32
	taps  map[tapKey]*taps
	live  map[*value][]int // taps of convolutions on rows

	sparse map[sparseKey]*sparse
}

// packKey is a matrix within a constant.
type packKey struct {
	b               *value
	k, n, row, step int
}

// matrices packs the B of each product.
func (p *packs) matrices(f *factors) []float32 {
	key := packKey{f.b, f.k, f.n, f.rowB, f.stepB}
	if f.b.shared && len(f.at) == 1 {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d := p.known[key]; d != nil {
			return d
		}
	}
	size := kernel.PackedLen(f.k, f.n)
	d := make([]float32, size*len(f.at))
	for i, at := range f.at {
		if size > 0 {
			kernel.Pack(d[i*size:], f.b.floats()[at[1]:], f.k, f.n, f.rowB, f.stepB)
		}
	}
	if f.b.shared && len(f.at) == 1 {
		p.known[key] = slices.Clip(d)
	}
	return d
}

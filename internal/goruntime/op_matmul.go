package goruntime

import (
	"errors"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// factors are the arguments of a product of matrices, or of a batch of products.
type factors struct {
	a, b, y *value
	m, n, k int
	// A(i, j) of product 0 is element i·rowA + j·stepA of a; B likewise.
	rowA, stepA, rowB, stepB int
	at                       [][2]int // where A and B of each product begin
}

// bindGemm: alpha·A·B + beta·C, with A and B transposed as they may be.
func bindGemm(p *binder, n *node) error {
	a, b, c := n.in[0], n.in[1], n.input(2)
	if a.rank() != 2 || b.rank() != 2 {
		return errorf("factors of shapes %v and %v", a.shape, b.shape)
	}
	f := &factors{
		a: a, b: b, at: [][2]int{{0, 0}},
		m: a.shape[0], k: a.shape[1], rowA: a.shape[1], stepA: 1, n: b.shape[1], rowB: b.shape[1], stepB: 1,
	}
	if n.Attrs.Int("transA", 0) != 0 {
		f.m, f.k, f.rowA, f.stepA = f.k, f.m, 1, a.shape[1]
	}
	rows := b.shape[0]
	if n.Attrs.Int("transB", 0) != 0 {
		f.n, rows, f.rowB, f.stepB = rows, f.n, 1, b.shape[1]
	}
	if rows != f.k {
		return errorf("factors of shapes %v and %v", a.shape, b.shape)
	}
	shape := []int{f.m, f.n}
	if c != nil {
		if both, err := broadcast(c.shape, shape); err != nil || !slices.Equal(both, shape) {
			return errorf("a summand of shape %v for shape %v", c.shape, shape)
		}
		if c.dtype != a.dtype {
			return errorf("arguments of types %v and %v", a.dtype, c.dtype)
		}
	}
	alpha, beta := n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
	if beta == 0 {
		c = nil
	}
	if err := p.multiply(n, f, shape); err != nil {
		return err
	}
	if alpha == 1 && (c == nil || beta == 1 && f.y.from != nil && f.y.from.joinAdd(c)) {
		if c != nil {
			s := f.y.from.made()
			s.reads = append(s.reads, c)
		}
		return nil
	}
	f.y.from = nil // more steps follow
	if alpha != 1 {
		if err := p.scale(n, f.y, f.y, alpha); err != nil {
			return err
		}
	}
	if c == nil {
		return nil
	}
	if beta != 1 {
		scaled, err := p.take(c.dtype, c.shape)
		if err != nil {
			return err
		}
		if err := p.scale(n, scaled, c, beta); err != nil {
			return err
		}
		c = scaled
	}
	return p.arithmetic(n.as("Add"), f.y, f.y, c)
}

// as is the node with another operator and no attributes, for steps of its own.
func (n *node) as(op string) *node {
	return &node{Node: &onnx.Node{Op: op, Name: n.Name, Outputs: n.Outputs}, opset: n.opset}
}

// scale adds a step that multiplies.
func (p *binder) scale(n *node, y, x *value, by float32) error {
	factor := constant(onnx.Scalar(by))
	if x.dtype == onnx.Float64 {
		factor = constant(onnx.Scalar(float64(by)))
	}
	if factor.dtype != x.dtype {
		return errorf("alpha or beta of type %v is not supported", x.dtype)
	}
	return p.arithmetic(n.as("Mul"), y, x, factor)
}

// bindMatMul: products of the last two dimensions, for all others, which broadcast.
func bindMatMul(p *binder, n *node) error {
	a, b := n.in[0], n.in[1]
	if a.rank() == 0 || b.rank() == 0 {
		return errors.New("a factor is a scalar")
	}
	sa, sb := a.shape, b.shape
	if len(sa) == 1 {
		sa = []int{1, sa[0]}
	}
	if len(sb) == 1 {
		sb = []int{sb[0], 1}
	}
	ra, rb := len(sa)-2, len(sb)-2
	f := &factors{a: a, b: b, m: sa[ra], k: sa[ra+1], n: sb[rb+1], rowA: sa[ra+1], stepA: 1, rowB: sb[rb+1], stepB: 1}
	batch, err := broadcast(sa[:ra], sb[:rb])
	if err != nil || sb[rb] != f.k {
		return errorf("factors of shapes %v and %v", a.shape, b.shape)
	}
	if product(sb[:rb]) == 1 {
		f.m *= product(batch) // one product of all rows
		f.at = [][2]int{{0, 0}}
	} else {
		if _, err := p.take(onnx.Int64, append(slices.Clone(batch), 2)); err != nil {
			return err // there is no room for the list
		}
		f.at = f.batches(batch, sa[:ra], sb[:rb])
	}
	shape := slices.Clone(batch)
	if a.rank() > 1 {
		shape = append(shape, sa[ra])
	}
	if b.rank() > 1 {
		shape = append(shape, f.n)
	}
	return p.multiply(n, f, shape)
}

// batches lists where the matrices of each product begin.
func (f *factors) batches(batch, a, b []int) [][2]int {
	var at [][2]int
	one := make([]int, len(batch))
	l := newLoops(batch, one, broadcastSteps(a, batch), broadcastSteps(b, batch))
	l.each(func() {
		for r := range l.rows {
			for i := range l.n {
				a, b := l.at[1]+r*l.row[1]+i*l.step[1], l.at[2]+r*l.row[2]+i*l.step[2]
				at = append(at, [2]int{a * f.m * f.k, b * f.k * f.n})
			}
		}
	})
	return at
}

// multiply makes output 0 of a node a product.
func (p *binder) multiply(n *node, f *factors, shape []int) error {
	if f.a.dtype != f.b.dtype {
		return errorf("factors of types %v and %v", f.a.dtype, f.b.dtype)
	}
	y, err := p.output(n, 0, f.a.dtype, shape)
	if err != nil {
		return err
	}
	f.y = y
	if f.a.dtype != onnx.Float32 {
		return p.addByType(n, y, []*value{f.a, f.b}, runs{nil, plainProduct[float64](f), plainProduct[int64](f), plainProduct[int32](f)})
	}
	m := &multiplier{factors: f, parts: []*value{f.a}}
	if parts := f.a.joined; parts != nil && f.rowA == f.k && f.stepA == 1 && len(f.at) == 1 {
		m.parts = parts // read where they were before a Concat put them side by side
	}
	m.task = m.rows
	if m.sparse = p.sparse(n, f); m.sparse != nil {
		m.unmove(p.threads)
	}
	s := p.add(n, &step{run: m.run, place: m.place, reads: append(slices.Clone(m.parts), m.b), writes: []*value{y}})
	m.step, s.flops = s, 2*m.macs()
	y.from = m
	switch size := kernel.PackedLen(f.k, f.n); {
	case m.sparse != nil && m.sparse.right:
		m.direct = true
	case f.b.known:
		if f.n > 0 && int64(size) > p.memory/4/int64(max(1, len(f.at))) {
			return ErrTooLarge
		}
		s.prepare = func() { m.panels = p.packs.matrices(f) }
	case f.stepB == 1 && f.n%kernel.Panel == 0:
		m.direct = true
	default:
		if m.packed, err = p.take(onnx.Float32, []int{size}); err != nil {
			return err
		}
		s.writes = append(s.writes, m.packed)
	}
	return nil
}

// plainProduct is for the types that no kernel is made for.
func plainProduct[T float64 | int64 | int32](f *factors) func(*workers) error {
	return func(*workers) error {
		a, b, y := elements[T](f.a), elements[T](f.b), elements[T](f.y)
		for p, at := range f.at {
			for i := range f.m * f.n {
				var sum T
				for k := range f.k {
					sum += a[at[0]+i/f.n*f.rowA+k*f.stepA] * b[at[1]+k*f.rowB+i%f.n*f.stepB]
				}
				y[p*f.m*f.n+i] = sum
			}
		}
		return nil
	}
}

package goruntime

import (
	"errors"
	"slices"

	"pixelcnn/internal/onnx"
)

// move adds a step that copies x to y; array 0 of the loops is y, 1 is x.
func (p *binder) move(n *node, y, x *value, l *loops) error {
	var run func(*workers) error
	switch y.dtype {
	case onnx.Float32:
		run = mover[float32](y, x, l)
	case onnx.Float64:
		run = mover[float64](y, x, l)
	case onnx.Int64:
		run = mover[int64](y, x, l)
	case onnx.Int32:
		run = mover[int32](y, x, l)
	case onnx.Int8:
		run = mover[int8](y, x, l)
	case onnx.Uint8:
		run = mover[uint8](y, x, l)
	default:
		run = mover[bool](y, x, l)
	}
	p.add(n, &step{run: run, reads: []*value{x}, writes: []*value{y}})
	return nil
}

// runs are one function per element type: float32, float64, int64, int32, int8,
// uint8, bool. Types for which an operator is not defined are nil.
type runs [7]func(*workers) error

// of is the function for a type, nil where there is none.
func (r *runs) of(t onnx.DType) func(*workers) error {
	switch t {
	case onnx.Float32:
		return r[0]
	case onnx.Float64:
		return r[1]
	case onnx.Int64:
		return r[2]
	case onnx.Int32:
		return r[3]
	case onnx.Int8:
		return r[4]
	case onnx.Uint8:
		return r[5]
	case onnx.Bool:
		return r[6]
	}
	return nil
}

// addByType adds the step that makes y, by the type of the first argument.
func (p *binder) addByType(n *node, y *value, reads []*value, r runs) error {
	run := r.of(reads[0].dtype)
	if run == nil {
		return errorf("an argument of type %v is not supported", reads[0].dtype)
	}
	p.add(n, &step{run: run, reads: reads, writes: []*value{y}})
	return nil
}

func mover[T onnx.Element](y, x *value, l *loops) func(*workers) error {
	return func(*workers) error {
		dst, src := elements[T](y), elements[T](x)
		l.each(func() {
			for r := range l.rows {
				d, s := l.at[0]+r*l.row[0], l.at[1]+r*l.row[1]
				switch {
				case l.step[0] == 1 && l.step[1] == 1:
					copy(dst[d:d+l.n], src[s:s+l.n])
				case l.step[0] == 1 && l.step[1] == 0:
					e := src[s]
					for i := range dst[d : d+l.n] {
						dst[d+i] = e
					}
				default:
					for range l.n {
						dst[d] = src[s]
						d += l.step[0]
						s += l.step[1]
					}
				}
			}
		})
		return nil
	}
}

func bindTranspose(p *binder, n *node) error {
	x := n.in[0]
	perm, err := onnx.Permutation(n.Node, x.rank())
	if err != nil {
		return err
	}
	s := strides(x.shape)
	shape, steps := make([]int, len(perm)), make([]int, len(perm))
	for i, k := range perm {
		shape[i], steps[i] = x.shape[k], s[k]
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	y.turned(x, steps)
	return p.move(n, y, x, newLoops(shape, strides(shape), steps))
}

func bindSlice(p *binder, n *node) error {
	x := n.in[0]
	ranges, err := onnx.Slices(n.withConstants(), x.shape)
	if err != nil {
		return err
	}
	steps := strides(x.shape)
	shape := make([]int, len(ranges))
	base := 0
	for i, r := range ranges {
		base += r.Start * steps[i]
		steps[i] *= r.Step
		shape[i] = r.Len
	}
	return p.cut(n, 0, x, shape, steps, base)
}

// cut makes output i of a part of x: a view where the part is of one piece.
func (p *binder) cut(n *node, i int, x *value, shape, steps []int, base int) error {
	l := newLoops(shape, strides(shape), steps)
	if !l.empty && l.rows == 1 && len(l.dims) == 0 && l.step[1] == 1 {
		p.view(n, i, x, shape, base)
		return nil
	}
	y, err := p.output(n, i, x.dtype, shape)
	if err != nil {
		return err
	}
	l.base[1] = base
	return p.move(n, y, x, l)
}

func bindSplit(p *binder, n *node) error {
	x := n.in[0]
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), x.rank())
	if err != nil {
		return err
	}
	parts, err := n.parts(x.shape[axis])
	if err != nil {
		return err
	}
	from := 0
	for i, size := range parts {
		shape, steps := slices.Clone(x.shape), strides(x.shape)
		shape[axis] = size
		if n.Outputs[i] != nil {
			if err := p.cut(n, i, x, shape, steps, from*steps[axis]); err != nil {
				return err
			}
		}
		from += size
	}
	return nil
}

// parts are the sizes into which a Split divides d.
func (n *node) parts(d int) ([]int, error) {
	list, err := n.list(1, "split")
	if err != nil {
		return nil, err
	}
	count := len(n.Outputs)
	if k := n.Attrs.Int("num_outputs", int64(count)); k != int64(count) {
		return nil, errorf("num_outputs is %d, and %d are there", k, count)
	}
	if list == nil {
		each := (d + count - 1) / count
		if n.opset < 18 && each*count != d {
			return nil, errorf("%d cannot be split into %d equal parts", d, count)
		}
		var out []int
		for rest := d; len(out) < count; rest -= out[len(out)-1] {
			out = append(out, min(each, rest))
		}
		return out, nil
	}
	out, err := sizes(list)
	if err != nil {
		return nil, err
	}
	sum := 0
	for _, s := range out {
		sum += s
	}
	if len(out) != count || sum != d {
		return nil, errorf("%d cannot be split into %v for %d outputs", d, list, count)
	}
	return out, nil
}

func bindConcat(p *binder, n *node) error {
	x := n.in[0]
	if _, ok := n.Attrs["axis"]; !ok {
		return errors.New("it has no axis")
	}
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), x.rank())
	if err != nil {
		return err
	}
	shape := slices.Clone(x.shape)
	shape[axis] = 0
	for _, v := range n.in {
		fits := v.dtype == x.dtype && v.rank() == x.rank()
		for i := 0; fits && i < v.rank(); i++ {
			fits = i == axis || v.shape[i] == shape[i]
		}
		if !fits {
			return errorf("%v of shape %v beside %v of shape %v", v.dtype, v.shape, x.dtype, x.shape)
		}
		shape[axis] += v.shape[axis]
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	if axis == x.rank()-1 {
		y.joined = n.in
	}
	if axis == 0 {
		y.padded(n.in)
	}
	from := 0
	for _, v := range n.in {
		l := newLoops(v.shape, strides(shape), strides(v.shape))
		l.base[0] = from * strides(shape)[axis]
		if err := p.move(n, y, v, l); err != nil {
			return err
		}
		from += v.shape[axis]
	}
	return nil
}

func bindExpand(p *binder, n *node) error {
	x := n.in[0]
	dims, err := n.in[1].integers()
	if err != nil {
		return err
	}
	target, err := sizes(dims)
	if err != nil {
		return err
	}
	shape, err := broadcast(x.shape, target)
	if err != nil {
		return err
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	return p.move(n, y, x, newLoops(shape, strides(shape), broadcastSteps(x.shape, shape)))
}

func bindTile(p *binder, n *node) error {
	x := n.in[0]
	dims, err := n.in[1].integers()
	if err != nil {
		return err
	}
	repeats, err := sizes(dims)
	if err != nil {
		return err
	}
	if len(repeats) != x.rank() {
		return errorf("repeats %v for shape %v", repeats, x.shape)
	}
	// Each dimension becomes two: the repeats, then the dimension.
	shape := make([]int, x.rank())
	var pairs, steps []int
	for i, s := range strides(x.shape) {
		shape[i] = repeats[i] * x.shape[i]
		pairs, steps = append(pairs, repeats[i], x.shape[i]), append(steps, 0, s)
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	return p.move(n, y, x, newLoops(pairs, strides(pairs), steps))
}

func bindPad(p *binder, n *node) error {
	x := n.in[0]
	begin, end, _, err := onnx.Pads(n.withConstants(), x.rank())
	if err != nil {
		return err
	}
	shape, steps := slices.Clone(x.shape), strides(x.shape)
	for i := range shape {
		if shape[i] += begin[i] + end[i]; shape[i] < 0 {
			return errorf("shape %v with pads %v and %v", x.shape, begin, end)
		}
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	mode := n.Attrs.String("mode", "constant")
	if mode != "constant" {
		return p.mirror(n, y, x, mode, begin)
	}
	fill := newValue(x.dtype, nil)
	fill.data, fill.known = allocate(x.dtype, 1), true
	if x.dtype == onnx.Float32 {
		fill.floats()[0] = n.Attrs.Float("value", 0)
	}
	if v := n.input(2); v != nil {
		if fill = v; v.count != 1 || v.dtype != x.dtype {
			return errorf("it pads with %v of shape %v", v.dtype, v.shape)
		}
	}
	if err := p.move(n, y, fill, newLoops(shape, strides(shape), make([]int, len(shape)))); err != nil {
		return err
	}
	// The part of x that stays; negative pads cut.
	out := strides(shape)
	kept := make([]int, len(shape))
	from, to := 0, 0
	for i, d := range x.shape {
		kept[i] = max(0, d+min(begin[i], 0)+min(end[i], 0))
		from -= min(begin[i], 0) * steps[i]
		to += max(begin[i], 0) * out[i]
	}
	l := newLoops(kept, out, steps)
	l.base[0], l.base[1] = to, from
	return p.move(n, y, x, l)
}

package goruntime

import (
	"errors"
	"slices"

	"pixelcnn/internal/onnx"
)

// mirror adds the step of a Pad whose margin repeats elements of x.
func (p *binder) mirror(n *node, y, x *value, mode string, begin []int) error {
	table := []int{0} // the element of x for each of y
	if x.count == 0 || slices.Min(append(slices.Clone(begin), 0)) < 0 {
		return errorf("pads of mode %s that cut, or of nothing", mode)
	}
	for i, s := range strides(x.shape) {
		d := x.shape[i]
		next := make([]int, 0, len(table)*y.shape[i])
		for _, base := range table {
			for j := range y.shape[i] {
				k := j - begin[i]
				switch mode {
				case "edge":
					k = min(max(k, 0), d-1)
				case "wrap":
					k = (k%d + d) % d
				case "reflect":
					period := max(1, 2*(d-1))
					k = (k%period + period) % period
					k = min(k, period-k)
				default:
					return errorf("mode %q is not supported", mode)
				}
				next = append(next, base+k*s)
			}
		}
		table = next
	}
	return p.addByType(n, y, []*value{x}, runs{
		taker[float32](y, x, table), taker[float64](y, x, table), taker[int64](y, x, table), taker[int32](y, x, table),
		taker[int8](y, x, table), taker[uint8](y, x, table), taker[bool](y, x, table),
	})
}

func taker[T onnx.Element](y, x *value, table []int) func(*workers) error {
	return func(*workers) error {
		dst, src := elements[T](y), elements[T](x)
		for i, k := range table {
			dst[i] = src[k]
		}
		return nil
	}
}

// bindGather: rows of x along an axis, by indices that may be negative.
func bindGather(p *binder, n *node) error {
	x, idx := n.in[0], n.in[1]
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), x.rank())
	if err != nil {
		return err
	}
	if idx.dtype != onnx.Int64 && idx.dtype != onnx.Int32 {
		return errNotInteger
	}
	y, err := p.output(n, 0, x.dtype, slices.Concat(x.shape[:axis], idx.shape, x.shape[axis+1:]))
	if err != nil {
		return err
	}
	if rows, err := idx.integers(); err == nil && axis == 0 {
		y.gathered(x, rows)
	}
	g := gather{
		y: y, x: x, idx: idx,
		outer: product(x.shape[:axis]), d: x.shape[axis], inner: product(x.shape[axis+1:]),
	}
	return p.addByType(n, y, []*value{x, idx}, runs{
		gatherer[float32](g), gatherer[float64](g), gatherer[int64](g), gatherer[int32](g),
		gatherer[int8](g), gatherer[uint8](g), gatherer[bool](g),
	})
}

type gather struct {
	y, x, idx       *value
	outer, d, inner int
}

func gatherer[T onnx.Element](g gather) func(*workers) error {
	if g.idx.dtype == onnx.Int32 {
		return gatherAt[T, int32](g)
	}
	return gatherAt[T, int64](g)
}

func gatherAt[T onnx.Element, I int32 | int64](g gather) func(*workers) error {
	return func(*workers) error {
		dst, src, at := elements[T](g.y), elements[T](g.x), elements[I](g.idx)
		for range g.outer {
			for _, i := range at {
				k := int(i)
				if k < 0 {
					k += g.d
				}
				if k < 0 || k >= g.d {
					return errorf("index %d of %d", i, g.d)
				}
				dst = dst[copy(dst, src[k*g.inner:][:g.inner]):]
			}
			src = src[g.d*g.inner:]
		}
		return nil
	}
}

// bindOneHot: on and off values along a new axis of a known depth.
func bindOneHot(p *binder, n *node) error {
	idx, depth, values := n.in[0], n.in[1], n.in[2]
	if values.count != 2 {
		return errors.New("its values should be two")
	}
	size, err := scalar(depth)
	if err != nil {
		return err
	}
	if !(size >= 1 && size < 1<<31) {
		return errorf("depth %v", size)
	}
	axis, err := onnx.Axis(n.Attrs.Int("axis", -1), idx.rank()+1)
	if err != nil {
		return err
	}
	d := int(size)
	y, err := p.output(n, 0, values.dtype, slices.Insert(slices.Clone(idx.shape), axis, d))
	if err != nil {
		return err
	}
	at, err := p.position(n, idx)
	if err != nil {
		return err
	}
	h := oneHot{y: y, at: at, values: values, d: d, inner: product(idx.shape[axis:])}
	return p.addByType(n, y, []*value{values, at}, runs{
		hot[float32](h), hot[float64](h), hot[int64](h), hot[int32](h), hot[int8](h), hot[uint8](h), hot[bool](h),
	})
}

// position is v as int64, by a step of its own where it is of another type.
func (p *binder) position(n *node, v *value) (*value, error) {
	if v.dtype == onnx.Int64 {
		return v, nil
	}
	w, err := p.take(onnx.Int64, v.shape)
	if err != nil {
		return nil, err
	}
	return w, p.cast(n, w, v)
}

type oneHot struct {
	y, at, values *value
	d, inner      int
}

func hot[T onnx.Element](h oneHot) func(*workers) error {
	return func(*workers) error {
		dst, at, values := elements[T](h.y), elements[int64](h.at), elements[T](h.values)
		for i := range dst {
			dst[i] = values[0]
		}
		for i, k := range at {
			if k < 0 {
				k += int64(h.d)
			}
			if k >= 0 && k < int64(h.d) { // others are off throughout
				dst[(i/h.inner*h.d+int(k))*h.inner+i%h.inner] = values[1]
			}
		}
		return nil
	}
}

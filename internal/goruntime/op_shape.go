package goruntime

import (
	"errors"
	"math"
	"slices"

	"pixelcnn/internal/onnx"
)

// bindShape: Shape, a part of it from operator set 15 on, and Size.
func bindShape(p *binder, n *node) error {
	x := n.in[0]
	if n.Op == "Size" {
		p.set(n, 0, constant(onnx.Scalar(int64(x.count))))
		return nil
	}
	r := int64(x.rank())
	at := func(name string, def int64) int64 {
		i := n.Attrs.Int(name, def)
		if i < 0 {
			i += r
		}
		return min(max(i, 0), r)
	}
	dims := []int64{}
	for i := at("start", 0); i < at("end", r); i++ {
		dims = append(dims, int64(x.shape[i]))
	}
	p.set(n, 0, constant(onnx.NewTensor(dims, len(dims))))
	return nil
}

func bindConstant(p *binder, n *node) error {
	if len(n.Attrs) != 1 {
		return errors.New("it should have one attribute, its value")
	}
	var t *onnx.Tensor
	for _, v := range n.Attrs {
		switch v := v.(type) {
		case *onnx.Tensor:
			t = v
		case int64:
			t = onnx.Scalar(v)
		case float32:
			t = onnx.Scalar(v)
		case []int64:
			t = onnx.NewTensor(v, len(v))
		case []float32:
			t = onnx.NewTensor(v, len(v))
		}
	}
	p.set(n, 0, constant(t))
	return nil
}

func bindConstantOfShape(p *binder, n *node) error {
	dims, err := n.in[0].integers()
	if err != nil {
		return err
	}
	shape, err := sizes(dims)
	if err != nil {
		return err
	}
	fill := onnx.NewTensor([]float32{0}, 1)
	if t, ok := n.Attrs["value"].(*onnx.Tensor); ok {
		fill = t
	}
	if fill.Len() != 1 {
		return errors.New("its value should have one element")
	}
	y, err := p.output(n, 0, fill.DType(), shape)
	if err != nil {
		return err
	}
	return p.move(n, y, constant(fill), newLoops(shape, strides(shape), make([]int, len(shape))))
}

// sizes checks a list of dimensions.
func sizes(dims []int64) ([]int, error) {
	out := make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > math.MaxInt32 {
			return nil, errorf("shape %v", dims)
		}
		out[i] = int(d)
	}
	return out, nil
}

// bindRange: start, limit and step are known, since they make the shape.
func bindRange(p *binder, n *node) error {
	for _, v := range n.in {
		switch {
		case v.count != 1 || v.dtype != n.in[0].dtype:
			return errors.New("its arguments should be scalars of one type")
		case !v.known:
			return errNotKnown
		}
	}
	switch d := n.in[0].dtype; d {
	case onnx.Float32:
		return bindRangeOf[float32](p, n)
	case onnx.Float64:
		return bindRangeOf[float64](p, n)
	case onnx.Int32:
		return bindRangeOf[int32](p, n)
	case onnx.Int64:
		return bindRangeOf[int64](p, n)
	default:
		return errorf("an argument of type %v", d)
	}
}

func bindRangeOf[T float32 | float64 | int32 | int64](p *binder, n *node) error {
	start, limit, delta := elements[T](n.in[0])[0], elements[T](n.in[1])[0], elements[T](n.in[2])[0]
	count, err := onnx.RangeLength(onnx.Scalar(start), onnx.Scalar(limit), onnx.Scalar(delta))
	if err != nil {
		return err
	}
	y, err := p.output(n, 0, n.in[0].dtype, []int{count})
	if err != nil {
		return err
	}
	p.add(n, &step{writes: []*value{y}, run: func(*workers) error {
		x := start
		for i := range elements[T](y) { // added up, as ONNX Runtime does
			elements[T](y)[i] = x
			x += delta
		}
		return nil
	}})
	return nil
}

// bindReshape: views of the same elements in another shape.
func bindReshape(p *binder, n *node) error {
	shape, err := n.reshaped()
	if err != nil {
		return err
	}
	if count, err := onnx.Size(shape); err != nil || count != n.in[0].count {
		return errorf("shape %v cannot become %v", n.in[0].shape, shape)
	}
	p.view(n, 0, n.in[0], shape, 0)
	return nil
}

func (n *node) reshaped() ([]int, error) {
	switch x := n.in[0]; n.Op {
	case "Reshape":
		return n.target(x)
	case "Flatten":
		axis := int(n.Attrs.Int("axis", 1))
		if axis < 0 {
			axis += x.rank()
		}
		if axis < 0 || axis > x.rank() {
			return nil, errorf("axis %d of rank %d", n.Attrs.Int("axis", 1), x.rank())
		}
		return []int{product(x.shape[:axis]), product(x.shape[axis:])}, nil
	case "Squeeze":
		axes, err := n.axes(x.rank())
		if err != nil {
			return nil, err
		}
		shape := []int{}
		for i, d := range x.shape {
			chosen := slices.Contains(axes, i)
			if chosen && d != 1 {
				return nil, errorf("axis %d of shape %v is not 1", i, x.shape)
			}
			if !chosen && (d != 1 || len(axes) > 0) {
				shape = append(shape, d)
			}
		}
		return shape, nil
	case "Unsqueeze":
		return n.unsqueezed(x)
	default: // Identity, Dropout
		return x.shape, nil
	}
}

func (n *node) unsqueezed(x *value) ([]int, error) {
	list, err := n.list(1, "axes")
	if err != nil {
		return nil, err
	}
	if list == nil {
		return nil, errors.New("it has no axes")
	}
	shape := make([]int, x.rank()+len(list))
	for _, a := range list {
		i, err := onnx.Axis(a, len(shape))
		if err != nil {
			return nil, err
		}
		if shape[i] == 1 {
			return nil, errorf("axis %d is there twice", a)
		}
		shape[i] = 1
	}
	rest := x.shape
	for i := range shape {
		if shape[i] == 0 {
			shape[i], rest = rest[0], rest[1:]
		}
	}
	return shape, nil
}

// target resolves a Reshape's shape: 0 copies a dimension, -1 stands for the rest.
func (n *node) target(x *value) ([]int, error) {
	dims, err := n.list(1, "shape")
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(dims))
	free, rest := -1, 1
	for i, d := range dims {
		switch {
		case d == 0 && n.Attrs.Int("allowzero", 0) == 0:
			if i >= x.rank() {
				return nil, errorf("shape %v cannot become %v", x.shape, dims)
			}
			shape[i] = x.shape[i]
		case d == -1 && free < 0:
			free = i
			continue
		case d < 0 || d > math.MaxInt32:
			return nil, errorf("shape %v cannot become %v", x.shape, dims)
		default:
			shape[i] = int(d)
		}
		if shape[i] > 0 && rest > math.MaxInt/shape[i] {
			return nil, errorf("shape %v cannot become %v", x.shape, dims)
		}
		rest *= shape[i]
	}
	if free >= 0 {
		if rest == 0 || x.count%rest != 0 {
			return nil, errorf("shape %v cannot become %v", x.shape, dims)
		}
		shape[free] = x.count / rest
	}
	return shape, nil
}

// bindDropout: nothing is dropped outside training.
func bindDropout(p *binder, n *node) error {
	if t := n.input(2); t != nil && (!t.known || t.dtype != onnx.Bool || t.count != 1 || elements[bool](t)[0]) {
		return errors.New("training mode is not supported")
	}
	if len(n.Outputs) > 1 && n.Outputs[1] != nil {
		return errors.New("its mask is not supported")
	}
	return bindReshape(p, n)
}

// list reads integers that newer operator sets have as input i and older ones as an
// attribute; nil where there are none.
func (n *node) list(i int, attr string) ([]int64, error) {
	if v, ok := n.Attrs[attr].([]int64); ok {
		return v, nil
	}
	v := n.input(i)
	if v == nil {
		return nil, nil
	}
	if v.rank() > 1 {
		return nil, errorf("a list of sizes or axes of shape %v", v.shape)
	}
	return v.integers()
}

// axes reads the axes of input 1, or of the attribute, as sorted axes of a value of
// that rank; none where none are given.
func (n *node) axes(rank int) ([]int, error) {
	list, err := n.list(1, "axes")
	if err != nil {
		return nil, err
	}
	var axes []int
	for _, a := range list {
		i, err := onnx.Axis(a, rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, i)
	}
	slices.Sort(axes)
	return slices.Compact(axes), nil
}

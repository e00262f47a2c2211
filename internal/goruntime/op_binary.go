package goruntime

import (
	"errors"
	"math"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// A binary function of whole runs of elements: a and b have as many as dst, or one.
type binary[T, U onnx.Element] func(dst []U, a, b []T) error

// bindArithmetic: Add, Sub, Mul, Div, Pow, Mod, and Min, Max, Sum, Mean of any number
// of arguments, which are taken one after the other.
func bindArithmetic(p *binder, n *node) error {
	x := n.in[0]
	switch {
	case n.Op == "Add" && p.joinAdd(n), n.Op == "Mul" && p.joinRamp(n):
		return nil
	case n.Op == "Max" && len(n.in) == 2:
		for i, v := range n.in {
			if isRelu(v, n.in[1-i]) {
				return p.relu(n, i)
			}
		}
	}
	var shapes [][]int
	for i, v := range n.in {
		shapes = append(shapes, v.shape)
		if v.dtype != x.dtype {
			if n.Op != "Pow" {
				return errorf("arguments of types %v and %v", x.dtype, v.dtype)
			}
			w, err := p.take(x.dtype, v.shape)
			if err != nil {
				return err
			}
			if err := p.cast(n, w, v); err != nil {
				return err
			}
			n.in[i] = w
		}
	}
	shape, err := broadcast(shapes...)
	if err != nil {
		return err
	}
	switch {
	case n.Op == "PRelu" && !slices.Equal(shape, x.shape):
		return errorf("a slope of shape %v for shape %v", n.in[1].shape, x.shape)
	case len(n.in) == 1:
		p.view(n, 0, x, x.shape, 0)
		return nil
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	a := x
	for _, b := range n.in[1:] {
		if err := p.arithmetic(n, y, a, b); err != nil {
			return err
		}
		a = y
	}
	if n.Op == "Mean" {
		share := constant(&onnx.Tensor{Shape: []int{}, Data: []float64{1 / float64(len(n.in))}})
		if x.dtype == onnx.Float32 {
			share = constant(onnx.Scalar(float32(1 / float64(len(n.in)))))
		}
		return p.arithmetic(n.as("Mul"), y, y, share)
	}
	return nil
}

// isRelu tells whether the larger of v and floor is relu of v.
func isRelu(v, floor *value) bool {
	if v.dtype != onnx.Float32 || floor.dtype != onnx.Float32 || !floor.known || slices.ContainsFunc(floor.floats(), func(x float32) bool { return x != 0 }) {
		return false
	}
	shape, err := broadcast(v.shape, floor.shape)
	return err == nil && slices.Equal(shape, v.shape)
}

func (p *binder) arithmetic(n *node, y, a, b *value) error {
	if vector := vectorFunctions[n.Op]; vector != nil && y.dtype == onnx.Float32 {
		one, overwrites := ofFloats[float32](n), true
		if t, s := p.tanhSigmoid(n, a, b); t != nil {
			if a, b, vector = t, s, kernel.TanhSigmoid; p.fast {
				vector = kernel.FastTanhSigmoid
			}
			one, overwrites = spread(vector), false
		}
		if sweeps(y, a, b) {
			p.elementwise(n, y, []*value{a, b}, func(dst []float32, args [][]float32) { vector(dst, args[0], args[1]) })
			return nil
		}
		run := vectorPairs(y, a, b, vector, rowsFunctions[n.Op])
		if run == nil {
			run = pairs(y, a, b, one)
		}
		p.add(n, &step{run: run, reads: []*value{a, b}, writes: []*value{y}, overwrites: overwrites})
		return nil
	}
	r := runs{
		pairs(y, a, b, ofFloats[float32](n)), pairs(y, a, b, ofFloats[float64](n)),
		pairs(y, a, b, ofIntegers[int64](n)), pairs(y, a, b, ofIntegers[int32](n)),
		pairs(y, a, b, ofIntegers[int8](n)), pairs(y, a, b, ofIntegers[uint8](n)),
	}
	if err := p.addByType(n, y, []*value{a, b}, r); err != nil {
		return err
	}
	p.steps[len(p.steps)-1].overwrites = true
	return nil
}

// pairs runs f over two arguments that broadcast to y.
func pairs[T, U onnx.Element](y, a, b *value, f binary[T, U]) func(*workers) error {
	if f == nil {
		return nil
	}
	l := newLoops(y.shape, strides(y.shape), broadcastSteps(a.shape, y.shape), broadcastSteps(b.shape, y.shape))
	many := func(step int) int {
		if step == 0 {
			return 1
		}
		return l.n
	}
	na, nb := many(l.step[1]), many(l.step[2])
	return func(*workers) (err error) {
		dst, x, z := elements[U](y), elements[T](a), elements[T](b)
		l.each(func() {
			at := l.at
			for range l.rows {
				e := f(dst[at[0]:][:l.n], x[at[1]:][:na], z[at[2]:][:nb])
				if e != nil {
					err = e
				}
				for k := range at {
					at[k] += l.row[k]
				}
			}
		})
		return err
	}
}

// each runs a function of two elements over runs of them.
func each[T, U onnx.Element](f func(a, b T) U) binary[T, U] {
	return func(dst []U, a, b []T) error {
		switch {
		case len(a) == len(dst) && len(b) == len(dst):
			for i, x := range a {
				dst[i] = f(x, b[i])
			}
		case len(a) == len(dst):
			for i, x := range a {
				dst[i] = f(x, b[0])
			}
		case len(b) == len(dst):
			for i, x := range b {
				dst[i] = f(a[0], x)
			}
		default: // there are more arguments, which are not repeated
			x := f(a[0], b[0])
			for i := range dst {
				dst[i] = x
			}
		}
		return nil
	}
}

func ofFloats[T float32 | float64](n *node) binary[T, T] {
	switch n.Op {
	case "Add", "Sum", "Mean":
		return each(func(a, b T) T { return a + b })
	case "Sub":
		return each(func(a, b T) T { return a - b })
	case "Mul":
		return each(func(a, b T) T { return a * b })
	case "Div":
		return each(func(a, b T) T { return a / b })
	case "Pow":
		return each(func(a, b T) T {
			if b == 2 {
				return a * a
			}
			return T(math.Pow(float64(a), float64(b)))
		})
	case "Mod": // takes the dividend's sign, and is there with fmod=1 only
		if n.Attrs.Int("fmod", 0) == 0 {
			return nil
		}
		return each(func(a, b T) T { return T(math.Mod(float64(a), float64(b))) })
	case "Min":
		return each(func(a, b T) T { return min(a, b) })
	case "Max":
		return each(func(a, b T) T { return max(a, b) })
	case "PRelu":
		return each(func(a, b T) T {
			if a < 0 {
				return a * b
			}
			return a
		})
	}
	return nil
}

var errDivision = errors.New("an integer is divided by zero")

func ofIntegers[T int64 | int32 | int8 | uint8](n *node) binary[T, T] {
	switch n.Op {
	case "Add", "Sum":
		return each(func(a, b T) T { return a + b })
	case "Sub":
		return each(func(a, b T) T { return a - b })
	case "Mul":
		return each(func(a, b T) T { return a * b })
	case "Div":
		return divide(func(a, b T) T { return a / b })
	case "Mod":
		if n.Attrs.Int("fmod", 0) != 0 {
			return divide(func(a, b T) T { return a % b })
		}
		return divide(func(a, b T) T { // takes the divisor's sign
			r := a % b
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r
		})
	case "Pow":
		return each(func(a, b T) T { return T(math.Pow(float64(a), float64(b))) })
	case "Min":
		return each(func(a, b T) T { return min(a, b) })
	case "Max":
		return each(func(a, b T) T { return max(a, b) })
	case "PRelu":
		return each(func(a, b T) T {
			if a < 0 {
				return a * b
			}
			return a
		})
	}
	return nil
}

// divide is each for functions that are not defined where b is zero.
func divide[T int64 | int32 | int8 | uint8](f func(a, b T) T) binary[T, T] {
	all := each(f)
	return func(dst, a, b []T) error {
		for _, x := range b {
			if x == 0 {
				return errDivision
			}
		}
		return all(dst, a, b)
	}
}

// bindCompare: comparisons, and logic of bool.
func bindCompare(p *binder, n *node) error {
	a, b := n.in[0], n.in[1]
	if a.dtype != b.dtype {
		return errorf("arguments of types %v and %v", a.dtype, b.dtype)
	}
	shape, err := broadcast(a.shape, b.shape)
	if err != nil {
		return err
	}
	y, err := p.output(n, 0, onnx.Bool, shape)
	if err != nil {
		return err
	}
	return p.addByType(n, y, []*value{a, b}, runs{
		pairs(y, a, b, comparison[float32](n.Op)), pairs(y, a, b, comparison[float64](n.Op)),
		pairs(y, a, b, comparison[int64](n.Op)), pairs(y, a, b, comparison[int32](n.Op)),
		pairs(y, a, b, comparison[int8](n.Op)), pairs(y, a, b, comparison[uint8](n.Op)),
		pairs(y, a, b, logic(n.Op)),
	})
}

func comparison[T number](op string) binary[T, bool] {
	switch op {
	case "Equal":
		return each(func(a, b T) bool { return a == b })
	case "Greater":
		return each(func(a, b T) bool { return a > b })
	case "GreaterOrEqual":
		return each(func(a, b T) bool { return a >= b })
	case "Less":
		return each(func(a, b T) bool { return a < b })
	case "LessOrEqual":
		return each(func(a, b T) bool { return a <= b })
	}
	return nil
}

func logic(op string) binary[bool, bool] {
	switch op {
	case "Equal":
		return each(func(a, b bool) bool { return a == b })
	case "And":
		return each(func(a, b bool) bool { return a && b })
	case "Or":
		return each(func(a, b bool) bool { return a || b })
	case "Xor":
		return each(func(a, b bool) bool { return a != b })
	}
	return nil
}

// bindWhere: elements of one of two arguments, by a condition.
func bindWhere(p *binder, n *node) error {
	c, a, b := n.in[0], n.in[1], n.in[2]
	if c.dtype != onnx.Bool || a.dtype != b.dtype {
		return errorf("arguments of types %v, %v and %v", c.dtype, a.dtype, b.dtype)
	}
	shape, err := broadcast(c.shape, a.shape, b.shape)
	if err != nil {
		return err
	}
	y, err := p.output(n, 0, a.dtype, shape)
	if err != nil {
		return err
	}
	return p.addByType(n, y, []*value{a, b, c}, runs{
		chooser[float32](y, c, a, b), chooser[float64](y, c, a, b), chooser[int64](y, c, a, b), chooser[int32](y, c, a, b),
		chooser[int8](y, c, a, b), chooser[uint8](y, c, a, b), chooser[bool](y, c, a, b),
	})
}

func chooser[T onnx.Element](y, c, a, b *value) func(*workers) error {
	l := newLoops(y.shape, strides(y.shape), broadcastSteps(c.shape, y.shape), broadcastSteps(a.shape, y.shape), broadcastSteps(b.shape, y.shape))
	return func(*workers) error {
		dst, cond, x, z := elements[T](y), elements[bool](c), elements[T](a), elements[T](b)
		l.each(func() {
			for r := range l.rows {
				at := l.at
				for k := range at {
					at[k] += r * l.row[k]
				}
				for range l.n {
					if cond[at[1]] {
						dst[at[0]] = x[at[2]]
					} else {
						dst[at[0]] = z[at[3]]
					}
					for k := range at {
						at[k] += l.step[k]
					}
				}
			}
		})
		return nil
	}
}

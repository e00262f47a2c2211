package goruntime

import (
	"math"
	"slices"

	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// bindReduce: sums, means and the like over some axes, or over all where none are
// given. Sums of float32 are taken in float64.
func bindReduce(p *binder, n *node) error {
	x := n.in[0]
	axes, err := n.axes(x.rank())
	if err != nil {
		return err
	}
	if len(axes) == 0 {
		if n.Attrs.Int("noop_with_empty_axes", 0) == 1 {
			p.view(n, 0, x, x.shape, 0)
			return nil
		}
		for i := range x.shape {
			axes = append(axes, i)
		}
	}
	kept := slices.Clone(x.shape) // with reduced axes of 1
	shape := []int{}
	size := 1
	for i, d := range x.shape {
		chosen := slices.Contains(axes, i)
		if chosen {
			kept[i] = 1
			size *= d
		}
		if !chosen || n.Attrs.Int("keepdims", 1) == 1 {
			shape = append(shape, kept[i])
		}
	}
	y, err := p.output(n, 0, x.dtype, shape)
	if err != nil {
		return err
	}
	if size == 0 && y.count > 0 && (n.Op == "ReduceMax" || n.Op == "ReduceMin" || n.Op == "ReduceMean") {
		return errorf("the %s of no elements", n.Op[len("Reduce"):])
	}
	l := newLoops(x.shape, strides(x.shape), broadcastSteps(kept, x.shape))
	return p.addByType(n, y, []*value{x}, runs{
		reducer[float32](n.Op, y, x, l, size), reducer[float64](n.Op, y, x, l, size),
		integerReducer[int64](n.Op, y, x, l), integerReducer[int32](n.Op, y, x, l),
	})
}

// folding is how a reduction takes in one more element, and what it does at the end.
type folding[A float64 | int64] struct {
	start  A
	take   func(sum, x A) A
	finish func(sum A) A
}

func reducer[T float32 | float64](op string, y, x *value, l *loops, size int) func(*workers) error {
	keep := func(a float64) float64 { return a }
	f := folding[float64]{finish: keep}
	switch op {
	case "ReduceSum":
		f.take = func(sum, x float64) float64 { return sum + x }
	case "ReduceMean":
		f.take = func(sum, x float64) float64 { return sum + x }
		f.finish = func(sum float64) float64 { return sum / float64(size) }
	case "ReduceProd":
		f.start, f.take = 1, func(sum, x float64) float64 { return sum * x }
	case "ReduceMax":
		f.start, f.take = math.Inf(-1), func(sum, x float64) float64 { return max(sum, x) }
	case "ReduceMin":
		f.start, f.take = math.Inf(1), func(sum, x float64) float64 { return min(sum, x) }
	case "ReduceSumSquare":
		f.take = func(sum, x float64) float64 { return sum + float64(x*x) }
	case "ReduceL1":
		f.take = func(sum, x float64) float64 { return sum + math.Abs(x) }
	case "ReduceL2":
		f.take, f.finish = func(sum, x float64) float64 { return sum + float64(x*x) }, math.Sqrt
	case "ReduceLogSum":
		f.take, f.finish = func(sum, x float64) float64 { return sum + x }, math.Log
	case "ReduceLogSumExp":
		return logSumExp[T](y, x, l)
	}
	return foldOver[T](y, x, l, f)
}

func integerReducer[T int64 | int32](op string, y, x *value, l *loops) func(*workers) error {
	f := folding[int64]{finish: func(a int64) int64 { return a }}
	switch op {
	case "ReduceSum":
		f.take = func(sum, x int64) int64 { return sum + x }
	case "ReduceProd":
		f.start, f.take = 1, func(sum, x int64) int64 { return sum * x }
	case "ReduceMax":
		f.start, f.take = math.MinInt64, func(sum, x int64) int64 { return max(sum, x) }
	case "ReduceMin":
		f.start, f.take = math.MaxInt64, func(sum, x int64) int64 { return min(sum, x) }
	default:
		return nil
	}
	return foldOver[T](y, x, l, f)
}

// foldOver reduces x to y; array 0 of the loops is x, array 1 y. Elements are taken
// in the order in which they are in memory.
func foldOver[T number, A float64 | int64](y, x *value, l *loops, f folding[A]) func(*workers) error {
	sums := make([]A, y.count)
	return func(*workers) error {
		src, dst := elements[T](x), elements[T](y)
		for i := range sums {
			sums[i] = f.start
		}
		l.each(func() {
			for r := range l.rows {
				s, d := l.at[0]+r*l.row[0], l.at[1]+r*l.row[1]
				for range l.n {
					sums[d] = f.take(sums[d], A(src[s]))
					s += l.step[0]
					d += l.step[1]
				}
			}
		})
		for i, sum := range sums {
			dst[i] = T(f.finish(sum))
		}
		return nil
	}
}

// logSumExp subtracts the largest element first.
func logSumExp[T float32 | float64](y, x *value, l *loops) func(*workers) error {
	largest, sums := make([]float64, y.count), make([]float64, y.count)
	return func(*workers) error {
		src, dst := elements[T](x), elements[T](y)
		for i := range sums {
			largest[i], sums[i] = math.Inf(-1), 0
		}
		visit := func(f func(d int, x float64)) {
			l.each(func() {
				for r := range l.rows {
					s, d := l.at[0]+r*l.row[0], l.at[1]+r*l.row[1]
					for range l.n {
						f(d, float64(src[s]))
						s += l.step[0]
						d += l.step[1]
					}
				}
			})
		}
		visit(func(d int, x float64) { largest[d] = max(largest[d], x) })
		visit(func(d int, x float64) {
			if x != largest[d] { // infinities included
				x = math.Exp(x - largest[d])
			} else {
				x = 1
			}
			sums[d] += x
		})
		for i, sum := range sums {
			dst[i] = T(largest[i] + math.Log(sum))
		}
		return nil
	}
}

// bindArg: the number of the largest, or of the smallest, along one axis; of equals the first one, or the last.
func bindArg(p *binder, n *node) error {
	x := n.in[0]
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), x.rank())
	if err != nil {
		return err
	}
	shape := slices.Clone(x.shape)
	f := arg{least: n.Op == "ArgMin", last: n.Attrs.Int("select_last_index", 0) == 1, size: shape[axis], inner: product(shape[axis+1:])}
	if shape[axis] = 1; n.Attrs.Int("keepdims", 1) == 0 {
		shape = slices.Delete(shape, axis, axis+1)
	}
	y, err := p.output(n, 0, onnx.Int64, shape)
	if err != nil {
		return err
	}
	if f.size == 0 && y.count > 0 {
		return errorf("the %s of no elements", n.Op)
	}
	return p.addByType(n, y, []*value{x}, runs{
		argOf[float32](f, y, x), argOf[float64](f, y, x), argOf[int64](f, y, x), argOf[int32](f, y, x), argOf[int8](f, y, x), argOf[uint8](f, y, x),
	})
}

type arg struct {
	least, last bool
	size, inner int
}

func argOf[T number](f arg, y, x *value) func(*workers) error {
	return func(*workers) error {
		src, dst := elements[T](x), elements[int64](y)
		for i := range dst {
			from := src[i/f.inner*f.size*f.inner+i%f.inner:]
			best := from[0]
			dst[i] = 0
			for k := range f.size {
				e := from[k*f.inner]
				if better := e > best && !f.least || e < best && f.least; better || f.last && e == best {
					best, dst[i] = e, int64(k)
				}
			}
		}
		return nil
	}
}

// bindSoftmax: along one axis; before operator set 13 along all from the axis on.
func bindSoftmax(p *binder, n *node) error {
	x := n.in[0]
	def := int64(-1)
	if n.opset < 13 {
		def = 1
	}
	axis, err := onnx.Axis(n.Attrs.Int("axis", def), x.rank())
	if err != nil {
		return err
	}
	outer, size, inner := product(x.shape[:axis]), x.shape[axis], product(x.shape[axis+1:])
	if n.opset < 13 {
		size, inner = size*inner, 1
	}
	y, err := p.output(n, 0, x.dtype, x.shape)
	if err != nil {
		return err
	}
	f := softmax{y: y, x: x, outer: outer, size: size, inner: inner, logs: n.Op == "LogSoftmax"}
	if x.dtype == onnx.Float32 && inner == 1 {
		p.add(n, &step{run: f.rows(), reads: []*value{x}, writes: []*value{y}})
		return nil
	}
	return p.addByType(n, y, []*value{x}, runs{softmaxOf[float32](f), softmaxOf[float64](f)})
}

type softmax struct {
	y, x               *value
	outer, size, inner int
	logs               bool
}

func softmaxOf[T float32 | float64](f softmax) func(*workers) error {
	terms := make([]float64, f.size)
	return func(*workers) error {
		src, dst := elements[T](f.x), elements[T](f.y)
		for i := range f.outer * f.inner {
			base := i/f.inner*f.size*f.inner + i%f.inner
			largest := math.Inf(-1)
			for k := range terms {
				terms[k] = float64(src[base+k*f.inner])
				largest = max(largest, terms[k])
			}
			var sum float64
			for k, t := range terms {
				terms[k] = t - largest
				sum += math.Exp(t - largest)
			}
			log := math.Log(sum)
			for k, t := range terms {
				if f.logs {
					dst[base+k*f.inner] = T(t - log)
				} else {
					dst[base+k*f.inner] = T(math.Exp(t) / sum)
				}
			}
		}
		return nil
	}
}

// longRow is from which length on a row's sums are taken side by side: one that waits for
// the other takes longer than all else.
const longRow = 32

// largest is that of a row. Of a long one it takes the larger halves, again and again; room
// has its length.
func (f softmax) largest(row, room []float32) float32 {
	for len(row) >= longRow {
		half := len(row) / 2
		kernel.Max(room[:half], row[:half], row[half:2*half])
		if len(row)%2 == 1 {
			room[0] = max(room[0], row[len(row)-1])
		}
		row = room[:half]
	}
	largest := row[0]
	for _, x := range row[1:] {
		largest = max(largest, x)
	}
	return largest
}

// sumOf adds up, eight side by side.
func sumOf(x []float32) float64 {
	var s [8]float64
	for ; len(x) >= 8; x = x[8:] {
		s[0], s[1], s[2], s[3] = s[0]+float64(x[0]), s[1]+float64(x[1]), s[2]+float64(x[2]), s[3]+float64(x[3])
		s[4], s[5], s[6], s[7] = s[4]+float64(x[4]), s[5]+float64(x[5]), s[6]+float64(x[6]), s[7]+float64(x[7])
	}
	sum := (s[0] + s[4]) + (s[1] + s[5]) + (s[2] + s[6]) + (s[3] + s[7])
	for _, e := range x {
		sum += float64(e)
	}
	return sum
}

// rows is softmaxOf for rows of float32, which takes the exponentials of many rows at a
// time.
func (f softmax) rows() func(*workers) error {
	lot := max(1, sweepLen/max(1, f.size)) // rows
	terms := make([]float32, min(lot, f.outer)*f.size)
	return func(*workers) error {
		src, dst := f.x.floats(), f.y.floats()
		for first := 0; first < f.outer; first += lot {
			n := min(lot, f.outer-first) * f.size
			src, dst, terms := src[first*f.size:][:n], dst[first*f.size:][:n], terms[:n]
			for i := 0; i < n; i += f.size {
				row, less := src[i:i+f.size], dst[i:i+f.size]
				largest := f.largest(row, terms)
				for k, x := range row {
					less[k] = x - largest
				}
			}
			kernel.Exp(terms, dst)
			for i := 0; i < n; i += f.size {
				if f.size >= longRow && !f.logs {
					by := float32(1 / sumOf(terms[i:i+f.size]))
					for k, e := range terms[i : i+f.size] {
						dst[i+k] = e * by
					}
					continue
				}
				var sum float64
				for _, e := range terms[i : i+f.size] {
					sum += float64(e)
				}
				if f.logs {
					log := float32(math.Log(sum))
					for k := range dst[i : i+f.size] {
						dst[i+k] -= log
					}
					continue
				}
				for k, e := range terms[i : i+f.size] {
					dst[i+k] = float32(float64(e) / sum)
				}
			}
		}
		return nil
	}
}

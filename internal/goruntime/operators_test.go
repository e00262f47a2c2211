package goruntime_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// opCase is one node with its arguments and what it should give.
type opCase struct {
	name  string // beside the operator
	op    string
	opset int64 // 17 where it is 0
	attrs onnx.Attrs
	in    []*onnx.Tensor // nil where absent
	known []int          // inputs that are constants in any case
	want  []*onnx.Tensor
	// noORT says why ONNX Runtime is not asked.
	noORT string
}

func f32(shape []int, x ...float32) *onnx.Tensor { return onnx.NewTensor(x, shape...) }
func i64(shape []int, x ...int64) *onnx.Tensor   { return onnx.NewTensor(x, shape...) }
func i32(shape []int, x ...int32) *onnx.Tensor   { return onnx.NewTensor(x, shape...) }
func bools(shape []int, x ...bool) *onnx.Tensor  { return onnx.NewTensor(x, shape...) }

// list is a one-dimensional int64 tensor.
func list(x ...int64) *onnx.Tensor { return onnx.NewTensor(x, len(x)) }

// d is a shape.
func d(shape ...int) []int { return append([]int{}, shape...) }

// model makes a file of the node. The inputs in known are constants.
func (c *opCase) model(t testing.TB, known func(i int) bool) (file []byte, inputs []*onnx.Tensor) {
	t.Helper()
	g := &onnx.Graph{Name: "test"}
	var args []*onnx.Value
	for i, x := range c.in {
		switch {
		case x == nil:
			args = append(args, nil)
		case known(i):
			args = append(args, onnx.Const("", x))
		default:
			args = append(args, g.Input(fmt.Sprintf("in%d", i), x.DType(), onnx.Shape(x.Shape...)...))
			inputs = append(inputs, x)
		}
	}
	for i, v := range g.Ops(len(c.want), c.op, c.attrs, args...) {
		if w := c.want[i]; w != nil {
			g.Output(v, fmt.Sprintf("out%d", i), w.DType(), onnx.Shape(w.Shape...)...)
		} else {
			v.Node.Outputs[i] = nil
		}
	}
	return marshal(t, g, c.opset), inputs
}

func marshal(t testing.TB, g *onnx.Graph, opset int64) []byte {
	t.Helper()
	if opset == 0 {
		opset = 17
	}
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": opset}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// zeros makes a tensor for the result of a graph.
func zeros(like *onnx.Tensor) *onnx.Tensor {
	y := &onnx.Tensor{Shape: like.Shape}
	switch d := like.Data.(type) {
	case []float32:
		y.Data = make([]float32, len(d))
	case []float64:
		y.Data = make([]float64, len(d))
	case []int64:
		y.Data = make([]int64, len(d))
	case []int32:
		y.Data = make([]int32, len(d))
	case []int8:
		y.Data = make([]int8, len(d))
	case []uint8:
		y.Data = make([]uint8, len(d))
	case []bool:
		y.Data = make([]bool, len(d))
	}
	return y
}

// evaluate loads, binds and runs a file once, or twice where the second must give
// the same.
func evaluate(rt onnx.Runtime, file []byte, inputs, like []*onnx.Tensor) ([]*onnx.Tensor, error) {
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []*onnx.Tensor
	for _, w := range like {
		if w != nil {
			out = append(out, zeros(w))
		}
	}
	b, err := s.Bind(inputs, out)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for range 2 {
		if err := b.Run(context.Background()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// distance is the largest difference between two tensors, relative where they are
// large; infinite where they are of different types or lengths.
func distance(a, b *onnx.Tensor) float64 {
	x, y := numbers(a), numbers(b)
	if a.DType() != b.DType() || len(x) != len(y) || !slices.Equal(a.Shape, b.Shape) {
		return math.Inf(1)
	}
	var worst float64
	for i := range x {
		if x[i] == y[i] || x[i] != x[i] && y[i] != y[i] {
			continue
		}
		diff := math.Abs(x[i]-y[i]) / max(1, math.Abs(y[i]))
		if !(diff <= worst) {
			worst = diff
		}
	}
	return worst
}

func numbers(t *onnx.Tensor) []float64 {
	var out []float64
	switch d := t.Data.(type) {
	case []float32:
		out = float64s(d)
	case []float64:
		out = d
	case []int64:
		out = float64s(d)
	case []int32:
		out = float64s(d)
	case []int8:
		out = float64s(d)
	case []uint8:
		out = float64s(d)
	case []bool:
		for _, v := range d {
			x := 0.
			if v {
				x = 1
			}
			out = append(out, x)
		}
	}
	return out
}

func float64s[T float32 | int64 | int32 | int8 | uint8](d []T) []float64 {
	out := make([]float64, len(d))
	for i, v := range d {
		out[i] = float64(v)
	}
	return out
}

func newRuntime(t testing.TB) *goruntime.Runtime {
	t.Helper()
	rt, err := goruntime.New(goruntime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// checkOps runs each case with arguments that come at Run and with constants, and
// asks ONNX Runtime what it makes of it.
func checkOps(t *testing.T, cases []opCase) {
	t.Helper()
	rt := newRuntime(t)
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	const tolerance = 1e-6
	for _, c := range cases {
		t.Run(c.op+" "+c.name, func(t *testing.T) {
			compare := func(who string, rt onnx.Runtime, known func(i int) bool) {
				file, inputs := c.model(t, known)
				got, err := evaluate(rt, file, inputs, c.want)
				if err != nil {
					t.Errorf("%s: %v", who, err)
					return
				}
				for _, w := range c.want {
					if w == nil {
						continue
					}
					if d := distance(got[0], w); !(d <= tolerance) {
						t.Errorf("%s: got %v of shape %v, want %v of shape %v", who, got[0].Data, got[0].Shape, w.Data, w.Shape)
					}
					got = got[1:]
				}
			}
			some := func(i int) bool { return slices.Contains(c.known, i) }
			compare("at run", rt, some)
			compare("folded", rt, func(int) bool { return true })
			if c.noORT == "" && !c.hasScalar() {
				compare("ONNX Runtime", ort, some)
			}
		})
	}
}

// hasScalar tells whether a tensor of rank 0 would have to be bound, which ONNX
// Runtime's binding cannot do.
func (c *opCase) hasScalar() bool {
	for i, x := range c.in {
		if x != nil && len(x.Shape) == 0 && !slices.Contains(c.known, i) {
			return true
		}
	}
	return slices.ContainsFunc(c.want, func(w *onnx.Tensor) bool { return w != nil && len(w.Shape) == 0 })
}

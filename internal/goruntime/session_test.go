package goruntime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// graph makes the file of a graph that build writes.
func graph(t testing.TB, build func(g *onnx.Graph)) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "test"}
	build(g)
	return marshal(t, g, 17)
}

// load loads a file that must be right.
func load(t testing.TB, file []byte, opt onnx.SessionOptions) onnx.Session {
	t.Helper()
	s, err := onnx.LoadFile(newRuntime(t), file, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bind binds tensors that must fit.
func bind(t testing.TB, s onnx.Session, in, out []*onnx.Tensor) onnx.Binding {
	t.Helper()
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func run(t testing.TB, b onnx.Binding) {
	t.Helper()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestLoadErrors(t *testing.T) {
	n := onnx.Free("n")
	weight := onnx.Const("w", f32(d(3, 2), make([]float32, 6)...))
	output := func(g *onnx.Graph, v *onnx.Value) { g.Output(v, "y", onnx.Float32, n, n) }
	input := func(g *onnx.Graph, shape ...onnx.Dim) *onnx.Value { return g.Input("x", onnx.Float32, shape...) }
	var unknown *goruntime.UnknownOpError
	var opset *goruntime.OpsetError
	var node *goruntime.NodeError
	for _, c := range []struct {
		name  string
		opset int64
		build func(g *onnx.Graph)
		as    any
		parts string
	}{
		{"operator", 17, func(g *onnx.Graph) { output(g, g.Op("Hardmax", nil, input(g, n, n))) }, &unknown, "operator Hardmax is not supported"},
		{"domain", 17, func(g *onnx.Graph) {
			v := g.Op("Relu", nil, input(g, n, n))
			v.Node.Domain = "com.example"
			output(g, v)
		}, onnx.ErrOperator, `"com.example"`},
		{"old operator set", 9, func(g *onnx.Graph) { output(g, g.Op("Relu", nil, input(g, n, n))) }, &opset, "operator set 9"},
		{"new operator set", 99, func(g *onnx.Graph) { output(g, g.Op("Relu", nil, input(g, n, n))) }, &opset, "operator set 99"},
		{"inputs", 17, func(g *onnx.Graph) { output(g, g.Op("Concat", nil, nil)) }, onnx.ErrFormat, "its input 0 is missing"},
		{"inputs of few", 17, func(g *onnx.Graph) { output(g, g.Op("Add", nil, input(g, n, n))) }, onnx.ErrFormat, `Add that makes "y": it has 1 inputs`},
		{"inputs of many", 17, func(g *onnx.Graph) {
			x := input(g, n, n)
			output(g, g.Op("Mod", nil, x, x, x))
		}, &node, `Mod that makes "y": 3 inputs`},
		{"missing input", 17, func(g *onnx.Graph) { output(g, g.Op("Add", nil, nil, input(g, n, n))) }, onnx.ErrFormat, "its input 0 is missing"},
		{"attribute", 17, func(g *onnx.Graph) {
			output(g, g.Op("Relu", onnx.Attrs{"alpha": float32(1)}, input(g, n, n)))
		}, &node, `attribute "alpha" is not supported`},
		{"attribute's type", 17, func(g *onnx.Graph) {
			output(g, g.Op("Softmax", onnx.Attrs{"axis": float32(1)}, input(g, n, n)))
		}, &node, `attribute "axis" is a float32`},
		{"shapes", 17, func(g *onnx.Graph) {
			output(g, g.Op("MatMul", nil, input(g, onnx.Fixed(2), onnx.Fixed(2)), weight))
		}, onnx.ErrShape, "factors of shapes [2 2] and [3 2]"},
		{"shapes of any batch", 17, func(g *onnx.Graph) {
			output(g, g.Op("MatMul", nil, input(g, n, onnx.Fixed(2)), weight))
		}, onnx.ErrShape, "factors of shapes [1 2] and [3 2]"},
		{"constants", 17, func(g *onnx.Graph) { output(g, g.Op("MatMul", nil, weight, weight)) }, onnx.ErrShape, "factors of shapes"},
		{"division", 17, func(g *onnx.Graph) {
			q := g.Op("Div", nil, onnx.Const("", list(1)), onnx.Const("", list(0)))
			output(g, g.Op("Reshape", nil, input(g, n, n), q))
		}, onnx.ErrShape, "a division by zero"},
		{"sizes from data", 17, func(g *onnx.Graph) {
			s := g.Input("s", onnx.Int64, onnx.Fixed(2))
			output(g, g.Op("Reshape", nil, input(g, n, n), s))
		}, onnx.ErrShape, "a size cannot be told before it runs"},
		{"memory", 17, func(g *onnx.Graph) {
			output(g, g.Op("Expand", nil, weight, onnx.Const("", list(1<<20, 3, 2))))
		}, onnx.ErrLimit, "over the limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &onnx.Graph{Name: "test"}
			c.build(g)
			rt, err := goruntime.New(goruntime.Config{Limits: onnx.Limits{Memory: 1 << 20}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = rt.Load(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": c.opset}, Graph: g}, onnx.SessionOptions{})
			wantError(t, err, c.parts)
			if want, ok := c.as.(error); ok {
				if !errors.Is(err, want) {
					t.Errorf("the error does not wrap %q", want)
				}
			} else if !errors.As(err, c.as) {
				t.Errorf("the error is a %T", err)
			}
		})
	}
	_, err := newRuntime(t).Load(nil, onnx.SessionOptions{})
	if !errors.Is(err, onnx.ErrFormat) {
		t.Errorf("of no model: %v", err)
	}
	_, err = newRuntime(t).Load(nil, onnx.SessionOptions{Threads: -1})
	wantError(t, err, "-1 threads")
	_, err = goruntime.New(goruntime.Config{Limits: onnx.Limits{Memory: -1}})
	wantError(t, err, "Memory is -1")
}

// wantError checks that err is one line that holds a part.
func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "goruntime: ") {
		t.Errorf("error %v, want one line of this package with %q", err, part)
	}
}

// double is x → x + x, of any number of rows of two.
func double(t testing.TB) []byte {
	return graph(t, func(g *onnx.Graph) {
		x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
		g.Output(g.Op("Add", nil, x, x), "y", onnx.Float32, onnx.Free("n"), onnx.Fixed(2))
	})
}

func TestBindErrors(t *testing.T) {
	s := load(t, double(t), onnx.SessionOptions{})
	good := func() *onnx.Tensor { return f32(d(1, 2), 1, 2) }
	var shape *goruntime.ShapeError
	var dtype *goruntime.TypeError
	for _, c := range []struct {
		name    string
		in, out []*onnx.Tensor
		as      any
		part    string
	}{
		{"number", nil, []*onnx.Tensor{good()}, nil, "0 input tensors, the graph has 1"},
		{"nil", []*onnx.Tensor{nil}, []*onnx.Tensor{good()}, nil, `no tensor for "x"`},
		{"input shape", []*onnx.Tensor{f32(d(1, 3), 1, 2, 3)}, []*onnx.Tensor{good()}, &shape, `"x" has shape [1 3], the graph wants [-1 2]`},
		{"rank", []*onnx.Tensor{f32(d(2), 1, 2)}, []*onnx.Tensor{good()}, &shape, `"x" has shape [2]`},
		{"output shape", []*onnx.Tensor{good()}, []*onnx.Tensor{f32(d(2, 2), 1, 2, 3, 4)}, &shape, `"y" has shape [2 2], the graph wants [1 2]`},
		{"type", []*onnx.Tensor{i64(d(1, 2), 1, 2)}, []*onnx.Tensor{good()}, &dtype, `"x" has element type int64, the graph wants float32`},
		{"length", []*onnx.Tensor{{Shape: d(1, 2), Data: []float32{1}}}, []*onnx.Tensor{good()}, nil, "hence 2 elements, but 1 are there"},
		{"negative", []*onnx.Tensor{{Shape: d(-1, 2), Data: []float32{}}}, []*onnx.Tensor{good()}, nil, "negative dimension"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Bind(c.in, c.out)
			wantError(t, err, c.part)
			if c.as != nil && !errors.As(err, c.as) {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

func TestClose(t *testing.T) {
	s, err := onnx.LoadFile(newRuntime(t), double(t), onnx.SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	x, y := f32(d(1, 2), 1, 2), f32(d(1, 2), 0, 0)
	b, err := s.Bind([]*onnx.Tensor{x}, []*onnx.Tensor{y})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, goruntime.ErrInUse) {
		t.Errorf("closing a session in use: %v", err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("closing a binding: %v", err)
		}
	}
	if err := b.Run(context.Background()); !errors.Is(err, goruntime.ErrClosed) {
		t.Errorf("running a closed binding: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("closing a session: %v", err)
		}
	}
	if _, err := s.Bind([]*onnx.Tensor{x}, []*onnx.Tensor{y}); !errors.Is(err, goruntime.ErrClosed) {
		t.Errorf("binding a closed session: %v", err)
	}
}

func TestRunErrors(t *testing.T) {
	file := graph(t, func(g *onnx.Graph) {
		x := g.Input("x", onnx.Int64, onnx.Fixed(1))
		g.Output(g.Op("Gather", nil, onnx.Const("", f32(d(2), 5, 6)), x), "y", onnx.Float32, onnx.Fixed(1))
		g.Output(g.Op("Div", nil, onnx.Const("", list(6)), x), "z", onnx.Int64, onnx.Fixed(1))
	})
	// The checks refuse such a Div where the caller does not vouch for it.
	rt, err := goruntime.New(goruntime.Config{Limits: onnx.Limits{Operators: []string{"Div"}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, y, z := list(1), f32(d(1), 0), list(0)
	b := bind(t, s, []*onnx.Tensor{x}, []*onnx.Tensor{y, z})
	run(t, b)
	if y.Floats()[0] != 6 || z.Ints()[0] != 6 {
		t.Errorf("got %v and %v, want 6 and 6", y.Data, z.Data)
	}
	var node *goruntime.NodeError
	for i, part := range map[int64]string{2: "index 2 of 2", -3: "index -3 of 2", 0: "divided by zero"} {
		x.Ints()[0] = i
		err := b.Run(context.Background())
		wantError(t, err, part)
		if !errors.As(err, &node) {
			t.Errorf("the error is a %T", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// Inputs and outputs may be parts of one slice, and a graph may put out its inputs,
// its constants, and one value twice or in another shape.
func TestTensorsInPlace(t *testing.T) {
	file := graph(t, func(g *onnx.Graph) {
		two := onnx.Fixed(2)
		x := g.Input("x", onnx.Float32, two, two)
		sum := g.Op("Add", nil, x, onnx.Const("", f32(d(1), 10)))
		g.Output(sum, "sum", onnx.Float32, two, two)
		g.Output(g.Op("Reshape", nil, sum, onnx.Const("", list(4))), "flat", onnx.Float32, onnx.Fixed(4))
		g.Output(g.Op("Slice", nil, sum, onnx.Const("", list(1)), onnx.Const("", list(2))), "row", onnx.Float32, onnx.Fixed(1), two)
		g.Output(g.Op("Identity", nil, x), "same", onnx.Float32, two, two)
		g.Output(g.Op("Constant", onnx.Attrs{"value": f32(d(1), 7)}), "seven", onnx.Float32, onnx.Fixed(1))
		g.Output(g.Op("Squeeze", nil, g.Op("Relu", nil, g.Op("Unsqueeze", nil, sum, onnx.Const("", list(0))))), "relu", onnx.Float32, two, two)
	})
	all := make([]float32, 40)
	next := 1 // not aligned
	view := func(shape ...int) *onnx.Tensor {
		n := (&onnx.Tensor{Shape: shape}).Len()
		v := onnx.NewTensor(all[next:next+n:next+n], shape...)
		next += n + 1
		return v
	}
	x := view(2, 2)
	out := []*onnx.Tensor{view(2, 2), view(4), view(1, 2), view(2, 2), view(1), view(2, 2)}
	b := bind(t, load(t, file, onnx.SessionOptions{}), []*onnx.Tensor{x}, out)
	for _, first := range []float32{1, -20} {
		copy(x.Floats(), []float32{first, 2, 3, 4})
		run(t, b)
		f := first + 10
		for i, want := range [][]float32{{f, 12, 13, 14}, {f, 12, 13, 14}, {13, 14}, {first, 2, 3, 4}, {7}, {max(0, f), 12, 13, 14}} {
			if got := fmt.Sprint(out[i].Data); got != fmt.Sprint(want) {
				t.Errorf("output %d is %v, want %v", i, got, want)
			}
		}
	}
	if all[0] != 0 || all[5] != 0 || all[next-1] != 0 {
		t.Errorf("an element between the tensors was written: %v", all)
	}
}

func TestProfile(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "profile")
	s, err := onnx.LoadFile(newRuntime(t), double(t), onnx.SessionOptions{ProfilePrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Bind([]*onnx.Tensor{f32(d(1, 2), 1, 2)}, []*onnx.Tensor{f32(d(1, 2), 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		run(t, b)
	}
	if err := errors.Join(b.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(prefix + "_go.json")
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name string
		Args struct {
			Op    string `json:"op_name"`
			Calls int
			Bytes int
		}
	}
	if err := json.Unmarshal(content, &events); err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || events[0].Name != "model_run" || events[0].Args.Calls != 3 ||
		events[1].Args.Op != "Add" || events[1].Args.Calls != 3 || events[1].Args.Bytes != 3*3*8 || events[1].Name != `Add that makes "y"` {
		t.Errorf("the profile is %+v, want three runs and calls of Add", events)
	}
}

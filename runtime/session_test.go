//go:build cgo

package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
)

func load(t testing.TB, env *Env, m *onnx.Model) onnx.Session {
	t.Helper()
	s, err := env.Load(m, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOK(t, s) })
	return s
}

func bind(t testing.TB, s onnx.Session, in, out []*onnx.Tensor) onnx.Binding {
	t.Helper()
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOK(t, b) })
	return b
}

func TestLoadDescribes(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	want := []onnx.ValueInfo{{Name: "a", DType: onnx.Float32, Shape: []int{-1, 3}}, {Name: "b", DType: onnx.Float32, Shape: []int{-1, 3}}}
	got := s.Inputs()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("inputs %v, want %v", got, want)
	}
	got[0].Shape[0] = 7 // the caller's own
	if !reflect.DeepEqual(s.Inputs(), want) {
		t.Error("a change of what Inputs returned went through")
	}
	if got, want := s.Outputs(), []onnx.ValueInfo{{Name: "out", DType: onnx.Float32, Shape: []int{-1, 3}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	env := openEnv(t)
	unknown := &onnx.Graph{}
	unknown.Output(unknown.Op("Frobnicate", nil, unknown.Input("x", onnx.Float32, onnx.Fixed(1))), "y", onnx.Float32, onnx.Fixed(1))
	mistyped := &onnx.Graph{}
	mistyped.Output(mistyped.Op("Relu", nil, mistyped.Input("x", onnx.Bool, onnx.Fixed(1))), "y", onnx.Bool, onnx.Fixed(1))
	half := &onnx.Graph{}
	half.Output(half.Op("Relu", nil, half.Input("x", 10, onnx.Fixed(1))), "y", 10, onnx.Fixed(1))
	good := sumModel()
	for name, tt := range map[string]struct {
		model *onnx.Model
		opt   onnx.SessionOptions
		want  string
	}{
		"none":             {nil, onnx.SessionOptions{}, "not a usable ONNX file"},
		"empty":            {&onnx.Model{}, onnx.SessionOptions{}, "not a usable ONNX file"},
		"unknown operator": {model(unknown), onnx.SessionOptions{}, "Frobnicate"},
		"no such kernel":   {model(mistyped), onnx.SessionOptions{}, "Relu"},
		"float16":          {model(half), onnx.SessionOptions{}, `input "x" has element type dtype(10)`},
		"threads":          {good, onnx.SessionOptions{Threads: -1}, "-1 threads"},
	} {
		_, err := env.Load(tt.model, tt.opt)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantMessage(t, err, "runtime: ", tt.want)
	}
	if _, err := env.Load(nil, onnx.SessionOptions{}); !errors.Is(err, onnx.ErrFormat) {
		t.Errorf("error %v, want onnx.ErrFormat", err)
	}
}

func TestBindRefuses(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	good := onnx.NewTensor(make([]float32, 6), 2, 3)
	type tensors = []*onnx.Tensor
	for name, tt := range map[string]struct {
		in, out tensors
		want    error // compared as a whole where it is typed
		message string
	}{
		"too few":      {tensors{good}, tensors{good}, nil, "1 input tensors, the graph has 2 inputs"},
		"too many":     {tensors{good, good}, tensors{good, good}, nil, "2 output tensors, the graph has 1 outputs"},
		"nil":          {tensors{good, nil}, tensors{good}, nil, `no tensor for "b"`},
		"rank":         {tensors{good, onnx.NewTensor(make([]float32, 3), 3)}, tensors{good}, &ShapeError{Name: "b", Want: []int{-1, 3}, Got: []int{3}}, ""},
		"rank 0":       {tensors{good, onnx.Scalar(float32(1))}, tensors{good}, &ShapeError{Name: "b", Want: []int{-1, 3}, Got: []int{}}, ""},
		"size":         {tensors{onnx.NewTensor(make([]float32, 8), 2, 4), good}, tensors{good}, &ShapeError{Name: "a", Want: []int{-1, 3}, Got: []int{2, 4}}, ""},
		"output":       {tensors{good, good}, tensors{onnx.NewTensor(make([]float32, 2), 2, 1)}, &ShapeError{Name: "out", Want: []int{-1, 3}, Got: []int{2, 1}}, ""},
		"type":         {tensors{onnx.NewTensor(make([]float64, 6), 2, 3), good}, tensors{good}, &TypeError{Name: "a", Want: onnx.Float32, Got: onnx.Float64}, ""},
		"no type":      {tensors{{Shape: []int{2, 3}}, good}, tensors{good}, &TypeError{Name: "a", Want: onnx.Float32, Got: onnx.Undefined}, ""},
		"foreign type": {tensors{{Shape: []int{2, 3}, Data: make([]int16, 6)}, good}, tensors{good}, &TypeError{Name: "a", Want: onnx.Float32, Got: onnx.Undefined}, ""},
		"too short":    {tensors{{Shape: []int{2, 3}, Data: make([]float32, 5)}, good}, tensors{good}, nil, `"a" has shape [2 3], hence 6 elements, but 5 are there`},
		"negative":     {tensors{{Shape: []int{-1, 3}, Data: make([]float32, 3)}, good}, tensors{good}, nil, "negative dimension"},
	} {
		b, err := s.Bind(tt.in, tt.out)
		if err == nil {
			t.Errorf("%s: no error", name)
			closeOK(t, b)
			continue
		}
		wantMessage(t, err, "runtime: ", tt.message)
		if cause := errors.Unwrap(err); tt.want != nil && !reflect.DeepEqual(cause, tt.want) {
			t.Errorf("%s: error %#v, want %#v", name, cause, tt.want)
		}
	}
}

// What the declared shapes leave open comes out at Run.
func TestRunRefuses(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	two, four := onnx.NewTensor(make([]float32, 6), 2, 3), onnx.NewTensor(make([]float32, 12), 4, 3)
	ended, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := s.Bind([]*onnx.Tensor{two, four}, []*onnx.Tensor{four}); !errors.Is(err, ErrShape) {
		t.Errorf("inputs that do not go together: error %v", err)
	}
	for name, b := range map[string]onnx.Binding{
		"output of another size": bind(t, s, []*onnx.Tensor{two, two}, []*onnx.Tensor{onnx.NewTensor(make([]float32, 12), 4, 3)}),
	} {
		for range 2 { // by either way of running
			err := b.Run(ended)
			if err == nil {
				t.Errorf("%s: no error", name)
				continue
			}
			wantMessage(t, err, "runtime: running the graph failed: ")
			if !errors.Is(err, ErrRun) {
				t.Errorf("%s: error %v does not wrap ErrRun", name, err)
			}
		}
	}
}

func TestRankZeroIsRefused(t *testing.T) {
	g := &onnx.Graph{}
	g.Output(g.Op("Relu", nil, g.Input("x", onnx.Float32)), "y", onnx.Float32)
	s := load(t, openEnv(t), model(g))
	_, err := s.Bind([]*onnx.Tensor{onnx.Scalar(float32(1))}, []*onnx.Tensor{onnx.Scalar(float32(0))})
	wantMessage(t, err, `"x" is of rank 0`, "shape [1]")
}

func TestProfile(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "profile")
	s, err := openEnv(t).Load(sumModel(), onnx.SessionOptions{ProfilePrefix: prefix, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	x := onnx.NewTensor(make([]float32, 3), 1, 3)
	b, err := s.Bind([]*onnx.Tensor{x, x}, []*onnx.Tensor{onnx.NewTensor(make([]float32, 3), 1, 3)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err != nil {
		t.Error(err)
	}
	closeOK(t, b)
	closeOK(t, s)
	files, _ := filepath.Glob(prefix + "*.json")
	if len(files) != 1 {
		t.Fatalf("profiles %v, want one", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(content), `"Mul"`) {
		t.Errorf("the profile names no operator: %v", err)
	}
}

// TestPadBeforeMaxPool: zeros that are padded count as zeros.
func TestPadBeforeMaxPool(t *testing.T) {
	g := &onnx.Graph{Name: "pool"}
	x := g.Input("x", onnx.Float32, onnx.Shape(1, 1, 2, 2)...)
	pads := onnx.Const("", onnx.NewTensor([]int64{0, 0, 1, 1, 0, 0, 1, 1}, 8))
	y := g.Op("MaxPool", onnx.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, g.Op("Pad", nil, g.Op("Neg", nil, x), pads))
	g.Output(y, "y", onnx.Float32, onnx.Shape(1, 1, 2, 2)...)
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
	for name, load := range map[string]func(m *onnx.Model) (onnx.Session, error){
		"ONNX Runtime": func(m *onnx.Model) (onnx.Session, error) { return load(t, openEnv(t), m), nil },
		"Go": func(m *onnx.Model) (onnx.Session, error) {
			rt, err := Go()
			if err != nil {
				return nil, err
			}
			return rt.Load(m, onnx.SessionOptions{})
		},
	} {
		s, err := load(m)
		if err != nil {
			t.Fatal(name, err)
		}
		got := onnx.NewTensor(make([]float32, 4), 1, 1, 2, 2)
		b := bind(t, s, []*onnx.Tensor{onnx.NewTensor([]float32{1, 2, 3, 4}, 1, 1, 2, 2)}, []*onnx.Tensor{got})
		if err := b.Run(context.Background()); err != nil {
			t.Fatal(name, err)
		}
		if want := []float32{0, 0, 0, 0}; !reflect.DeepEqual(got.Floats(), want) {
			t.Errorf("%s: %v, should be %v", name, got.Floats(), want)
		}
	}
}

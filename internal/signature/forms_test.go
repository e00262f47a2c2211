package signature_test

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/internal/signature"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/runtime"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// forOpset is the runtime in Go, or ONNX Runtime for operators that are too old for it.
func forOpset(t testing.TB, m *onnx.Model) onnx.Runtime {
	if m.Opsets[""] < 11 {
		return env
	}
	return goRuntime(t)
}

func goRuntime(t testing.TB) onnx.Runtime {
	t.Helper()
	rt, err := goruntime.New(goruntime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// The network of these tests has pictures of 2×2 pixels with three levels. The output for level
// l is (l+1)·(the level to the left).
var (
	picture = []uint16{1, 2, 2, 0}
	want    = []float32{0, 1, 0, 2 /**/, 0, 2, 0, 4 /**/, 0, 3, 0, 6} // [level, row, column]
)

// A form is a file of that network: what its input is, and what is made of its output.
type form struct {
	dtype  onnx.DType
	in     []int // of the picture's input, without the images
	before func(g *onnx.Graph, x *onnx.Value) *onnx.Value
	after  func(g *onnx.Graph, y *onnx.Value) *onnx.Value // of [N, 3, 2, 2]
	out    []int
	to     onnx.DType
	opset  int64
	opt    signature.Options
}

func ints(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

func reshape(to ...int64) func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	return func(g *onnx.Graph, x *onnx.Value) *onnx.Value { return g.Op("Reshape", nil, x, ints(to...)) }
}

func transpose(perm ...int64) func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	return func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
		return g.Op("Transpose", onnx.Attrs{"perm": perm}, x)
	}
}

func to(dtype onnx.DType) func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	return func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
		return g.Op("Cast", onnx.Attrs{"to": int64(dtype)}, x)
	}
}

// both does one after the other.
func both(a, b func(g *onnx.Graph, x *onnx.Value) *onnx.Value) func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	return func(g *onnx.Graph, x *onnx.Value) *onnx.Value { return b(g, a(g, x)) }
}

// level makes of [N, 3, 2, 2], one-hot, the level.
func level(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	return g.Op("Conv", nil, x, onnx.Const("", onnx.NewTensor([]float32{0, 1, 2}, 1, 3, 1, 1)))
}

func (f form) model(images onnx.Dim) *onnx.Model {
	g := &onnx.Graph{}
	dims := func(shape []int) []onnx.Dim { return append([]onnx.Dim{images}, onnx.Shape(shape...)...) }
	if f.dtype == 0 {
		f.dtype = onnx.Float32
	}
	x := g.Input("x", f.dtype, dims(f.in)...)
	if f.before != nil {
		x = f.before(g, x)
	}
	w := []float32{1, 0, 0, 2, 0, 0, 3, 0, 0}
	y := g.Op("Conv", onnx.Attrs{"pads": []int64{0, 1, 0, 1}}, x, onnx.Const("w", onnx.NewTensor(w, 3, 1, 1, 3)))
	if f.after != nil {
		y = f.after(g, y)
	}
	if f.to == 0 {
		f.to = onnx.Float32
	}
	g.Output(y, "y", f.to, dims(f.out)...)
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": cmp.Or(f.opset, 13)}, Graph: g}
}

// outputs runs a signature's model on a picture, [outputs, H, W].
func outputs(t *testing.T, s *signature.Signature, picture []uint16, conditions ...*onnx.Tensor) []float32 {
	t.Helper()
	session, err := forOpset(t, s.Model()).Load(s.Model(), onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	feed, got := s.Feed(1), onnx.Zeros(onnx.Float32, s.OutputShape(1)...)
	feed.SetImage(0, picture)
	feed.SetConditions(0, conditions)
	binding, err := session.Bind(feed.Tensors(), []*onnx.Tensor{got})
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	if err := binding.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return got.Floats()
}

// TestForms: one network in every form of file has the same outputs, in the one form.
func TestForms(t *testing.T) {
	size := signature.Options{Height: 2, Width: 2}
	number := encoding.Scale{Factor: 1}
	for name, f := range map[string]form{
		"NCHW":             {in: []int{1, 2, 2}, out: []int{3, 2, 2}},
		"NHWC":             {in: []int{2, 2, 1}, before: transpose(0, 3, 1, 2), out: []int{3, 2, 2}},
		"NHW":              {in: []int{2, 2}, before: reshape(-1, 1, 2, 2), out: []int{3, 2, 2}},
		"flat":             {in: []int{4}, before: reshape(-1, 1, 2, 2), out: []int{3, 2, 2}, opt: size},
		"float64":          {dtype: onnx.Float64, in: []int{1, 2, 2}, before: to(onnx.Float32), after: to(onnx.Float64), to: onnx.Float64, out: []int{3, 2, 2}},
		"int64":            {dtype: onnx.Int64, in: []int{1, 2, 2}, before: to(onnx.Float32), out: []int{3, 2, 2}},
		"int32, no C":      {dtype: onnx.Int32, in: []int{2, 2}, before: both(to(onnx.Float32), reshape(-1, 1, 2, 2)), out: []int{3, 2, 2}},
		"uint8":            {dtype: onnx.Uint8, in: []int{1, 2, 2}, before: to(onnx.Float32), out: []int{3, 2, 2}},
		"one-hot":          {in: []int{3, 2, 2}, before: level, out: []int{3, 2, 2}},
		"one-hot, last":    {in: []int{2, 2, 3}, before: both(transpose(0, 3, 1, 2), level), out: []int{3, 2, 2}},
		"one-hot, int64":   {dtype: onnx.Int64, in: []int{3, 2, 2}, before: both(to(onnx.Float32), level), out: []int{3, 2, 2}, opt: signature.Options{InputLayout: "NLHW"}},
		"outputs last":     {in: []int{1, 2, 2}, after: transpose(0, 2, 3, 1), out: []int{2, 2, 3}},
		"a sequence":       {in: []int{1, 2, 2}, after: both(transpose(0, 2, 3, 1), reshape(-1, 4, 3)), out: []int{4, 3}},
		"levels, sequence": {in: []int{1, 2, 2}, after: reshape(-1, 3, 4), out: []int{3, 4}},
		"five dimensions":  {in: []int{1, 2, 2}, after: reshape(-1, 3, 1, 2, 2), out: []int{3, 1, 2, 2}},
		"flat outputs":     {in: []int{1, 2, 2}, after: reshape(-1, 12), out: []int{12}, opt: signature.Options{OutputLayout: "N(LHW)"}},
		"opset 7":          {in: []int{2, 2, 1}, before: transpose(0, 3, 1, 2), after: transpose(0, 2, 3, 1), out: []int{2, 2, 3}, opset: 7},
		"free size":        {in: []int{1, -1, -1}, out: []int{3, -1, -1}, opt: size},
		"free size, last":  {in: []int{1, -1, -1}, after: transpose(0, 2, 3, 1), out: []int{-1, -1, 3}, opt: size},
		"no shape told":    {in: []int{1, 2, 2}, after: transpose(0, 2, 3, 1), out: []int{-1, -1, -1}},
	} {
		for images, dim := range map[string]onnx.Dim{"free": onnx.Free("n"), "fixed": onnx.Fixed(1)} {
			t.Run(name+"/"+images, func(t *testing.T) {
				opt := f.opt
				opt.Head = signature.Categorical
				opt.Scale = number
				m := f.model(dim)
				s, err := signature.Read(m, opt, forOpset(t, m))
				if err != nil {
					t.Fatal(err)
				}
				if got := outputs(t, s, picture); !slices.Equal(got, want) {
					t.Errorf("outputs are %v, want %v", got, want)
				}
				if s.Height != 2 || s.Width != 2 || s.Channels != 1 || s.Levels != 3 || images == "fixed" != (s.Batch == 1) {
					t.Errorf("%d×%d×%d with %d levels, batch %d", s.Height, s.Width, s.Channels, s.Levels, s.Batch)
				}
			})
		}
	}
}

// sequence is a network that says at each place of a sequence what comes next: the output for
// level l is (l+1)·(the integer there).
func sequence(opset int64, length, levels int) *onnx.Model {
	g := &onnx.Graph{}
	x := g.Input("ids", onnx.Int64, onnx.Free("n"), onnx.Fixed(length))
	h := reshape(0, -1, 1)(g, to(onnx.Float32)(g, x))
	w := make([]float32, levels)
	for l := range w {
		w[l] = float32(l + 1)
	}
	g.Output(g.Op("Mul", nil, h, onnx.Const("", onnx.NewTensor(w, 1, 1, levels))), "y", onnx.Float32,
		onnx.Free("n"), onnx.Fixed(length), onnx.Fixed(levels))
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": opset}, Graph: g}
}

// TestStartToken: start tokens go before the symbols, in the forms of Pad and Slice that the
// file's operators have, and only the outputs for symbols are there.
func TestStartToken(t *testing.T) {
	shifted := []float32{5, 1, 2, 2 /**/, 10, 2, 4, 4 /**/, 15, 3, 6, 6}
	two := []uint16{1, 1, 1, 0}
	for _, opset := range []int64{7, 9, 10, 11, 13, 17, 21} {
		for _, c := range []struct {
			tokens         []int64
			outputs, asked int
			picture        []uint16
			want           []float32
		}{
			{[]int64{5}, 3, 0, picture, shifted},
			{[]int64{7, 5}, 3, 0, picture, shifted},
			{[]int64{9, 8, 7, 5}, 3, 0, picture, shifted},
			{[]int64{5}, 3, 2, two, []float32{5, 1, 1, 1 /**/, 10, 2, 2, 2}}, // fewer levels than outputs
			{[]int64{7, 5}, 6, 3, picture, shifted},
		} {
			opt := signature.Options{Height: 2, Width: 2, StartToken: c.tokens, Levels: c.asked}
			m := sequence(opset, 3+len(c.tokens), c.outputs)
			s, err := signature.Read(m, opt, forOpset(t, m))
			if err != nil {
				t.Fatal(opset, c.tokens, err)
			}
			if got := outputs(t, s, c.picture); !slices.Equal(got, c.want) {
				t.Errorf("operators %d, tokens %d: outputs are %v, want %v", opset, c.tokens, got, c.want)
			}
		}
	}
}

// conditioned is the network with an input c, of a shape without the images, whose sums are added.
func conditioned(shape ...int) *onnx.Model {
	m := form{in: []int{1, 2, 2}, out: []int{3, 2, 2}}.model(onnx.Free("n"))
	c := m.Graph.Input("c", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(shape...)...)...)
	if len(shape) == 0 {
		c.Shape = []onnx.Dim{}
	}
	y := m.Graph.Outputs[0]
	m.Graph.Outputs = nil
	h := m.Graph.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, c, ints(1))
	if len(shape) == 1 {
		h = reshape(-1, 1, 1, 1)(m.Graph, h)
	} else {
		h = reshape(-1, 1, 2, 2)(m.Graph, h)
	}
	m.Graph.Output(m.Graph.Op("Add", nil, y, h), "z", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(3, 2, 2)...)...)
	return m
}

// TestConditions: further inputs, of known and open size, and what cannot be told.
func TestConditions(t *testing.T) {
	for name, c := range map[string]struct {
		shape []int
		given map[string][]int
		value *onnx.Tensor
		plus  []float32 // for each pixel
		says  string
	}{
		"a map":               {[]int{2, 2, 2}, nil, onnx.NewTensor([]float32{1, 2, 3, 4, 10, 20, 30, 40}, 1, 2, 2, 2), []float32{11, 22, 33, 44}, ""},
		"a vector":            {[]int{2}, map[string][]int{"c": nil}, onnx.NewTensor([]float32{1, 2}, 1, 2), []float32{3, 3, 3, 3}, ""},
		"a vector, unnamed":   {[]int{2}, map[string][]int{"": {7, 2}}, onnx.NewTensor([]float32{1, 2}, 1, 2), []float32{3, 3, 3, 3}, ""},
		"open, given":         {[]int{-1, 2, 2}, map[string][]int{"c": {1, 2, 2}}, onnx.NewTensor([]float32{1, 2, 3, 4}, 1, 1, 2, 2), []float32{1, 2, 3, 4}, ""},
		"open":                {[]int{-1, 2, 2}, nil, nil, nil, "--condition c=FILE.npy"},
		"a vector or a class": {[]int{2}, nil, nil, nil, "say --label c, or --condition c=FILE.npy"},
		"another shape":       {[]int{2, 2, 2}, map[string][]int{"c": {3, 2, 2}}, nil, nil, "has shape [3 2 2] for an image"},
		"a single number":     {[]int{}, map[string][]int{"c": nil}, nil, nil, "has no dimension for the images"},
		"no such input":       {[]int{2, 2, 2}, map[string][]int{"d": nil}, nil, nil, `no input "d"`},
	} {
		s, err := signature.Read(conditioned(c.shape...), signature.Options{Head: signature.Categorical, Scale: encoding.Scale{Factor: 1}, Conditions: c.given}, goRuntime(t))
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want %q in it", name, err, c.says)
			}
			continue
		}
		if err != nil {
			t.Error(name, err)
			continue
		}
		sum := slices.Clone(want)
		for i := range sum {
			sum[i] += c.plus[i%4]
		}
		if got := outputs(t, s, picture, c.value); !slices.Equal(got, sum) {
			t.Errorf("%s: outputs are %v, want %v", name, got, sum)
		}
	}
}

// TestAsked: what a file leaves open is asked for by name of a flag, one line each.
func TestAsked(t *testing.T) {
	wide := func(outputs int, in ...int) *onnx.Model {
		g := &onnx.Graph{}
		x := g.Input("x", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(in...)...)...)
		w := onnx.Zeros(onnx.Float32, outputs, in[0], 1, 3)
		for i, data := 0, w.Floats(); i < len(data); i += 3 {
			data[i] = float32(i + 1)
		}
		y := g.Op("Conv", onnx.Attrs{"pads": []int64{0, 1, 0, 1}}, x, onnx.Const("w", w))
		g.Output(y, "y", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(outputs, in[1], in[2])...)...)
		return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 13}, Graph: g}
	}
	for name, c := range map[string]struct {
		model *onnx.Model
		opt   signature.Options
		says  string
	}{
		"levels or a mixture":   {wide(30, 1, 4, 5), signature.Options{}, "2 ways, choose one: --head categorical (pictures of 4×5×1 with 30 levels); or --head logistic-mixture (pictures of 4×5×1 with as many levels as --levels says)"},
		"the order of levels":   {wide(12, 3, 4, 5), signature.Options{}, `choose one: --output-layout "N(CL)HW"; or --output-layout "N(LC)HW"`},
		"colours or levels":     {wide(3, 3, 4, 5), signature.Options{}, "--head bernoulli (pictures of 4×5×3 with 2 levels); or --head categorical (pictures of 4×5×1 with 3 levels)"},
		"no size":               {sequence(13, 4, 3), signature.Options{}, "say --height N --width N"},
		"comes next":            {sequence(13, 4, 3), signature.Options{Height: 2, Width: 2}, "say --start-token N"},
		"a token or a level":    {sequence(13, 4, 3), signature.Options{Height: 2, Width: 2, StartToken: []int64{2}}, "say --levels 2, or --levels 3"},
		"channels":              {wide(4, 2, 4, 5), signature.Options{}, "say --channels 2 if it is so"},
		"a head that it is not": {wide(4, 1, 4, 5), signature.Options{Head: signature.Mixture}, "4 outputs are not a logistic mixture for 1 channels"},
		"a mixture's levels":    {wide(30, 1, 4, 5), signature.Options{Head: signature.Mixture, Range: [2]float64{-1, 1}}, "say --levels N"},
		"a mixture of a scale":  {wide(30, 1, 4, 5), signature.Options{Head: signature.Mixture, Scale: encoding.Scale{Factor: 2. / 255}}, "say --levels N"},
		"levels that are not":   {wide(4, 1, 4, 5), signature.Options{Levels: 5}, "it has 4 levels, not 5"},
		"tokens for numbers":    {wide(4, 1, 4, 5), signature.Options{StartToken: []int64{1}}, "a start token is for networks that read a sequence of integers"},
	} {
		_, err := signature.Read(c.model, c.opt, goRuntime(t))
		if !errors.Is(err, signature.ErrModel) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q in it", name, err, c.says)
		}
	}
}

package sampler_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/compile/exact"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// classForm is a graph with a class input in the way of some exporter.
type classForm struct {
	name    string
	dtype   onnx.DType
	shape   []onnx.Dim
	first   bool // the class comes before the image
	classes int  // that can be told from the graph
	// bias makes [n, 6, 1, 1] of the class.
	bias func(f *compiletest.Forms, class *onnx.Value) *onnx.Value
}

const formSize, formLevels = 6, 4

func classForms() []classForm {
	n := onnx.Free("n")
	plane := func(f *compiletest.Forms, v *onnx.Value) *onnx.Value {
		return f.Op("Reshape", nil, v, compiletest.List(-1, 6, 1, 1))
	}
	cast := func(f *compiletest.Forms, v *onnx.Value, to onnx.DType) *onnx.Value {
		return f.Op("Cast", onnx.Attrs{"to": int64(to)}, v)
	}
	return []classForm{
		{name: "table", dtype: onnx.Int64, shape: []onnx.Dim{n}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return f.Op("Unsqueeze", nil, f.Op("Gather", nil, f.Random(4, 6), class), compiletest.List(2, 3))
		}},
		{name: "table, int32, class first", dtype: onnx.Int32, shape: []onnx.Dim{n}, first: true, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return plane(f, f.Op("Gather", nil, f.Random(4, 6), cast(f, class, onnx.Int64)))
		}},
		{name: "table, a column of classes", dtype: onnx.Int64, shape: []onnx.Dim{n, onnx.Fixed(1)}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return plane(f, f.Op("Gather", nil, f.Random(4, 6), f.Op("Squeeze", nil, class, compiletest.List(1))))
		}},
		{name: "table, a number as float", dtype: onnx.Float32, shape: []onnx.Dim{n}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return plane(f, f.Op("Tanh", nil, f.Op("Gather", nil, f.Random(4, 6), cast(f, class, onnx.Int64))))
		}},
		{name: "one-hot and a matrix", dtype: onnx.Float32, shape: []onnx.Dim{n, onnx.Fixed(4)}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return plane(f, f.Op("Gemm", nil, class, f.Random(4, 6), f.Random(6)))
		}},
		{name: "one-hot integers, two layers", dtype: onnx.Int64, shape: []onnx.Dim{n, onnx.Fixed(4)}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.Op("MatMul", nil, cast(f, class, onnx.Float32), f.Random(4, 5)))
			return plane(f, f.Op("Gemm", onnx.Attrs{"transB": int64(1)}, h, f.Random(6, 5), f.Random(6)))
		}},
		{name: "one-hot made inside", dtype: onnx.Int64, shape: []onnx.Dim{n}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			hot := f.Op("OneHot", nil, class, compiletest.List(4), onnx.Const("", onnx.NewTensor([]float32{0, 1}, 2)))
			return plane(f, f.Op("MatMul", nil, hot, f.Random(4, 6)))
		}},
		{name: "no table", dtype: onnx.Float32, shape: []onnx.Dim{n, onnx.Fixed(1)}, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			return plane(f, f.Op("Sin", nil, f.Op("Mul", nil, class, f.Random(1, 6))))
		}},
		{name: "by pixel", dtype: onnx.Int64, shape: []onnx.Dim{n}, classes: 4, bias: func(f *compiletest.Forms, class *onnx.Value) *onnx.Value {
			plain := f.Op("Unsqueeze", nil, f.Op("Gather", nil, f.Random(4, 6), class), compiletest.List(2, 3))
			// The bias of each pixel is another one.
			return f.Op("Mul", nil, plain, f.Random(1, 1, formSize, formSize))
		}},
	}
}

// model is the form's graph.
func (l classForm) model() *onnx.Model {
	f := compiletest.NewForms("conditions", 7)
	n, size := onnx.Free("n"), onnx.Fixed(formSize)
	var class *onnx.Value
	if l.first {
		class = f.Input("class", l.dtype, l.shape...)
	}
	x := f.Input("x", onnx.Float32, n, onnx.Fixed(1), size, size)
	if !l.first {
		class = f.Input("class", l.dtype, l.shape...)
	}
	h := f.Op("Add", nil, f.Masked(x, 1, 6, 3, false, nil), l.bias(f, class))
	f.Output(f.Masked(f.Op("Relu", nil, h), 6, formLevels, 3, true, nil), "logits", onnx.Float32, n, onnx.Fixed(formLevels), size, size)
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: f.Graph}
}

func (l classForm) file(t testing.TB) []byte {
	t.Helper()
	b, err := onnx.Marshal(l.model())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestClassForms: whatever the form of the class input, each engine and runtime draws the same
// images of a class, and other ones of another class.
func TestClassForms(t *testing.T) {
	const n, pixels = 12, formSize * formSize
	for _, form := range classForms() {
		t.Run(form.name, func(t *testing.T) {
			file := form.file(t)
			sig, err := sampler.Read(file, sampler.Config{Label: "class"})
			if err != nil {
				t.Fatal(err)
			}
			if sig.ClassInput != "class" || len(sig.Classes) != form.classes || len(sig.Prior) != form.classes {
				t.Fatalf("class input %q, classes %q with prior %v", sig.ClassInput, sig.Classes, sig.Prior)
			}
			cfg := settings{Label: "class", Engine: sampler.Full, Batch: 1, Threads: 1, Classes: []int{0, 3, 1, 2}}
			want := draw(t, file, cfg, n)
			one := draw(t, file, settings{Label: "class", Engine: sampler.Full, Classes: []int{3}}, n)
			others := 0
			for i := range n {
				same := slices.Equal(one[i*pixels:(i+1)*pixels], want[i*pixels:(i+1)*pixels])
				if !same {
					others++
				}
				if i%4 == 1 && !same {
					t.Errorf("image %d of class 3 is another one among others", i)
				}
			}
			if others < n/3 {
				t.Errorf("only %d of %d images are other ones of another class", others, n)
			}
			backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
				cfg := settings{Label: "class", Engine: engine, Batch: 5, Classes: cfg.Classes}
				s, err := opened(rt, file, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				got := make([]uint16, n*pixels)
				if err := s.Fill(context.Background(), 0, got); err != nil || !slices.Equal(got, want) {
					t.Errorf("other images, or error %v", err)
				}
				for i, sample := range samples(t, s, sampler.Request{N: n}) {
					given, err := s.LogProbGivenClass(context.Background(), sample.Levels, []int{cfg.Classes[i%4]})
					if err != nil || math.Abs(given[0]-sample.LogProb) > 1e-4 {
						t.Errorf("image %d: drawn with log-probability %g, scored %v, error %v", i, sample.LogProb, given, err)
					}
				}
			})
		})
	}
}

// TestExactClasses compares the evaluation in float64 with ONNX Runtime's.
func TestExactClasses(t *testing.T) {
	levels := make([]uint16, formSize*formSize)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range levels {
		levels[i] = uint16(rng.IntN(formLevels))
	}
	for _, form := range classForms() {
		m := form.model()
		p, err := compile.Compile(m, compile.Options{})
		if err != nil {
			t.Fatal(form.name, err)
		}
		e, err := exact.New(p, []float32{0, 1. / 3, 2. / 3, 1})
		if err != nil {
			t.Fatal(form.name, err)
		}
		s, err := opened(env, form.file(t), settings{Label: "class", Classes: []int{0}})
		if err != nil {
			t.Fatal(form.name, err)
		}
		defer s.Close()
		for class := range 4 {
			conditions, err := exact.Conditions(p, s.Signature().Others(class, nil))
			if err != nil {
				t.Fatal(form.name, err)
			}
			e.Begin(levels, conditions, ir.Count(len(levels)))
			total := 0.0
			for pixel, level := range levels {
				sum := 0.0
				logits := e.Outputs(pixel)
				for _, x := range logits {
					sum += math.Exp(x)
				}
				total += logits[level] - math.Log(sum)
			}
			want, err := s.LogProbGivenClass(context.Background(), levels, []int{class})
			if err != nil || math.Abs(total-want[0]) > 1e-4 {
				t.Errorf("%s, class %d: log-probability %.6f, want %.6f; error %v", form.name, class, total, want, err)
			}
		}
	}
}

// TestUnknownClasses: where a file does not tell how many classes there are, they must
// be listed, and nothing can be summed out.
func TestUnknownClasses(t *testing.T) {
	var form classForm
	for _, f := range classForms() {
		if f.classes == 0 {
			form = f
		}
	}
	s := open(t, form.file(t), settings{Label: "class"})
	ctx, levels := context.Background(), make([]uint16, formSize*formSize)
	refused := func(what string, err error) {
		if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "how many") {
			t.Errorf("%s: error %v, want ErrConfig that says it", what, err)
		}
	}
	refused("Draw", s.Fill(ctx, 0, levels))
	for _, err := range s.Samples(ctx, sampler.Request{N: 1}) {
		refused("Samples", err)
	}
	_, err := s.LogProb(ctx, levels)
	refused("LogProb", err)
	if got := s.Class(0); got != -1 {
		t.Errorf("image 0 is of class %d", got)
	}
	if got := samples(t, s, sampler.Request{N: 1, Classes: []int{1000}})[0].Class; got != 1000 {
		t.Errorf("class %d, want 1000", got)
	}
	if class, err := s.Signature().Class("17"); err != nil || class != 17 {
		t.Errorf("class %d, error %v; want 17", class, err)
	}
	if _, err := s.Signature().Class("boot"); !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "does not name") {
		t.Errorf("error %v, want ErrConfig", err)
	}
}

// TestFixedBatchClasses: a file for four images a run.
func TestFixedBatchClasses(t *testing.T) {
	form := classForms()[0]
	cfg := settings{Label: "class", Classes: []int{0, 3, 1}}
	want := draw(t, form.file(t), cfg, 6)
	m := form.model()
	for _, v := range append(m.Graph.Inputs, m.Graph.Outputs...) {
		v.Shape[0] = onnx.Fixed(4)
	}
	file, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := draw(t, file, cfg, 6); !slices.Equal(got, want) {
		t.Error("other images")
	}
}

func TestClassInputRefused(t *testing.T) {
	form := classForms()[0]
	for _, c := range []struct {
		name   string
		change func(m *onnx.Model)
		says   string
	}{
		{"three inputs", func(m *onnx.Model) { m.Graph.Input("more", onnx.Float32, onnx.Free("n")) }, `input "more" is float32 [-1], which may be a class or a condition: say --label more, or --condition more=FILE.npy`},
		{"truth", func(m *onnx.Model) { m.Graph.Inputs[1].DType = onnx.Bool }, `input "class"`},
		{"a scalar", func(m *onnx.Model) { m.Graph.Inputs[1].Shape = []onnx.Dim{} }, `input "class"`},
		{"a map", func(m *onnx.Model) {
			m.Graph.Inputs[1].Shape = []onnx.Dim{onnx.Free("n"), onnx.Fixed(4), onnx.Fixed(6), onnx.Fixed(6)}
		}, `input "class"`},
		{"free classes", func(m *onnx.Model) { m.Graph.Inputs[1].Shape = []onnx.Dim{onnx.Free("n"), onnx.Free("c")} }, `input "class"`},
		{"another batch", func(m *onnx.Model) { m.Graph.Inputs[1].Shape[0] = onnx.Fixed(2) }, `input "class" is for 2 images`},
		{"fewer than no classes", func(m *onnx.Model) {
			m.Graph.Op("OneHot", nil, m.Graph.Inputs[1], compiletest.List(-5), onnx.Const("", onnx.NewTensor([]float32{0, 1}, 2)))
		}, `class input "class" has -5 classes`},
		{"too many classes", func(m *onnx.Model) {
			m.Graph.Inputs[1].Shape = []onnx.Dim{onnx.Free("n"), onnx.Fixed(1 << 20)}
		}, `class input "class" has 1048576 classes`},
		{"names of other classes", func(m *onnx.Model) {
			m.Metadata = map[string]string{
				"pixelcnn.format": "1", "pixelcnn.levels": "4", "pixelcnn.height": "6", "pixelcnn.width": "6",
				"pixelcnn.order": "raster", "pixelcnn.classes": `["a","b","c"]`,
			}
		}, "its metadata name 3 classes"},
	} {
		m := form.model()
		c.change(m)
		file, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if _, err := sampler.Read(file, sampler.Config{Label: "class"}); !errors.Is(err, sampler.ErrModel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want ErrModel that says %q", c.name, err, c.says)
		}
	}
}

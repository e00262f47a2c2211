package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/runtime"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// drawn is images of a model by an engine, in batches of a size.
func drawn(t *testing.T, rt onnx.Runtime, m *onnx.Model, name engine.Name, n, batch int, seed uint64) []uint16 {
	t.Helper()
	in, out := onnx.Sizes(m.Graph.Inputs[0].Shape), onnx.Sizes(m.Graph.Outputs[0].Shape)
	sig, err := signature.Read(m, signature.Options{
		Head: signature.Categorical, Channels: 1, Height: in[2], Width: in[3], Levels: out[1], InputLayout: "NCHW", OutputLayout: "NLHW",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(rt, sig, engine.Options{Engine: name, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	how, err := draw.Parameters{Seed: seed}.For(sig.Head, sig.Height)
	if err != nil {
		t.Fatal(err)
	}
	levels := make([]uint16, n*sig.Pixels())
	rows := make([]draw.Row, n)
	for i := range rows {
		rows[i] = draw.Row{Image: uint64(i), How: how, Levels: levels[i*sig.Pixels() : (i+1)*sig.Pixels()]}
	}
	if err := e.Draw(context.Background(), rows, engine.Run{Batch: batch, Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return levels
}

// TestRandomAttention: programs of graphs with attention draw the images of the full loop, not
// a pixel off, on both runtimes, few at once and many.
func TestRandomAttention(t *testing.T) { asFull(t, compiletest.RandomAttention) }

// TestRandomDense: the same for masked dense layers.
func TestRandomDense(t *testing.T) { asFull(t, compiletest.RandomDense) }

func asFull(t *testing.T, random func(seed uint64, open bool) *compiletest.Attending) {
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	const n = 7
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := random(seed, false).Model.Model
			want := drawn(t, env, m, engine.NameFull, n, 0, seed)
			for name, rt := range map[string]onnx.Runtime{"ort": env, "go": inGo} {
				for _, batch := range []int{1, n} {
					if got := drawn(t, rt, m, engine.NameIncremental, n, batch, seed); !slices.Equal(got, want) {
						t.Errorf("%s, batches of %d: other images than the full loop's", name, batch)
					}
				}
			}
		})
	}
}

// TestLongAttention: caches grow with the image, and what a longer one held before shows in no
// other image.
func TestLongAttention(t *testing.T) {
	m := compiletest.NewForms("long", 5)
	const h, w, c = 12, 13, 6
	x := m.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
	y := m.Masked(x, 1, c, 3, false, nil)
	flat := func(v *onnx.Value, perm ...int64) *onnx.Value {
		return m.Op("Transpose", onnx.Attrs{"perm": perm}, m.Op("Reshape", nil, v, compiletest.List(0, 2, c/2, h*w)))
	}
	q, k, v := m.Point(y, c, c), m.Point(y, c, c), m.Point(y, c, c)
	seen := make([]float32, h*w*h*w)
	for i := range h * w {
		for j := i + 1; j < h*w; j++ {
			seen[i*h*w+j] = -1e9
		}
	}
	s := m.Op("Add", nil, m.Op("MatMul", nil, flat(q, 0, 1, 3, 2), flat(k, 0, 1, 2, 3)), onnx.Const("", onnx.NewTensor(seen, h*w, h*w)))
	out := m.Op("MatMul", nil, m.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, s), flat(v, 0, 1, 3, 2))
	out = m.Op("Reshape", nil, m.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, out), compiletest.List(0, c, h, w))
	m.Output(m.Point(m.Op("Add", nil, out, y), c, 3), "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(3), onnx.Fixed(h), onnx.Fixed(w))
	model := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: m.Graph}
	p, err := compile.Compile(model, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := p.Steps[0].Length, p.Steps[len(p.Steps)-1].Length; !p.Grows() || first >= last || last < h*w {
		t.Errorf("what is kept is %d pixels long at first, %d at last", first, last)
	}
	want := drawn(t, env, model, engine.NameFull, 5, 0, 1)
	for _, batch := range []int{1, 2, 5} { // two leave an idle image in the last batch, and a used worker
		if got := drawn(t, env, model, engine.NameIncremental, 5, batch, 1); !slices.Equal(got, want) {
			t.Errorf("batches of %d: other images than the full loop's", batch)
		}
	}
}

// TestClassToken: a transformer whose start token is the class's.
func TestClassToken(t *testing.T) {
	const h, w, c, levels, classes = 4, 5, 6, 3, 4
	f := compiletest.NewForms("class", 8)
	x := f.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
	label := f.Input("class", onnx.Int64, onnx.Free("batch"))
	dense := func(x *onnx.Value, in, out int) *onnx.Value {
		return f.Op("Add", nil, f.Op("MatMul", nil, x, f.Random(in, out)), f.Random(out))
	}
	start := f.Op("Reshape", nil, f.Op("Gather", nil, f.Random(classes, c), label), compiletest.List(-1, 1, c))
	tokens := dense(f.Op("Reshape", nil, x, compiletest.List(-1, h*w, 1)), 1, c)
	y := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, start, f.Op("Slice", nil, tokens, compiletest.List(0), compiletest.List(-1), compiletest.List(1)))
	hidden := make([]float32, h*w*h*w)
	for i := range h * w {
		for j := i + 1; j < h*w; j++ {
			hidden[i*h*w+j] = -1e9
		}
	}
	s := f.Op("MatMul", nil, dense(y, c, c), f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, dense(y, c, c)))
	s = f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, f.Op("Add", nil, s, onnx.Const("", onnx.NewTensor(hidden, h*w, h*w))))
	y = f.Op("Add", nil, y, f.Op("MatMul", nil, s, dense(y, c, c)))
	y = f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, dense(y, c, levels))
	f.Output(f.Op("Reshape", nil, y, compiletest.List(0, levels, h, w)), "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(levels), onnx.Fixed(h), onnx.Fixed(w))
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: f.Graph}
	conditions := func(class int, _ []*onnx.Tensor) []*onnx.Tensor {
		return []*onnx.Tensor{onnx.NewTensor([]int64{int64(class % classes)}, 1)}
	}
	e := compiled(t, m, compile.Options{}, conditions)
	const n = 6
	for _, batch := range []int{1, n} {
		levels := make([]uint16, n*h*w)
		if err := e.Images(context.Background(), 0, levels, 1, 2, batch, 2); err != nil {
			t.Fatal(err)
		}
		follows(t, m, []int{1, 1, h, w}, levels, 2, 2, conditions)
	}
}

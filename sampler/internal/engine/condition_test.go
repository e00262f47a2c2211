package engine_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
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

// conditioned draws with the whole network and with its compiled form, on both runtimes, one image
// and all at a time, in waves and in raster order: the same images. Each has a row of conditions.
func conditioned(t *testing.T, graph *onnx.Graph, opt signature.Options, conditions []*onnx.Tensor) {
	t.Helper()
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 10, Opsets: map[string]int64{"": 23, "com.microsoft": 1}, Graph: graph})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signature.Read(m, opt, env)
	if err != nil {
		t.Fatal(err)
	}
	how, err := draw.Parameters{Seed: 7}.For(sig.Head, sig.Height)
	if err != nil {
		t.Fatal(err)
	}
	drawn := func(rt onnx.Runtime, name engine.Name, raster bool, batch int) []uint16 {
		t.Helper()
		e, err := engine.Open(rt, sig, engine.Options{Engine: name, Raster: raster, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.Settler == nil {
			t.Fatal("near ties are not settled: ", e.Why)
		}
		levels := make([]uint16, len(conditions)*sig.Pixels())
		rows := make([]draw.Row, len(conditions))
		for i := range rows {
			rows[i] = draw.Row{Image: uint64(i), How: how, Levels: levels[i*sig.Pixels() : (i+1)*sig.Pixels()], Conditions: conditions[i : i+1]}
		}
		if err := e.Draw(context.Background(), rows, engine.Run{Batch: batch, Threads: 2}); err != nil {
			t.Fatal(err)
		}
		return levels
	}
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	want := drawn(env, engine.NameFull, false, len(conditions))
	for name, rt := range map[string]onnx.Runtime{"ort": env, "go": inGo} {
		for _, raster := range []bool{false, true} {
			for _, batch := range []int{1, len(conditions)} {
				if got := drawn(rt, engine.NameIncremental, raster, batch); !slices.Equal(got, want) {
					t.Errorf("%s, raster %v, batches of %d: other images than the full loop's", name, raster, batch)
				}
			}
		}
	}
}

// texts are of six tokens, of which 0 pads; the last is all padding.
func texts(all ...[]int64) (rows []*onnx.Tensor) {
	for _, text := range all {
		rows = append(rows, onnx.NewTensor(text, len(text)))
	}
	return rows
}

// TestCross: convolutions and attention of pixels to the tokens of a text, in the forms in which
// that is exported.
func TestCross(t *testing.T) {
	const h, w, c, heads, levels, tokens, words = 4, 6, 6, 2, 3, 6, 5
	type net struct {
		*compiletest.Forms
		text *onnx.Value // [N, tokens]
	}
	last := func(f net, x *onnx.Value) *onnx.Value {
		return f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, x)
	}
	pads := func(f net, axes ...int64) *onnx.Value {
		return f.Op("Unsqueeze", nil, f.Op("Equal", nil, f.text, onnx.Const("", onnx.Scalar(int64(0)))), compiletest.List(axes...))
	}
	chain := func(f net, q, k, v *onnx.Value, mask func(scores *onnx.Value) *onnx.Value) *onnx.Value {
		part := func(x *onnx.Value) *onnx.Value {
			x = f.Op("Reshape", nil, x, compiletest.List(0, -1, heads, c/heads))
			return f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
		}
		weights := f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, mask(f.Op("MatMul", nil, part(q), last(f, part(k)))))
		y := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, f.Op("MatMul", nil, weights, part(v)))
		return f.Op("Reshape", nil, y, compiletest.List(0, -1, c))
	}
	low := onnx.Const("", onnx.Scalar(float32(math.Inf(-1))))
	some := texts([]int64{3, 1, 4, 1, 2, 3}, []int64{2, 4, 1, 0, 0, 0}, []int64{1, 0, 0, 0, 0, 0}, []int64{4, 0, 2, 0, 1, 0})
	for _, form := range []struct {
		name   string
		texts  []*onnx.Tensor
		attend func(f net, q, k, v *onnx.Value) *onnx.Value // [N, pixels, c], [N, tokens, c]
	}{
		{"no mask", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			return chain(f, q, k, v, func(s *onnx.Value) *onnx.Value { return s })
		}},
		{"a mask that is added", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			return chain(f, q, k, v, func(s *onnx.Value) *onnx.Value {
				return f.Op("Add", nil, s, f.Op("Mul", nil, f.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, pads(f, 1, 2)), compiletest.Number(-1e9)))
			})
		}},
		{"a mask for each head, after one that is constant", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			return chain(f, q, k, v, func(s *onnx.Value) *onnx.Value {
				each := f.Op("Mul", nil, f.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, pads(f, 1, 2)), onnx.Const("", onnx.NewTensor([]float32{-1e9, -2}, 1, heads, 1, 1)))
				return f.Op("Add", nil, f.Op("Add", nil, s, f.Random(heads, h*w, tokens)), each)
			})
		}},
		{"a mask that is expanded and chooses", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			return chain(f, q, k, v, func(s *onnx.Value) *onnx.Value {
				keep := f.Op("Not", nil, f.Op("Expand", nil, pads(f, 1, 2), compiletest.List(1, 1, h*w, tokens)))
				return f.Op("Where", nil, keep, s, onnx.Const("", onnx.Scalar(float32(-math.MaxFloat32))))
			})
		}},
		{"weights that are no numbers become zeros", append(texts([]int64{0, 0, 0, 0, 0, 0}), some...), func(f net, q, k, v *onnx.Value) *onnx.Value {
			part := func(x *onnx.Value) *onnx.Value {
				x = f.Op("Reshape", nil, x, compiletest.List(0, -1, heads, c/heads))
				return f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
			}
			s := f.Op("MatMul", nil, part(q), last(f, part(k)))
			s = f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, f.Op("Add", nil, s, f.Op("Where", nil, pads(f, 1, 2), low, compiletest.Number(0))))
			s = f.Op("Where", nil, f.Op("IsNaN", nil, s), compiletest.Number(0), s)
			y := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, f.Op("MatMul", nil, s, part(v)))
			return f.Op("Reshape", nil, y, compiletest.List(0, -1, c))
		}},
		{"MultiHeadAttention", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			keep := f.Op("Cast", onnx.Attrs{"to": int64(onnx.Int32)}, f.Op("Greater", nil, f.text, onnx.Const("", onnx.Scalar(int64(0)))))
			y := f.Op("MultiHeadAttention", onnx.Attrs{"num_heads": int64(heads)}, q, k, v, f.Random(3*c), keep)
			y.Node.Domain = "com.microsoft"
			return y
		}},
		{"Attention", some, func(f net, q, k, v *onnx.Value) *onnx.Value {
			keep := f.Op("Not", nil, pads(f, 1, 2))
			return f.Op("Attention", onnx.Attrs{"q_num_heads": int64(heads), "kv_num_heads": int64(heads)}, q, k, v, keep)
		}},
	} {
		t.Run(form.name, func(t *testing.T) {
			f := net{Forms: compiletest.NewForms("cross", 12)}
			x := f.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
			f.text = f.Input("text", onnx.Int64, onnx.Free("n"), onnx.Fixed(tokens))
			y := f.Op("Tanh", nil, f.Masked(x, 1, c, 5, false, nil))
			q := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, f.Op("Reshape", nil, y, compiletest.List(0, c, -1)))
			memory := f.Op("Gather", nil, f.Random(words, c), f.text)
			dense := func(x *onnx.Value) *onnx.Value { return f.Op("MatMul", nil, x, f.Random(c, c)) }
			z := form.attend(f, dense(q), dense(memory), dense(memory))
			z = f.Op("Reshape", nil, f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, z), compiletest.List(0, c, h, w))
			y = f.Masked(f.Op("Relu", nil, f.Op("Add", nil, y, z)), c, levels, 3, true, nil)
			f.Output(y, "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(levels), onnx.Fixed(h), onnx.Fixed(w))
			conditioned(t, f.Graph, signature.Options{Head: "categorical", Levels: levels, Conditions: map[string][]int{"text": {tokens}}}, form.texts)
		})
	}
}

// TestDecoder: a transformer that says what comes next and looks at a text, which an encoder of
// its own has read.
func TestDecoder(t *testing.T) {
	const h, w, c, levels, tokens, words = 4, 4, 6, 3, 5, 7
	f := compiletest.NewForms("decoder", 13)
	ids := f.Input("ids", onnx.Int64, onnx.Free("n"), onnx.Fixed(h*w))
	text := f.Input("text", onnx.Int64, onnx.Free("n"), onnx.Fixed(tokens))
	dense := func(x *onnx.Value, in, out int) *onnx.Value {
		return f.Op("Add", nil, f.Op("MatMul", nil, x, f.Random(in, out)), f.Random(out))
	}
	norm := func(x *onnx.Value) *onnx.Value {
		return f.Op("LayerNormalization", onnx.Attrs{"axis": int64(-1)}, x, f.Random(c), f.Random(c))
	}
	attend := func(of, to *onnx.Value, mask *onnx.Value) *onnx.Value {
		s := f.Op("MatMul", nil, dense(of, c, c), f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, dense(to, c, c)))
		s = f.Op("Div", nil, s, compiletest.Number(math.Sqrt(c)))
		if mask != nil {
			s = f.Op("Add", nil, s, mask)
		}
		return f.Op("Add", nil, of, f.Op("MatMul", nil, f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, s), dense(to, c, c)))
	}
	more := func(x *onnx.Value) *onnx.Value {
		return f.Op("Add", nil, x, dense(f.Op("Gelu", nil, dense(norm(x), c, 2*c)), 2*c, c))
	}
	pads := f.Op("Unsqueeze", nil, f.Op("Equal", nil, text, onnx.Const("", onnx.Scalar(int64(0)))), compiletest.List(1))
	pads = f.Op("Where", nil, pads, onnx.Const("", onnx.Scalar(float32(math.Inf(-1)))), compiletest.Number(0))
	memory := f.Op("Add", nil, f.Op("Gather", nil, f.Random(words, c), text), f.Random(1, tokens, c))
	memory = norm(more(attend(memory, memory, pads)))
	hidden := make([]float32, h*w*h*w)
	for i := range h * w {
		for j := i + 1; j < h*w; j++ {
			hidden[i*h*w+j] = float32(math.Inf(-1))
		}
	}
	x := f.Op("Add", nil, f.Op("Gather", nil, f.Random(levels+1, c), ids), f.Random(1, h*w, c))
	for range 2 {
		x = attend(norm(x), norm(x), onnx.Const("", onnx.NewTensor(hidden, h*w, h*w)))
		x = more(attend(norm(x), memory, pads))
	}
	f.Output(dense(norm(x), c, levels), "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(h*w), onnx.Fixed(levels))
	conditioned(t, f.Graph, signature.Options{
		Head: "categorical", Levels: levels, Height: h, Width: w, StartToken: []int64{levels}, Conditions: map[string][]int{"text": {tokens}},
	}, texts([]int64{3, 1, 4, 1, 5}, []int64{2, 6, 0, 0, 0}, []int64{1, 0, 0, 0, 0}))
}

// TestTextBefore: a transformer over the tokens of a text, as many as a row or not, and the pixels
// after them.
func TestTextBefore(t *testing.T) {
	for _, tokens := range []int{2, 4, 6, 7} {
		t.Run(fmt.Sprint(tokens), func(t *testing.T) { textBefore(t, tokens) })
	}
}

func textBefore(t *testing.T, tokens int) {
	const h, w, c, levels, words = 3, 4, 6, 3, 5
	f := compiletest.NewForms("before", 14)
	x := f.Input("x", onnx.Int64, onnx.Free("n"), onnx.Fixed(h), onnx.Fixed(w))
	text := f.Input("text", onnx.Int64, onnx.Free("n"), onnx.Fixed(tokens))
	n := tokens + h*w - 1
	pixels := f.Op("Gather", nil, f.Random(levels, c), f.Op("Reshape", nil, x, compiletest.List(-1, h*w)))
	pixels = f.Op("Slice", nil, pixels, compiletest.List(0), compiletest.List(-1), compiletest.List(1))
	y := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, f.Op("Gather", nil, f.Random(words, c), text), pixels)
	y = f.Op("Add", nil, y, f.Random(1, n, c))
	hidden := make([]float32, n*n)
	for i := range n {
		for j := i + 1; j < n; j++ {
			hidden[i*n+j] = float32(math.Inf(-1))
		}
	}
	for range 2 {
		dense := func() *onnx.Value { return f.Op("MatMul", nil, y, f.Random(c, c)) }
		s := f.Op("MatMul", nil, dense(), f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, dense()))
		s = f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, f.Op("Add", nil, s, onnx.Const("", onnx.NewTensor(hidden, n, n))))
		y = f.Op("Tanh", nil, f.Op("Add", nil, y, f.Op("MatMul", nil, s, dense())))
	}
	y = f.Op("Slice", nil, y, compiletest.List(int64(tokens-1)), compiletest.List(math.MaxInt32), compiletest.List(1))
	y = f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, f.Op("MatMul", nil, y, f.Random(c, levels)))
	f.Output(f.Op("Reshape", nil, y, compiletest.List(0, levels, h, w)), "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(levels), onnx.Fixed(h), onnx.Fixed(w))
	conditioned(t, f.Graph, signature.Options{Head: "categorical", Levels: levels, Conditions: map[string][]int{"text": {tokens}}},
		texts([]int64{3, 1, 4, 1, 2, 0, 1}[:tokens], []int64{2, 4, 0, 0, 0, 1, 3}[:tokens]))
}

// TestProjected: what layers make of one map by a convolution of one tap is made in the steps, and
// the map is all that is kept of an image.
func TestProjected(t *testing.T) {
	const h, w, c, levels, of = 4, 5, 6, 4, 3
	graph := func() *onnx.Graph {
		f := compiletest.NewForms("projected", 15)
		x := f.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
		features := f.Op("Tanh", nil, f.Input("map", onnx.Float32, onnx.Free("n"), onnx.Fixed(of), onnx.Fixed(h), onnx.Fixed(w)))
		y := f.Op("Add", nil, f.Masked(x, 1, c, 3, false, nil), f.Point(features, of, c))
		y = f.Op("Relu", nil, y)
		plain := f.Op("Conv", nil, features, f.Random(c, of, 1, 1))
		y = f.Op("Add", nil, plain, f.Op("Tanh", nil, f.Masked(y, c, c, 3, true, nil)))
		f.Output(f.Point(y, c, levels), "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(levels), onnx.Fixed(h), onnx.Fixed(w))
		return f.Graph
	}
	rng := rand.New(rand.NewPCG(1, 5))
	var maps []*onnx.Tensor
	for range 3 {
		x := make([]float32, of*h*w)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		maps = append(maps, onnx.NewTensor(x, 1, of, h, w))
	}
	conditioned(t, graph(), signature.Options{Head: "categorical", Levels: levels, Input: "x", Conditions: map[string][]int{"map": {of, h, w}}}, maps)
	p, err := compile.Compile(&onnx.Model{IRVersion: 10, Opsets: map[string]int64{"": 17}, Graph: graph()}, compile.Options{Picture: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Conditions) != 1 || p.Conditions[0].Channels != of {
		t.Errorf("of an image %d values are kept, not one of %d channels", len(p.Conditions), of)
	}
}

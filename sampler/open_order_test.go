package sampler_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// rare is a network of colour whose green depends on red where red is one of its two last
// levels of 256: by trial that hardly shows. Where odd is set, there is an operator that the
// compiler does not know.
func rare(t *testing.T, odd bool) []byte {
	t.Helper()
	const size, levels = 3, 256
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(3), onnx.Fixed(size), onnx.Fixed(size))
	w := make([]float32, 3*levels*3*9)
	for k := range w {
		if tap := k % 9; tap == 1 || tap == 3 {
			w[k] = float32(math.Sin(float64(k)))
		}
	}
	y := g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, onnx.Const("w", onnx.NewTensor(w, 3*levels, 3, 3, 3)))
	late := g.Op("Relu", nil, g.Op("Conv", nil, x, onnx.Const("", onnx.NewTensor([]float32{255, 0, 0}, 1, 3, 1, 1)), onnx.Const("", onnx.NewTensor([]float32{-253}, 1))))
	green := make([]float32, 3*levels)
	for k := levels; k < levels+10; k++ {
		green[k] = 4
	}
	y = g.Op("Add", nil, y, g.Op("Conv", nil, late, onnx.Const("", onnx.NewTensor(green, 3*levels, 1, 1, 1))))
	if odd { // does nothing
		y = g.Op("Trilu", onnx.Attrs{"upper": int64(0)}, y, onnx.Const("", onnx.NewTensor([]int64{size})))
	}
	return marshal(t, g, y, 3*levels, size, size)
}

// TestRareOrder: that a channel depends on an earlier one of its pixel is found in the graph
// where a trial misses it, and taken for possible where the graph does not tell. Pictures that
// are drawn with red at its last level score as they were drawn.
func TestRareOrder(t *testing.T) {
	for name, odd := range map[string]bool{"compiled": false, "full loop": true} {
		file := rare(t, odd)
		rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer rt.Close()
		s, err := sampler.Open(rt, file, sampler.Config{Head: "categorical", OutputLayout: "N(CL)HW"})
		if err != nil {
			t.Fatal(name, err)
		}
		defer s.Close()
		if used, _ := s.Engine(); odd != (used == sampler.Full) {
			t.Errorf("%s: drawn by %s", name, used)
		}
		init, keep := make([]uint16, 27), make([]bool, 27)
		for k := 0; k < len(init); k += 3 {
			init[k], keep[k] = 255, true
		}
		req := sampler.Request{N: 2, Parameters: sampler.Parameters{Temperature: 1, Seed: 3}}
		req.Inpainting = sampler.Inpainting{Picture: init, Mask: keep}
		for sample, err := range s.Samples(t.Context(), req) {
			if err != nil {
				t.Fatal(name, err)
			}
			scored, err := s.LogProb(t.Context(), sample.Levels)
			if err != nil {
				t.Fatal(name, err)
			}
			if math.Abs(scored[0]-sample.LogProb) > 1e-3 {
				t.Errorf("%s: drawn with log-probability %.4f, it scores %.4f", name, sample.LogProb, scored[0])
			}
		}
		annotated, err := sampler.Annotate(file, sampler.Config{Head: "categorical", OutputLayout: "N(CL)HW"}, sampler.Annotation{})
		if err != nil {
			t.Fatal(name, err)
		}
		m, err := onnx.Unmarshal(annotated)
		if err != nil {
			t.Fatal(err)
		}
		if order := m.Metadata["pixelcnn.colour_order"]; order != "sub-pixel" {
			t.Errorf("%s: annotate writes the order %q", name, order)
		}
	}
}

// TestNotCausalRead: what is no autoregressive network is refused when it is read, also where only
// trial shows it.
func TestNotCausalRead(t *testing.T) {
	for name, of := range map[string]func(g *onnx.Graph, x *onnx.Value) *onnx.Value{
		"a tap to the right": func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			w := make([]float32, 9*4)
			w[5] = 1
			return g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, onnx.Const("w", onnx.NewTensor(w, 4, 1, 3, 3)))
		},
		"transposed": func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, randomTaps(4).node(g, x))
		},
	} {
		g := &onnx.Graph{}
		x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(5), onnx.Fixed(5))
		_, err := sampler.Read(marshal(t, g, of(g, x), 4, 5, 5), sampler.Config{})
		if !errors.Is(err, sampler.ErrNotCausal) || !errors.Is(err, sampler.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMixtureOfIntegers: a mixture may take the levels as they are, and is asked for, not read
// as levels.
func TestMixtureOfIntegers(t *testing.T) {
	net, picture := randomTaps(6), randomLevels(16, 256)
	file := func(dtype onnx.DType) []byte {
		g := &onnx.Graph{}
		x := g.Input("x", dtype, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(4), onnx.Fixed(4))
		y := g.Op("Mul", nil, g.Cast(x, onnx.Float32), onnx.Const("", onnx.NewTensor([]float32{1. / 255})))
		return marshal(t, g, net.node(g, y), 6, 4, 4)
	}
	_, err := sampler.Read(file(onnx.Int64), sampler.Config{})
	if err == nil || !strings.Contains(err.Error(), "--head categorical") || !strings.Contains(err.Error(), "--head logistic-mixture") {
		t.Errorf("without a head: %v", err)
	}
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	var scores [][]float64
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Int64, onnx.Uint8} {
		cfg := sampler.Config{Head: "logistic-mixture", Levels: 256}
		if dtype == onnx.Float32 {
			cfg.PixelScale = 1
		}
		s, err := sampler.Open(rt, file(dtype), cfg)
		if err != nil {
			t.Fatal(dtype, err)
		}
		defer s.Close()
		got, err := s.LogProb(t.Context(), picture)
		if err != nil {
			t.Fatal(dtype, err)
		}
		scores = append(scores, got)
	}
	if !slices.Equal(scores[0], scores[1]) || !slices.Equal(scores[0], scores[2]) {
		t.Errorf("of numbers and of integers it scores %v", scores)
	}
}

// sequence is a network over a sequence of free length, that says at each place what comes next by
// the integer there alone: vocabulary integers, of which levels come next.
func sequence(t *testing.T, vocabulary, levels int) (file []byte, table []float32) {
	t.Helper()
	g := &onnx.Graph{}
	table = make([]float32, vocabulary*levels)
	for i := range table {
		table[i] = float32(math.Sin(float64(3 * i)))
	}
	x := g.Input("tokens", onnx.Int64, onnx.Free("n"), onnx.Free("length"))
	y := g.Op("Gather", nil, onnx.Const("table", onnx.NewTensor(table, vocabulary, levels)), x)
	g.Output(y, "out", onnx.Float32, onnx.Free("n"), onnx.Free("length"), onnx.Fixed(levels))
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return file, table
}

// TestStartTokens: several start tokens before a sequence of free length; the last of them tells the
// first level. One that the network does not know is named.
func TestStartTokens(t *testing.T) {
	const levels = 5
	file, table := sequence(t, 8, levels)
	picture := []uint16{4, 0, 1, 3, 2, 2}
	for _, start := range [][]int64{{6}, {5, 6}, {5, 7, 6}} {
		want, before := 0.0, uint16(6)
		for _, level := range picture {
			row := make([]float64, levels)
			for k := range row {
				row[k] = float64(table[int(before)*levels+k])
			}
			want += logSoftmax(row, level)
			before = level
		}
		isScored(t, file, sampler.Config{Height: 2, Width: 3, StartToken: start}, sampler.Given{}, picture, want)
	}
	_, err := sampler.Read(file, sampler.Config{Height: 2, Width: 3, StartToken: []int64{8}})
	if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), "the start token is 8") {
		t.Errorf("a start token beyond the table: %v", err)
	}
}

// TestBadReadings: what is said of a file must be so.
func TestBadReadings(t *testing.T) {
	sequence, _ := sequence(t, 8, 5)
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(2), onnx.Fixed(2))
	wide := marshal(t, g, randomTaps(65_538).node(g, x), 65_538, 2, 2)
	for name, c := range map[string]struct {
		file []byte
		cfg  sampler.Config
		says string
	}{
		"a range of integers": {sequence, sampler.Config{Height: 2, Width: 3, StartToken: []int64{5}, PixelRange: [2]float64{-1, 1}}, "pixel range or scale is for pictures of numbers"},
		"too many levels":     {wide, sampler.Config{}, "65538 levels, 65536 are the most"},
	} {
		if _, err := sampler.Read(c.file, c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadConditions: a condition that cannot be is named, and nothing panics; without a name it
// is the only one there is, also where the metadata name it.
func TestBadConditions(t *testing.T) {
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(2), onnx.Fixed(2))
	vector := g.Input("vector", onnx.Float32, onnx.Free("n"), onnx.Fixed(4), onnx.Fixed(1), onnx.Fixed(1))
	y := g.Op("Add", nil, randomTaps(4).node(g, x), vector)
	kinds := g.Input("kinds", onnx.Int64, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(1))
	y = g.Op("Add", nil, y, g.Op("Reshape", nil, g.Op("Gather", nil, onnx.Const("", onnx.NewTensor([]float32{0, 1, 2}, 3)), kinds), onnx.Const("", onnx.NewTensor([]int64{0, 1, 1, 1}, 4))))
	file := marshal(t, g, y, 4, 2, 2)
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	good := func() map[string]*sampler.Tensor {
		return map[string]*sampler.Tensor{"vector": onnx.NewTensor([]float32{1, 2, 3, 4}, 4, 1, 1), "kinds": onnx.NewTensor([]int64{2}, 1, 1)}
	}
	s, err := sampler.Open(rt, file, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	draw := func(c map[string]*sampler.Tensor) error {
		req := sampler.Request{N: 1, Parameters: sampler.Parameters{Temperature: 1}, Conditions: c}
		req.LevelsOnly = true
		return s.Draw(t.Context(), req, make([]uint16, 4))
	}
	if err := draw(good()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		condition string
		tensor    *sampler.Tensor
	}{
		"data of half the shape": {"vector", &sampler.Tensor{Shape: []int{1, 4, 1, 1}, Data: []float32{1, 2}}},
		"data of two shapes":     {"vector", &sampler.Tensor{Shape: []int{1, 4, 1, 1}, Data: make([]float32, 8)}},
		"no data":                {"vector", &sampler.Tensor{Shape: []int{1, 4, 1, 1}}},
		"data that is text":      {"vector", &sampler.Tensor{Shape: []int{1, 4, 1, 1}, Data: "x"}},
		"another shape":          {"vector", onnx.NewTensor([]float32{1, 2}, 2, 1, 1)},
		"no number":              {"vector", onnx.NewTensor([]float32{1, 2, float32(math.NaN()), 4}, 4, 1, 1)},
		"beyond the table":       {"kinds", onnx.NewTensor([]int64{3}, 1, 1)},
		"half an integer":        {"kinds", onnx.NewTensor([]float32{0.5}, 1, 1)},
	} {
		conditions := good()
		conditions[c.condition] = c.tensor
		if err := draw(conditions); !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), `"`+c.condition+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnnamedCondition: of an annotated file, too, the only condition needs no name.
func TestUnnamedCondition(t *testing.T) {
	zoo(t, func(t *testing.T, path string, z zooFile) {
		if z.Condition == nil {
			return
		}
		file, err := sampler.AnnotateFile(path, z.config(), sampler.Annotation{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rt := range runtimes(t) {
			s, err := sampler.Open(rt, file, sampler.Config{Conditions: map[string][]int{"": {len(z.Condition), len(z.Condition[0])}}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			want := z.Draws[0]
			req := z.request("")
			req.N, req.LevelsOnly, req.Seed, req.Temperature = len(want.Levels), true, want.Seed, want.Temperature
			levels := make([]uint16, req.N*s.Signature().Symbols())
			if err := s.Draw(t.Context(), req, levels); err != nil || !slices.Equal(levels, flat(want.Levels)) {
				t.Errorf("other draws: %v", err)
			}
		}
	})
}

// TestHugeBatch: a file that fixes a batch for which there is no memory is not tried, and does not
// open.
func TestHugeBatch(t *testing.T) {
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Fixed(math.MaxInt32), onnx.Fixed(1), onnx.Fixed(2), onnx.Fixed(2))
	g.Output(randomTaps(4).node(g, x), "out", onnx.Float32, onnx.Fixed(math.MaxInt32), onnx.Fixed(4), onnx.Fixed(2), onnx.Fixed(2))
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	for kind, rt := range runtimes(t) {
		s, err := sampler.Open(rt, file, sampler.Config{})
		if limit := (*runtime.LimitError)(nil); !errors.As(err, &limit) {
			t.Errorf("%s: %v", kind, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

package encoder

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// scoring is an encoder of pictures [n, 1, h, w] whose scores, of each 2×2 pixels, are 0, their sum s, and 2s−4:
// code 1 for 0 < s ≤ 4, 2 for more, 0 for none and less.
func scoring(g *onnx.Graph, n, h, w onnx.Dim) *onnx.Value {
	x := g.Input("x", onnx.Float32, n, onnx.Fixed(1), h, w)
	weights := onnx.Const("w", onnx.NewTensor([]float32{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}, 3, 1, 2, 2))
	return g.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}}, x, weights, onnx.Const("b", onnx.NewTensor([]float32{0, 0, -4}, 3)))
}

// ends are the forms of outputs.
var ends = map[string]func(g *onnx.Graph, y *onnx.Value){
	"scores": func(g *onnx.Graph, y *onnx.Value) {
		g.Output(y, "y", onnx.Float32, onnx.Free("n"), onnx.Fixed(3), onnx.Free("h"), onnx.Free("w"))
	},
	"map":   arg(0, onnx.Int64, nil, 3),
	"kept":  arg(1, onnx.Int64, nil, 4),
	"int32": arg(0, onnx.Int32, nil, 3),
	"flat":  arg(0, onnx.Int64, []int64{0, -1}, 2),
}

func arg(keep int64, t onnx.DType, shape []int64, rank int) func(g *onnx.Graph, y *onnx.Value) {
	return func(g *onnx.Graph, y *onnx.Value) {
		y = g.Op("ArgMax", onnx.Attrs{"axis": int64(1), "keepdims": keep}, y)
		if t != onnx.Int64 {
			y = g.Op("Cast", onnx.Attrs{"to": int64(t)}, y)
		}
		if shape != nil {
			y = g.Op("Reshape", nil, y, onnx.Const("s", onnx.NewTensor(shape, len(shape))))
		}
		dims := make([]onnx.Dim, rank)
		for i := range dims {
			dims[i] = onnx.Free(string(rune('a' + i)))
		}
		g.Output(y, "y", t, dims...)
	}
}

func modelOf(g *onnx.Graph) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// TestEncode: all forms of outputs give the codes that are worked out by hand.
func TestEncode(t *testing.T) {
	pictures := []uint16{ // 4×8, in [0, 2.55] a hundredth each
		0, 0, 100, 0, 255, 255, 100, 100,
		0, 0, 0, 0, 255, 255, 100, 101,
		1, 0, 0, 0, 99, 101, 0, 250,
		0, 0, 0, 0, 100, 100, 255, 0,
		// another one
		255, 255, 0, 0, 0, 0, 0, 0,
		255, 255, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 1, 1,
		0, 0, 0, 0, 0, 0, 1, 1,
	}
	want := []uint16{0, 1, 2, 2, 1, 0, 1, 2, 2, 0, 0, 0, 0, 0, 0, 1}
	pictures[24+5], pictures[24+4] = 99, 100 // of sum 3.99
	for name, end := range ends {
		for _, batch := range []int{0, 1, 3} {
			n := onnx.Free("n")
			if batch > 0 {
				n = onnx.Fixed(batch)
			}
			g := &onnx.Graph{Name: "test"}
			end(g, scoring(g, n, onnx.Free("h"), onnx.Free("w")))
			e, err := Open(goRuntime(t), modelOf(g), Options{Height: 4, Width: 8, High: 2.55})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			levels := map[bool]int{true: 3, false: maxLevels}[name == "scores"]
			if !slices.Equal(e.Shape, []int{2, 4}) || e.Levels != levels || e.Batch != max(1, batch) || e.Channels != 1 {
				t.Errorf("%s: %+v", name, e)
			}
			w, err := e.Worker()
			if err != nil {
				t.Fatal(err)
			}
			var got []uint16
			together := min(2, e.Batch)
			for part := range slices.Chunk(pictures, together*32) {
				codes := make([]uint16, together*8)
				if err := w.Encode(t.Context(), part, codes); err != nil {
					t.Fatal(err)
				}
				got = append(got, codes...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, batch %d: %v, want %v", name, batch, got, want)
			}
			if err := errors.Join(w.Close(), e.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestChannels: colours are told apart, and the range is that of the options.
func TestChannels(t *testing.T) {
	g := &onnx.Graph{Name: "test"}
	x := g.Input("x", onnx.Float32, onnx.Shape(1, 3, 1, 2)...)
	g.Output(x, "y", onnx.Float32, onnx.Shape(1, 3, 1, 2)...)
	e, err := Open(goRuntime(t), modelOf(g), Options{Low: -1, High: 1})
	if err != nil {
		t.Fatal(err)
	}
	w, err := e.Worker()
	if err != nil {
		t.Fatal(err)
	}
	codes := make([]uint16, 2)
	if err := w.Encode(t.Context(), []uint16{0, 255, 51, 7, 8, 9}, codes); err != nil || !slices.Equal(codes, []uint16{1, 2}) {
		t.Errorf("%v, error %v", codes, err)
	}
	if got, want := w.in.Floats(), []float32{-1, 2*7./255 - 1, 1, 2*8./255 - 1, -0.6, 2*9./255 - 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestRefuses: what is no encoder is named.
func TestRefuses(t *testing.T) {
	any := []onnx.Dim{onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(4), onnx.Fixed(4)}
	for name, c := range map[string]struct {
		make func(g *onnx.Graph)
		opt  Options
		want string
	}{
		"two inputs": {func(g *onnx.Graph) {
			g.Input("z", onnx.Float32, any...)
			ends["map"](g, scoring(g, any[0], any[2], any[3]))
		}, Options{}, "it has 2 inputs"},
		"two outputs": {func(g *onnx.Graph) {
			y := scoring(g, any[0], any[2], any[3])
			ends["map"](g, y)
			ends["scores"](g, y)
		}, Options{}, "it has 2 outputs"},
		"integers": {func(g *onnx.Graph) { g.Output(g.Input("x", onnx.Int64, any...), "y", onnx.Int64, any...) }, Options{}, "must be float32 [N, C, H, W]"},
		"channels": {func(g *onnx.Graph) {
			g.Output(g.Input("x", onnx.Float32, onnx.Shape(1, 2, 4, 4)...), "y", onnx.Float32, onnx.Shape(1, 2, 4, 4)...)
		}, Options{}, "must have 1, 3 or 4 channels"},
		"open size":  {func(g *onnx.Graph) { ends["map"](g, scoring(g, any[0], any[2], onnx.Free("w"))) }, Options{}, "say it with --width"},
		"other size": {func(g *onnx.Graph) { ends["map"](g, scoring(g, any[0], any[2], any[3])) }, Options{Height: 8}, "has height 4, --height is 8"},
		"features":   {func(g *onnx.Graph) { g.Output(g.Input("x", onnx.Float32, any...), "y", onnx.Float32, any...) }, Options{}, "must be codes, int64 or int32"},
		"other map":  {func(g *onnx.Graph) { ends["flat"](g, scoring(g, any[0], any[2], onnx.Fixed(7))) }, Options{}, "not a map of the shape of a picture of 4×7"},
		"levels":     {func(g *onnx.Graph) { ends["scores"](g, scoring(g, any[0], any[2], any[3])) }, Options{Levels: 4}, "scores of 3 codes; --levels is 4"},
	} {
		g := &onnx.Graph{Name: "test"}
		c.make(g)
		if _, err := Open(goRuntime(t), modelOf(g), c.opt); !errors.Is(err, ErrEncoder) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one of %q", name, err, c.want)
		}
	}
}

// TestNoCodes: what a network gives and is no code is an error.
func TestNoCodes(t *testing.T) {
	e := &Encoder{Shape: []int{1, 2}, Levels: 3}
	codes := make([]uint16, 2)
	if err := read(e, []int64{0, 2}, codes); err != nil || codes[1] != 2 {
		t.Error(codes, err)
	}
	for _, y := range [][]int64{{0, 3}, {-1, 0}, {math.MaxInt64, 0}} {
		if err := read(e, y, codes); !errors.Is(err, ErrEncoder) {
			t.Errorf("%v: error %v", y, err)
		}
	}
	e.scores = 2
	nan := float32(math.NaN())
	for _, y := range [][]float32{{nan, 0, 0, 0}, {0, 0, 0, nan}} {
		if err := read(e, y, codes); !errors.Is(err, ErrEncoder) {
			t.Errorf("%v: error %v", y, err)
		}
	}
	if err := read(e, []float32{1, 0, 1, 5}, codes); err != nil || !slices.Equal(codes, []uint16{0, 1}) {
		t.Error("the first of equals is not taken:", codes, err)
	}
}

func goRuntime(t *testing.T) onnx.Runtime {
	t.Helper()
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

package sampler_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// A taps network is one masked convolution of a grey picture: output k at a pixel is
// bias[k] + above[k]·(the input above) + left[k]·(the input to the left).
type taps struct{ above, left, bias []float32 }

func randomTaps(outputs int) taps {
	rng := rand.New(rand.NewPCG(uint64(outputs), 1))
	random := func() []float32 {
		x := make([]float32, outputs)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	return taps{random(), random(), random()}
}

// node adds the convolution to a graph: [N, outputs, H, W].
func (n taps) node(g *onnx.Graph, x *onnx.Value) *onnx.Value {
	w := make([]float32, 9*len(n.bias))
	for k := range n.bias {
		w[9*k+1], w[9*k+3] = n.above[k], n.left[k]
	}
	return g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x,
		onnx.Const("w", onnx.NewTensor(w, len(n.bias), 1, 3, 3)), onnx.Const("b", onnx.NewTensor(n.bias, len(n.bias))))
}

// outputs are those at a pixel of a picture of input values, [H, W].
func (n taps) outputs(x []float64, width, row, column int) []float64 {
	above, left := 0.0, 0.0
	if row > 0 {
		above = x[(row-1)*width+column]
	}
	if column > 0 {
		left = x[row*width+column-1]
	}
	out := make([]float64, len(n.bias))
	for k := range out {
		out[k] = float64(n.bias[k]) + float64(n.above[k])*above + float64(n.left[k])*left
	}
	return out
}

// marshal writes a graph of one output.
func marshal(t *testing.T, g *onnx.Graph, y *onnx.Value, shape ...int) []byte {
	t.Helper()
	g.Output(y, "out", onnx.Float32, append([]onnx.Dim{onnx.Free("n")}, onnx.Shape(shape...)...)...)
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// logSoftmax is that of one element.
func logSoftmax(x []float64, k uint16) float64 {
	sum := 0.0
	for _, y := range x {
		sum += math.Exp(y)
	}
	return x[k] - math.Log(sum)
}

// isScored compares a picture's score in both runtimes and engines with the right one.
func isScored(t *testing.T, file []byte, cfg sampler.Config, given sampler.Given, picture []uint16, want float64) {
	t.Helper()
	backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
		cfg.Engine = engine
		s, err := sampler.Open(rt, file, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got, err := s.Score(t.Context(), picture, given)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-want) > 1e-3 {
			t.Errorf("it scores %.5f, want %.5f", got[0], want)
		}
	})
}

// TestSoftmax: a graph that ends in Softmax gives probabilities, not logits.
func TestSoftmax(t *testing.T) {
	const size, levels = 4, 3
	net, picture := randomTaps(levels), randomLevels(size*size, levels)
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	y := g.Op("Softmax", onnx.Attrs{"axis": int64(1)}, net.node(g, x))
	isScored(t, marshal(t, g, y, levels, size, size), sampler.Config{}, sampler.Given{}, picture,
		net.score(picture, levels, size))
}

// score is the log-probability of a square picture where the outputs are logits.
func (n taps) score(picture []uint16, levels, size int) (sum float64) {
	values := make([]float64, len(picture))
	for i, l := range picture {
		values[i] = float64(l) / float64(levels-1)
	}
	for i, l := range picture {
		sum += logSoftmax(n.outputs(values, size, i/size, i%size), l)
	}
	return sum
}

func randomLevels(n, levels int) []uint16 {
	rng := rand.New(rand.NewPCG(7, 7))
	out := make([]uint16, n)
	for i := range out {
		out[i] = uint16(rng.IntN(levels))
	}
	return out
}

// TestLayoutsOfOneShape: where levels, height and width are equal, only one order is causal.
func TestLayoutsOfOneShape(t *testing.T) {
	const size = 4
	net, picture := randomTaps(size), randomLevels(size*size, size)
	for _, nhwc := range []bool{false, true} {
		g := &onnx.Graph{}
		x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
		y := net.node(g, x)
		if nhwc {
			y = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, y)
		}
		file := marshal(t, g, y, size, size, size)
		isScored(t, file, sampler.Config{}, sampler.Given{}, picture, net.score(picture, size, size))
		s := open(t, file, settings{})
		if want := map[bool]sampler.Layout{false: "NLHW", true: "NHWL"}[nhwc]; s.Signature().OutputLayout != want {
			t.Errorf("the outputs are read as %q, want %q", s.Signature().OutputLayout, want)
		}
	}
}

// TestThirtyOutputs: they may be 30 levels or a mixture of ten, so they are asked for.
func TestThirtyOutputs(t *testing.T) {
	const size, levels, mixtures = 3, 256, 10
	net, picture := randomTaps(3*mixtures), randomLevels(size*size, levels)
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	file := marshal(t, g, net.node(g, x), 3*mixtures, size, size)
	_, err := sampler.Read(file, sampler.Config{})
	if !errors.Is(err, sampler.ErrModel) || !strings.Contains(err.Error(), "--head categorical") || !strings.Contains(err.Error(), "--head logistic-mixture") {
		t.Errorf("error %v, want one that asks for the head", err)
	}
	values := make([]float64, len(picture))
	for i, l := range picture {
		values[i] = 2*float64(l)/(levels-1) - 1
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	want := 0.0
	for i, l := range picture {
		out := net.outputs(values, size, i/size, i%size)
		p, sum := 0.0, 0.0
		for k := range mixtures {
			mean, scale := out[mixtures+k], math.Exp(max(out[2*mixtures+k], -7))
			upper, lower := sigmoid((values[i]+1./(levels-1)-mean)/scale), sigmoid((values[i]-1./(levels-1)-mean)/scale)
			if l == levels-1 {
				upper = 1
			}
			if l == 0 {
				lower = 0
			}
			sum += math.Exp(out[k])
			p += math.Exp(out[k]) * (upper - lower)
		}
		want += math.Log(p / sum)
	}
	isScored(t, file, sampler.Config{Head: "logistic-mixture", Levels: levels, PixelRange: [2]float64{-1, 1}}, sampler.Given{}, picture, want)

	small := randomLevels(size*size, 30)
	isScored(t, file, sampler.Config{Head: "categorical"}, sampler.Given{}, small, net.score(small, 30, size))
}

// TestVector: a vector of numbers beside the picture is not taken for classes unasked.
func TestVector(t *testing.T) {
	const size, levels, length = 3, 4, 5
	net, picture := randomTaps(levels), randomLevels(size*size, levels)
	rng := rand.New(rand.NewPCG(3, 3))
	w := make([]float32, length*levels)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	v := g.Input("v", onnx.Float32, onnx.Free("n"), onnx.Fixed(length))
	h := g.Op("MatMul", nil, v, onnx.Const("m", onnx.NewTensor(w, length, levels)))
	h = g.Op("Unsqueeze", nil, h, onnx.Const("axes", onnx.NewTensor([]int64{2, 3}, 2)))
	file := marshal(t, g, g.Op("Add", nil, net.node(g, x), h), levels, size, size)
	_, err := sampler.Read(file, sampler.Config{})
	if !errors.Is(err, sampler.ErrModel) || !strings.Contains(err.Error(), "--label v") || !strings.Contains(err.Error(), "--condition v=") {
		t.Errorf("error %v, want one that asks what the vector is", err)
	}
	// given is the network with what a vector adds.
	given := func(vector []float64) taps {
		n := taps{net.above, net.left, slices.Clone(net.bias)}
		for k := range n.bias {
			for i, x := range vector {
				n.bias[k] += float32(x) * w[i*levels+k]
			}
		}
		return n
	}
	vector := []float64{0.5, -1, 2, 0.25, -0.75}
	condition := map[string]*sampler.Tensor{"v": {Shape: []int{length}, Data: vector}}
	isScored(t, file, sampler.Config{Conditions: map[string][]int{"v": nil}}, sampler.Given{Conditions: condition}, picture,
		given(vector).score(picture, levels, size))
	isScored(t, file, sampler.Config{Label: "v"}, sampler.Given{Classes: []int{3}}, picture,
		given([]float64{0, 0, 0, 1, 0}).score(picture, levels, size))
}

// TestNotCausalByTrial: where only a trial shows that a pixel sees itself, the error says so once.
func TestNotCausalByTrial(t *testing.T) {
	const size, levels = 3, 4
	w := make([]float32, levels*9)
	for i := range w {
		w[i] = float32(i%5) - 2
	}
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	h := g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, onnx.Const("w", onnx.NewTensor(w, levels, 1, 3, 3)))
	_, err := opened(env, marshal(t, g, g.Op("Atan", nil, h), levels, size, size), settings{})
	if !errors.Is(err, sampler.ErrNotCausal) || !errors.Is(err, sampler.ErrModel) ||
		!strings.HasPrefix(err.Error(), "sampler: unusable model: the model is not causal: the outputs at row ") {
		t.Errorf("error %v, want ErrNotCausal", err)
	}
}

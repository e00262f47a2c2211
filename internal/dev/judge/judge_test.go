package judge

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// TestRecognised trains a judge for a few seconds. It must know real images, and
// find in samples the class that was asked for, and not the next one.
func TestRecognised(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains a network")
	}
	t.Setenv("PIXELCNN_DATA", "") // which may name other pictures
	set, err := dataset.Load(t.Context(), "", dataset.Options{})
	if errors.Is(err, dataset.ErrNotFound) {
		t.Skip("make deps fetches the images: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	area := set.Size * set.Size
	const images = 8000
	few := dataset.Split{Size: set.Size, Pixels: set.Train.Pixels[:images*area], Labels: set.Train.Labels[:images]}
	s := schooling{epochs: 2, seed: 1, levels: set.Levels, classes: len(set.ClassNames)}
	j, err := learn(t.Context(), env, &few, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	samples, asked, err := draw(t.Context(), env, "@gated", sampler.Parameters{Temperature: 0.8, Seed: 1}, 300)
	if err != nil {
		t.Fatal(err)
	}
	shifted := make([]uint8, len(asked))
	for i, c := range asked {
		shifted[i] = (c + 1) % uint8(s.classes)
	}
	for _, c := range []struct {
		name        string
		images      []uint16
		asked       []uint8
		least, most float64
	}{
		{"test images", set.Test.Pixels[:2000*area], set.Test.Labels[:2000], 0.75, 0.95},
		{"samples", samples, asked, 0.65, 1},
		{"samples, the classes shifted by one", samples, shifted, 0, 0.15},
	} {
		told, err := j.tell(t.Context(), env, c.images)
		if err != nil {
			t.Fatal(err)
		}
		counts, _ := trial{images: c.images, asked: c.asked, told: told}.confusion(s.classes)
		right := 0
		for k := range counts {
			right += counts[k][k]
		}
		share := float64(right) / float64(len(c.asked))
		t.Logf("%s: %.1f %% agree", c.name, 100*share)
		if share < c.least || share > c.most {
			t.Errorf("%s: %.1f %% agree, should be %.0f to %.0f %%", c.name, 100*share, 100*c.least, 100*c.most)
		}
	}
}

// TestGradients compares each parameter's gradient with the change of the loss along it.
func TestGradients(t *testing.T) {
	const size, classes = 4, 3
	rng := rand.New(rand.NewPCG(1, 2))
	learning, plain := newNet(size, classes, true), newNet(size, classes, false)
	params, grads := learning.initial(rng), learning.zeros()
	for _, p := range params {
		for k := range p {
			p[k] += float32(rng.NormFloat64()) / 10
		}
	}
	pixels, target, logp := make([]float32, batch*size*size), make([]float32, batch*classes), make([]float32, batch*classes)
	for i := range pixels {
		pixels[i] = rng.Float32()
	}
	for i := range batch {
		target[i*classes+rng.IntN(classes)] += 0.75
		target[i*classes+rng.IntN(classes)] += 0.25
	}
	image, want := onnx.NewTensor(pixels, batch*size*size, 1), onnx.NewTensor(target, batch, classes)
	out := []*onnx.Tensor{onnx.NewTensor(logp, batch, classes)}
	runOnce := func(n *net, in, out []*onnx.Tensor) {
		t.Helper()
		run, closeAll, err := n.bind(env, in, out)
		if err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := closeAll(); err != nil {
			t.Fatal(err)
		}
	}
	runOnce(learning, append([]*onnx.Tensor{image, want}, learning.tensors(params)...), append(out, learning.tensors(grads)...))
	loss := func(params [][]float32) (sum float64) {
		runOnce(plain, append([]*onnx.Tensor{image}, plain.tensors(params)...), out)
		for i, x := range target {
			sum -= float64(x) * float64(logp[i]) / batch
		}
		return sum
	}
	for i, g := range grads {
		norm := 0.0
		for _, x := range g {
			norm += float64(x) * float64(x)
		}
		norm = math.Sqrt(norm)
		at := func(distance float64) float64 {
			moved := slices.Clone(params)
			moved[i] = slices.Clone(params[i])
			for k, x := range g {
				moved[i][k] += float32(distance * float64(x) / norm)
			}
			return loss(moved)
		}
		const step = 1e-2
		if slope := (at(step) - at(-step)) / (2 * step); !(math.Abs(slope-norm) <= 0.01*norm) {
			t.Errorf("parameter %d: the loss rises by %.5f along a gradient of %.5f", i, slope, norm)
		}
	}
}

func TestWindows(t *testing.T) {
	const o = none
	for _, c := range []struct {
		size, stride int
		want         []int32
	}{
		{2, 1, []int32{
			o, o, o, o, 0, 1, o, 2, 3,
			o, o, o, 0, 1, o, 2, 3, o,
			o, 0, 1, o, 2, 3, o, o, o,
			0, 1, o, 2, 3, o, o, o, o,
		}},
		{2, 2, []int32{o, o, o, o, 0, 1, o, 2, 3}},
	} {
		if got := windows(c.size, c.stride); !slices.Equal(got, c.want) {
			t.Errorf("size %d, stride %d: %v", c.size, c.stride, got)
		}
	}
	if got, want := inverse([]int32{2, o, 0, 2}, 3), []int32{2, o, o, o, 0, 3}; !slices.Equal(got, want) {
		t.Errorf("inverse %v, want %v", got, want)
	}
}

func TestPrint(t *testing.T) {
	full, empty := slices.Repeat([]uint16{1}, 25), slices.Repeat([]uint16{0, 0, 3, 2, 1}, 5)
	tr := trial{
		name: "four", images: slices.Concat(full, empty, full, full), asked: []uint8{0, 0, 1, 0},
		told: []float64{-1, -2, -2, -1, -3, -1, -5, -4},
	}
	var b strings.Builder
	tr.print(&b, []string{"shoe", "hat"})
	const want = `
**four**: 50.0 % of 4 are recognised; 25.0 % are nearly empty

| class | recognised | nearly empty | taken for |
|---|---|---|---|
| shoe | 33.3 % | 33.3 % | hat 66.7 % |
| hat | 100.0 % | 0.0 % | |
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
	if f := tr.first(2); len(f.images) != 50 || len(f.asked) != 2 {
		t.Errorf("the first two: %v", f)
	}
}

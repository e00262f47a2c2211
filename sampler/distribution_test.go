package sampler_test

import (
	"context"
	"math"
	"testing"

	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// engines are all that draw.
var engines = []sampler.Engine{sampler.Full, sampler.Incremental}

// runtimes are all that engines run on.
func runtimes(t *testing.T) map[string]onnx.Runtime {
	t.Helper()
	inGo, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]onnx.Runtime{"ort": env, "go": inGo}
}

// backends calls test for each engine on each runtime.
func backends(t *testing.T, test func(t *testing.T, rt onnx.Runtime, engine sampler.Engine)) {
	for name, rt := range runtimes(t) {
		for _, engine := range engines {
			t.Run(name+"/"+string(engine), func(t *testing.T) { test(t, rt, engine) })
		}
	}
}

// orders is backends with the orders of drawing: the incremental engine's is that of waves or
// that of rows.
func orders(t *testing.T, test func(t *testing.T, rt onnx.Runtime, cfg settings)) {
	for name, rt := range runtimes(t) {
		for order, cfg := range map[string]settings{
			"full": {Engine: sampler.Full}, "waves": {Engine: sampler.Incremental}, "raster": {Engine: sampler.Incremental, Raster: true},
		} {
			t.Run(name+"/"+order, func(t *testing.T) { test(t, rt, cfg) })
		}
	}
}

// tinyModel is a model of 2×2 pixels and 2 levels: a masked 3×3 convolution to two
// channels, a relu, a 1×1 convolution to the logits. It returns the file and the
// probability of each of the 16 images, the level of pixel k being bit k, computed
// here with nested loops.
func tinyModel(t testing.TB) (file []byte, p [16]float64) {
	t.Helper()
	// By output channel: the taps up left, up, up right and left.
	stem := [2][4]float64{{1.5, -2, 2.5, 1}, {-1, 2, -1.5, -2.5}}
	stemBias := [2]float64{0.2, 0.8}
	head := [2][2]float64{{1.2, -0.7}, {-0.9, 1.4}} // by level, by channel
	headBias := [2]float64{0.3, -0.4}

	weight := make([]float32, 2*9)
	for o := range 2 {
		for i, tap := range []int{0, 1, 2, 3} {
			weight[o*9+tap] = float32(stem[o][i])
		}
	}
	vector := func(x [2]float64) *onnx.Value {
		return onnx.Const("", onnx.NewTensor([]float32{float32(x[0]), float32(x[1])}, 2))
	}
	g := &onnx.Graph{Name: "tiny"}
	n, two := onnx.Free("batch"), onnx.Fixed(2)
	x := g.Input("image", onnx.Float32, n, onnx.Fixed(1), two, two)
	x = g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}},
		x, onnx.Const("", onnx.NewTensor(weight, 2, 1, 3, 3)), vector(stemBias))
	x = g.Op("Relu", nil, x)
	x = g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{1, 1}}, x, onnx.Const("", onnx.NewTensor(
		[]float32{float32(head[0][0]), float32(head[0][1]), float32(head[1][0]), float32(head[1][1])}, 2, 2, 1, 1)), vector(headBias))
	g.Output(x, "logits", onnx.Float32, n, two, two, two)
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}

	for image := range p {
		at := func(y, x int) float64 {
			if y < 0 || x < 0 || x > 1 {
				return 0
			}
			return float64(image >> (2*y + x) & 1)
		}
		p[image] = 1
		for y := range 2 {
			for x := range 2 {
				var hidden, logits [2]float64
				for o := range 2 {
					sum := stemBias[o] + stem[o][0]*at(y-1, x-1) + stem[o][1]*at(y-1, x) + stem[o][2]*at(y-1, x+1) + stem[o][3]*at(y, x-1)
					hidden[o] = max(sum, 0)
				}
				for l := range 2 {
					logits[l] = headBias[l] + head[l][0]*hidden[0] + head[l][1]*hidden[1]
				}
				p[image] *= math.Exp(logits[int(at(y, x))]) / (math.Exp(logits[0]) + math.Exp(logits[1]))
			}
		}
	}
	return file, p
}

// bits is the number of an image of the tiny model.
func bits(levels []uint16) int {
	return int(levels[0]) | int(levels[1])<<1 | int(levels[2])<<2 | int(levels[3])<<3
}

// chiSquare compares counts with probabilities. Where one is 0, so must be the other.
func chiSquare(count, p []float64) float64 {
	n := 0.0
	for _, c := range count {
		n += c
	}
	chi2 := 0.0
	for k, c := range count {
		if p[k] == 0 && c == 0 {
			continue
		}
		chi2 += (c - n*p[k]) * (c - n*p[k]) / (n * p[k])
	}
	return chi2
}

// TestDistribution draws a model 100,000 times and compares the images with its
// enumerated distribution; 37.70 is the 99.9 % point of 15 degrees of freedom.
func TestDistribution(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	model, p := tinyModel(t)
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		cfg.Seed = 1
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		levels := make([]uint16, 100_000*4)
		if err := s.Fill(context.Background(), 0, levels); err != nil {
			t.Fatal(err)
		}
		count := make([]float64, 16)
		for ; len(levels) > 0; levels = levels[4:] {
			count[bits(levels)]++
		}
		chi2 := chiSquare(count, p[:])
		t.Logf("chi-square %.1f", chi2)
		if chi2 > 37.70 {
			t.Errorf("chi-square %.1f; counts %v, probabilities %.4f", chi2, count, p)
		}
	})
}

// TestEnumeratedEntropy: the mean of the log-probabilities of 10,000 draws is minus the entropy
// of the enumerated distribution, within the standard error that this gives it. One seed
// in three would be outside; this one is not.
func TestEnumeratedEntropy(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	model, p := tinyModel(t)
	const n = 10_000
	entropy, squares := 0.0, 0.0
	for _, q := range p {
		entropy -= q * math.Log(q)
		squares += q * math.Log(q) * math.Log(q)
	}
	deviation := math.Sqrt((squares - entropy*entropy) / n)
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		cfg.Seed = 1
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mean := 0.0
		for _, sample := range samples(t, s, sampler.Request{N: n}) {
			mean += sample.LogProb / n
			if want := math.Log(p[bits(sample.Levels)]); math.Abs(sample.LogProb-want) > 1e-5 {
				t.Fatalf("image %d has log-probability %.7f, want %.7f", sample.Index, sample.LogProb, want)
			}
		}
		t.Logf("mean log p %.5f, entropy %.5f nats, standard error %.5f", mean, entropy, deviation)
		if math.Abs(mean+entropy) > deviation {
			t.Errorf("mean log p is %.5f, the entropy %.5f nats", mean, entropy)
		}
	})
}

// TestEntropy: the mean of minus the log-probabilities of 10,000 draws is the model's
// entropy, which the same draws estimate by the entropies of their conditional
// distributions in float64. The difference of the two has mean 0 if the draws follow the
// model, and less noise than either.
func TestEntropy(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	c := models.Config{Hidden: 4, Blocks: 1, Kernel: 3, Size: 4, Levels: 3}
	m := modeltest.Random(t, c, 8)
	model := file(t, c, 8)
	const n = 10_000
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		cfg.Seed = 5
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		surprise, entropy, sum, squares := 0.0, 0.0, 0.0, 0.0
		for sample, err := range s.Samples(context.Background(), sampler.Request{N: n}) {
			if err != nil {
				t.Fatal(err)
			}
			h := conditionalEntropy(m, sample.Levels)
			surprise -= sample.LogProb / n
			entropy += h / n
			d := -sample.LogProb - h
			sum += d
			squares += d * d
		}
		deviation := math.Sqrt((squares/n - sum/n*sum/n) / n)
		t.Logf("mean -log p %.4f, entropy %.4f nats, standard error of the difference %.4f", surprise, entropy, deviation)
		if math.Abs(surprise-entropy) > deviation {
			t.Errorf("mean -log p is %.4f, the entropy %.4f nats", surprise, entropy)
		}
		if deviation > 0.02*entropy {
			t.Errorf("the standard error is %.4f nats, too large to tell anything", deviation)
		}
	})
}

// conditionalEntropy is Σ over pixels of the entropy of p(level | pixels before), in
// nats, evaluated by loops in float64.
func conditionalEntropy(m *models.Model, levels []uint16) float64 {
	image := make([]float64, len(levels))
	for k, l := range levels {
		image[k] = float64(l) / float64(m.Levels-1)
	}
	logits := modeltest.Logits(m, image)
	h := 0.0
	for k := range levels {
		sum, mean := 0.0, 0.0
		for l := range m.Levels {
			x := logits[l*len(levels)+k]
			sum += math.Exp(x)
			mean += math.Exp(x) * x
		}
		h += math.Log(sum) - mean/sum
	}
	return h
}

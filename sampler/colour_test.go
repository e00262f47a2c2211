package sampler_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// tinyColour is a model of 2×1 pixels of three channels of two levels: a masked 3×3
// convolution to four channels, a relu, a 1×1 convolution to the outputs of a head. With
// subPixel the outputs of a channel also depend on the earlier channels of the pixel. It returns the
// file and the probability of each of the 64 images, symbol k being bit k, computed here with
// nested loops.
func tinyColour(t testing.TB, head string, subPixel bool) (file []byte, p []float64) {
	t.Helper()
	outputs := map[string]int{"categorical": 6, "bernoulli": 3, "logistic-mixture": 20}[head]
	rng := rand.New(rand.NewPCG(11, 0))
	random := func(n int, scale float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(float32(rng.NormFloat64() * scale))
		}
		return x
	}
	stem, stemBias := random(4*3, 1), random(4, 0.5) // of the tap above, [4, 3]
	last, lastBias := random(outputs*4, 0.5), random(outputs, 0.5)
	own := random(outputs*3, 1) // [outputs, 3]
	for k := range outputs {
		for c := range 3 {
			if !subPixel || c >= k*3/outputs {
				own[k*3+c] = 0
			}
		}
	}
	constant := func(x []float64, shape ...int) *onnx.Value {
		y := make([]float32, len(x))
		for i := range x {
			y[i] = float32(x[i])
		}
		return onnx.Const("", onnx.NewTensor(y, shape...))
	}
	taps := make([]float64, 4*3*9)
	for i, w := range stem {
		taps[i*9+1] = w
	}
	g := &onnx.Graph{Name: "tiny"}
	n, height, width := onnx.Free("batch"), onnx.Fixed(2), onnx.Fixed(1)
	x := g.Input("image", onnx.Float32, n, onnx.Fixed(3), height, width)
	h := g.Op("Relu", nil, g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}},
		x, constant(taps, 4, 3, 3, 3), constant(stemBias, 4)))
	y := g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{1, 1}}, h, constant(last, outputs, 4, 1, 1), constant(lastBias, outputs))
	if subPixel {
		y = g.Op("Add", nil, y, g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{1, 1}}, x, constant(own, outputs, 3, 1, 1)))
	}
	g.Output(y, "outputs", onnx.Float32, n, onnx.Fixed(outputs), height, width)
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	p = make([]float64, 64)
	for image := range p {
		logProb := 0.0
		for row := range 2 {
			pixel := func(row, c int) float64 {
				if row < 0 {
					return 0
				}
				return float64(image >> (row*3 + c) & 1)
			}
			out := slices.Clone(lastBias)
			for o := range 4 {
				sum := stemBias[o]
				for c := range 3 {
					sum += stem[o*3+c] * pixel(row-1, c)
				}
				for k := range out {
					out[k] += last[k*4+o] * max(sum, 0)
				}
			}
			for k := range out {
				for c := range 3 {
					out[k] += own[k*3+c] * pixel(row, c)
				}
			}
			logProb += pixelLogProb(head, out, [3]float64{pixel(row, 0), pixel(row, 1), pixel(row, 2)})
		}
		p[image] = math.Exp(logProb)
	}
	return file, p
}

// pixelLogProb is the log-probability of a pixel of three channels of two levels.
func pixelLogProb(head string, out []float64, levels [3]float64) float64 {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	switch head {
	case "categorical":
		sum := 0.0
		for c, level := range levels {
			sum += out[2*c+int(level)] - math.Log(math.Exp(out[2*c])+math.Exp(out[2*c+1]))
		}
		return sum
	case "bernoulli":
		sum := 0.0
		for c, level := range levels {
			sum += math.Log(sigmoid((2*level - 1) * out[c]))
		}
		return sum
	}
	// Two logistic components (Salimans et al. 2017). Levels 0 and 1 are -1 and 1, and what is
	// below 0 is the first one's.
	of := func(channel, what, k int) float64 { return out[2+channel*6+what*2+k] }
	x := [3]float64{2*levels[0] - 1, 2*levels[1] - 1, 2*levels[2] - 1}
	p := 0.0
	for k := range 2 {
		means := [3]float64{
			of(0, 0, k),
			of(1, 0, k) + math.Tanh(of(0, 2, k))*x[0],
			of(2, 0, k) + math.Tanh(of(1, 2, k))*x[0] + math.Tanh(of(2, 2, k))*x[1],
		}
		q := math.Exp(out[k]) / (math.Exp(out[0]) + math.Exp(out[1]))
		for c := range 3 {
			q *= sigmoid(x[c] * means[c] / math.Exp(max(of(c, 1, k), -7)))
		}
		p += q
	}
	return math.Log(p)
}

// colourHeads are the heads and orders of colour of tinyColour.
var colourHeads = []struct {
	head     string
	subPixel bool
}{{"categorical", false}, {"categorical", true}, {"bernoulli", false}, {"bernoulli", true}, {"logistic-mixture", false}}

// colours calls test for each head and order of colour, on each engine and runtime.
func colours(t *testing.T, test func(t *testing.T, s *set, p []float64)) {
	for _, c := range colourHeads {
		model, p := tinyColour(t, c.head, c.subPixel)
		if sum := total(p); math.Abs(sum-1) > 1e-9 {
			t.Fatalf("%s: the probabilities have the sum %v", c.head, sum)
		}
		backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
			t.Run(fmt.Sprintf("%s, sub-pixel %v", c.head, c.subPixel), func(t *testing.T) {
				cfg := settings{Engine: engine, Head: c.head, Channels: 3, Levels: 2, Seed: 3}
				if c.head == "categorical" {
					cfg.OutputLayout = "N(CL)HW"
				}
				s, err := opened(rt, model, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				test(t, s, p)
			})
		})
	}
}

func total(p []float64) (sum float64) {
	for _, x := range p {
		sum += x
	}
	return sum
}

// number is the number of an image of tinyColour.
func number(levels []uint16) (image int) {
	for k, level := range levels {
		image |= int(level) << k
	}
	return image
}

// limit63 is the 99.9 % point of chi-square with 63 degrees of freedom.
const limit63 = 103.4

// TestColourDistribution: draws follow the enumerated distribution, at temperature 1 and with
// another one for each row, and have its log-probabilities.
func TestColourDistribution(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	colours(t, func(t *testing.T, s *set, p []float64) {
		for _, c := range []struct{ first, last float64 }{{1, 1}, {1.5, 0.8}} {
			want := make([]float64, len(p))
			for image := range want {
				want[image] = 1
				for k := range 6 {
					t := []float64{c.first, c.last}[k/3]
					q := beginning(p, image, k+1) / beginning(p, image, k)
					a, b := math.Pow(q, 1/t), math.Pow(1-q, 1/t)
					want[image] *= a / (a + b)
				}
			}
			count := make([]float64, len(p))
			req := sampler.Request{N: 40_000, Parameters: sampler.Parameters{Seed: 2, Temperature: c.first, TemperatureEnd: c.last}}
			for _, sample := range samples(t, s, req) {
				image := number(sample.Levels)
				count[image]++
				if math.Abs(sample.LogProb-math.Log(p[image])) > 1e-4 || math.Abs(sample.LogProbDrawn-math.Log(want[image])) > 1e-4 {
					t.Fatalf("%v: log-probabilities %.6f and %.6f, want %.6f and %.6f",
						sample.Levels, sample.LogProb, sample.LogProbDrawn, math.Log(p[image]), math.Log(want[image]))
				}
			}
			if chi2 := chiSquare(count, want); chi2 > limit63 || slices.Min(want)*float64(req.N) < 2 {
				t.Errorf("temperature %v to %v: chi-square %.1f; counts %v, want in proportion to %.4f", c.first, c.last, chi2, count, want)
			}
		}
	})
}

// TestColourInpainting: with whole pixels given, or channels of them, plain inpaintings and
// those with many particles follow their enumerated distributions.
func TestColourInpainting(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics, one goroutine")
	}
	colours(t, func(t *testing.T, s *set, p []float64) {
		for _, mask := range [][]bool{
			{true, true, true, false, false, false},
			{false, false, false, true, true, true},
			{false, true, false, false, false, true},
		} {
			in := sampler.Inpainting{Picture: []uint16{1, 0, 1, 1, 1, 0}, Mask: mask}
			given, plain := inpaintings(p, in.Picture, mask)
			for particles, want := range map[int][]float64{1: plain, 100: given} {
				count := make([]float64, len(p))
				n := 4000
				if in.Particles = particles; particles > 1 {
					n = 600
				}
				for _, sample := range samples(t, s, sampler.Request{N: n, Inpainting: in}) {
					count[number(sample.Levels)]++
				}
				// 8 or 16 images are possible; 24.32 and 37.70 are the 99.9 % points.
				limit := 24.32
				if !mask[0] && !mask[3] {
					limit = 37.70
				}
				if chi2 := chiSquare(count, want); chi2 > limit {
					t.Errorf("%v given, %d particles: chi-square %.1f; counts %v, want in proportion to %.4f", mask, particles, chi2, count, want)
				}
			}
		}
	})
}

// TestColourBestOf: of the candidates for an image the likeliest is kept, and a draw's steps
// end with the images, each channel known once it is decided.
func TestColourBestOf(t *testing.T) {
	colours(t, func(t *testing.T, s *set, p []float64) {
		all := samples(t, s, sampler.Request{N: 40})
		for i, best := range samples(t, s, sampler.Request{N: 10, BestOf: 4}) {
			want := all[4*i]
			for _, other := range all[4*i : 4*i+4] {
				if p[number(other.Levels)] > p[number(want.Levels)] {
					want = other
				}
			}
			if !slices.Equal(best.Levels, want.Levels) {
				t.Errorf("image %d is %v, want %v", i, best.Levels, want.Levels)
			}
		}
		known := 0
		for step, err := range s.Steps(t.Context(), sampler.Request{N: 40}) {
			if err != nil {
				t.Fatal(err)
			}
			now := 0
			for k, is := range step.Known {
				if is {
					now++
					if got, want := step.Levels[k], all[k/6].Levels[k%6]; got != want {
						t.Fatalf("step %d: symbol %d is %d, want %d", step.Number, k, got, want)
					}
				}
			}
			if now < known {
				t.Errorf("step %d: %d symbols are known, %d were", step.Number, now, known)
			}
			known = now
		}
		if known != 40*6 {
			t.Errorf("%d symbols are known at the end", known)
		}
	})
}

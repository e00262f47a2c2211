package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// TestAdam takes some steps of the graph and of the formulas in float64.
func TestAdam(t *testing.T) {
	const n, lanes, learningRate, scale = 7, 3, 0.02, 0.25
	rng := rand.New(rand.NewPCG(1, 1))
	p, m, v := make([]float32, n), make([]float32, n), make([]float32, n)
	var p64, m64, v64 [n]float64
	for i := range p {
		p[i] = float32(rng.NormFloat64())
		p64[i] = float64(p[i])
	}
	for step := 1; step <= 5; step++ {
		rate, root := correction(learningRate, step)
		in := []*onnx.Tensor{
			onnx.NewTensor([]float32{scale}, 1), onnx.NewTensor([]float32{rate}, 1), onnx.NewTensor([]float32{root}, 1),
			onnx.NewTensor(p, n), onnx.NewTensor(m, n), onnx.NewTensor(v, n),
		}
		var grad [n]float64
		for range lanes {
			lane := make([]float32, n)
			for i := range n - 1 { // the last gets no gradient
				lane[i] = float32(rng.NormFloat64())
				grad[i] += scale * float64(lane[i])
			}
			in = append(in, onnx.NewTensor(lane, n))
		}
		p2, m2, v2 := make([]float32, n), make([]float32, n), make([]float32, n)
		run(t, newAdam(n, lanes), in, []*onnx.Tensor{onnx.NewTensor(p2, n), onnx.NewTensor(m2, n), onnx.NewTensor(v2, n)})
		for i, g := range grad {
			m64[i] = beta1*m64[i] + (1-beta1)*g
			v64[i] = beta2*v64[i] + (1-beta2)*g*g
			mHat := m64[i] / (1 - math.Pow(beta1, float64(step)))
			vHat := v64[i] / (1 - math.Pow(beta2, float64(step)))
			p64[i] -= learningRate * mHat / (math.Sqrt(vHat) + epsilon)
			if math.Abs(float64(p2[i])-p64[i]) > 1e-6 {
				t.Errorf("step %d: parameter %d is %v, want %v", step, i, p2[i], p64[i])
			}
		}
		p, m, v = p2, m2, v2
	}
	if p[n-1] != float32(p64[n-1]) {
		t.Error("a parameter moved without a gradient")
	}
}

// TestWeightDecay compares the first step with and without weight decay: it takes
// 0.1·0.5 of each weight off, and leaves biases and tables of classes alone.
func TestWeightDecay(t *testing.T) {
	m, data := classed(t), stripes(9, 5, 3)
	const rate, decay = 0.1, 0.5
	cfg := Config{Steps: 1, LearningRate: rate, Seed: 3}
	initial := start(t, m, data, cfg).Weights()
	plain := start(t, m, data, cfg)
	curve(t, plain)
	cfg.WeightDecay = decay
	decayed := start(t, m, data, cfg)
	curve(t, decayed)
	shrunk := 0
	for _, p := range m.Params() {
		for i, without := range plain.Weights()[p.Name] {
			want := float64(without)
			if p.Kind == models.Weight {
				want -= rate * decay * float64(initial[p.Name][i])
				shrunk++
			}
			if with := float64(decayed.Weights()[p.Name][i]); math.Abs(with-want) > 1e-6 {
				t.Errorf("%s[%d] is %v, want %v", p.Name, i, with, want)
			}
		}
	}
	if shrunk == 0 {
		t.Error("no weights")
	}
}

func ExampleSchedule() {
	for _, s := range []Schedule{Constant, Cosine} {
		for _, warmup := range []int{0, 4} {
			fmt.Printf("%s after %d:", s, warmup)
			for step := 1; step <= warmup+5; step++ {
				fmt.Printf(" %.2f", s.rate(step, warmup, warmup+5))
			}
			fmt.Println()
		}
	}
	// Output:
	// constant after 0: 1.00 1.00 1.00 1.00 1.00
	// constant after 4: 0.25 0.50 0.75 1.00 1.00 1.00 1.00 1.00 1.00
	// cosine after 0: 1.00 0.90 0.65 0.35 0.10
	// cosine after 4: 0.25 0.50 0.75 1.00 1.00 0.90 0.65 0.35 0.10
}

package draw

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

func TestLevel(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	ln3 := float32(math.Log(3))
	for _, c := range []struct {
		name        string
		logits      []float32
		temperature float64
		u           float64
		want        int
	}{
		// Probabilities 1/4, 3/4: the boundary is at u = 0.25.
		{"below the boundary", []float32{0, ln3}, 1, 0.2499, 0},
		{"above the boundary", []float32{0, ln3}, 1, 0.2501, 1},
		{"u = 0 takes the first", []float32{0, ln3}, 1, 0, 0},
		{"u next to 1 takes the last", []float32{0, ln3}, 1, math.Nextafter(1, 0), 1},
		// T = 1/2 squares the odds: 1/10, 9/10. T = 2 takes the root: 1/(1+√3) = 0.3660.
		{"cold, below", []float32{0, ln3}, 0.5, 0.0999, 0},
		{"cold, above", []float32{0, ln3}, 0.5, 0.1001, 1},
		{"hot, below", []float32{0, ln3}, 2, 0.3659, 0},
		{"hot, above", []float32{0, ln3}, 2, 0.3661, 1},
		{"a constant changes nothing", []float32{1000, 1000 + ln3}, 1, 0.2499, 0},
		{"four equal", []float32{5, 5, 5, 5}, 1, 0.5, 2},
		{"an impossible level is never drawn", []float32{-inf, 0}, 1, 0, 1},
		{"nor is it at the end", []float32{0, -inf}, 1, math.Nextafter(1, 0), 0},
		{"the smallest temperature is greedy", []float32{0, 1e-30, -5}, math.SmallestNonzeroFloat64, 0.999, 1},
		{"1e-30", []float32{3, 88, 87.99}, 1e-30, 0.999, 1},
		{"1e30 is uniform", []float32{-80, 80}, 1e30, 0.4999, 0},
		{"1e30 is uniform, above", []float32{-80, 80}, 1e30, 0.5001, 1},
		{"NaN", []float32{0, nan}, 1, 0.5, -1},
		{"NaN first", []float32{nan, 0}, 1, 0.5, -1},
		{"infinity", []float32{0, inf}, 1, 0.5, -1},
		{"nothing possible", []float32{-inf, -inf}, 1, 0.5, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := testDrawer(Parameters{}, c.temperature, len(c.logits))
			if got := d.level(c.logits, 1, c.u); got != c.want {
				t.Errorf("level %d, want %d", got, c.want)
			}
		})
	}
}

func TestLevelStride(t *testing.T) {
	d := testDrawer(Parameters{}, 1, 2)
	// Level 1 of pixel 0 lies three further on, past the pixels of level 0.
	if got := d.level([]float32{-50, 0, 0, 50}, 3, 0.5); got != 1 {
		t.Errorf("level %d, want 1", got)
	}
}

// TestLevelFrequencies draws 200,000 times and compares with the probabilities by
// chi-square; 16.27 is the 99.9 % point of 3 degrees of freedom.
func TestLevelFrequencies(t *testing.T) {
	logits := []float32{0.3, -1.2, 2, 0.9}
	for _, temperature := range []float64{0.3, 1, 2.5} {
		d := testDrawer(Parameters{}, temperature, 4)
		rng := rand.New(rand.NewPCG(7, 0))
		const n = 200_000
		var count [4]float64
		for range n {
			count[d.level(logits, 1, rng.Float64())]++
		}
		var p [4]float64
		sum := 0.0
		for k, l := range logits {
			p[k] = math.Exp(float64(l) / temperature)
			sum += p[k]
		}
		chi2 := 0.0
		for k := range p {
			want := n * p[k] / sum
			chi2 += (count[k] - want) * (count[k] - want) / want
		}
		if chi2 > 16.27 {
			t.Errorf("T = %g: chi-square %.1f, counts %v", temperature, chi2, count)
		}
	}
}

// TestUniforms pins the variates: other values would change every image.
func TestUniforms(t *testing.T) {
	u := make([]float64, 3)
	NewUniforms().Fill(u, 1, 42, 7)
	rng := rand.New(rand.NewPCG(42, 7))
	for k := range u {
		if want := rng.Float64(); u[k] != want {
			t.Errorf("u[%d] = %v, want %v", k, u[k], want)
		}
	}
}

func BenchmarkLevel(b *testing.B) {
	d := testDrawer(Parameters{}, 0.7, 4)
	logits := []float32{0.3, -1.2, 2, 0.9}
	for b.Loop() {
		d.level(logits, 1, 0.6)
	}
}

func BenchmarkPixel(b *testing.B) {
	for _, c := range []struct {
		name   string
		head   likelihood.Head
		params Parameters
	}{
		{"4 levels", likelihood.Categorical{Depth: 4}, Parameters{Temperature: 0.7}},
		{"256 levels", likelihood.Categorical{Depth: 256}, Parameters{Temperature: 0.7}},
		{"256 levels, top-k 20", likelihood.Categorical{Depth: 256}, Parameters{TopK: 20}},
		{"256 levels, top-p", likelihood.Categorical{Depth: 256}, Parameters{TopP: 0.9}},
		{"65536 levels", likelihood.Categorical{Depth: 1 << 16}, Parameters{}},
		{"65536 levels, top-k 100", likelihood.Categorical{Depth: 1 << 16}, Parameters{TopK: 100}},
		{"Bernoulli", likelihood.Bernoulli{}, Parameters{}},
		{"mixture", likelihood.Mixture{Depth: 256, Components: 10}, Parameters{}},
		{"mixture, 0.7", likelihood.Mixture{Depth: 256, Components: 10}, Parameters{Temperature: 0.7}},
		{"mixture, top-p", likelihood.Mixture{Depth: 256, Components: 10}, Parameters{TopP: 0.9}},
		{"mixture of 65536 levels", likelihood.Mixture{Depth: 1 << 16, Components: 10}, Parameters{}},
		{"RGB mixture", likelihood.Mixture{Depth: 256, Channels: 3, Components: 10}, Parameters{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			how, err := c.params.For(c.head, 1)
			if err != nil {
				b.Fatal(err)
			}
			symbols := c.head.Symbols()
			d := NewBatch(c.head, []Row{{How: how, Levels: make([]uint16, symbols)}}, 1, nil)
			rng := rand.New(rand.NewPCG(1, 0))
			outputs := make([]float32, c.head.Outputs())
			for k := range outputs {
				outputs[k] = float32(rng.NormFloat64())
			}
			b.ReportAllocs()
			for b.Loop() {
				for k := range symbols {
					d.Symbol(0, k, outputs, 1, 0.6)
				}
			}
		})
	}
}

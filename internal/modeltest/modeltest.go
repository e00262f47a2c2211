// Package modeltest gives tests models with random weights, and a reference
// evaluation that shares no code with the graphs under test.
package modeltest

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/signature/encoding"
	"pixelcnn/models"
)

// Random makes a model with weights drawn from a seed, large enough for the logits
// to differ clearly between levels.
func Random(t testing.TB, c models.Config, seed uint64) *models.Model {
	t.Helper()
	m, err := models.New(c)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	m.Weights = map[string][]float32{}
	for _, p := range m.Params() {
		w := make([]float32, p.Len())
		if p.Kind != models.Weight {
			for i := range w {
				w[i] = float32(rng.NormFloat64() * 0.3)
			}
		} else {
			scale := 2 / math.Sqrt(float64(p.FanIn()))
			k, r := p.Conv.Kernel, p.Conv.Kernel/2
			for plane := 0; plane < len(w); plane += k * k {
				for _, tap := range p.Conv.Taps() {
					w[plane+(tap.DY+r)*k+tap.DX+r] = float32(rng.NormFloat64() * scale)
				}
			}
		}
		m.Weights[p.Name] = w
	}
	return m
}

// Logits evaluates the model on one image, [H, W] with values in [0, 1], by nested
// loops in float64, and returns the logits, [Levels, H, W]. A model with classes is
// asked for class 0.
func Logits(m *models.Model, image []float64) []float64 { return ClassLogits(m, image, 0) }

// ClassLogits is [Logits] for an image of a class.
func ClassLogits(m *models.Model, image []float64, class int) []float64 {
	b := &evaluator{m: m, image: image, class: class}
	return b.values[m.Build(b)]
}

// evaluator is a Builder that computes as it goes; values are [channels, H, W].
type evaluator struct {
	m      *models.Model
	image  []float64
	class  int
	values [][]float64
}

func (e *evaluator) keep(v []float64) models.Value {
	e.values = append(e.values, v)
	return models.Value(len(e.values) - 1)
}

func (e *evaluator) Image() models.Value {
	out := make([]float64, len(e.image))
	for i, v := range e.image {
		out[i] = v * encoding.Steps(e.m.Levels) * e.m.InputScale
	}
	return e.keep(out)
}

func (e *evaluator) OneHot() models.Value {
	out := make([]float64, e.m.Levels*len(e.image))
	for i, v := range e.image {
		out[int(math.Round(v*encoding.Steps(e.m.Levels)))*len(e.image)+i] = 1
	}
	return e.keep(out)
}

func (e *evaluator) Embed(x models.Value, t models.Embedding) models.Value {
	out, pixels := make([]float64, len(e.values[x])), len(e.image)
	for i, v := range e.values[x] {
		out[i] = v + float64(e.m.Weights[t.Name+"_table"][e.class*t.Channels+i/pixels])
	}
	return e.keep(out)
}

func (e *evaluator) each(x models.Value, f func(float64) float64) models.Value {
	out := make([]float64, len(e.values[x]))
	for i, v := range e.values[x] {
		out[i] = f(v)
	}
	return e.keep(out)
}

func (e *evaluator) both(x, y models.Value, f func(a, b float64) float64) models.Value {
	out := make([]float64, len(e.values[x]))
	for i, v := range e.values[x] {
		out[i] = f(v, e.values[y][i])
	}
	return e.keep(out)
}

func (e *evaluator) Relu(x models.Value) models.Value {
	return e.each(x, func(v float64) float64 { return max(v, 0) })
}

func (e *evaluator) Tanh(x models.Value) models.Value { return e.each(x, math.Tanh) }

func (e *evaluator) Sigmoid(x models.Value) models.Value {
	return e.each(x, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
}

func (e *evaluator) Add(x, y models.Value) models.Value {
	return e.both(x, y, func(a, b float64) float64 { return a + b })
}

func (e *evaluator) Mul(x, y models.Value) models.Value {
	return e.both(x, y, func(a, b float64) float64 { return a * b })
}

func (e *evaluator) Conv(x models.Value, c models.Conv) models.Value {
	size, k, r := e.m.Size, c.Kernel, c.Kernel/2
	in, weight, bias := e.values[x], e.m.Weights[c.Name+"_weight"], e.m.Weights[c.Name+"_bias"]
	out := make([]float64, c.Out*size*size)
	for o := range c.Out {
		for y := range size {
			for x := range size {
				sum := float64(bias[o])
				for i := range c.In {
					for dy := -r; dy <= r; dy++ {
						for dx := -r; dx <= r; dx++ {
							yy, xx := y+dy, x+dx
							if yy < 0 || yy >= size || xx < 0 || xx >= size {
								continue
							}
							w := weight[((o*c.In+i)*k+dy+r)*k+dx+r]
							sum += float64(w) * in[(i*size+yy)*size+xx]
						}
					}
				}
				out[(o*size+y)*size+x] = sum
			}
		}
	}
	return e.keep(out)
}

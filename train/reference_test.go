package train

import (
	"math"

	"pixelcnn/models"
)

// net is a network that a test describes by a function.
type net func(b models.Builder) models.Value

func (n net) Build(b models.Builder) models.Value { return n(b) }

func (n net) Params() []models.Param {
	return models.Params(func(b models.Builder) { n(b) })
}

// exact evaluates a network on one image by nested loops in float64. It takes its
// weights from a packed vector but shares no code with the tape.
type exact struct {
	shape   shape
	packing packing
	params  []float64
	image   []uint16
	class   int
	values  [][][]float64 // [channels][pixels]
	next    int
}

func (e *exact) keep(v [][]float64) models.Value {
	e.values = append(e.values, v)
	return models.Value(len(e.values) - 1)
}

func (e *exact) Image() models.Value {
	v := make([]float64, len(e.image))
	for i, level := range e.image {
		v[i] = float64(level) * e.shape.scale
	}
	return e.keep([][]float64{v})
}

func (e *exact) OneHot() models.Value {
	v := make([][]float64, e.shape.levels)
	for k := range v {
		v[k] = make([]float64, len(e.image))
		for i, level := range e.image {
			if int(level) == k {
				v[k][i] = 1
			}
		}
	}
	return e.keep(v)
}

func (e *exact) Embed(x models.Value, t models.Embedding) models.Value {
	row := e.params[e.packing.slots[e.next].off+e.class*t.Channels:]
	e.next++
	return e.each(x, func(c, _ int, v float64) float64 { return v + row[c] })
}

func (e *exact) each(x models.Value, f func(channel, pixel int, v float64) float64) models.Value {
	out := make([][]float64, len(e.values[x]))
	for c, plane := range e.values[x] {
		out[c] = make([]float64, len(plane))
		for p, v := range plane {
			out[c][p] = f(c, p, v)
		}
	}
	return e.keep(out)
}

func (e *exact) Relu(x models.Value) models.Value {
	return e.each(x, func(_, _ int, v float64) float64 { return max(v, 0) })
}

func (e *exact) Tanh(x models.Value) models.Value {
	return e.each(x, func(_, _ int, v float64) float64 { return math.Tanh(v) })
}

func (e *exact) Sigmoid(x models.Value) models.Value {
	return e.each(x, func(_, _ int, v float64) float64 { return 1 / (1 + math.Exp(-v)) })
}

func (e *exact) Mul(a, b models.Value) models.Value {
	return e.each(a, func(c, p int, v float64) float64 { return v * e.values[b][c][p] })
}

func (e *exact) Add(a, b models.Value) models.Value {
	return e.each(a, func(c, p int, v float64) float64 { return v + e.values[b][c][p] })
}

func (e *exact) Conv(x models.Value, c models.Conv) models.Value {
	n := e.shape.size
	weight, bias := e.params[e.packing.slots[e.next].off:], e.params[e.packing.slots[e.next+1].off:]
	e.next += 2
	out := make([][]float64, c.Out)
	for o := range out {
		out[o] = make([]float64, n*n)
		for p := range out[o] {
			out[o][p] = bias[o]
			for i := range c.In {
				for t, tap := range c.Taps() {
					y, x0 := p/n+tap.DY, p%n+tap.DX
					if y >= 0 && y < n && x0 >= 0 && x0 < n {
						out[o][p] += weight[e.at(c, i, t, o)] * e.values[x][i][y*n+x0]
					}
				}
			}
		}
	}
	return e.keep(out)
}

// at is the place of an element in a packed weight.
func (e *exact) at(c models.Conv, in, tap, out int) int {
	if c.Kernel == 1 && c.Out < c.In {
		return out*c.In + in
	}
	return (in*len(c.Taps())+tap)*c.Out + out
}

// exactNLL is the negative log-likelihood of each image, in nats, pixels [N, size, size].
// Image i is of class i.
func exactNLL(n network, l packing, s shape, params []float64, pixels []uint16) []float64 {
	nll := make([]float64, len(pixels)/s.pixels())
	for i := range nll {
		e := &exact{shape: s, packing: l, params: params, image: pixels[i*s.pixels() : (i+1)*s.pixels()], class: i}
		logits := e.values[n.Build(e)]
		for p, level := range e.image {
			sum := 0.0
			for c := range logits {
				sum += math.Exp(logits[c][p])
			}
			nll[i] += math.Log(sum) - logits[level][p]
		}
	}
	return nll
}

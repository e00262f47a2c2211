// Package compiletest makes random autoregressive graphs for tests.
package compiletest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// Model is a random graph. Its input "x" is [batch,1,Height,Width], its output
// "logits" [batch,Levels,Height,Width].
type Model struct {
	*onnx.Model
	Height, Width, Levels int
	Opened                string // the convolution that looks ahead, if any
	DY, DX                int    // and its tap
}

// Random makes an autoregressive graph of the seed: one or two stacks of masked,
// dilated, grouped, padded or cropped convolutions, with skips, gates, joined
// channels, normalisations and arithmetic between them. Where open is set, one
// convolution has one tap more, which shows a pixel itself or its future.
func Random(seed uint64, open bool) *Model {
	m := &Model{}
	g := generate(seed, m, -1)
	if open {
		// The same graph once more, now that the number of convolutions is known.
		g = generate(seed, m, g.rng.IntN(g.convs))
	}
	m.Model = &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, ProducerName: "compiletest", Graph: g.Graph}
	return m
}

// generate makes the graph for m with one convolution, if any, open.
func generate(seed uint64, m *Model, open int) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 1)), Graph: &onnx.Graph{Name: "random"}, model: m, open: open}
	g.h, g.w = 4+g.rng.IntN(6), 5+g.rng.IntN(6)
	m.Height, m.Width, m.Levels = g.h, g.w, 2+g.rng.IntN(4)
	g.build(g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(g.h), onnx.Fixed(g.w)), m.Levels)
	return g
}

// value is [batch, channels, h, w].
type value struct {
	*onnx.Value
	channels int
}

type generator struct {
	*onnx.Graph
	rng   *rand.Rand
	h, w  int
	convs int
	open  int // the convolution to open, -1 for none
	model *Model
}

// mask tells which taps a convolution has.
type mask int

const (
	before mask = iota // pixels before this one: reads the picture
	upTo               // and this one: reads what is made of earlier pixels
	above              // rows above: reads the picture
	rows               // and this row: reads what is made of rows above
)

func (m mask) has(dy, dx int) bool {
	switch m {
	case before:
		return dy < 0 || dy == 0 && dx < 0
	case upTo:
		return dy < 0 || dy == 0 && dx <= 0
	case above:
		return dy < 0
	default:
		return dy <= 0
	}
}

// needed is the tap that is always there, so that an opened one is seen.
func (m mask) needed() (dy, dx int) {
	switch m {
	case before:
		return 0, -1
	case above:
		return -1, 0
	default:
		return 0, 0
	}
}

func (g *generator) build(picture *onnx.Value, levels int) {
	x := value{picture, 1}
	h := g.conv(x, 4+2*g.rng.IntN(5), before)
	var v value
	two := g.rng.IntN(2) == 0
	if two {
		v = g.conv(x, h.channels, above)
	}
	for range 1 + g.rng.IntN(4) {
		if two {
			v = g.block(v, rows)
			h = g.merge(h, v)
		}
		h = g.block(h, upTo)
	}
	h = g.activation(h)
	out := g.conv(h, levels, upTo)
	g.Output(out.Value, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(levels), onnx.Fixed(g.h), onnx.Fixed(g.w))
}

// merge lets the horizontal stack read the vertical one.
func (g *generator) merge(h, v value) value {
	switch g.rng.IntN(3) {
	case 0:
		return value{g.Op("Concat", onnx.Attrs{"axis": int64(1)}, h.Value, g.conv(v, 4, rows).Value), h.channels + 4}
	case 1:
		return value{g.Op("Add", nil, h.Value, g.conv(v, h.channels, rows).Value), h.channels}
	default:
		return value{g.Op("Mul", nil, g.Op("Sigmoid", nil, g.conv(v, h.channels, rows).Value), h.Value), h.channels}
	}
}

// block is a few layers, with or without a skip.
func (g *generator) block(x value, m mask) value {
	y := g.local(x)
	if g.rng.IntN(3) == 0 { // gated
		y = g.conv(y, 2*x.channels, m)
		parts := g.Ops(2, "Split", onnx.Attrs{"axis": int64(1)}, y.Value)
		y = value{g.Op("Mul", nil, g.Op("Tanh", nil, parts[0]), g.Op("Sigmoid", nil, parts[1])), x.channels}
	} else {
		y = g.activation(g.conv(y, 2+2*g.rng.IntN(4), m))
	}
	y = g.conv(y, x.channels, m)
	if g.rng.IntN(3) > 0 {
		y = value{g.Op("Add", nil, x.Value, y.Value), x.channels}
	}
	return g.local(y)
}

func (g *generator) activation(x value) value {
	switch g.rng.IntN(7) {
	case 0:
		return value{g.Op("LeakyRelu", onnx.Attrs{"alpha": float32(0.2)}, x.Value), x.channels}
	case 1:
		return value{g.Op("Elu", nil, x.Value), x.channels}
	case 2: // gelu by its parts
		e := g.Op("Erf", nil, g.Op("Div", nil, x.Value, scalar(math.Sqrt2)))
		return value{g.Op("Mul", nil, g.Op("Mul", nil, x.Value, g.Op("Add", nil, e, scalar(1))), scalar(0.5)), x.channels}
	case 3:
		return value{g.Op("Softplus", nil, x.Value), x.channels}
	default:
		return value{g.Op("Relu", nil, x.Value), x.channels}
	}
}

// local is something on each pixel by itself, or nothing.
func (g *generator) local(x value) value {
	c := x.channels
	switch g.rng.IntN(9) {
	case 0:
		return value{g.Op("BatchNormalization", nil, x.Value, g.constant(1, c), g.constant(0, c), g.constant(0, c), g.constant(2, c)), c}
	case 1: // over the channels, which come last for it
		t := g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, x.Value)
		t = g.Op("LayerNormalization", onnx.Attrs{"axis": int64(-1)}, t, g.constant(1, c), g.constant(0, c))
		return value{g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, t), c}
	case 2: // a constant per position
		return value{g.Op("Add", nil, x.Value, g.constant(0, 1, c, g.h, g.w)), c}
	case 3:
		return value{g.Op("Mul", nil, x.Value, g.constant(1, c, 1, 1)), c}
	case 4: // some channels in another order
		half := g.Op("Slice", nil, x.Value, ints(c/2), ints(c), ints(1))
		rest := g.Op("Slice", nil, x.Value, ints(0), ints(c/2), ints(1))
		return value{g.Op("Concat", onnx.Attrs{"axis": int64(1)}, half, rest), c}
	default:
		return x
	}
}

// conv is a convolution with random taps under a mask.
func (g *generator) conv(x value, out int, m mask) value {
	kh, kw := 2*g.rng.IntN(3)+1, 2*g.rng.IntN(3)+1
	if m == before || m == above {
		kh, kw = max(kh, 3), max(kw, 3)
	}
	group := 1
	if x.channels > 1 && x.channels%2 == 0 && out%2 == 0 && g.rng.IntN(4) == 0 {
		group = 2
	}
	dil := 1
	if g.rng.IntN(3) == 0 && m != before && m != above {
		dil = 2
	}
	opened := g.convs == g.open
	g.convs++
	if opened {
		kh, kw = max(kh, 3), max(kw, 3)
	}
	in := x.channels / group
	w := make([]float32, out*in*kh*kw)
	ry, rx := kh/2, kw/2
	ny, nx := m.needed()
	fy, fx := 0, 1 // the tap to open, where opened
	if m == rows || m == above || g.rng.IntN(2) == 0 {
		fy, fx = 1, -g.rng.IntN(2)
	}
	if m == before && g.rng.IntN(2) == 0 {
		fy, fx = 0, 0
	}
	if m == rows {
		fy, fx = 1, g.rng.IntN(2)
	}
	if m == above {
		fy, fx = 0, g.rng.IntN(2)
	}
	scale := 1.5 / math.Sqrt(float64(in)*3)
	for dy := -ry; dy <= ry; dy++ {
		for dx := -rx; dx <= rx; dx++ {
			live := m.has(dy, dx) && g.rng.IntN(4) > 0 || dy == ny && dx == nx
			live = live || opened && dy == fy && dx == fx
			for o := range out * in {
				x := g.rng.NormFloat64()
				if live {
					w[(o*kh+dy+ry)*kw+dx+rx] = float32(x * scale)
				}
			}
		}
	}
	name := fmt.Sprintf("conv%d", g.convs)
	if opened {
		g.model.Opened, g.model.DY, g.model.DX = name, fy*dil, fx*dil
	}
	py, px := int64(ry*dil), int64(rx*dil)
	attrs := onnx.Attrs{"kernel_shape": []int64{int64(kh), int64(kw)}, "dilations": []int64{int64(dil), int64(dil)}, "group": int64(group)}
	weight := onnx.Const("", onnx.NewTensor(w, out, in, kh, kw))
	src := x.Value
	crop := false
	switch g.rng.IntN(3) {
	case 0: // padded apart
		src = g.Op("Pad", nil, src, ints(0, 0, int(py), int(px), 0, 0, int(py), int(px)))
	case 1: // padded by more than needed, then cropped
		src = g.Op("Pad", nil, src, ints(0, 0, int(py)+1, int(px)+1, 0, 0, int(py), int(px)+1))
		crop = true
	default:
		attrs["pads"] = []int64{py, px, py, px}
	}
	y := g.Op("Conv", attrs, src, weight, g.constant(0, out))
	y.Node.Name = name
	if crop {
		y = g.Op("Slice", nil, y, ints(1, 1), ints(math.MaxInt32, g.w+1), ints(2, 3))
	}
	return value{y, out}
}

// constant is random numbers around mean; all positive where that is 2.
func (g *generator) constant(mean float64, shape ...int) *onnx.Value {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(mean + 0.4*(2*g.rng.Float64()-1))
	}
	return onnx.Const("", onnx.NewTensor(x, shape...))
}

func scalar(x float64) *onnx.Value { return onnx.Const("", onnx.Scalar(float32(x))) }

func ints(x ...int) *onnx.Value {
	v := make([]int64, len(x))
	for i, n := range x {
		v[i] = int64(n)
	}
	return onnx.Const("", onnx.NewTensor(v, len(v)))
}

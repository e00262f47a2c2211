package compiletest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// Attending is a random graph with attention, and the place whose mask looks ahead, if any.
type Attending struct {
	*Model
	Reader int // the pixel of that mask's row
}

// RandomAttention makes an autoregressive graph of the seed with attentions: among masked
// convolutions, whose queries see earlier pixels and whose keys see their own, or over pixels
// laid end to end, shifted by one, as transformers have them. Heads, masks and their forms,
// biases and the ways of laying out are random. Where open is set, the mask of one attention
// has one entry more, by which a pixel sees itself.
func RandomAttention(seed uint64, open bool) *Attending {
	a := &Attending{Model: &Model{}, Reader: -1}
	g := &attention{generator: generator{rng: rand.New(rand.NewPCG(seed, 2)), Graph: &onnx.Graph{Name: "random"}, model: a.Model, open: -1}}
	g.h, g.w = 2+g.rng.IntN(4), 2+g.rng.IntN(5)
	a.Height, a.Width, a.Levels = g.h, g.w, 2+g.rng.IntN(4)
	layers := 1 + g.rng.IntN(3)
	g.opened = -1
	if open {
		g.opened = g.rng.IntN(layers)
		a.Reader = g.rng.IntN(g.h*g.w - 1)
	}
	g.reader = a.Reader
	picture := g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(g.h), onnx.Fixed(g.w))
	if g.rng.IntN(2) == 0 {
		g.snail(picture, layers)
	} else {
		g.transformer(picture, layers)
	}
	a.Model.Model = &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, ProducerName: "compiletest", Graph: g.Graph}
	return a
}

type attention struct {
	generator
	made           int // attentions so far
	opened, reader int
	heads, depth   int
	more           int // places beside the pixels': where the start token stays
}

func (g *attention) pixels() int { return g.h * g.w }

// places is how many there are of the sequence.
func (g *attention) places() int { return g.pixels() + g.more }

// snail is convolutions with attentions between them, whose keys see the picture.
func (g *attention) snail(picture *onnx.Value, layers int) {
	x := g.conv(value{picture, 1}, 4+2*g.rng.IntN(3), before)
	for range layers {
		g.shape(x.channels)
		x = g.block(x, upTo)
		keys := g.Op("Concat", onnx.Attrs{"axis": int64(1)}, x.Value, picture)
		q := g.point(x, g.heads*g.depth)
		k := g.point(value{keys, x.channels + 1}, g.heads*g.depth)
		v := g.point(value{keys, x.channels + 1}, x.channels)
		out := g.attend(g.headed(q, g.depth, true), g.headed(k, g.depth, true), g.headed(v, x.channels/g.heads, true), x.channels/g.heads, true)
		out = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, out)
		out = g.Op("Reshape", nil, out, ints(0, x.channels, g.h, g.w))
		x = value{g.Op("Add", nil, x.Value, out), x.channels}
	}
	out := g.conv(g.activation(x), g.model.Levels, upTo)
	g.Output(out.Value, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(g.model.Levels), onnx.Fixed(g.h), onnx.Fixed(g.w))
}

// shape chooses heads that divide so many channels, and their depth.
func (g *attention) shape(channels int) {
	g.heads = []int{1, 2, 4}[g.rng.IntN(3)]
	for channels%g.heads > 0 {
		g.heads /= 2
	}
	g.depth = 1 + g.rng.IntN(4)
}

// point is a convolution of one tap.
func (g *attention) point(x value, out int) *onnx.Value {
	w := g.constant(0, out, x.channels, 1, 1)
	for i := range w.Const.Floats() {
		w.Const.Floats()[i] *= 4
	}
	return g.Op("Conv", nil, x.Value, w, g.constant(0, out))
}

// headed lays [batch, heads·depth, h, w], or, where it is no picture, [batch, places,
// heads·depth], out as [batch, heads, places, depth].
func (g *attention) headed(x *onnx.Value, depth int, picture bool) *onnx.Value {
	if picture {
		x = g.Op("Reshape", nil, x, ints(0, g.heads, depth, g.pixels()))
		return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, x)
	}
	x = g.Op("Reshape", nil, x, ints(0, g.places(), g.heads, depth))
	return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
}

// transformer is over the pixels laid end to end.
func (g *attention) transformer(picture *onnx.Value, layers int) {
	c := 4 + 4*g.rng.IntN(2)
	x := g.Op("Reshape", nil, picture, ints(-1, g.pixels(), 1))
	if g.more = g.rng.IntN(2); g.opened >= 0 {
		g.more = 0
	}
	n := g.places()
	shift := func(x *onnx.Value, start *onnx.Value) *onnx.Value {
		first := x // the last one is cut off here or at the end
		if g.more == 0 {
			first = g.Op("Slice", nil, x, ints(0), ints(-1), ints(1))
		}
		batch := g.Op("Slice", nil, g.Op("Shape", nil, x), ints(0), ints(1))
		start = g.Op("Expand", nil, start, g.Op("Concat", onnx.Attrs{"axis": int64(0)}, batch, ints(1, 1)))
		return g.Op("Concat", onnx.Attrs{"axis": int64(1)}, start, first)
	}
	if g.rng.IntN(2) == 0 {
		x = g.dense(shift(x, g.constant(0, 1, 1, 1)), 1, c)
	} else { // the start is learned, and what is shifted is made of the picture
		if x = g.dense(x, 1, c); g.rng.IntN(2) == 0 {
			x = g.Op("Tanh", nil, x)
		}
		x = shift(x, g.constant(0, 1, 1, c))
	}
	x = g.Op("Add", nil, x, g.constant(0, 1, n, c))
	for range layers {
		g.shape(c)
		norm := g.Op("LayerNormalization", onnx.Attrs{"axis": int64(-1)}, x, g.constant(1, c), g.constant(0, c))
		each := c / g.heads
		qkv := g.Ops(3, "Split", onnx.Attrs{"axis": int64(2)}, g.dense(norm, c, 2*g.heads*g.depth+c), ints(g.heads*g.depth, g.heads*g.depth, c))
		out := g.attend(g.headed(qkv[0], g.depth, false), g.headed(qkv[1], g.depth, false), g.headed(qkv[2], each, false), each, false)
		out = g.Op("Reshape", nil, g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3}}, out), ints(0, n, c))
		x = g.Op("Add", nil, x, g.dense(out, c, c))
		y := g.activation(value{g.dense(x, c, 2*c), 2 * c})
		x = g.Op("Add", nil, x, g.dense(y.Value, 2*c, c))
	}
	if g.more > 0 {
		x = g.Op("Slice", nil, x, ints(0), ints(-1), ints(1))
	}
	x = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, g.dense(x, c, g.model.Levels))
	x = g.Op("Reshape", nil, x, ints(0, g.model.Levels, g.h, g.w))
	g.Output(x, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(g.model.Levels), onnx.Fixed(g.h), onnx.Fixed(g.w))
}

// dense is a matrix product over the last dimension.
func (g *attention) dense(x *onnx.Value, in, out int) *onnx.Value {
	w := g.constant(0, in, out)
	for i := range w.Const.Floats() {
		w.Const.Floats()[i] *= 3
	}
	return g.Op("Add", nil, g.Op("MatMul", nil, x, w), g.constant(0, out))
}

// attend is an attention over [batch, heads, pixels, channels], each of the values. Where
// strict is set a pixel does not see its own place.
func (g *attention) attend(q, k, v *onnx.Value, each int, strict bool) *onnx.Value {
	g.made++
	n := g.places()
	merged := g.rng.IntN(3) == 0 // images and heads in one dimension
	if merged {
		q, k = g.Op("Reshape", nil, q, ints(-1, n, g.depth)), g.Op("Reshape", nil, k, ints(-1, n, g.depth))
		v = g.Op("Reshape", nil, v, ints(-1, n, each))
	}
	last := func(i int) int { // that i sees
		if strict {
			return i - 1
		}
		return i
	}
	sees := make([]bool, n*n)
	sparse := g.rng.IntN(3) == 0
	for i := range n {
		for j := 0; j <= last(i); j++ {
			sees[i*n+j] = !sparse || j == last(i) || g.rng.IntN(3) > 0
		}
	}
	if g.made-1 == g.opened {
		sees[g.reader*n+last(g.reader)+1] = true
	}
	turn := func(x *onnx.Value) *onnx.Value {
		if merged {
			return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, x)
		}
		return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, x)
	}
	k = turn(k)
	scores := g.Op("MatMul", nil, q, k)
	if g.rng.IntN(2) == 0 {
		scores = g.Op("Div", nil, scores, scalar(math.Sqrt(float64(g.depth))))
	}
	if g.rng.IntN(3) == 0 && (!merged || g.heads == 1) {
		scores = g.Op("Add", nil, scores, g.constant(0, g.heads, n, n)) // by head and distance
	}
	table := func(seen, unseen float32) *onnx.Value {
		out := make([]float32, n*n)
		for i, s := range sees {
			if out[i] = unseen; s {
				out[i] = seen
			}
		}
		return onnx.Const("", onnx.NewTensor(out, n, n))
	}
	// Of the first pixel nothing is left where it is strict: its row counts for nothing.
	low := []float32{float32(math.Inf(-1)), -1e4, -1e9, -math.MaxFloat32}[g.rng.IntN(4)]
	form := g.rng.IntN(4)
	safe := form < 3 && math.IsInf(float64(low), -1) && strict // weights that are no numbers become zeros
	switch form {
	case 0:
		scores = g.Op("Add", nil, scores, table(0, low))
	case 1:
		scores = g.Op("Where", nil, g.bools(sees, n), scores, onnx.Const("", onnx.Scalar(low)))
	case 2:
		scores = g.Op("Where", nil, g.Op("Equal", nil, table(1, 0), scalar(0)), onnx.Const("", onnx.Scalar(low)), scores)
	default: // w·mask − 1e4·(1 − mask)
		scores = g.Op("Sub", nil, g.Op("Mul", nil, scores, table(1, 0)), table(0, 1e4))
	}
	weights := g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, scores)
	if safe {
		weights = g.Op("Where", nil, g.Op("IsNaN", nil, weights), scalar(0), weights)
	}
	switch {
	case safe && g.rng.IntN(2) == 0:
	case strict && g.rng.IntN(2) == 0:
		weights = g.Op("Mul", nil, weights, table(1, 0))
	case strict:
		rows := make([]float32, n)
		for i := range rows {
			if last(i) >= 0 || i == g.reader && g.made-1 == g.opened {
				rows[i] = 1
			}
		}
		weights = g.Op("Mul", nil, weights, onnx.Const("", onnx.NewTensor(rows, n, 1)))
	}
	var out *onnx.Value
	if g.rng.IntN(3) == 0 { // values as columns
		out = g.Op("MatMul", nil, turn(v), turn(weights))
		out.Node.Name = fmt.Sprintf("attention%d", g.made)
		out = turn(out)
	} else {
		out = g.Op("MatMul", nil, weights, v)
		out.Node.Name = fmt.Sprintf("attention%d", g.made)
	}
	if merged {
		out = g.Op("Reshape", nil, out, ints(-1, g.heads, n, each))
	}
	return out
}

func (g *attention) bools(x []bool, n int) *onnx.Value {
	return onnx.Const("", onnx.NewTensor(x, n, n))
}

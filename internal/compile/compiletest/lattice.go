package compiletest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// A LatticeModel is a random graph of pictures with channels, over several lattices. Its input
// "x" is [batch,Channels,Height,Width], its output "logits" [batch,Channels·Levels,Height,Width],
// channel by channel. In sub-pixel order those of a channel depend on the ones before it in
// the pixel.
type LatticeModel struct {
	Model
	Channels int
	SubPixel bool
	// Condition is the shape of one image's input "map"; nil where there is none.
	Condition []int
}

// Lattice makes an autoregressive graph of the seed: convolutions that are masked, strided,
// dilated or transposed, pools, slices with steps, resizing, blocks of pixels as channels and
// back, along rows and columns alike or not, skips from one lattice to itself, attention on any of
// them, to pixels before and to a condition, and a condition that is added. Where open is set, one
// convolution has one weight more, at a tap, a phase or a channel at which it sees too much, or
// one attention a mask with one entry more.
func Lattice(seed uint64, open bool) *LatticeModel {
	m := &LatticeModel{}
	g := generateLattice(seed, m, -1)
	if open {
		g = generateLattice(seed, m, g.rng.IntN(g.convs))
	}
	m.Model.Model = &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, ProducerName: "compiletest", Graph: g.Graph}
	return m
}

func generateLattice(seed uint64, m *LatticeModel, open int) *latticeGenerator {
	rng := rand.New(rand.NewPCG(seed, 2))
	m.Channels = []int{1, 1, 3, 4}[rng.IntN(4)]
	m.SubPixel = m.Channels > 1 && rng.IntN(2) == 0
	m.Levels = 2 + rng.IntN(3)
	m.Height, m.Width = 4*(2+rng.IntN(2)), 4*(2+rng.IntN(2))
	m.Condition = nil
	g := &latticeGenerator{
		generator: &generator{rng: rng, Graph: &onnx.Graph{Name: "lattices"}, model: &m.Model, open: open, h: m.Height, w: m.Width},
		m:         m, groups: 1,
	}
	if m.SubPixel {
		g.groups = m.Channels
	}
	x := value{g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(m.Channels), onnx.Fixed(g.h), onnx.Fixed(g.w)), m.Channels}
	hidden := g.groups * (2 + rng.IntN(3))
	h := g.layer(x, hidden, layer{mask: before})
	if rng.IntN(3) == 0 {
		h = g.merge(h, g.layer(g.activation(g.layer(x, hidden, layer{mask: above})), hidden, layer{mask: rows}))
	}
	if rng.IntN(3) == 0 {
		h = value{g.Op("Add", nil, h.Value, g.condition(h.channels)), h.channels}
	}
	g.attends = rng.IntN(3) == 0
	if rng.IntN(6) == 0 {
		h = g.fine(h)
	}
	h = g.down(h, rng.IntN(3))
	h = g.activation(h)
	out := g.layer(h, m.Channels*m.Levels, layer{mask: upTo, last: true})
	g.Output(out.Value, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(out.channels), onnx.Fixed(m.Height), onnx.Fixed(m.Width))
	return g
}

type latticeGenerator struct {
	*generator
	m       *LatticeModel
	groups  int         // channel k of a hidden value goes with channel k mod groups of the picture
	given   *onnx.Value // the condition, once there is one
	attends bool        // to pixels before
}

// merge lets one stack read another.
func (g *latticeGenerator) merge(h, v value) value {
	switch g.rng.IntN(3) {
	case 0:
		return value{g.Op("Concat", onnx.Attrs{"axis": int64(1)}, h.Value, v.Value), h.channels + v.channels}
	case 1:
		return value{g.Op("Mul", nil, h.Value, g.Op("Sigmoid", nil, v.Value)), h.channels}
	default:
		return value{g.Op("Add", nil, h.Value, v.Value), h.channels}
	}
}

// features are what a network makes of a map of half the size, which may look anywhere: four
// channels of that size.
func (g *latticeGenerator) features() *onnx.Value {
	if g.given == nil {
		g.m.Condition = []int{2, g.m.Height / 2, g.m.Width / 2}
		g.given = g.Input("map", onnx.Float32, onnx.Free("batch"), onnx.Fixed(2), onnx.Fixed(g.m.Height/2), onnx.Fixed(g.m.Width/2))
	}
	return g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, g.given, g.constant(0, 4, 2, 3, 3))
}

// condition is features, upsampled.
func (g *latticeGenerator) condition(channels int) *onnx.Value {
	y := g.features()
	if g.rng.IntN(2) == 0 {
		return g.Op("ConvTranspose", onnx.Attrs{"strides": []int64{2, 2}}, y, g.constant(0, 4, channels, 2, 2))
	}
	// Each number four times.
	y = g.Op("Reshape", nil, y, ints(-1, 4, g.m.Height/2, 1, g.m.Width/2, 1))
	y = g.Op("Expand", nil, y, ints(1, 4, g.m.Height/2, 2, g.m.Width/2, 2))
	y = g.Op("Reshape", nil, y, ints(-1, 4, g.m.Height, g.m.Width))
	return g.Op("Conv", nil, y, g.constant(0, channels, 4, 1, 1))
}

// down goes so many lattices down and up again, with blocks on each.
func (g *latticeGenerator) down(x value, levels int) value {
	x = g.block(x)
	if levels == 0 {
		return x
	}
	by := [][2]int{{2, 2}, {2, 2}, {1, 2}, {2, 1}, {4, 4}, {4, 2}}[g.rng.IntN(6)]
	if g.h%(2*by[0]) != 0 || g.w%(2*by[1]) != 0 {
		by = [2]int{1, 1}
	}
	y := g.coarser(x, by)
	g.h, g.w = g.h/by[0], g.w/by[1]
	y = g.down(y, levels-1)
	g.h, g.w = by[0]*g.h, by[1]*g.w
	y = g.finer(y, by)
	if y.channels != x.channels {
		y = g.layer(y, x.channels, layer{mask: upTo})
	}
	return g.block(g.merge(x, y))
}

func (g *latticeGenerator) block(x value) value {
	y := g.layer(g.activation(x), g.groups*(1+g.rng.IntN(3)), layer{mask: upTo})
	if g.rng.IntN(3) == 0 { // both signs
		y = value{g.Op("Elu", nil, g.Op("Concat", onnx.Attrs{"axis": int64(1)}, y.Value, g.Op("Neg", nil, y.Value))), 2 * y.channels}
	}
	y = g.layer(y, x.channels, layer{mask: upTo})
	x = value{g.Op("Add", nil, x.Value, y.Value), x.channels}
	if g.attends && g.rng.IntN(2) == 0 {
		x = g.attend(x)
	}
	if g.rng.IntN(6) == 0 {
		x = g.cross(x)
	}
	return x
}

// shown is a convolution of one tap of those channels that do not depend on their own pixel.
func (g *latticeGenerator) shown(x value, out int) *onnx.Value {
	w := g.constant(0, out, x.channels, 1, 1)
	for i := range w.Const.Floats() {
		if w.Const.Floats()[i] *= 4; i%x.channels%g.groups > 0 {
			w.Const.Floats()[i] = 0
		}
	}
	return g.Op("Conv", nil, x.Value, w, g.constant(0, out))
}

// side lays [batch, depth, h, w] out as [batch, places, depth].
func (g *latticeGenerator) side(x *onnx.Value, depth int) *onnx.Value {
	return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, g.Op("Reshape", nil, x, ints(0, depth, -1)))
}

// attend adds an attention to the pixels before, on the lattice of x: to all, or to those of the
// row or the column.
func (g *latticeGenerator) attend(x value) value {
	opened := g.convs == g.open
	g.convs++
	name := fmt.Sprintf("attention%d", g.convs)
	depth := 1 + g.rng.IntN(3)
	kind := g.rng.IntN(4)
	n := []int{g.w, g.h, g.h * g.w, g.h * g.w}[kind]
	turned := func(x *onnx.Value, perm ...int64) *onnx.Value {
		return g.Op("Transpose", onnx.Attrs{"perm": perm}, x)
	}
	strict := g.groups > 1 || g.rng.IntN(2) == 0
	hidden := make([]float32, n*n)
	reader := g.rng.IntN(n - 1)
	if kind > 1 {
		reader = g.rng.IntN(g.h)*g.w + g.rng.IntN(g.w-1) // the next one is in its row, and knows its pixel
	}
	for i := range n {
		for j := range n {
			if j > i || j == i && strict && i > 0 { // the first one sees itself, or nothing at all
				hidden[i*n+j] = -1e9
			}
		}
	}
	own := make([]float32, n) // of which the first counts for nothing, where it is strict
	for i := range own {
		if own[i] = 1; i == 0 && strict {
			own[i] = 0
		}
	}
	if opened {
		hidden[reader*n+reader+1], own[reader] = 0, 1
		g.model.Opened, g.model.DY, g.model.DX = name, 0, 1
	}
	q, k, v := g.shown(x, depth), g.Op("Conv", nil, x.Value, g.constant(0, depth, x.channels, 1, 1)), g.Op("Conv", nil, x.Value, g.constant(0, x.channels, x.channels, 1, 1))
	switch kind {
	case 0:
		q, k, v = turned(q, 0, 2, 3, 1), turned(k, 0, 2, 1, 3), turned(v, 0, 2, 3, 1)
	case 1:
		q, k, v = turned(q, 0, 3, 2, 1), turned(k, 0, 3, 1, 2), turned(v, 0, 3, 2, 1)
	default:
		q, k, v = g.side(q, depth), g.Op("Reshape", nil, k, ints(0, depth, n)), g.side(v, x.channels)
	}
	scores := g.Op("MatMul", nil, q, k)
	weights := g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, g.Op("Add", nil, scores, onnx.Const("", onnx.NewTensor(hidden, n, n))))
	weights = g.Op("Mul", nil, weights, onnx.Const("", onnx.NewTensor(own, n, 1)))
	y := g.Op("MatMul", nil, weights, v)
	y.Node.Name = name
	switch kind {
	case 0:
		y = turned(y, 0, 3, 1, 2)
	case 1:
		y = turned(y, 0, 3, 2, 1)
	default:
		y = g.Op("Reshape", nil, turned(y, 0, 2, 1), ints(0, x.channels, g.h, g.w))
	}
	return value{g.Op("Add", nil, x.Value, y), x.channels}
}

// cross adds an attention to the condition, some of which is hidden.
func (g *latticeGenerator) cross(x value) value {
	features, depth := g.features(), 1+g.rng.IntN(3)
	places := g.m.Height / 2 * (g.m.Width / 2)
	q := g.side(g.shown(x, depth), depth)
	k := g.Op("Reshape", nil, g.Op("Conv", nil, features, g.constant(0, depth, 4, 1, 1)), ints(0, depth, places))
	v := g.Op("Reshape", nil, g.Op("Conv", nil, features, g.constant(0, x.channels, 4, 1, 1)), ints(0, x.channels, places))
	hides := g.Op("Less", nil, g.Op("Slice", nil, g.Op("Reshape", nil, g.given, ints(0, 2, places)), ints(0), ints(1), ints(1)), scalar(-0.3))
	hides = g.Op("Where", nil, hides, scalar([]float64{math.Inf(-1), -1e9}[g.rng.IntN(2)]), scalar(0)) // [batch, 1, places]
	turned := func(x *onnx.Value) *onnx.Value { return g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, x) }
	var y *onnx.Value
	if g.rng.IntN(2) == 0 {
		scores := g.Op("MatMul", nil, q, k)
		if g.rng.IntN(2) == 0 {
			scores = g.Op("Add", nil, scores, hides)
		}
		y = turned(g.Op("MatMul", nil, g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, scores), turned(v)))
	} else { // keys and values stand left
		scores := g.Op("MatMul", nil, turned(k), turned(q))
		if g.rng.IntN(2) == 0 {
			scores = g.Op("Add", nil, scores, turned(hides))
		}
		weights := turned(g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, turned(scores)))
		y = g.Op("MatMul", nil, v, weights)
	}
	return value{g.Op("Add", nil, x.Value, g.Op("Reshape", nil, y, ints(0, x.channels, g.h, g.w))), x.channels}
}

// fine is a layer on a lattice with twice the rows and columns, back on x's. It is never opened:
// what is ahead there may be the pixel itself.
func (g *latticeGenerator) fine(x value) value {
	open, convs := g.open, g.convs
	g.open, g.h, g.w = -1, 2*g.h, 2*g.w
	two := onnx.Const("", onnx.NewTensor([]float32{1, 1, 2, 2}, 4))
	y := g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, x.Value, nil, two)
	z := g.layer(value{g.Op("Tanh", nil, y), x.channels}, x.channels, layer{mask: upTo})
	z.Node.Name = ""
	g.open, g.convs, g.h, g.w = open, convs, g.h/2, g.w/2
	y = g.Op("Slice", nil, g.Op("Add", nil, y, z.Value), ints(0, 0), ints(math.MaxInt32, math.MaxInt32), ints(2, 3), ints(2, 2))
	return value{y, x.channels}
}

// shifted is x, so many rows down and columns to the right.
func (g *latticeGenerator) shifted(x value, down, right int) *onnx.Value {
	y := g.Op("Pad", nil, x.Value, ints(0, 0, down, right, 0, 0, 0, 0))
	return g.Op("Slice", nil, y, ints(0, 0), ints(g.h, g.w), ints(2, 3))
}

// coarser is something on the lattice of every so manyth row and column.
func (g *latticeGenerator) coarser(x value, by [2]int) value {
	size := []int64{int64(by[0]), int64(by[1])}
	shifted := g.shifted(x, by[0]-1, by[1]-1) // the block that ends at the pixel
	switch g.rng.IntN(6) {
	case 0:
		return value{g.Op("MaxPool", onnx.Attrs{"kernel_shape": size, "strides": size}, shifted), x.channels}
	case 1:
		return value{g.Op("AveragePool", onnx.Attrs{"kernel_shape": size, "strides": size}, shifted), x.channels}
	case 2:
		y := g.Op("Slice", nil, x.Value, ints(0), ints(math.MaxInt32), ints(2), ints(by[0]))
		return value{g.Op("Slice", nil, y, ints(0), ints(math.MaxInt32), ints(3), ints(by[1])), x.channels}
	case 3:
		if by[0] == by[1] {
			return value{g.Op("SpaceToDepth", onnx.Attrs{"blocksize": size[0]}, shifted), by[0] * by[1] * x.channels}
		}
		y := g.Op("Reshape", nil, shifted, ints(0, x.channels, g.h/by[0], by[0], g.w/by[1], by[1]))
		y = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 5, 1, 2, 4}}, y)
		return value{g.Op("Reshape", nil, y, ints(0, by[0]*by[1]*x.channels, g.h/by[0], g.w/by[1])), by[0] * by[1] * x.channels}
	default:
		return g.layer(x, x.channels, layer{mask: upTo, by: by})
	}
}

// finer is something on a lattice with so many times the rows and columns, those of g.
func (g *latticeGenerator) finer(x value, by [2]int) value {
	switch g.rng.IntN(5) {
	case 0:
		return value{g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
			x.Value, nil, onnx.Const("", onnx.NewTensor([]float32{1, 1, float32(by[0]), float32(by[1])}, 4))), x.channels}
	case 1:
		c := 2 * g.groups
		y := g.layer(value{x.Value, x.channels}, by[0]*by[1]*c, layer{mask: upTo, coarse: true})
		if by[0] == by[1] {
			return value{g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(by[0])}, y.Value), c}
		}
		z := g.Op("Reshape", nil, y.Value, ints(0, by[0], by[1], c, g.h/by[0], g.w/by[1]))
		z = g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 4, 1, 5, 2}}, z)
		return value{g.Op("Reshape", nil, z, ints(0, c, g.h, g.w)), c}
	default:
		return g.layer(x, g.groups*(1+g.rng.IntN(3)), layer{mask: upTo, by: by, transposed: true})
	}
}

// layer says what a convolution is like.
type layer struct {
	mask       mask
	by         [2]int // strides; of rows and columns, 1 where they are 0
	transposed bool
	coarse     bool // it lies on the lattice before the current one
	last       bool // its outputs go with the channels of the picture, one after the other
}

// layer is a convolution with random weights under a mask, transposed or not.
func (g *latticeGenerator) layer(x value, out int, l layer) value {
	k := 2*g.rng.IntN(2) + 1
	dil := 1
	by := [2]int{max(1, l.by[0]), max(1, l.by[1])}
	strided := by != [2]int{1, 1}
	if !strided && l.mask == upTo && g.rng.IntN(4) == 0 {
		dil = 2
	}
	if l.mask == before || l.mask == above || strided || l.transposed {
		k = 3
	}
	opened := g.convs == g.open
	g.convs++
	name := fmt.Sprintf("conv%d", g.convs)
	// What to open: a tap, or, at the pixel itself, a channel.
	fy, fx, channel := 0, 1, false
	if opened {
		k, dil = 3, 1
		if l.transposed {
			fx = -1
		} else if g.rng.IntN(2) == 0 && !(l.mask == before && !strided) {
			fy, fx = 1, 0
		}
		switch {
		case l.mask == rows:
			fy, fx = 1, 0
		case l.mask == above:
			fy, fx = 0, g.rng.IntN(2)
		case g.groups > 1 && !l.transposed && g.rng.IntN(2) == 0:
			fy, fx, channel = 0, 0, true
		}
		g.model.Opened, g.model.DY, g.model.DX = name, fy*dil, fx*dil
	}
	group := func(o int) int { // of an output
		if l.last {
			return o / g.model.Levels % g.groups
		}
		return o % g.groups
	}
	r := k / 2
	ny, nx := l.mask.needed()
	scale := 1.2 / math.Sqrt(float64(x.channels)*3)
	w := make([]float32, out*x.channels*k*k)
	at := func(o, i, dy, dx int) *float32 {
		if l.transposed { // [in, out, kh, kw]
			return &w[((i*out+o)*k+dy+r)*k+dx+r]
		}
		return &w[((o*x.channels+i)*k+dy+r)*k+dx+r]
	}
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			ahead, need := l.mask.has(dy, dx), dy == ny && dx == nx
			if l.transposed { // the pixel that is read lies before the one that reads
				ahead = dy > 0 || dy == 0 && dx >= 0
			}
			live := ahead && g.rng.IntN(4) > 0 || need || opened && dy == fy && dx == fx
			for o := range out {
				for i := range x.channels {
					n := float32(g.rng.NormFloat64() * scale)
					// At the pixel itself the channels count.
					own := dy == 0 && dx == 0 && l.mask != above && l.mask != rows
					lives := live
					switch in, to := i%g.groups, group(o); {
					case !own || g.groups == 1:
					case l.mask == before:
						lives = in < to || opened && channel && in >= to
					default:
						lives = live && in <= to || opened && channel && in > to
					}
					if lives {
						*at(o, i, dy, dx) = n
					}
				}
			}
		}
	}
	pad := int64(r * dil)
	attrs := onnx.Attrs{
		"kernel_shape": []int64{int64(k), int64(k)}, "dilations": []int64{int64(dil), int64(dil)},
		"strides": []int64{int64(by[0]), int64(by[1])}, "pads": []int64{pad, pad, pad, pad},
	}
	op, shape := "Conv", []int{out, x.channels, k, k}
	if l.transposed {
		op, shape = "ConvTranspose", []int{x.channels, out, k, k}
		attrs["output_padding"] = []int64{int64(by[0] - 1), int64(by[1] - 1)}
	}
	y := g.Op(op, attrs, x.Value, onnx.Const("", onnx.NewTensor(w, shape...)), g.constant(0, out))
	y.Node.Name = name
	return value{y, out}
}

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
// back, skips from one lattice to itself, a condition. Where open is set, one convolution has
// one weight more, at a tap, a phase or a channel at which it sees too much.
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
	h := g.layer(x, hidden, layer{mask: before, stride: 1})
	if rng.IntN(3) == 0 {
		h = g.merge(h, g.layer(g.activation(g.layer(x, hidden, layer{mask: above, stride: 1})), hidden, layer{mask: rows, stride: 1}))
	}
	if rng.IntN(3) == 0 {
		h = value{g.Op("Add", nil, h.Value, g.condition(h.channels)), h.channels}
	}
	h = g.down(h, rng.IntN(3))
	h = g.activation(h)
	out := g.layer(h, m.Channels*m.Levels, layer{mask: upTo, stride: 1, last: true})
	g.Output(out.Value, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(out.channels), onnx.Fixed(m.Height), onnx.Fixed(m.Width))
	return g
}

type latticeGenerator struct {
	*generator
	m      *LatticeModel
	groups int // channel k of a hidden value goes with channel k mod groups of the picture
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

// condition is what a network makes of a map of half the size, which may look anywhere.
func (g *latticeGenerator) condition(channels int) *onnx.Value {
	g.m.Condition = []int{2, g.m.Height / 2, g.m.Width / 2}
	x := g.Input("map", onnx.Float32, onnx.Free("batch"), onnx.Fixed(2), onnx.Fixed(g.m.Height/2), onnx.Fixed(g.m.Width/2))
	y := g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, g.constant(0, 4, 2, 3, 3))
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
	y := g.coarser(x)
	g.h, g.w = g.h/2, g.w/2
	y = g.down(y, levels-1)
	g.h, g.w = 2*g.h, 2*g.w
	y = g.finer(y)
	if y.channels != x.channels {
		y = g.layer(y, x.channels, layer{mask: upTo, stride: 1})
	}
	return g.block(g.merge(x, y))
}

func (g *latticeGenerator) block(x value) value {
	y := g.layer(g.activation(x), g.groups*(1+g.rng.IntN(3)), layer{mask: upTo, stride: 1})
	if g.rng.IntN(3) == 0 { // both signs
		y = value{g.Op("Elu", nil, g.Op("Concat", onnx.Attrs{"axis": int64(1)}, y.Value, g.Op("Neg", nil, y.Value))), 2 * y.channels}
	}
	y = g.layer(y, x.channels, layer{mask: upTo, stride: 1})
	return value{g.Op("Add", nil, x.Value, y.Value), x.channels}
}

// shifted is x, one row down and one column to the right.
func (g *latticeGenerator) shifted(x value) *onnx.Value {
	y := g.Op("Pad", nil, x.Value, ints(0, 0, 1, 1, 0, 0, 0, 0))
	return g.Op("Slice", nil, y, ints(0, 0), ints(g.h, g.w), ints(2, 3))
}

// coarser is something on the lattice of every second row and column.
func (g *latticeGenerator) coarser(x value) value {
	two := []int64{2, 2}
	switch g.rng.IntN(6) {
	case 0: // of the block that ends at the pixel
		return value{g.Op("MaxPool", onnx.Attrs{"kernel_shape": two, "strides": two}, g.shifted(x)), x.channels}
	case 1:
		return value{g.Op("AveragePool", onnx.Attrs{"kernel_shape": two, "strides": two}, g.shifted(x)), x.channels}
	case 2:
		y := g.Op("Slice", nil, x.Value, ints(0), ints(math.MaxInt32), ints(2), ints(2))
		return value{g.Op("Slice", nil, y, ints(0), ints(math.MaxInt32), ints(3), ints(2)), x.channels}
	case 3:
		return value{g.Op("SpaceToDepth", onnx.Attrs{"blocksize": int64(2)}, g.shifted(x)), 4 * x.channels}
	default:
		return g.layer(x, x.channels, layer{mask: upTo, stride: 2})
	}
}

// finer is something on a lattice with twice the rows and columns.
func (g *latticeGenerator) finer(x value) value {
	switch g.rng.IntN(5) {
	case 0:
		return value{g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
			x.Value, nil, onnx.Const("", onnx.NewTensor([]float32{1, 1, 2, 2}, 4))), x.channels}
	case 1:
		y := g.layer(value{x.Value, x.channels}, 4*g.groups*2, layer{mask: upTo, stride: 1, coarse: true})
		return value{g.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(2)}, y.Value), 2 * g.groups}
	default:
		return g.layer(x, g.groups*(1+g.rng.IntN(3)), layer{mask: upTo, stride: 2, transposed: true})
	}
}

// layer says what a convolution is like.
type layer struct {
	mask       mask
	stride     int
	transposed bool
	coarse     bool // it lies on the lattice before the current one
	last       bool // its outputs go with the channels of the picture, one after the other
}

// layer is a convolution with random weights under a mask, transposed or not.
func (g *latticeGenerator) layer(x value, out int, l layer) value {
	k := 2*g.rng.IntN(2) + 1
	dil := 1
	if l.stride == 1 && l.mask == upTo && g.rng.IntN(4) == 0 {
		dil = 2
	}
	if l.mask == before || l.mask == above || l.stride > 1 {
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
		} else if g.rng.IntN(2) == 0 && !(l.mask == before && l.stride == 1) {
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
		"strides": []int64{int64(l.stride), int64(l.stride)}, "pads": []int64{pad, pad, pad, pad},
	}
	op, shape := "Conv", []int{out, x.channels, k, k}
	if l.transposed {
		op, shape = "ConvTranspose", []int{x.channels, out, k, k}
		attrs["output_padding"] = []int64{1, 1}
	}
	y := g.Op(op, attrs, x.Value, onnx.Const("", onnx.NewTensor(w, shape...)), g.constant(0, out))
	y.Node.Name = name
	return value{y, out}
}

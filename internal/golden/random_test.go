package golden

import "math"

// part is [batch, channels, h, w].
type part struct {
	name     string
	channels int
}

// random makes a network of the seed: one or two stacks of masked, dilated, grouped, padded
// or cropped convolutions, with skips, gates, joined channels, normalisations and arithmetic
// between them.
func random(seed uint64) []byte {
	n := newNet(100+seed, 4+int(seed*5%6), 5+int(seed*7%6))
	x := part{n.picture("x"), 1}
	h := n.layer(x, 4+2*n.rng.IntN(5), before)
	two := n.rng.IntN(2) == 0
	var v part // the stack of the rows above
	if two {
		v = n.layer(x, h.channels, above)
	}
	for range 1 + n.rng.IntN(4) {
		if two {
			v = n.block(v, rows)
			h = n.merge(h, v)
		}
		h = n.block(h, upTo)
	}
	levels := 2 + n.rng.IntN(4)
	n.logits(n.layer(n.activation(h), levels, upTo).name, levels)
	return n.file(17, nil)
}

// merge lets the horizontal stack read the vertical one.
func (n *net) merge(h, v part) part {
	switch n.rng.IntN(3) {
	case 0:
		return part{n.op("Concat", attrs{"axis": 1}, h.name, n.layer(v, 4, rows).name), h.channels + 4}
	case 1:
		return part{n.op("Add", nil, h.name, n.layer(v, h.channels, rows).name), h.channels}
	default:
		return part{n.op("Mul", nil, n.op("Sigmoid", nil, n.layer(v, h.channels, rows).name), h.name), h.channels}
	}
}

// block is a few layers, with or without a skip.
func (n *net) block(x part, reads taps) part {
	y := n.local(x)
	if n.rng.IntN(3) == 0 { // gated
		two := n.ops(2, "Split", attrs{"axis": 1}, n.layer(y, 2*x.channels, reads).name)
		y = part{n.op("Mul", nil, n.op("Tanh", nil, two[0]), n.op("Sigmoid", nil, two[1])), x.channels}
	} else {
		y = n.activation(n.layer(y, 2+2*n.rng.IntN(4), reads))
	}
	y = n.layer(y, x.channels, reads)
	if n.rng.IntN(3) > 0 {
		y.name = n.op("Add", nil, x.name, y.name)
	}
	return n.local(y)
}

func (n *net) activation(x part) part {
	switch n.rng.IntN(7) {
	case 0:
		x.name = n.op("LeakyRelu", attrs{"alpha": float32(0.2)}, x.name)
	case 1:
		x.name = n.op("Elu", nil, x.name)
	case 2: // gelu by its parts
		e := n.op("Erf", nil, n.op("Div", nil, x.name, n.scalar(math.Sqrt2)))
		x.name = n.op("Mul", nil, n.op("Mul", nil, x.name, n.op("Add", nil, e, n.scalar(1))), n.scalar(0.5))
	case 3:
		x.name = n.op("Softplus", nil, x.name)
	default:
		x.name = n.relu(x.name)
	}
	return x
}

// local is something on each pixel by itself, or nothing.
func (n *net) local(x part) part {
	c := x.channels
	positive := func() string { return n.floats(n.around(1.5, 0.5, c), c) }
	switch n.rng.IntN(9) {
	case 0:
		x.name = n.op("BatchNormalization", nil, x.name, positive(), n.random(c), n.random(c), positive())
	case 1: // over the channels, which come last for it
		t := n.op("Transpose", attrs{"perm": []int{0, 2, 3, 1}}, x.name)
		t = n.op("LayerNormalization", attrs{"axis": -1}, t, positive(), n.random(c))
		x.name = n.op("Transpose", attrs{"perm": []int{0, 3, 1, 2}}, t)
	case 2: // a constant per position
		x.name = n.op("Add", nil, x.name, n.random(1, c, n.h, n.w))
	case 3:
		x.name = n.op("Mul", nil, x.name, n.random(c, 1, 1))
	case 4: // the channels in another order
		half := n.op("Slice", nil, x.name, n.ints(c/2), n.ints(c), n.ints(1))
		rest := n.op("Slice", nil, x.name, n.ints(0), n.ints(c/2), n.ints(1))
		x.name = n.op("Concat", attrs{"axis": 1}, half, rest)
	}
	return x
}

// layer is a convolution with some of the taps that it may read.
func (n *net) layer(x part, out int, may taps) part {
	kh, kw := 2*n.rng.IntN(3)+1, 2*n.rng.IntN(3)+1
	picture := !may(0, 0) // what it reads is the picture itself
	if picture {
		kh, kw = max(kh, 3), max(kw, 3)
	}
	group, dilation := 1, 1
	if x.channels > 1 && x.channels%2 == 0 && out%2 == 0 && n.rng.IntN(4) == 0 {
		group = 2
	}
	if !picture && n.rng.IntN(3) == 0 {
		dilation = 2
	}
	left := map[[2]int]bool{} // taps that are left out
	for dy := -(kh / 2); dy <= kh/2; dy++ {
		for dx := -(kw / 2); dx <= kw/2; dx++ {
			left[[2]int{dy, dx}] = n.rng.IntN(4) == 0 && (dy != 0 || dx != 0) && (dy != -1 || dx != 0) && (dy != 0 || dx != -1)
		}
	}
	reads := func(dy, dx int) bool { return may(dy, dx) && !left[[2]int{dy, dx}] }
	a := attrs{"kernel_shape": []int{kh, kw}, "dilations": []int{dilation, dilation}, "group": group}
	weights, bias := n.weights(out, x.channels/group, kh, kw, reads), n.random(out)
	py, px := kh/2*dilation, kw/2*dilation
	switch n.rng.IntN(3) {
	case 0: // padded apart
		padded := n.op("Pad", nil, x.name, n.ints(0, 0, py, px, 0, 0, py, px))
		return part{n.op("Conv", a, padded, weights, bias), out}
	case 1: // padded by more than needed, then cropped
		padded := n.op("Pad", nil, x.name, n.ints(0, 0, py+1, px+1, 0, 0, py, px+1))
		y := n.op("Conv", a, padded, weights, bias)
		return part{n.op("Slice", nil, y, n.ints(1, 1), n.ints(math.MaxInt32, n.w+1), n.ints(2, 3)), out}
	default:
		a["pads"] = []int{py, px, py, px}
		return part{n.op("Conv", a, x.name, weights, bias), out}
	}
}

package signature

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// sums rewrites a graph in which one image meets many classes, so that less of it depends on
// the class. What is linear is taken of the parts of a sum instead: W(x + y) = Wx + Wy, where
// x does not know the class, and y is
//
//   - the same at all pixels of an image, or
//   - a product Vz of fewer channels than it has itself: then WVz is one product.
//
// A layer over another one that nothing else reads is one layer, too. The results differ in
// rounding. Sizes must be known.
type sums struct {
	classed map[*onnx.Value]bool
	uses    map[*onnx.Value]int
	nodes   []*onnx.Node
	biases  map[*onnx.Value]*onnx.Value // of sums, one part with the biases of the other
}

// rewrite rewrites a graph.
func (s *sums) rewrite(g *onnx.Graph, class *onnx.Value) {
	s.classed, s.uses, s.biases = map[*onnx.Value]bool{class: true}, map[*onnx.Value]int{}, map[*onnx.Value]*onnx.Value{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			s.uses[v]++
		}
	}
	for _, v := range g.Outputs {
		s.uses[v]++
	}
	for _, n := range g.Nodes {
		switch {
		case n.Op == "Conv" && s.conv(n), n.Op == "Add" && s.freeFirst(n):
		default:
			s.add(n)
		}
	}
	g.Nodes = s.nodes
}

// add adds a node.
func (s *sums) add(n *onnx.Node) {
	s.nodes = append(s.nodes, n)
	class := slices.ContainsFunc(n.Inputs, func(v *onnx.Value) bool { return s.classed[v] })
	for _, v := range n.Outputs {
		v.Node = n
		s.classed[v] = class
	}
}

// op adds a node with a new output of the shape of another value, but for its images.
func (s *sums) op(op string, attrs onnx.Attrs, shape []onnx.Dim, inputs ...*onnx.Value) *onnx.Value {
	v := &onnx.Value{DType: onnx.Float32}
	n := &onnx.Node{Op: op, Attrs: attrs, Inputs: inputs, Outputs: []*onnx.Value{v}}
	s.add(n)
	images := 1
	for _, in := range inputs {
		if in.Const == nil && len(in.Shape) == 4 {
			images = max(images, in.Shape[0].Size)
		}
	}
	v.Shape = append([]onnx.Dim{onnx.Fixed(images)}, shape[1:]...)
	return v
}

// conv takes a convolution of the parts of a sum, and tells whether it did.
func (s *sums) conv(n *onnx.Node) bool {
	x, outer := n.Inputs[0], layerOf(n)
	if outer == nil || x.Node == nil || x.Node.Op != "Add" || !s.classed[x] {
		return false
	}
	for i, y := range x.Node.Inputs {
		free := x.Node.Inputs[1-i]
		if !s.classed[y] || len(free.Shape) != 4 || len(y.Shape) != 4 || !slices.Equal(free.Shape[1:], x.Shape[1:]) {
			continue
		}
		plane := outer.pointwise() && y.Shape[2].Size == 1 && y.Shape[3].Size == 1
		inner := layerOf(y.Node)
		var first, second *onnx.Value
		of := func(l *layer, x *onnx.Value) *onnx.Value {
			return s.op("Conv", n.Attrs, n.Outputs[0].Shape, l.inputs(x)...)
		}
		switch {
		case !s.classed[free] && plane:
			first, second = of(outer, free), s.op("Conv", n.Attrs, onnx.Shape(1, outer.outs, 1, 1), outer.withoutBias().inputs(y)...)
		case !s.classed[free] && inner != nil && inner.pointwise() && inner.ins < inner.outs:
			free = s.biased(free, x, inner.bias) // before the border of zeros
			first, second = of(outer, free), of(outer.over(inner), y.Node.Inputs[0])
		default:
			inner = layerOf(free.Node)
			if !plane || inner == nil || s.uses[free] > 1 || s.uses[x] > 1 {
				continue
			}
			first = s.op("Conv", free.Node.Attrs, n.Outputs[0].Shape, outer.over(inner).withBiases(outer, inner).inputs(free.Node.Inputs[0])...)
			second = s.op("Conv", n.Attrs, onnx.Shape(1, outer.outs, 1, 1), outer.withoutBias().inputs(y)...)
		}
		sum := &onnx.Node{Op: "Add", Name: n.Name, Inputs: []*onnx.Value{first, second}, Outputs: n.Outputs}
		s.uses[first], s.uses[second] = 1, 1
		s.add(sum)
		return true
	}
	return false
}

// biased is the part of a sum that does not know the class, with the biases of the other, which is
// once for all that read the sum.
func (s *sums) biased(free, sum *onnx.Value, bias []float32) *onnx.Value {
	if bias == nil {
		return free
	}
	if s.biases[sum] == nil {
		s.biases[sum] = s.op("Add", nil, sum.Shape, free, onnx.Const("", onnx.NewTensor(bias, 1, len(bias), 1, 1)))
	}
	return s.biases[sum]
}

// freeFirst adds up what does not know the class first: x + (y + z) = (x + y) + z.
func (s *sums) freeFirst(n *onnx.Node) bool {
	for i, inner := range n.Inputs {
		x := n.Inputs[1-i]
		if inner.Node == nil || inner.Node.Op != "Add" || s.uses[inner] > 1 || s.classed[x] || !s.classed[inner] {
			continue
		}
		for k, z := range inner.Node.Inputs {
			if y := inner.Node.Inputs[1-k]; s.classed[z] && !s.classed[y] && slices.Equal(x.Shape, y.Shape) {
				n.Inputs = []*onnx.Value{s.op("Add", nil, x.Shape, x, y), z}
				s.add(n)
				return true
			}
		}
	}
	return false
}

// A layer is a convolution with known weights [outs, ins, H, W], in steps of one.
type layer struct {
	outs, ins, area int
	shape           []int
	weights, bias   []float32 // bias may be nil
	padded          bool
}

// layerOf reads a node; nil where it is none.
func layerOf(n *onnx.Node) *layer {
	if n == nil || n.Op != "Conv" || n.Inputs[1].Const == nil || n.Attrs.Int("group", 1) != 1 || n.Attrs.String("auto_pad", "NOTSET") != "NOTSET" {
		return nil
	}
	others := func(list []int64, x int64) bool {
		return slices.ContainsFunc(list, func(y int64) bool { return y != x })
	}
	w := n.Inputs[1].Const
	if len(w.Shape) != 4 || w.Floats() == nil || others(n.Attrs.Ints("strides"), 1) {
		return nil
	}
	l := &layer{outs: w.Shape[0], ins: w.Shape[1], area: w.Shape[2] * w.Shape[3], shape: w.Shape, weights: w.Floats(), padded: others(n.Attrs.Ints("pads"), 0)}
	if len(n.Inputs) > 2 && n.Inputs[2] != nil {
		if n.Inputs[2].Const == nil {
			return nil
		}
		l.bias = n.Inputs[2].Const.Floats()
	}
	return l
}

// pointwise tells whether each pixel sees itself only.
func (l *layer) pointwise() bool { return l.area == 1 && !l.padded }

func (l *layer) withoutBias() *layer {
	c := *l
	c.bias = nil
	return &c
}

// inputs are those of a convolution of x.
func (l *layer) inputs(x *onnx.Value) []*onnx.Value {
	in := []*onnx.Value{x, onnx.Const("", onnx.NewTensor(l.weights, l.shape...))}
	if l.bias != nil {
		in = append(in, onnx.Const("", onnx.NewTensor(l.bias, l.outs)))
	}
	return in
}

// over is the layer of another one's results, without biases; at least one of the two is pointwise.
func (l *layer) over(inner *layer) *layer {
	c := &layer{outs: l.outs, ins: inner.ins, area: l.area * inner.area, shape: slices.Clone(l.shape), padded: l.padded || inner.padded}
	c.shape[1] = inner.ins
	if l.area == 1 {
		copy(c.shape[2:], inner.shape[2:])
	}
	for o := range l.outs {
		sums := make([]float64, c.ins*c.area)
		for m := range l.ins {
			for k := range sums {
				i, t := k/c.area, k%c.area
				sums[k] += float64(float64(l.weights[(o*l.ins+m)*l.area+t%l.area]) * float64(inner.weights[(m*inner.ins+i)*inner.area+t%inner.area]))
			}
		}
		for _, sum := range sums {
			c.weights = append(c.weights, float32(sum))
		}
	}
	return c
}

// withBiases gives the layer the biases of one layer over another, the upper of which is pointwise.
func (l *layer) withBiases(outer, inner *layer) *layer {
	l.bias = make([]float32, l.outs)
	for o := range l.bias {
		sum := 0.0
		if outer.bias != nil {
			sum = float64(outer.bias[o])
		}
		for m, b := range inner.bias {
			sum += float64(float64(outer.weights[o*outer.ins+m]) * float64(b))
		}
		l.bias[o] = float32(sum)
	}
	return l
}

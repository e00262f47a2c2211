package train

import (
	"slices"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// A tape builds the graph of a forward pass and remembers how to go back. It
// implements [models.Builder].
//
// An activation is a matrix [M, channels] with one row per pixel of each image,
// the images of a pixel next to each other: row = pixel·images + image.
type tape struct {
	graph  *onnx.Graph
	shape  shape
	levels *onnx.Value // uint8 [pixels, images]
	labels *onnx.Value // int32 [images]; nil for a model without classes
	params []*onnx.Value
	turned []*onnx.Value // by parameter, nil for those that are not spatial weights
	sums   []*onnx.Value // gradients so far, by parameter; nil for a forward pass only
	grads  []*onnx.Value // sums plus this pass's, by parameter

	vars     []*variable
	back     []func() // in forward order
	packing  packing
	gathered map[string]*onnx.Value // by input, taps and direction
	unit     *onnx.Value            // the levels, one-hot; nil until they are wanted
	next     int                    // parameter that the next layer takes
	gemms    []gemm
	leaves   [][]*onnx.Node // nodes of parameter gradients
	reversed bool           // it is on its way back
}

// shape is the size of a pass.
type shape struct {
	images int
	size   int // height and width
	levels int
	scale  float64 // from levels to what the first layer sees, where it is not one-hot
	labels bool    // images have labels
}

func (s shape) pixels() int { return s.size * s.size }
func (s shape) rows() int   { return s.pixels() * s.images }

// A variable is an activation.
type variable struct {
	value    *onnx.Value // [M, channels]
	channels int
	learns   bool        // it depends on parameters, so it needs a gradient
	grad     *onnx.Value // of the same shape, summed over the consumers seen so far
}

// A gemm is the size of one matrix product: [rows, depth] × [depth, cols].
type gemm struct {
	rows, depth, cols int
	transA, transB    bool
	forward           bool // it belongs to the forward pass
	bias              bool // it is a bias gradient, a mere sum
}

func newTape(l packing, s shape, learn bool) *tape {
	t := &tape{graph: &onnx.Graph{}, packing: l, shape: s, gathered: map[string]*onnx.Value{}}
	t.levels = t.graph.Input("levels", onnx.Uint8, onnx.Shape(s.pixels(), s.images)...)
	if s.labels {
		t.labels = t.graph.Input("labels", onnx.Int32, onnx.Shape(s.images)...)
	}
	for _, p := range l.slots {
		t.params = append(t.params, t.graph.Input(p.param.Name, onnx.Float32, onnx.Shape(p.shape...)...))
	}
	t.turned = make([]*onnx.Value, len(l.slots))
	for i, p := range l.slots {
		if p.spatial() {
			t.turned[i] = t.graph.Input("turned_"+p.param.Name, onnx.Float32, onnx.Shape(p.turnedShape()...)...)
		}
	}
	t.grads = make([]*onnx.Value, len(l.slots))
	if learn {
		for _, p := range l.slots {
			t.sums = append(t.sums, t.graph.Input("sum_"+p.param.Name, onnx.Float32, onnx.Shape(p.shape...)...))
		}
	}
	return t
}

func (t *tape) add(v *onnx.Value, channels int, learns bool) models.Value {
	t.vars = append(t.vars, &variable{value: v, channels: channels, learns: learns && t.sums != nil})
	return models.Value(len(t.vars) - 1)
}

// backward goes back over the tape from the gradient of v.
func (t *tape) backward(v models.Value, grad *onnx.Value) {
	t.vars[v].grad, t.reversed = grad, true
	for i := len(t.back) - 1; i >= 0; i-- {
		t.back[i]()
	}
}

// give adds grad to the gradient of v.
func (t *tape) give(v *variable, grad *onnx.Value) {
	if v.grad != nil {
		grad = t.graph.Op("Add", nil, v.grad, grad)
	}
	v.grad = grad
}

// leaf makes the gradient of a parameter, sum plus what f adds.
func (t *tape) leaf(param int, f func(sum *onnx.Value) *onnx.Value) {
	first := len(t.graph.Nodes)
	t.grads[param] = f(t.sums[param])
	t.leaves = append(t.leaves, slices.Clone(t.graph.Nodes[first:]))
}

// leavesLast moves the nodes of parameter gradients to the end, the top layer's last.
//
// It matters when they are computed: as soon as the output's gradient is there, while
// that is in the cache, and what they read can make room. So they stand where they arise,
// and the runtime in Go takes nodes as they come. ONNX Runtime starts from the last node
// in the file whose output no other takes, and computes first what that one needs; of a
// node's inputs, too, it begins with the one that stands last. Left where they arise, it
// would compute them all in the end, which takes a twentieth longer.
func (t *tape) leavesLast() {
	last := slices.Concat(t.leaves...)
	t.graph.Nodes = slices.DeleteFunc(t.graph.Nodes, func(n *onnx.Node) bool { return slices.Contains(last, n) })
	for _, nodes := range slices.Backward(t.leaves) {
		t.graph.Nodes = append(t.graph.Nodes, nodes...)
	}
}

// gemm is a·b (+ c), with the sizes noted.
func (t *tape) gemm(z gemm, a, b, c *onnx.Value) *onnx.Value {
	z.forward = !t.reversed
	t.gemms = append(t.gemms, z)
	attrs := onnx.Attrs{}
	if z.transA {
		attrs["transA"] = int64(1)
	}
	if z.transB {
		attrs["transB"] = int64(1)
	}
	inputs := []*onnx.Value{a, b}
	if c != nil {
		inputs = append(inputs, c)
	}
	return t.graph.Op("Gemm", attrs, inputs...)
}

func (t *tape) reshape(v *onnx.Value, shape ...int) *onnx.Value {
	dims := make([]int64, len(shape))
	for i, n := range shape {
		dims[i] = int64(n)
	}
	return t.graph.Op("Reshape", nil, v, constant(dims, len(dims)))
}

func constant[T onnx.Element](data []T, shape ...int) *onnx.Value {
	return onnx.Const("", onnx.NewTensor(data, shape...))
}

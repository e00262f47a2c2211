package compiletest

import (
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// Forms builds graphs in the ways of other exporters.
type Forms struct {
	*onnx.Graph
	rng *rand.Rand
}

// NewForms begins a graph whose weights a seed decides.
func NewForms(name string, seed uint64) *Forms {
	return &Forms{&onnx.Graph{Name: name}, rand.New(rand.NewPCG(seed, seed))}
}

// Random is a constant of random numbers.
func (f *Forms) Random(shape ...int) *onnx.Value {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(f.rng.NormFloat64() * 0.6)
	}
	return onnx.Const("", onnx.NewTensor(x, shape...))
}

// Masked is a convolution whose mask is multiplied into the weights in the graph.
// self tells whether it sees the pixel itself.
func (f *Forms) Masked(x *onnx.Value, in, out, k int, self bool, attrs onnx.Attrs) *onnx.Value {
	mask := make([]float32, k*k)
	for i := range mask {
		if i < k*k/2 || self && i == k*k/2 {
			mask[i] = 1
		}
	}
	group := int(attrs.Int("group", 1))
	w := f.Op("Mul", nil, f.Random(out, in/group, k, k), onnx.Const("", onnx.NewTensor(mask, 1, 1, k, k)))
	if attrs == nil {
		attrs = onnx.Attrs{"pads": []int64{int64(k / 2), int64(k / 2), int64(k / 2), int64(k / 2)}}
	}
	return f.Op("Conv", attrs, x, w, f.Random(out))
}

// Point is a convolution of one tap.
func (f *Forms) Point(x *onnx.Value, in, out int) *onnx.Value {
	return f.Masked(x, in, out, 1, true, nil)
}

// List is a constant of integers.
func List(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

// Number is a constant.
func Number(x float64) *onnx.Value { return onnx.Const("", onnx.Scalar(float32(x))) }

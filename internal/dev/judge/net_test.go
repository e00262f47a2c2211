package judge

import (
	"context"
	"errors"
	"fmt"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// batch is the number of images of a run.
const batch = 50

// A net is the graph of a small convolutional classifier and, where it learns, of the
// way back. An activation is a matrix [batch·pixels, channels], the pixels of an image
// next to each other.
type net struct {
	graph  *onnx.Graph
	shapes [][]int // of the parameters
	params []*onnx.Value
	grads  []*onnx.Value
	back   []func(grad *onnx.Value) *onnx.Value // from an output's gradient to its input's
}

// newNet builds three 3×3 convolutions, of which two halve the picture, and a linear layer:
// 16×16 → 8×8 → 4×4 pixels, with 32, 64 and 128 channels.
//
// Inputs: pixels, float32 [batch·size², 1], from 0 to 1, and each parameter; where it
// learns, after the pixels the target probabilities, float32 [batch, classes]. Outputs:
// log-probabilities, [batch, classes]; where it learns, then each parameter's gradient of
// the mean cross-entropy.
func newNet(size, classes int, learn bool) *net {
	n := &net{graph: &onnx.Graph{}}
	x := n.graph.Input("pixels", onnx.Float32, onnx.Shape(batch*size*size, 1)...)
	var target *onnx.Value
	if learn {
		target = n.graph.Input("target", onnx.Float32, onnx.Shape(batch, classes)...)
	}
	x = n.conv(x, size, 1, 32, 1)
	x = n.conv(x, size, 32, 64, 2)
	x = n.conv(x, size/2, 64, 128, 2)
	x = n.flatten(x, size/4*size/4, 128)
	x = n.linear(x, size/4*size/4*128, classes)
	logp := n.graph.Op("LogSoftmax", onnx.Attrs{"axis": int64(1)}, x)
	n.graph.Output(logp, "logp", onnx.Float32, onnx.Shape(batch, classes)...)
	if !learn {
		return n
	}
	grad := n.op("Sub", n.op("Exp", logp), target)
	grad = n.op("Mul", grad, onnx.Const("", onnx.Scalar(float32(1)/batch)))
	for i := len(n.back) - 1; i > 0; i-- { // the first would be the pixels' gradient
		grad = n.back[i](grad)
	}
	for i, g := range n.grads {
		n.graph.Output(g, fmt.Sprint("grad", i), onnx.Float32, onnx.Shape(n.shapes[i]...)...)
	}
	return n
}

func (n *net) op(op string, inputs ...*onnx.Value) *onnx.Value { return n.graph.Op(op, nil, inputs...) }

// conv is a 3×3 convolution of a picture of size² pixels, and relu.
func (n *net) conv(x *onnx.Value, size, in, out, stride int) *onnx.Value {
	const taps = 9
	x = n.gather(x, windows(size, stride), size*size, in)
	x = n.reshape(x, batch*(size/stride)*(size/stride), taps*in)
	return n.relu(n.linear(x, taps*in, out))
}

// linear is x·weight + bias, with x of [rows, in].
func (n *net) linear(x *onnx.Value, in, out int) *onnx.Value {
	w, b := n.param(in, out), n.param(1, out)
	y := n.op("Gemm", x, n.params[w], n.params[b])
	n.back = append(n.back, func(grad *onnx.Value) *onnx.Value {
		n.grads[w] = n.graph.Op("Gemm", onnx.Attrs{"transA": int64(1)}, x, grad)
		n.grads[b] = n.op("ReduceSum", grad, dims(0))
		return n.graph.Op("Gemm", onnx.Attrs{"transB": int64(1)}, grad, n.params[w])
	})
	return y
}

// param adds a parameter and returns its number.
func (n *net) param(shape ...int) int {
	i := len(n.params)
	n.shapes = append(n.shapes, shape)
	n.params = append(n.params, n.graph.Input(fmt.Sprint("param", i), onnx.Float32, onnx.Shape(shape...)...))
	n.grads = append(n.grads, nil)
	return i
}

func (n *net) relu(x *onnx.Value) *onnx.Value {
	y := n.op("Relu", x)
	n.back = append(n.back, func(grad *onnx.Value) *onnx.Value { return n.op("Mul", grad, n.op("Sign", y)) })
	return y
}

// gather takes the pixels of each image that a table lists, by number; none is a pixel of
// zeros. The gradient of a pixel is the sum over those who took it.
func (n *net) gather(x *onnx.Value, table []int32, pixels, channels int) *onnx.Value {
	n.back = append(n.back, func(grad *onnx.Value) *onnx.Value {
		takers := inverse(table, pixels)
		grad = n.take(grad, takers, len(table), channels)
		grad = n.op("ReduceSum", n.reshape(grad, batch*pixels, len(takers)/pixels, channels), dims(1))
		return n.reshape(grad, batch*pixels, channels)
	})
	return n.take(x, table, pixels, channels)
}

// take is gather with no way back.
func (n *net) take(x *onnx.Value, table []int32, pixels, channels int) *onnx.Value {
	zero := onnx.Const("", onnx.NewTensor(make([]float32, batch*channels), batch, 1, channels))
	x = n.graph.Op("Concat", onnx.Attrs{"axis": int64(1)}, n.reshape(x, batch, pixels, channels), zero)
	index := make([]int32, len(table))
	for i, p := range table {
		if index[i] = p; p == none {
			index[i] = int32(pixels)
		}
	}
	return n.graph.Op("Gather", onnx.Attrs{"axis": int64(1)}, x, onnx.Const("", onnx.NewTensor(index, len(index))))
}

// none is no pixel.
const none = -1

// windows lists, for each stride-th pixel of each stride-th row, the nine around it.
func windows(size, stride int) []int32 {
	var table []int32
	for y := 0; y < size; y += stride {
		for x := 0; x < size; x += stride {
			for r := y - 1; r <= y+1; r++ {
				for c := x - 1; c <= x+1; c++ {
					if r < 0 || r >= size || c < 0 || c >= size {
						table = append(table, none)
					} else {
						table = append(table, int32(r*size+c))
					}
				}
			}
		}
	}
	return table
}

// inverse lists, for each pixel, where it stands in the table; the lists are filled up with
// none, so that they are all of one length.
func inverse(table []int32, pixels int) []int32 {
	at := make([][]int32, pixels)
	longest := 0
	for i, p := range table {
		if p != none {
			at[p] = append(at[p], int32(i))
			longest = max(longest, len(at[p]))
		}
	}
	var out []int32
	for _, list := range at {
		for i := range longest {
			if i < len(list) {
				out = append(out, list[i])
			} else {
				out = append(out, none)
			}
		}
	}
	return out
}

// flatten makes a row of each image.
func (n *net) flatten(x *onnx.Value, pixels, channels int) *onnx.Value {
	n.back = append(n.back, func(grad *onnx.Value) *onnx.Value { return n.reshape(grad, batch*pixels, channels) })
	return n.reshape(x, batch, pixels*channels)
}

// reshape has no way back.
func (n *net) reshape(x *onnx.Value, shape ...int) *onnx.Value {
	to := make([]int64, len(shape))
	for i, s := range shape {
		to[i] = int64(s)
	}
	return n.op("Reshape", x, onnx.Const("", onnx.NewTensor(to, len(to))))
}

func dims(d ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(d, len(d))) }

// bind loads the graph and ties its inputs and outputs to tensors.
func (n *net) bind(rt onnx.Runtime, in, out []*onnx.Tensor) (run func(context.Context) error, closeAll func() error, err error) {
	model := &onnx.Model{IRVersion: format.IRVersion, Opsets: map[string]int64{"": format.Opset}, Graph: n.graph}
	session, err := rt.Load(model, onnx.SessionOptions{})
	if err != nil {
		return nil, nil, err
	}
	binding, err := session.Bind(in, out)
	if err != nil {
		return nil, nil, errors.Join(err, session.Close())
	}
	return binding.Run, func() error { return errors.Join(binding.Close(), session.Close()) }, nil
}

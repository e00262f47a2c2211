//go:build cgo

package runtime

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// The models of the tests are made by the functions below.

func model(g *onnx.Graph) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// sumModel is out = a + 2·b, all float32 [n,3].
func sumModel() *onnx.Model {
	g := &onnx.Graph{}
	a := g.Input("a", onnx.Float32, onnx.Free("n"), onnx.Fixed(3))
	b := g.Input("b", onnx.Float32, onnx.Free("n"), onnx.Fixed(3))
	two := onnx.Const("two", onnx.NewTensor([]float32{2}, 1))
	out := g.Op("Add", nil, a, g.Op("Mul", nil, b, two))
	g.Output(out, "out", onnx.Float32, onnx.Free("n"), onnx.Fixed(3))
	return model(g)
}

// identityModel copies its input of n elements of a type to its output.
func identityModel(dtype onnx.DType) *onnx.Model {
	g := &onnx.Graph{}
	x := g.Input("x", dtype, onnx.Free("n"))
	g.Output(g.Op("Identity", nil, x), "y", dtype, onnx.Free("n"))
	return model(g)
}

// manyModel has n inputs and n outputs, float32 [4,8].
func manyModel(n int) *onnx.Model {
	g := &onnx.Graph{}
	for i := range n {
		x := g.Input(fmt.Sprintf("x%d", i), onnx.Float32, onnx.Shape(4, 8)...)
		g.Output(g.Op("Relu", nil, x), fmt.Sprintf("y%d", i), onnx.Float32, onnx.Shape(4, 8)...)
	}
	return model(g)
}

// longModel multiplies a matrix by another, steps times: at 256×256 some
// milliseconds a step.
func longModel(size, steps int) *onnx.Model {
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Shape(size, size)...)
	w := g.Input("w", onnx.Float32, onnx.Shape(size, size)...)
	for range steps {
		x = g.Op("MatMul", nil, x, w)
	}
	g.Output(x, "y", onnx.Float32, onnx.Shape(size, size)...)
	return model(g)
}

package exact

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// TestConditions: what conditions make, operator by operator, is what the runtime in Go makes of
// them but for rounding.
func TestConditions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(shape ...int) *onnx.Tensor {
		x := make([]float32, size(shape))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return onnx.NewTensor(x, shape...)
	}
	weight := func(shape ...int) *onnx.Value { return onnx.Const("", random(shape...)) }
	list := func(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }
	inGo, err := goruntime.New(goruntime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func(g *onnx.Graph, x *onnx.Value) *onnx.Value // of [1, 6, 4, 8]
	}{
		{"Conv", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, weight(5, 6, 3, 3), weight(5))
		}},
		{"Conv, uneven, strided, dilated, no bias", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"pads": []int64{2, 0, 1, 3}, "strides": []int64{2, 1}, "dilations": []int64{1, 2}}, x, weight(5, 6, 2, 3))
		}},
		{"Conv, grouped", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"group": int64(2)}, x, weight(4, 3, 1, 1))
		}},
		{"ConvTranspose", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("ConvTranspose", onnx.Attrs{"strides": []int64{2, 2}}, x, weight(6, 3, 2, 2))
		}},
		{"Resize after Elu", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Elu", nil, x)
			return g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
				y, nil, onnx.Const("", onnx.NewTensor([]float32{1, 1, 2, 2}, 4)))
		}},
		{"MatMul with one matrix", func(g *onnx.Graph, x *onnx.Value) *onnx.Value { return g.Op("MatMul", nil, x, weight(8, 3)) }},
		{"MatMul with each its own", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, x, g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 3, 2}}, x))
		}},
		{"Softmax", func(g *onnx.Graph, x *onnx.Value) *onnx.Value { return g.Op("Softmax", nil, x) }},
		{"LayerNormalization", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("LayerNormalization", nil, x, weight(8), weight(8))
		}},
		{"broadcast", func(g *onnx.Graph, x *onnx.Value) *onnx.Value { return g.Op("Mul", nil, weight(6, 1, 1), x) }},
		{"Selu, Celu, HardSigmoid, Mish", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			y := g.Op("HardSigmoid", onnx.Attrs{"alpha": float32(0.3)}, g.Op("Mish", nil, x))
			return g.Op("Add", nil, y, g.Op("Selu", nil, g.Op("Celu", onnx.Attrs{"alpha": float32(2)}, x)))
		}},
		{"Greater, Where", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			return g.Op("Where", nil, g.Op("Greater", nil, x, weight(1)), x, weight(1))
		}},
		{"LeakyRelu, Slice, Concat", func(g *onnx.Graph, x *onnx.Value) *onnx.Value {
			y := g.Op("LeakyRelu", onnx.Attrs{"alpha": float32(0.2)}, x)
			return g.Op("Concat", onnx.Attrs{"axis": int64(3)}, y, g.Op("Slice", nil, x, list(1), list(5), list(3)))
		}},
	} {
		g := &onnx.Graph{Name: c.name}
		x := g.Input("x", onnx.Float32, onnx.Fixed(1), onnx.Fixed(6), onnx.Fixed(4), onnx.Fixed(8))
		y := c.make(g, x)
		m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
		g.Outputs = []*onnx.Value{y}
		known, err := onnx.Simplify(m, nil)
		if err != nil {
			t.Fatal(c.name, err)
		}
		known.Graph.Outputs[0].Name = "y"
		input := random(1, 6, 4, 8)
		got, err := Conditions(&program.Program{Prologue: known}, []*onnx.Tensor{input})
		if err != nil {
			t.Error(c.name, err)
			continue
		}
		s, err := inGo.Load(known, onnx.SessionOptions{})
		if err != nil {
			t.Fatal(c.name, err)
		}
		want := onnx.Zeros(onnx.Float32, onnx.Sizes(known.Graph.Outputs[0].Shape)...)
		b, err := s.Bind([]*onnx.Tensor{input}, []*onnx.Tensor{want})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(c.name, err)
		}
		if len(got[0]) != want.Len() {
			t.Errorf("%s: %d numbers, should be %d", c.name, len(got[0]), want.Len())
			continue
		}
		worst := 0.0
		for i, x := range want.Floats() {
			worst = max(worst, math.Abs(float64(x)-got[0][i]))
		}
		if t.Logf("%s: largest difference %.2g", c.name, worst); worst > 1e-5 {
			t.Errorf("%s: a difference of %g", c.name, worst)
		}
	}
}

package goruntime_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// A chain of convolutions is turned at its ends only, whatever is added or multiplied
// between them, and gives what ONNX Runtime gives.
func TestRows(t *testing.T) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	rng := rand.New(rand.NewPCG(2, 2))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() / 2 })
	}
	constant := func(shape ...int) *onnx.Value { return onnx.Const("", random(shape...)) }
	const channels, size = 24, 6
	var g *onnx.Graph
	var x, label, wide *onnx.Value // [images,2,6,6], [many,24,1,1], [images,24,6,6]
	op := func(op string, in ...*onnx.Value) *onnx.Value { return g.Op(op, nil, in...) }
	conv := func(in *onnx.Value, ins, kernel int) *onnx.Value {
		w := random(channels, ins, kernel, kernel)
		for i := range w.Data.([]float32) { // the last row is hidden
			if i/kernel%kernel == kernel-1 && kernel > 1 {
				w.Data.([]float32)[i] = 0
			}
		}
		pad := int64(kernel / 2)
		return g.Op("Conv", onnx.Attrs{"pads": []int64{pad, pad, pad, pad}}, in, onnx.Const("", w), constant(channels))
	}
	for _, c := range []struct {
		name   string
		images int
		many   int // images of label
		steps  int
		build  func() *onnx.Value
	}{
		{"one", 3, 3, 3, func() *onnx.Value { return conv(x, 2, 3) }},
		{"wider than the picture", 2, 2, 3, func() *onnx.Value { return conv(x, 2, 15) }},
		{"wider than the only picture: a border", 1, 1, 4, func() *onnx.Value { return conv(x, 2, 15) }},
		{"residual", 3, 3, 5, func() *onnx.Value {
			y := conv(x, 2, 5)
			return op("Add", y, conv(op("Relu", conv(y, channels, 1)), channels, 3))
		}},
		{"gate", 2, 2, 5, func() *onnx.Value {
			return op("Mul", op("Tanh", conv(x, 2, 3)), op("Sigmoid", conv(x, 2, 3)))
		}},
		{"numbers for channels, for all, for each pixel", 2, 2, 8, func() *onnx.Value {
			y := op("Mul", op("Sub", conv(x, 2, 3), constant(channels, 1, 1)), constant(1))
			return op("Div", op("Add", op("Exp", y), constant(1, channels, size, size)), constant())
		}},
		{"a number for each channel of an image", 3, 3, 6, func() *onnx.Value {
			return conv(op("Relu", op("Add", conv(x, 2, 3), label)), channels, 3)
		}},
		{"one image: a border; many labels", 1, 5, 10, func() *onnx.Value {
			y := conv(x, 2, 3)
			z := op("Add", conv(op("Relu", op("Add", label, y)), channels, 3), y)
			return op("Add", op("Mul", y, z), conv(z, channels, 1))
		}},
		{"another image", 3, 3, 5, func() *onnx.Value { return op("Mul", wide, conv(x, 2, 3)) }},
		{"too wide to be turned", 3, 3, 1, func() *onnx.Value { return conv(wide, channels, 3) }},
		{"of rows and columns", 3, 3, 4, func() *onnx.Value { return op("Add", conv(x, 2, 3), constant(size, size)) }},
		{"a softmax in between", 2, 2, 5, func() *onnx.Value {
			return conv(g.Op("Softmax", onnx.Attrs{"axis": int64(1)}, conv(x, 2, 3)), channels, 3)
		}},
		{"not padded", 2, 2, 3, func() *onnx.Value { return g.Op("Conv", nil, x, constant(channels, 2, 3, 2)) }},
		{"dilated", 2, 2, 3, func() *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"dilations": []int64{2, 1}, "pads": []int64{1, 0, 3, 1}}, x, constant(channels, 2, 3, 2))
		}},
		{"without weights", 2, 2, 3, func() *onnx.Value {
			return g.Op("Conv", nil, x, onnx.Const("", onnx.NewTensor(make([]float32, channels*2), channels, 2, 1, 1)), constant(channels))
		}},
		{"in steps of two", 2, 2, 1, func() *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}}, x, constant(channels, 2, 3, 3))
		}},
		{"a result on the way", 3, 3, 5, func() *onnx.Value {
			y := conv(x, 2, 3)
			g.Output(y, "first", onnx.Float32, onnx.Shape(3, channels, size, size)...)
			return op("Relu", y)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g = &onnx.Graph{Name: "test"}
			var in []*onnx.Tensor
			input := func(name string, shape ...int) *onnx.Value {
				in = append(in, random(shape...))
				return g.Input(name, onnx.Float32, onnx.Shape(shape...)...)
			}
			x = input("x", c.images, 2, size, size)
			label, wide = input("label", c.many, channels, 1, 1), input("wide", c.images, channels, size, size)
			y := c.build()
			g.Output(y, "y", onnx.Float32)
			y.Shape = nil // left for the runtimes to find
			file := marshal(t, g, 17)
			var like []*onnx.Tensor
			for _, v := range g.Outputs {
				like = append(like, tensorOf(onnx.Float32, onnx.Sizes(v.Shape), func(int) float64 { return 0 }))
			}
			s := load(t, file, onnx.SessionOptions{})
			like[len(like)-1] = f32(d(0))
			_, err := s.Bind(in, like)
			var shape *goruntime.ShapeError
			if !errors.As(err, &shape) {
				t.Fatalf("binding a result of the wrong shape: %v", err)
			}
			like[len(like)-1] = tensorOf(onnx.Float32, shape.Want, func(int) float64 { return 0 })
			want, err := evaluate(ort, file, in, like)
			if err != nil {
				t.Fatal(err)
			}
			var got []*onnx.Tensor
			for _, w := range want {
				got = append(got, tensorOf(onnx.Float32, w.Shape, func(int) float64 { return 7 }))
			}
			b := bind(t, s, in, got)
			run(t, b)
			if steps := goruntime.Steps(b); steps != c.steps {
				t.Errorf("%d steps, want %d", steps, c.steps)
			}
			for i := range got {
				if d := distance(got[i], want[i]); !(d <= 1e-5) {
					t.Errorf("result %d: %g from ONNX Runtime", i, d)
				}
			}
		})
	}
}

package goruntime_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
)

// Steps that do the work of later nodes as well give what ONNX Runtime gives, and
// are as few as they can be.
func TestFusion(t *testing.T) {
	ort, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer ort.Close()
	const m, k, n = 5, 7, 19
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(shape ...int) *onnx.Tensor {
		return tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() })
	}
	constant := func(shape ...int) *onnx.Value { return onnx.Const("", random(shape...)) }
	var a, wide, image, small *onnx.Value // inputs: [m,k], [m,n], [2,3,4,4], [2,8,4,4]
	var g *onnx.Graph
	op := func(op string, in ...*onnx.Value) *onnx.Value { return g.Op(op, nil, in...) }
	product := func() *onnx.Value { return op("MatMul", a, constant(k, n)) }
	biased := func() *onnx.Value { return op("Gemm", a, constant(k, n), constant(n)) }
	join := func(in ...*onnx.Value) *onnx.Value { return g.Op("Concat", onnx.Attrs{"axis": int64(-1)}, in...) }
	for _, c := range []struct {
		name  string
		steps int
		build func() *onnx.Value
	}{
		{"relu", 1, func() *onnx.Value { return op("Relu", product()) }},
		{"row", 1, func() *onnx.Value { return op("Add", constant(n), product()) }},
		{"column", 1, func() *onnx.Value { return op("Add", product(), constant(m, 1)) }},
		{"scalar", 1, func() *onnx.Value { return op("Add", product(), constant(1)) }},
		{"row and column", 2, func() *onnx.Value { return op("Add", biased(), constant(m, 1)) }},
		{"bias, sum and relu", 1, func() *onnx.Value { return op("Relu", op("Add", wide, biased())) }},
		{"sum made later", 3, func() *onnx.Value {
			p := product()
			return op("Add", p, op("Tanh", op("MatMul", wide, constant(n, n))))
		}},
		{"sum of products", 2, func() *onnx.Value { return op("Add", product(), op("MatMul", wide, constant(n, n))) }},
		{"product twice", 2, func() *onnx.Value {
			p := product()
			return op("Add", p, p)
		}},
		{"three sums", 3, func() *onnx.Value { return op("Add", op("Add", op("Add", biased(), wide), constant(n)), wide) }},
		{"sum after relu", 2, func() *onnx.Value { return op("Add", op("Relu", product()), wide) }},
		{"sum that grows", 2, func() *onnx.Value { return op("Add", product(), constant(2, 1, n)) }},
		{"larger than zero", 1, func() *onnx.Value { return op("Max", onnx.Const("", f32(d(1), 0)), product()) }},
		{"larger than others", 2, func() *onnx.Value { return op("Max", constant(n), product()) }},
		{"side by side", 1, func() *onnx.Value { return op("Gemm", join(a, wide, a), constant(2*k+n, n), constant(n)) }},
		{"side by side, transposed", 3, func() *onnx.Value {
			return g.Op("Gemm", onnx.Attrs{"transA": int64(1)}, join(a, wide), constant(m, n))
		}},
		{"side by side, used twice", 2, func() *onnx.Value {
			c := join(a, wide)
			return op("Add", op("MatMul", c, constant(k+n, n)), op("MatMul", c, constant(k+n, n)))
		}},
		{"side by side, eighteen", 1, func() *onnx.Value {
			return op("MatMul", join(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a), constant(18*k, n))
		}},
		{"constant first", 1, func() *onnx.Value { return op("Relu", op("MatMul", constant(4, m), wide)) }},
		{"convolution, sum and relu", 4, func() *onnx.Value {
			return op("Relu", op("Add", op("Conv", image, constant(8, 3, 1, 1), constant(8)), small))
		}},
		{"convolution and channels", 3, func() *onnx.Value {
			c := g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, image, constant(8, 3, 3, 3))
			return op("Add", c, constant(8, 1, 1))
		}},
		{"tanh times sigmoid", 1, func() *onnx.Value { return op("Mul", op("Tanh", wide), op("Sigmoid", wide)) }},
		{"sigmoid times tanh of products", 3, func() *onnx.Value { return op("Mul", op("Sigmoid", biased()), op("Tanh", product())) }},
		{"sigmoid of a number for each row", 2, func() *onnx.Value {
			return op("Mul", op("Tanh", wide), op("Sigmoid", op("MatMul", a, constant(k, 1))))
		}},
		{"tanh of a number for each column", 2, func() *onnx.Value {
			return op("Mul", op("Tanh", op("MatMul", constant(1, m), wide)), op("Sigmoid", wide))
		}},
		{"tanh of a constant", 2, func() *onnx.Value { return op("Mul", op("Tanh", constant(n)), op("Sigmoid", wide)) }},
		{"tanh that is used twice", 4, func() *onnx.Value {
			t := op("Tanh", wide)
			return op("Add", op("Mul", t, op("Sigmoid", wide)), t)
		}},
		{"tanh plus sigmoid, times both", 7, func() *onnx.Value {
			t, s := op("Tanh", wide), op("Sigmoid", wide)
			return op("Mul", op("Add", t, s), op("Mul", op("Mul", t, t), op("Mul", s, s)))
		}},
		{"in place", 5, func() *onnx.Value {
			e := op("Exp", op("Tanh", wide))
			return op("Mul", op("Sigmoid", e), op("Sub", e, op("Slice", e, onnx.Const("", list(0)), onnx.Const("", list(1)))))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g = &onnx.Graph{Name: "test"}
			var in []*onnx.Tensor
			input := func(name string, shape ...int) *onnx.Value {
				in = append(in, random(shape...))
				return g.Input(name, onnx.Float32, onnx.Shape(shape...)...)
			}
			a, wide, image, small = input("a", m, k), input("wide", m, n), input("image", 2, 3, 4, 4), input("small", 2, 8, 4, 4)
			y := c.build()
			g.Output(y, "y", onnx.Float32)
			y.Shape = nil // left for the runtimes to find
			file := marshal(t, g, 17)

			s := load(t, file, onnx.SessionOptions{})
			_, err := s.Bind(in, []*onnx.Tensor{f32(d(0))})
			var shape *goruntime.ShapeError
			if !errors.As(err, &shape) {
				t.Fatalf("binding a result of the wrong shape: %v", err)
			}
			got := tensorOf(onnx.Float32, shape.Want, func(int) float64 { return 0 })
			b := bind(t, s, in, []*onnx.Tensor{got})
			if steps := goruntime.Steps(b); steps != c.steps {
				t.Errorf("%d steps, want %d", steps, c.steps)
			}
			run(t, b)
			want, err := evaluate(ort, file, in, []*onnx.Tensor{got})
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(got, want[0]); !(d <= 5e-6) {
				t.Errorf("%g from ONNX Runtime", d)
			}
		})
	}
}

// A Mul of a Tanh and a Sigmoid is one step, with the bits of one function, whether one of them is for
// all images or for each. It is three where one of the two is a result as well.
func TestTanhSigmoid(t *testing.T) {
	const most, channels = 3, 7
	rng := rand.New(rand.NewPCG(4, 4))
	for _, images := range []int{1, most} {
		for _, kept := range []string{"", "Tanh", "Sigmoid"} {
			g := &onnx.Graph{Name: "test"}
			var in, out []*onnx.Tensor
			of := func(op string, images int) *onnx.Value {
				x := tensorOf(onnx.Float32, d(images, channels), func(int) float64 { return 3 * rng.NormFloat64() })
				in = append(in, x)
				y := g.Op(op, nil, g.Input(op+" of", onnx.Float32, onnx.Shape(images, channels)...))
				if op == kept {
					g.Output(y, op, onnx.Float32, onnx.Shape(images, channels)...)
					out = append(out, tensorOf(onnx.Float32, d(images, channels), func(int) float64 { return 0 }))
				}
				return y
			}
			g.Output(g.Op("Mul", nil, of("Tanh", 1), of("Sigmoid", images)), "y", onnx.Float32, onnx.Shape(images, channels)...)
			y := tensorOf(onnx.Float32, d(images, channels), func(int) float64 { return 0 })
			out = append(out, y)
			file := marshal(t, g, 17)
			run(t, bind(t, load(t, file, onnx.SessionOptions{Fast: true}), in, out))
			fast := slices.Clone(y.Floats())
			b := bind(t, load(t, file, onnx.SessionOptions{}), in, out)
			run(t, b)
			want := 3
			if kept == "" {
				want = 1
			}
			if steps := goruntime.Steps(b); steps != want {
				t.Errorf("%d images, with %q as a result: %d steps, want %d", images, kept, steps, want)
			}
			for i := range images {
				x, z := in[0].Floats(), in[1].Floats()[i*channels:][:channels]
				one, tanh, sigmoid, three := make([]float32, channels), make([]float32, channels), make([]float32, channels), make([]float32, channels)
				kernel.TanhSigmoid(one, x, z)
				kernel.Tanh(tanh, x)
				kernel.Sigmoid(sigmoid, z)
				kernel.Mul(three, tanh, sigmoid)
				bits, fewer := three, three
				if kept == "" {
					bits, fewer = one, make([]float32, channels)
					kernel.FastTanhSigmoid(fewer, x, z)
				}
				if got := fast[i*channels:][:channels]; !slices.Equal(got, fewer) {
					t.Errorf("%d images, with %q as a result: %g of fewer operations, want %g", images, kept, got, fewer)
				}
				for k, v := range y.Floats()[i*channels:][:channels] {
					if v != bits[k] || math.Abs(float64(v-three[k])) > 4e-7 {
						t.Errorf("%d images, with %q as a result: element %d is %g, want %g, near %g", images, kept, k, v, bits[k], three[k])
					}
				}
				if kept == "Tanh" && !slices.Equal(out[0].Floats(), tanh) {
					t.Errorf("tanh is %g, want %g", out[0].Floats(), tanh)
				}
			}
		}
	}
}

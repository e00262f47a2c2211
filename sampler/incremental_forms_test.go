package sampler_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// forms builds graphs in the ways of other exporters.
type forms struct {
	*onnx.Graph
	rng *rand.Rand
}

func (f *forms) random(shape ...int) *onnx.Value {
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

func list(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

func number(x float64) *onnx.Value { return onnx.Const("", onnx.Scalar(float32(x))) }

// masked is a convolution whose mask is multiplied into the weights in the graph.
// self tells whether it sees the pixel itself.
func (f *forms) masked(x *onnx.Value, in, out, k int, self bool, attrs onnx.Attrs) *onnx.Value {
	mask := make([]float32, k*k)
	for i := range mask {
		if i < k*k/2 || self && i == k*k/2 {
			mask[i] = 1
		}
	}
	group := int(attrs.Int("group", 1))
	w := f.Op("Mul", nil, f.random(out, in/group, k, k), onnx.Const("", onnx.NewTensor(mask, 1, 1, k, k)))
	if attrs == nil {
		attrs = onnx.Attrs{"pads": []int64{int64(k / 2), int64(k / 2), int64(k / 2), int64(k / 2)}}
	}
	return f.Op("Conv", attrs, x, w, f.random(out))
}

func (f *forms) point(x *onnx.Value, in, out int) *onnx.Value {
	return f.masked(x, in, out, 1, true, nil)
}

const formSize, formLevels = 6, 3

func TestForms(t *testing.T) {
	float := []onnx.Dim{onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(formSize), onnx.Fixed(formSize)}
	nlhw := []int{-1, formLevels, formSize, formSize}
	label := func(image int) []*onnx.Tensor {
		return []*onnx.Tensor{onnx.NewTensor([]int64{int64(image % 3)}, 1)}
	}
	for _, c := range []struct {
		name   string
		opset  int64
		dtype  onnx.DType
		input  []onnx.Dim
		output []int
		labels func(int) []*onnx.Tensor
		build  func(f *forms, x *onnx.Value) *onnx.Value
	}{
		{"logits last", 13, onnx.Float32, float, []int{-1, formSize, formSize, formLevels}, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			return f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, f.masked(x, 1, formLevels, 5, false, nil))
		}},
		{"five dimensions", 13, onnx.Float32, float, []int{-1, formLevels, 1, formSize, formSize}, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			y := f.masked(x, 1, formLevels, 5, false, nil)
			n := f.Op("Gather", nil, f.Op("Shape", nil, y), onnx.Const("", onnx.Scalar(int64(0))))
			shape := f.Op("Concat", onnx.Attrs{"axis": int64(0)}, f.Op("Unsqueeze", nil, n, list(0)), list(formLevels, 1, formSize, formSize))
			return f.Op("Reshape", nil, y, shape)
		}},
		{
			"picture last", 17, onnx.Float32,
			[]onnx.Dim{onnx.Free("n"), onnx.Fixed(formSize), onnx.Fixed(formSize), onnx.Fixed(1)},
			nlhw, nil,
			func(f *forms, x *onnx.Value) *onnx.Value {
				return f.masked(f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, x), 1, formLevels, 3, false, nil)
			},
		},
		{"one-hot levels", 11, onnx.Int64, float[1:], nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			hot := f.Op("OneHot", onnx.Attrs{"axis": int64(1)}, x, list(formLevels), onnx.Const("", onnx.NewTensor([]float32{0, 1}, 2)))
			return f.masked(hot, formLevels, formLevels, 3, false, nil)
		}},
		{"embedded levels", 13, onnx.Int64, float[1:], nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			e := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, f.Op("Gather", nil, f.random(formLevels, 5), x))
			h := f.Op("Tanh", nil, f.masked(e, 5, 6, 3, false, nil))
			return f.masked(h, 6, formLevels, 3, true, nil)
		}},
		{"one-hot by comparison", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			level := f.Op("Round", nil, f.Op("Mul", nil, x, number(formLevels-1)))
			hot := f.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)},
				f.Op("Equal", nil, level, onnx.Const("", onnx.NewTensor([]float32{0, 1, 2}, 1, 3, 1, 1))))
			return f.masked(hot, formLevels, formLevels, 3, false, nil)
		}},
		{"scaled picture, whose padding is not scaled", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			x = f.Op("Sub", nil, f.Op("Mul", nil, x, number(2)), number(1))
			return f.masked(x, 1, formLevels, 3, false, nil)
		}},
		{"groups, one per channel", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.masked(x, 1, 6, 3, false, nil))
			h = f.masked(h, 6, 6, 3, true, onnx.Attrs{"group": int64(6), "auto_pad": "SAME_UPPER"})
			return f.point(f.Op("PRelu", nil, h, f.random(6, 1, 1)), 6, formLevels)
		}},
		{"dilation and unequal pads", 12, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			// Rows -4 and -2, columns -2 to 2: padded above only.
			h := f.Op("Conv", onnx.Attrs{"dilations": []int64{2, 2}, "pads": []int64{4, 2, 0, 2}}, x,
				f.random(6, 1, 2, 3), f.random(6))
			h = f.Op("Slice", nil, h, list(0), list(formSize), list(2))
			return f.masked(f.Op("Clip", nil, h, number(-1), nil), 6, formLevels, 3, true, nil)
		}},
		{"layer normalisation in parts", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.masked(x, 1, 8, 3, false, nil)
			axes := onnx.Attrs{"axes": []int64{1}}
			d := f.Op("Sub", nil, h, f.Op("ReduceMean", axes, h))
			v := f.Op("ReduceMean", axes, f.Op("Pow", nil, d, number(2)))
			h = f.Op("Div", nil, d, f.Op("Sqrt", nil, f.Op("Add", nil, v, number(1e-5))))
			h = f.Op("Add", nil, f.Op("Mul", nil, h, f.random(1, 8, 1, 1)), f.random(8, 1, 1))
			return f.masked(h, 8, formLevels, 3, true, nil)
		}},
		{"newer operators", 20, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Gelu", nil, f.masked(x, 1, 8, 3, false, nil))
			h = f.Op("Sub", nil, h, f.Op("ReduceMax", nil, h, list(1)))
			h = f.Op("Add", nil, h, f.Op("ReduceSum", nil, h, list(-3)))
			return f.masked(f.Op("Softmax", onnx.Attrs{"axis": int64(1)}, h), 8, formLevels, 3, true, nil)
		}},
		{"dense layers, channels last", 13, onnx.Float32, float, []int{-1, formSize, formSize, formLevels}, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, f.masked(x, 1, 6, 3, false, nil))
			h = f.Op("Relu", nil, f.Op("Add", nil, f.Op("MatMul", nil, h, f.random(6, 5)), f.random(5)))
			h = f.Op("Reshape", nil, h, list(-1, 5))
			h = f.Op("Gemm", onnx.Attrs{"transB": int64(1), "alpha": float32(0.5)}, h, f.random(formLevels, 5), f.random(formLevels))
			return f.Op("Reshape", nil, h, list(-1, formSize, formSize, formLevels))
		}},
		{"shuffled channels", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.masked(x, 1, 6, 3, false, nil))
			h = f.Op("Reshape", nil, h, list(0, 2, 3, formSize, formSize))
			h = f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3, 4}}, h)
			h = f.Op("Mul", nil, f.Op("Reshape", nil, h, list(0, 6, formSize, -1)), f.random(6, 1, 1))
			h = f.Op("Gather", onnx.Attrs{"axis": int64(1)}, f.Op("Sigmoid", nil, h), list(4, 0, 0, 3))
			return f.masked(h, 4, formLevels, 3, true, nil)
		}},
		{"shifted by padding and joined zeros", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			up := f.Op("Slice", nil, f.Op("Pad", nil, x, list(0, 0, 1, 0, 0, 0, 0, 0)), list(0), list(-1), list(2)) // a row down
			zeros := onnx.Const("", onnx.NewTensor(make([]float32, formSize), 1, 1, formSize, 1))
			left := f.Op("Concat", onnx.Attrs{"axis": int64(3)}, zeros, f.Op("Slice", nil, x, list(0), list(-1), list(3)))
			h := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, up, left, f.Op("Mul", nil, up, left))
			h = f.Op("Relu", nil, f.point(h, 3, 6))
			return f.masked(h, 6, formLevels, 3, true, nil)
		}},
		{"cropped, then read beyond the crop", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.masked(x, 1, 4, 3, false, nil))
			rows := f.Op("Slice", nil, h, list(1), list(formSize-1), list(2)) // rows 1 to 4, and zeros around them
			rows = f.Op("Pad", nil, rows, list(0, 0, 1, 0, 0, 0, 1, 0))
			return f.Op("Add", nil, f.point(h, 4, formLevels), f.masked(rows, 4, formLevels, 3, true, nil))
		}},
		{"a constant per position, and a mask", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, f.masked(x, 1, 5, 3, false, nil), f.random(1, 2, formSize, formSize))
			h = f.Op("Relu", nil, f.masked(h, 7, 6, 3, true, nil))
			keep := f.Op("Greater", nil, h, number(0.2))
			return f.point(f.Op("Where", nil, keep, h, number(-0.3)), 6, formLevels)
		}},
		{"labels", 13, onnx.Float32, float, nlhw, label, func(f *forms, x *onnx.Value) *onnx.Value {
			class := f.Input("class", onnx.Int64, onnx.Free("n"))
			e := f.Op("Gather", nil, f.random(3, 5), class)
			bias := f.Op("Unsqueeze", nil, f.Op("Tanh", nil, f.Op("Gemm", nil, e, f.random(5, 6), f.random(6))), list(2, 3))
			h := f.Op("Relu", nil, f.Op("Add", nil, f.masked(x, 1, 6, 3, false, nil), bias))
			return f.masked(f.Op("Mul", nil, h, f.Op("Sigmoid", nil, bias)), 6, formLevels, 3, true, nil)
		}},
		{"nothing but a constant for some pixels", 13, onnx.Float32, float, nlhw, nil, func(f *forms, x *onnx.Value) *onnx.Value {
			// Sees the pixel eight to the left, which is there for no pixel, and one two above.
			w := make([]float32, 3*17*5)
			for o := range 3 {
				w[o*85] = 1                      // (-4, -8)
				w[o*85+2*17+8] = float32(o) - .8 // (-2, 0)
			}
			return f.Op("Conv", onnx.Attrs{"pads": []int64{4, 8, 0, 8}}, x, onnx.Const("", onnx.NewTensor(w, 3, 1, 5, 17)), f.random(3))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &forms{&onnx.Graph{Name: "forms"}, rand.New(rand.NewPCG(4, 4))}
			x := f.Input("x", c.dtype, c.input...)
			if len(c.input) == 3 { // [n, h, w]
				x.Shape[0] = onnx.Free("n")
			}
			y := c.build(f, x)
			shape := make([]onnx.Dim, len(c.output))
			for i, d := range c.output {
				if shape[i] = onnx.Fixed(d); d < 0 {
					shape[i] = onnx.Free("n")
				}
			}
			f.Output(y, "logits", onnx.Float32, shape...)
			m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": c.opset}, Graph: f.Graph}
			size := onnx.Sizes(x.Shape)
			size[0] = 1
			for _, opt := range []compile.Options{{}, {Raster: true}} {
				e := compiled(t, m, opt, c.labels)
				if c.dtype == onnx.Int64 {
					e.SetValues([]float32{0, 1, 2})
				}
				for _, batch := range []int{2, 9} {
					levels := make([]uint8, 9*formSize*formSize)
					if err := e.Draw(context.Background(), 0, levels, 1, 8, batch, 2); err != nil {
						t.Fatal(err)
					}
					follows(t, m, size, levels, formLevels-1, 8, c.labels)
				}
			}
		})
	}
}

package engine_test

import (
	"context"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
)

const formSize, formLevels = 6, 3

func TestForms(t *testing.T) {
	float := []onnx.Dim{onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(formSize), onnx.Fixed(formSize)}
	nlhw := []int{-1, formLevels, formSize, formSize}
	class := func(image int, _ []*onnx.Tensor) []*onnx.Tensor {
		return []*onnx.Tensor{onnx.NewTensor([]int64{int64(image % 3)}, 1)}
	}
	for _, c := range []struct {
		name       string
		opset      int64
		dtype      onnx.DType
		input      []onnx.Dim
		output     []int
		conditions func(int, []*onnx.Tensor) []*onnx.Tensor
		build      func(f *compiletest.Forms, x *onnx.Value) *onnx.Value
	}{
		{"logits last", 13, onnx.Float32, float, []int{-1, formSize, formSize, formLevels}, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			return f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, f.Masked(x, 1, formLevels, 5, false, nil))
		}},
		{"five dimensions", 13, onnx.Float32, float, []int{-1, formLevels, 1, formSize, formSize}, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			y := f.Masked(x, 1, formLevels, 5, false, nil)
			n := f.Op("Gather", nil, f.Op("Shape", nil, y), onnx.Const("", onnx.Scalar(int64(0))))
			shape := f.Op("Concat", onnx.Attrs{"axis": int64(0)}, f.Op("Unsqueeze", nil, n, compiletest.List(0)), compiletest.List(formLevels, 1, formSize, formSize))
			return f.Op("Reshape", nil, y, shape)
		}},
		{
			"picture last", 17, onnx.Float32,
			[]onnx.Dim{onnx.Free("n"), onnx.Fixed(formSize), onnx.Fixed(formSize), onnx.Fixed(1)},
			nlhw, nil,
			func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
				return f.Masked(f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, x), 1, formLevels, 3, false, nil)
			},
		},
		{"one-hot levels", 11, onnx.Int64, float[1:], nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			hot := f.Op("OneHot", onnx.Attrs{"axis": int64(1)}, x, compiletest.List(formLevels), onnx.Const("", onnx.NewTensor([]float32{0, 1}, 2)))
			return f.Masked(hot, formLevels, formLevels, 3, false, nil)
		}},
		{"embedded levels", 13, onnx.Int64, float[1:], nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			e := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 1, 2}}, f.Op("Gather", nil, f.Random(formLevels, 5), x))
			h := f.Op("Tanh", nil, f.Masked(e, 5, 6, 3, false, nil))
			return f.Masked(h, 6, formLevels, 3, true, nil)
		}},
		{"one-hot by comparison", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			level := f.Op("Round", nil, f.Op("Mul", nil, x, compiletest.Number(formLevels-1)))
			hot := f.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)},
				f.Op("Equal", nil, level, onnx.Const("", onnx.NewTensor([]float32{0, 1, 2}, 1, 3, 1, 1))))
			return f.Masked(hot, formLevels, formLevels, 3, false, nil)
		}},
		{"scaled picture, whose padding is not scaled", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			x = f.Op("Sub", nil, f.Op("Mul", nil, x, compiletest.Number(2)), compiletest.Number(1))
			return f.Masked(x, 1, formLevels, 3, false, nil)
		}},
		{"groups, one per channel", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.Masked(x, 1, 6, 3, false, nil))
			h = f.Masked(h, 6, 6, 3, true, onnx.Attrs{"group": int64(6), "auto_pad": "SAME_UPPER"})
			return f.Point(f.Op("PRelu", nil, h, f.Random(6, 1, 1)), 6, formLevels)
		}},
		{"dilation and unequal pads", 12, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			// Rows -4 and -2, columns -2 to 2: padded above only.
			h := f.Op("Conv", onnx.Attrs{"dilations": []int64{2, 2}, "pads": []int64{4, 2, 0, 2}}, x,
				f.Random(6, 1, 2, 3), f.Random(6))
			h = f.Op("Slice", nil, h, compiletest.List(0), compiletest.List(formSize), compiletest.List(2))
			return f.Masked(f.Op("Clip", nil, h, compiletest.Number(-1), nil), 6, formLevels, 3, true, nil)
		}},
		{"layer normalisation in parts", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Masked(x, 1, 8, 3, false, nil)
			axes := onnx.Attrs{"axes": []int64{1}}
			d := f.Op("Sub", nil, h, f.Op("ReduceMean", axes, h))
			v := f.Op("ReduceMean", axes, f.Op("Pow", nil, d, compiletest.Number(2)))
			h = f.Op("Div", nil, d, f.Op("Sqrt", nil, f.Op("Add", nil, v, compiletest.Number(1e-5))))
			h = f.Op("Add", nil, f.Op("Mul", nil, h, f.Random(1, 8, 1, 1)), f.Random(8, 1, 1))
			return f.Masked(h, 8, formLevels, 3, true, nil)
		}},
		{"newer operators", 20, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Gelu", nil, f.Masked(x, 1, 8, 3, false, nil))
			h = f.Op("Sub", nil, h, f.Op("ReduceMax", nil, h, compiletest.List(1)))
			h = f.Op("Add", nil, h, f.Op("ReduceSum", nil, h, compiletest.List(-3)))
			return f.Masked(f.Op("Softmax", onnx.Attrs{"axis": int64(1)}, h), 8, formLevels, 3, true, nil)
		}},
		{"dense layers, channels last", 13, onnx.Float32, float, []int{-1, formSize, formSize, formLevels}, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, f.Masked(x, 1, 6, 3, false, nil))
			h = f.Op("Relu", nil, f.Op("Add", nil, f.Op("MatMul", nil, h, f.Random(6, 5)), f.Random(5)))
			h = f.Op("Reshape", nil, h, compiletest.List(-1, 5))
			h = f.Op("Gemm", onnx.Attrs{"transB": int64(1), "alpha": float32(0.5)}, h, f.Random(formLevels, 5), f.Random(formLevels))
			return f.Op("Reshape", nil, h, compiletest.List(-1, formSize, formSize, formLevels))
		}},
		{"shuffled channels", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.Masked(x, 1, 6, 3, false, nil))
			h = f.Op("Reshape", nil, h, compiletest.List(0, 2, 3, formSize, formSize))
			h = f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1, 3, 4}}, h)
			h = f.Op("Mul", nil, f.Op("Reshape", nil, h, compiletest.List(0, 6, formSize, -1)), f.Random(6, 1, 1))
			h = f.Op("Gather", onnx.Attrs{"axis": int64(1)}, f.Op("Sigmoid", nil, h), compiletest.List(4, 0, 0, 3))
			return f.Masked(h, 4, formLevels, 3, true, nil)
		}},
		{"shifted by padding and joined zeros", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			up := f.Op("Slice", nil, f.Op("Pad", nil, x, compiletest.List(0, 0, 1, 0, 0, 0, 0, 0)), compiletest.List(0), compiletest.List(-1), compiletest.List(2)) // a row down
			zeros := onnx.Const("", onnx.NewTensor(make([]float32, formSize), 1, 1, formSize, 1))
			left := f.Op("Concat", onnx.Attrs{"axis": int64(3)}, zeros, f.Op("Slice", nil, x, compiletest.List(0), compiletest.List(-1), compiletest.List(3)))
			h := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, up, left, f.Op("Mul", nil, up, left))
			h = f.Op("Relu", nil, f.Point(h, 3, 6))
			return f.Masked(h, 6, formLevels, 3, true, nil)
		}},
		{"cropped, then read beyond the crop", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Relu", nil, f.Masked(x, 1, 4, 3, false, nil))
			rows := f.Op("Slice", nil, h, compiletest.List(1), compiletest.List(formSize-1), compiletest.List(2)) // rows 1 to 4, and zeros around them
			rows = f.Op("Pad", nil, rows, compiletest.List(0, 0, 1, 0, 0, 0, 1, 0))
			return f.Op("Add", nil, f.Point(h, 4, formLevels), f.Masked(rows, 4, formLevels, 3, true, nil))
		}},
		{"a constant per position, and a mask", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			h := f.Op("Concat", onnx.Attrs{"axis": int64(1)}, f.Masked(x, 1, 5, 3, false, nil), f.Random(1, 2, formSize, formSize))
			h = f.Op("Relu", nil, f.Masked(h, 7, 6, 3, true, nil))
			keep := f.Op("Greater", nil, h, compiletest.Number(0.2))
			return f.Point(f.Op("Where", nil, keep, h, compiletest.Number(-0.3)), 6, formLevels)
		}},
		{"conditions", 13, onnx.Float32, float, nlhw, class, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			class := f.Input("class", onnx.Int64, onnx.Free("n"))
			e := f.Op("Gather", nil, f.Random(3, 5), class)
			bias := f.Op("Unsqueeze", nil, f.Op("Elu", nil, f.Op("Gemm", nil, e, f.Random(5, 6), f.Random(6))), compiletest.List(2, 3))
			h := f.Op("Relu", nil, f.Op("Add", nil, f.Masked(x, 1, 6, 3, false, nil), bias))
			return f.Masked(f.Op("Mul", nil, h, f.Op("Sigmoid", nil, bias)), 6, formLevels, 3, true, nil)
		}},
		{"blocks of pixels by reshaping", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			const half = formSize / 2
			y := f.Op("Reshape", nil, above(f, x), compiletest.List(-1, 4, half, 2, half, 2))
			y = f.Op("Reshape", nil, f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 3, 5, 1, 2, 4}}, y), compiletest.List(-1, 16, half, half))
			y = f.Op("Tanh", nil, f.Point(y, 16, 8))
			y = f.Op("Reshape", nil, y, compiletest.List(-1, 2, 2, 2, half, half))
			y = f.Op("Reshape", nil, f.Op("Transpose", onnx.Attrs{"perm": []int64{0, 1, 4, 2, 5, 3}}, y), compiletest.List(-1, 2, formSize, formSize))
			return f.Op("Add", nil, f.Point(y, 2, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"blocks, the channels first", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			y := f.Op("SpaceToDepth", onnx.Attrs{"blocksize": int64(3)}, above(f, x))
			y = f.Op("Tanh", nil, f.Point(y, 36, 18))
			y = f.Op("DepthToSpace", onnx.Attrs{"blocksize": int64(3), "mode": "CRD"}, y)
			return f.Op("Add", nil, f.Point(y, 2, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"pixels repeated by expanding", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			const half = formSize / 2
			y := f.Op("MaxPool", onnx.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, above(f, x))
			y = f.Op("Reshape", nil, y, compiletest.List(-1, 4, half, 1, half, 1))
			y = f.Op("Expand", nil, y, compiletest.List(1, 4, half, 2, half, 2))
			y = f.Op("Reshape", nil, y, compiletest.List(-1, 4, formSize, formSize))
			return f.Op("Add", nil, f.Point(y, 4, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"pools over the edge", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			y := above(f, x)
			pads, three := []int64{1, 1, 1, 1}, []int64{3, 3}
			y = f.Op("AveragePool", onnx.Attrs{"kernel_shape": three, "pads": pads}, y)
			z := f.Op("AveragePool", onnx.Attrs{"kernel_shape": three, "pads": pads, "count_include_pad": int64(1)}, above(f, x))
			return f.Op("Add", nil, f.Point(f.Op("Concat", onnx.Attrs{"axis": int64(1)}, y, z), 8, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"resized by sizes and by scales", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			y := above(f, x)
			small := f.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, y, nil, nil, compiletest.List(1, 4, 2, 2))
			y = f.Op("Resize", onnx.Attrs{"mode": "nearest"}, small, nil, onnx.Const("", onnx.NewTensor([]float32{1, 1, 3, 3}, 4)))
			return f.Op("Add", nil, f.Point(y, 4, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"strides in groups, and transposed so", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			y := f.Op("Conv", onnx.Attrs{"strides": []int64{2, 2}, "pads": []int64{1, 1, 0, 0}, "group": int64(2)}, above(f, x), f.Random(6, 2, 3, 3), f.Random(6))
			y = f.Op("ConvTranspose", onnx.Attrs{"strides": []int64{2, 2}, "dilations": []int64{1, 2}, "pads": []int64{1, 1, 1, 3}, "output_padding": []int64{1, 1}, "group": int64(2)},
				f.Op("Relu", nil, y), f.Random(6, 2, 3, 3), f.Random(4))
			return f.Op("Add", nil, f.Point(y, 4, formLevels), f.Masked(x, 1, formLevels, 3, false, nil))
		}},
		{"nothing but a constant for some pixels", 13, onnx.Float32, float, nlhw, nil, func(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
			// Sees the pixel eight to the left, which is there for no pixel, and one two above.
			w := make([]float32, 3*17*5)
			for o := range 3 {
				w[o*85] = 1                      // (-4, -8)
				w[o*85+2*17+8] = float32(o) - .8 // (-2, 0)
			}
			return f.Op("Conv", onnx.Attrs{"pads": []int64{4, 8, 0, 8}}, x, onnx.Const("", onnx.NewTensor(w, 3, 1, 5, 17)), f.Random(3))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := compiletest.NewForms("forms", 4)
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
				e := compiled(t, m, opt, c.conditions)
				if !e.Settles() {
					t.Error("near ties are not settled")
				}
				if c.dtype == onnx.Int64 {
					e.SetValues([]float32{0, 1, 2})
				}
				for _, batch := range []int{2, 9} {
					levels := make([]uint16, 9*formSize*formSize)
					if err := e.Images(context.Background(), 0, levels, 1, 8, batch, 2); err != nil {
						t.Fatal(err)
					}
					follows(t, m, size, levels, formLevels-1, 8, c.conditions)
				}
			}
		})
	}
}

// above is four channels that depend on what is three rows above and more.
func above(f *compiletest.Forms, x *onnx.Value) *onnx.Value {
	return f.Op("Conv", onnx.Attrs{"pads": []int64{4, 1, 0, 1}}, x, f.Op("Mul", nil, f.Random(4, 1, 5, 3),
		onnx.Const("", onnx.NewTensor([]float32{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 1, 5, 3))), f.Random(4))
}

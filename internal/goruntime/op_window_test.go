package goruntime_test

import (
	"testing"

	"pixelcnn/internal/onnx"
)

func TestWindows(t *testing.T) {
	x := f32(d(1, 1, 2, 3), 1, 2, 3, 4, 5, 6)
	ints := func(x ...int64) []int64 { return x }
	checkOps(t, []opCase{
		{
			// Each pixel times [1 10; 100 1000] at twice its place.
			op: "ConvTranspose", attrs: onnx.Attrs{"strides": ints(2, 2)},
			in: []*onnx.Tensor{x, f32(d(1, 1, 2, 2), 1, 10, 100, 1000)}, known: []int{1},
			want: []*onnx.Tensor{f32(
				d(1, 1, 4, 6),
				1, 10, 2, 20, 3, 30,
				100, 1000, 200, 2000, 300, 3000,
				4, 40, 5, 50, 6, 60,
				400, 4000, 500, 5000, 600, 6000,
			)},
		},
		{
			name: "that overlaps and is cut", op: "ConvTranspose", attrs: onnx.Attrs{"pads": ints(0, 1, 1, 1)},
			in: []*onnx.Tensor{x, f32(d(1, 1, 2, 2), 1, 10, 100, 1000), f32(d(1), 0.5)}, known: []int{1},
			want: []*onnx.Tensor{f32(d(1, 1, 2, 2), 12.5, 23.5, 1245.5, 2356.5)},
		},
		{
			name: "in groups, with a margin", op: "ConvTranspose",
			attrs: onnx.Attrs{"group": int64(2), "strides": ints(1, 2), "output_padding": ints(0, 1), "dilations": ints(1, 1)},
			in:    []*onnx.Tensor{f32(d(1, 2, 1, 2), 1, 2, 3, 4), f32(d(2, 1, 1, 1), 10, 100)},
			want:  []*onnx.Tensor{f32(d(1, 2, 1, 4), 10, 0, 20, 0, 300, 0, 400, 0)},
		},
		{
			name: "of one dimension", op: "ConvTranspose", in: []*onnx.Tensor{f32(d(1, 1, 2), 1, 2), f32(d(1, 1, 2), 1, 10)},
			want: []*onnx.Tensor{f32(d(1, 1, 3), 1, 12, 20)},
		},
		{
			name: "of a shape", op: "ConvTranspose", attrs: onnx.Attrs{"output_shape": ints(2, 2)},
			in:   []*onnx.Tensor{x, f32(d(1, 1, 2, 2), 1, 10, 100, 1000)},
			want: []*onnx.Tensor{f32(d(1, 1, 2, 2), 1245, 2356, 4500, 5600)},
		},
		{
			op: "MaxPool", attrs: onnx.Attrs{"kernel_shape": ints(2, 2), "pads": ints(1, 0, 0, 0)}, in: []*onnx.Tensor{x},
			want: []*onnx.Tensor{f32(d(1, 1, 2, 2), 2, 3, 5, 6)},
		},
		{
			op: "AveragePool", attrs: onnx.Attrs{"kernel_shape": ints(2, 2), "pads": ints(1, 0, 0, 0)}, in: []*onnx.Tensor{x},
			want: []*onnx.Tensor{f32(d(1, 1, 2, 2), 1.5, 2.5, 3, 4)},
		},
		{
			name: "padding counted", op: "AveragePool", in: []*onnx.Tensor{x},
			attrs: onnx.Attrs{"kernel_shape": ints(2, 2), "pads": ints(1, 0, 0, 0), "count_include_pad": int64(1)},
			want:  []*onnx.Tensor{f32(d(1, 1, 2, 2), 0.75, 1.25, 3, 4)},
		},
		{
			op: "Resize", attrs: onnx.Attrs{"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
			in: []*onnx.Tensor{x, nil, f32(d(4), 1, 1, 2, 1)}, known: []int{2},
			want: []*onnx.Tensor{f32(d(1, 1, 4, 3), 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6)},
		},
		{
			name: "to fewer", op: "Resize", in: []*onnx.Tensor{f32(d(1, 1, 1, 4), 1, 2, 3, 4), nil, nil, list(1, 1, 1, 2)}, known: []int{3},
			want: []*onnx.Tensor{f32(d(1, 1, 1, 2), 1, 3)},
		},
		{
			op: "DepthToSpace", attrs: onnx.Attrs{"blocksize": int64(2)}, in: []*onnx.Tensor{f32(d(1, 4, 1, 2), 1, 2, 3, 4, 5, 6, 7, 8)},
			want: []*onnx.Tensor{f32(d(1, 1, 2, 4), 1, 3, 2, 4, 5, 7, 6, 8)},
		},
		{
			op: "SpaceToDepth", attrs: onnx.Attrs{"blocksize": int64(2)}, in: []*onnx.Tensor{f32(d(1, 1, 2, 4), 1, 3, 2, 4, 5, 7, 6, 8)},
			want: []*onnx.Tensor{f32(d(1, 4, 1, 2), 1, 2, 3, 4, 5, 6, 7, 8)},
		},
		{
			name: "channels first", op: "DepthToSpace", attrs: onnx.Attrs{"blocksize": int64(2), "mode": "CRD"},
			in:   []*onnx.Tensor{f32(d(1, 8, 1, 1), 1, 2, 3, 4, 5, 6, 7, 8)},
			want: []*onnx.Tensor{f32(d(1, 2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8)},
		},
	})
}

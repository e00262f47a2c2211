package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Window is one spatial dimension of a convolution.
type Window struct{ Kernel, Stride, Dilation, Begin, End int }

// Windows reads a Conv node for an input and a weight of these shapes: one window
// per spatial dimension, automatic padding resolved.
func Windows(n *Node, x, w []int) ([]Window, error) {
	rank := len(x) - 2
	if rank < 1 || len(w) != len(x) {
		return nil, fmt.Errorf("input and weight of shapes %v and %v", x, w)
	}
	get := func(name string, count int) ([]int64, error) {
		v := n.Attrs.Ints(name)
		if v != nil && len(v) != count {
			return nil, fmt.Errorf("%d %s, should be %d", len(v), name, count)
		}
		return v, nil
	}
	kernel, err1 := get("kernel_shape", rank)
	stride, err2 := get("strides", rank)
	dilation, err3 := get("dilations", rank)
	pads, err4 := get("pads", 2*rank)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	out := make([]Window, rank)
	for i := range out {
		o := &out[i]
		*o = Window{Kernel: w[i+2], Stride: 1, Dilation: 1}
		if kernel != nil && int(kernel[i]) != o.Kernel {
			return nil, fmt.Errorf("kernel_shape %v for a weight of shape %v", kernel, w)
		}
		if stride != nil {
			o.Stride = int(stride[i])
		}
		if dilation != nil {
			o.Dilation = int(dilation[i])
		}
		if pads != nil {
			o.Begin, o.End = int(pads[i]), int(pads[i+rank])
		}
		if min(o.Kernel, o.Stride, o.Dilation) < 1 || min(o.Begin, o.End) < 0 || max(o.Kernel, o.Stride, o.Dilation, o.Begin, o.End) > 1<<20 {
			return nil, errors.New("kernel, strides, dilations or pads out of range")
		}
		auto := n.Attrs.String("auto_pad", "NOTSET")
		if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			size := (x[i+2] + o.Stride - 1) / o.Stride
			total := max(0, (size-1)*o.Stride+(o.Kernel-1)*o.Dilation+1-x[i+2])
			o.Begin, o.End = total/2, total-total/2
			if auto == "SAME_LOWER" {
				o.Begin, o.End = o.End, o.Begin
			}
		}
	}
	return out, nil
}

func convShape(n *Node, shapes [][]int) ([]int, error) {
	x, w := shapes[0], shapes[1]
	windows, err := Windows(n, x, w)
	if err != nil {
		return nil, err
	}
	group := int(n.Attrs.Int("group", 1))
	if group < 1 || x[1] != w[1]*group || w[0]%group != 0 {
		return nil, fmt.Errorf("%d channels for a weight of shape %v in %d groups", x[1], w, group)
	}
	if err := checkBias(shapes, w[0]); err != nil {
		return nil, err
	}
	out := []int{x[0], w[0]}
	for i, o := range windows {
		size := (x[i+2]+o.Begin+o.End-(o.Kernel-1)*o.Dilation-1)/o.Stride + 1
		if size < 1 {
			return nil, fmt.Errorf("a kernel of %d on %d pixels", o.Kernel, x[i+2])
		}
		out = append(out, size)
	}
	return out, nil
}

// WindowShape is the shape of what operators with a window make of inputs of those shapes, and
// of those that trade pixels for channels. It is nil for others, and where it cannot be told.
func WindowShape(n *Node, shapes [][]int) ([]int, error) {
	x := shapes[0]
	switch n.Op {
	case "MaxPool", "AveragePool", "LpPool":
		return poolShape(n, x)
	case "ConvTranspose":
		return convTransposeShape(n, shapes)
	case "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool":
		if len(x) < 3 {
			return nil, fmt.Errorf("an input of shape %v", x)
		}
		out := slices.Repeat([]int{1}, len(x))
		copy(out, x[:2])
		return out, nil
	case "Resize", "Upsample":
		return resizeShape(n, x)
	case "DepthToSpace", "SpaceToDepth":
		b := int(n.Attrs.Int("blocksize", 0))
		if b < 1 || b > 1<<10 || len(x) != 4 {
			return nil, fmt.Errorf("blocks of %d for an input of shape %v", b, x)
		}
		if n.Op == "DepthToSpace" {
			if x[1]%(b*b) != 0 {
				return nil, fmt.Errorf("blocks of %d for %d channels", b, x[1])
			}
			return []int{x[0], x[1] / (b * b), x[2] * b, x[3] * b}, nil
		}
		if x[2]%b != 0 || x[3]%b != 0 {
			return nil, fmt.Errorf("blocks of %d for %d×%d pixels", b, x[2], x[3])
		}
		return []int{x[0], x[1] * b * b, x[2] / b, x[3] / b}, nil
	}
	return nil, nil
}

func poolShape(n *Node, x []int) ([]int, error) {
	if len(x) < 3 {
		return nil, fmt.Errorf("an input of shape %v", x)
	}
	w := []int{1, 1}
	for _, k := range n.Attrs.Ints("kernel_shape") {
		if k < 1 || k > 1<<20 {
			return nil, errors.New("kernel_shape out of range")
		}
		w = append(w, int(k))
	}
	windows, err := Windows(n, x, w)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(x[:2])
	for i, o := range windows {
		span := x[i+2] + o.Begin + o.End - (o.Kernel-1)*o.Dilation - 1
		if span < 0 {
			return nil, fmt.Errorf("a kernel of %d on %d pixels", o.Kernel, x[i+2])
		}
		size := span/o.Stride + 1
		if n.Attrs.Int("ceil_mode", 0) != 0 && span%o.Stride != 0 {
			size++ // at most: a last window that would lie in the padding is left out
		}
		out = append(out, size)
	}
	return out, nil
}

// resizeShape is nil where the sizes are not constant.
func resizeShape(n *Node, x []int) ([]int, error) {
	known := func(i int) *Tensor {
		if i >= len(n.Inputs) || n.Inputs[i] == nil || n.Inputs[i].Const == nil || n.Inputs[i].Const.Len() == 0 {
			return nil
		}
		return n.Inputs[i].Const
	}
	scales, sizes := known(2), known(3)
	if n.Op == "Upsample" {
		scales, sizes = known(1), nil
	}
	if n.Attrs.Ints("axes") != nil || scales == nil && sizes == nil {
		return nil, nil
	}
	if scales != nil && sizes != nil {
		return nil, errors.New("both scales and sizes")
	}
	by := scales
	if by == nil {
		by = sizes
	}
	if by.Len() != len(x) {
		return nil, fmt.Errorf("%d scales or sizes for an input of shape %v", by.Len(), x)
	}
	out := make([]int, len(x))
	for i, s := range Reals(by) {
		if scales != nil {
			s = math.Floor(s * float64(x[i]))
		}
		if !(s >= 1 && s <= 1<<20) {
			return nil, errors.New("scales or sizes out of range")
		}
		out[i] = int(s)
	}
	return out, nil
}

func convTransposeShape(n *Node, shapes [][]int) ([]int, error) {
	x, w := shapes[0], shapes[1]
	windows, err := Windows(n, x, w)
	if err != nil {
		return nil, err
	}
	group := n.Attrs.Int("group", 1)
	if group < 1 || group > 1<<20 || x[1] != w[0] || w[0]%int(group) != 0 {
		return nil, fmt.Errorf("%d channels for a weight of shape %v in %d groups", x[1], w, group)
	}
	if err := checkBias(shapes, w[1]*int(group)); err != nil {
		return nil, err
	}
	extra, sizes := n.Attrs.Ints("output_padding"), n.Attrs.Ints("output_shape")
	if extra != nil && len(extra) != len(windows) || sizes != nil && len(sizes) != len(windows) {
		return nil, errors.New("output_padding or output_shape does not fit")
	}
	out := []int{x[0], w[1] * int(group)}
	for i, o := range windows {
		size := (x[i+2]-1)*o.Stride + (o.Kernel-1)*o.Dilation + 1
		if extra != nil {
			if extra[i] < 0 || extra[i] >= int64(max(o.Stride, o.Dilation)) {
				return nil, fmt.Errorf("output_padding %v, must be below its stride or its dilation", extra)
			}
			size += int(extra[i])
		}
		// Automatic padding makes the result smaller than this bound. Beyond it ONNX Runtime
		// reads what is not there.
		switch {
		case sizes != nil:
			if sizes[i] < 1 || sizes[i] > int64(size) {
				return nil, fmt.Errorf("output_shape %v, its window makes at most %d of %d pixels", sizes, size, x[i+2])
			}
			size = int(sizes[i])
		case n.Attrs.String("auto_pad", "NOTSET") == "NOTSET":
			size -= o.Begin + o.End
		}
		if size < 1 {
			return nil, fmt.Errorf("a kernel of %d on %d pixels", o.Kernel, x[i+2])
		}
		out = append(out, size)
	}
	return out, nil
}

// checkBias refuses a convolution whose third input is not one number for each channel of the
// result: ONNX Runtime reads that many, even if there are fewer.
func checkBias(shapes [][]int, channels int) error {
	if len(shapes) < 3 || shapes[2] == nil || slices.Equal(shapes[2], []int{channels}) {
		return nil
	}
	return fmt.Errorf("a bias of shape %v for %d channels", shapes[2], channels)
}

package goruntime

import (
	"math"
	"slices"

	"pixelcnn/internal/onnx"
)

// windowed is the result of a node whose shape package onnx works out, of float32 from x.
func (p *binder) windowed(n *node, x *value) (*value, error) {
	if err := wantType(x, onnx.Float32); err != nil {
		return nil, err
	}
	shapes := make([][]int, len(n.in))
	for i, v := range n.in {
		if v != nil {
			shapes[i] = v.shape
		}
	}
	shape, err := onnx.WindowShape(n.Node, shapes)
	if err != nil {
		return nil, err
	}
	if shape == nil {
		return nil, errorf("its sizes are not constant")
	}
	return p.output(n, 0, x.dtype, shape)
}

// plane is the two spatial dimensions of windows, of which there may be but one.
func plane(windows []onnx.Window, in, out []int) (w [2]onnx.Window, from, to [2]int, err error) {
	one := onnx.Window{Kernel: 1, Stride: 1, Dilation: 1}
	switch len(windows) {
	case 1:
		return [2]onnx.Window{one, windows[0]}, [2]int{1, in[2]}, [2]int{1, out[2]}, nil
	case 2:
		return [2]onnx.Window(windows), [2]int{in[2], in[3]}, [2]int{out[2], out[3]}, nil
	}
	return w, from, to, errorf("windows over %d dimensions are not supported", len(windows))
}

// bindConvTranspose: each pixel adds its weights' multiples to the window that it would be
// made of by a convolution. The terms of a sum come in the order of channels, rows, columns.
func bindConvTranspose(p *binder, n *node) error {
	x, w, bias := n.in[0], n.in[1], n.input(2)
	for _, v := range present(n.in) {
		if err := wantType(v, onnx.Float32); err != nil {
			return err
		}
	}
	y, err := p.windowed(n, x)
	if err != nil {
		return err
	}
	windows, err := onnx.Windows(n.Node, x.shape, w.shape)
	if err != nil {
		return err
	}
	for i := range windows {
		o := &windows[i]
		if _, set := n.Attrs["output_shape"]; set || n.Attrs.String("auto_pad", "NOTSET") != "NOTSET" {
			// What is too much is cut, at the beginning first where it is odd, but for SAME_UPPER.
			total := (x.shape[i+2]-1)*o.Stride + (o.Kernel-1)*o.Dilation + 1 - y.shape[i+2]
			if extra := n.Attrs.Ints("output_padding"); extra != nil {
				total += int(extra[i])
			}
			o.Begin = total - total/2
			if n.Attrs.String("auto_pad", "NOTSET") == "SAME_UPPER" {
				o.Begin = total / 2
			}
		}
	}
	win, from, to, err := plane(windows, x.shape, y.shape)
	if err != nil {
		return err
	}
	groups := int(n.Attrs.Int("group", 1))
	ins, outs := x.shape[1]/groups, w.shape[1]
	kernel := win[0].Kernel * win[1].Kernel
	inPixels, pixels := from[0]*from[1], to[0]*to[1]
	p.add(n, &step{reads: present(n.in), writes: []*value{y}, run: func(workers *workers) error {
		workers.do(x.shape[0]*groups*outs, func(_, task int) {
			image, g, o := task/(groups*outs), task/outs%groups, task%outs
			dst := y.floats()[task*pixels:][:pixels]
			clear(dst)
			for c := range ins {
				src := x.floats()[((image*groups+g)*ins+c)*inPixels:][:inPixels]
				weights := w.floats()[((g*ins+c)*outs+o)*kernel:][:kernel]
				for k, weight := range weights {
					if weight == 0 {
						continue
					}
					dy := k/win[1].Kernel*win[0].Dilation - win[0].Begin
					dx := k%win[1].Kernel*win[1].Dilation - win[1].Begin
					for iy := range from[0] {
						oy := iy*win[0].Stride + dy
						if oy < 0 || oy >= to[0] {
							continue
						}
						row := dst[oy*to[1]:][:to[1]]
						for ix, v := range src[iy*from[1]:][:from[1]] {
							if ox := ix*win[1].Stride + dx; ox >= 0 && ox < to[1] {
								row[ox] += float32(v * weight)
							}
						}
					}
				}
			}
			if bias != nil {
				for i := range dst {
					dst[i] += bias.floats()[g*outs+o]
				}
			}
		})
		return nil
	}})
	return nil
}

// bindPool: the largest or the mean of each window, padding left out, or counted by the mean.
func bindPool(p *binder, n *node) error {
	x := n.in[0]
	if n.Attrs.Int("ceil_mode", 0) != 0 || n.Attrs.Int("storage_order", 0) != 0 {
		return errorf("ceil_mode and storage_order are not supported")
	}
	y, err := p.windowed(n, x)
	if err != nil {
		return err
	}
	kernel := []int{1, 1}
	for _, k := range n.Attrs.Ints("kernel_shape") {
		kernel = append(kernel, int(k))
	}
	windows, err := onnx.Windows(n.Node, x.shape, kernel)
	if err != nil {
		return err
	}
	win, from, to, err := plane(windows, x.shape, y.shape)
	if err != nil {
		return err
	}
	all := n.Attrs.Int("count_include_pad", 0) != 0
	inPixels, pixels := from[0]*from[1], to[0]*to[1]
	p.add(n, &step{reads: n.in, writes: []*value{y}, run: func(workers *workers) error {
		workers.do(x.shape[0]*x.shape[1], func(_, task int) {
			src, dst := x.floats()[task*inPixels:][:inPixels], y.floats()[task*pixels:][:pixels]
			for i := range dst {
				sum, most, count := float32(0), float32(math.Inf(-1)), 0
				for ky := range win[0].Kernel {
					iy := i/to[1]*win[0].Stride + ky*win[0].Dilation - win[0].Begin
					for kx := range win[1].Kernel {
						ix := i%to[1]*win[1].Stride + kx*win[1].Dilation - win[1].Begin
						if iy < 0 || iy >= from[0] || ix < 0 || ix >= from[1] {
							continue
						}
						v := src[iy*from[1]+ix]
						sum, most = sum+v, max(most, v)
						count++
					}
				}
				switch {
				case n.Op == "MaxPool":
					dst[i] = most
				case all:
					dst[i] = sum / float32(win[0].Kernel*win[1].Kernel)
				default:
					dst[i] = sum / float32(count)
				}
			}
		})
		return nil
	}})
	return nil
}

// bindTaken: operators of which each result is an element of x, as a table says.
func bindTaken(p *binder, n *node) error {
	x := n.in[0]
	y, err := p.windowed(n, x)
	if err != nil {
		return err
	}
	var table []int
	if n.Op == "Resize" || n.Op == "Upsample" {
		table, err = nearest(n, x.shape, y.shape)
	} else {
		table, err = blocks(n, x.shape)
	}
	if err != nil {
		return err
	}
	run := taker[float32](y, x, table)
	p.add(n, &step{reads: n.in[:1], writes: []*value{y}, run: run})
	return nil
}

// nearest is the table of a Resize that takes the nearest element.
func nearest(n *node, from, to []int) ([]int, error) {
	table := []int{0}
	for i, s := range strides(from) {
		source, err := onnx.Nearest(n.Node, from[i], to[i])
		if err != nil {
			return nil, err
		}
		next := make([]int, 0, len(table)*to[i])
		for _, base := range table {
			for j := range to[i] {
				next = append(next, base+source(j)*s)
			}
		}
		table = next
	}
	return table, nil
}

// blocks is the table of a DepthToSpace or SpaceToDepth.
func blocks(n *node, x []int) ([]int, error) {
	b := int(n.Attrs.Int("blocksize", 1))
	mode := n.Attrs.String("mode", "DCR")
	if mode != "DCR" && mode != "CRD" {
		return nil, errorf("mode %q is not supported", mode)
	}
	images, c, h, w := x[0], x[1], x[2], x[3]
	var table []int
	if n.Op == "SpaceToDepth" {
		for i := range images {
			for k := range b * b * c { // [block row, block column, channel]
				for y := range h / b {
					for at := range w / b {
						table = append(table, ((i*c+k%c)*h+y*b+k/c/b)*w+at*b+k/c%b)
					}
				}
			}
		}
		return table, nil
	}
	depth := c / (b * b)
	for i := range images {
		for d := range depth {
			for y := range h * b {
				for at := range w * b {
					channel := (y%b*b+at%b)*depth + d
					if mode == "CRD" {
						channel = d*b*b + y%b*b + at%b
					}
					table = append(table, ((i*c+channel)*h+y/b)*w+at/b)
				}
			}
		}
	}
	return slices.Clip(table), nil
}

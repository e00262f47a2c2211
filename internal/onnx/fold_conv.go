package onnx

import (
	"errors"
)

// convolution evaluates Conv and ConvTranspose over two dimensions, with sums in float64.
func convolution(n *Node, in []*Tensor) (*Tensor, error) {
	if len(in) < 2 || in[1] == nil || len(in[0].Shape) != 4 || len(in[1].Shape) != 4 || in[0].DType() != Float32 || in[1].DType() != Float32 {
		return nil, nil
	}
	x, w := in[0], in[1]
	windows, err := Windows(n, x.Shape, w.Shape)
	if err != nil {
		return nil, err
	}
	shapes := [][]int{x.Shape, w.Shape}
	if len(in) > 2 && in[2] != nil {
		shapes = append(shapes, in[2].Shape)
	}
	shape, err := inferShape(n, shapes)
	if err != nil {
		return nil, err
	}
	transposed := n.Op == "ConvTranspose"
	if transposed && (n.Attrs.String("auto_pad", "NOTSET") != "NOTSET" || n.Attrs.Ints("output_shape") != nil) {
		return nil, nil
	}
	group := int(n.Attrs.Int("group", 1))
	if group < 1 || x.Shape[1]%group != 0 || shape[1]%group != 0 {
		return nil, errors.New("groups that do not fit")
	}
	images, ins, outs := x.Shape[0], x.Shape[1]/group, shape[1]/group
	h, wd, oh, ow := x.Shape[2], x.Shape[3], shape[2], shape[3]
	ys, xs := windows[0], windows[1]
	area := ys.Kernel * xs.Kernel
	src, weights, out := x.Floats(), w.Floats(), make([]float64, images*shape[1]*oh*ow)
	if len(in) > 2 && in[2] != nil {
		for i := range out {
			out[i] = float64(in[2].Floats()[i/(oh*ow)%shape[1]])
		}
	}
	for plane := range images * shape[1] {
		image, o := plane/shape[1], plane%shape[1]
		to := out[plane*oh*ow:]
		for i := range ins {
			channel := o/outs*ins + i
			from := src[(image*x.Shape[1]+channel)*h*wd:]
			kernel := weights[(o*ins+i)*area:]
			if transposed { // [in, out of a group, kernel]
				kernel = weights[(channel*outs+o%outs)*area:]
			}
			for k, weight := range kernel[:area] {
				dy, dx := k/xs.Kernel*ys.Dilation-ys.Begin, k%xs.Kernel*xs.Dilation-xs.Begin
				if transposed {
					for y := range h {
						for c := range wd {
							if ty, tx := y*ys.Stride+dy, c*xs.Stride+dx; ty >= 0 && ty < oh && tx >= 0 && tx < ow {
								to[ty*ow+tx] += float64(float64(weight) * float64(from[y*wd+c]))
							}
						}
					}
					continue
				}
				for y := range oh {
					for c := range ow {
						if fy, fx := y*ys.Stride+dy, c*xs.Stride+dx; fy >= 0 && fy < h && fx >= 0 && fx < wd {
							to[y*ow+c] += float64(float64(weight) * float64(from[fy*wd+fx]))
						}
					}
				}
			}
		}
	}
	result := make([]float32, len(out))
	for i, v := range out {
		result[i] = float32(v)
	}
	return NewTensor(result, shape...), nil
}

// resize evaluates a Resize or Upsample that takes the nearest elements.
func resize(n *Node, t *Tensor) (*Tensor, error) {
	shape, err := resizeShape(n, t.Shape)
	if err != nil || shape == nil {
		return nil, err
	}
	at := []int{0}
	step := strides(t.Shape)
	for d, size := range shape {
		read, err := Nearest(n, t.Shape[d], size)
		if err != nil {
			return nil, nil
		}
		next := make([]int, 0, len(at)*size)
		for _, base := range at {
			for i := range size {
				next = append(next, base+read(i)*step[d])
			}
		}
		at = next
	}
	return take(t, at, shape), nil
}

// Command lattice draws the steps in which a network over two lattices computes its values:
//
//	go run ./internal/dev/lattice -o docs/lattice.svg
//
// The network is a small one: a stem, a strided convolution, a block on every second row and
// column, a transposed convolution, the logits. Its schedule is the compiler's.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"strings"

	"pixelcnn/internal/atomicfile"
	"pixelcnn/internal/compile/frontend"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/pass"
	"pixelcnn/internal/compile/schedule"
	"pixelcnn/internal/onnx"
)

// The picture.
const (
	height = 8
	width  = 12
	cell   = 28 // pixels of the figure to one of the picture
)

func main() {
	output := flag.String("o", "docs/lattice.svg", "the figure")
	flag.Parse()
	svg, err := figure()
	if err == nil {
		err = atomicfile.Write(*output, func(w io.Writer) error {
			_, err := io.WriteString(w, svg)
			return err
		})
	}
	if err != nil {
		log.Fatal(err)
	}
}

// network is [N,1,H,W] → [N,2,H,W].
func network() *onnx.Model {
	g := &onnx.Graph{Name: "lattices"}
	conv := func(op, name string, x *onnx.Value, kernel, stride, pad, extra int, live func(dy, dx int) bool) *onnx.Value {
		w := make([]float32, kernel*kernel)
		for k := range w {
			if live(k/kernel-pad, k%kernel-pad) {
				w[k] = 1
			}
		}
		p, s := int64(pad), int64(stride)
		attrs := onnx.Attrs{"pads": []int64{p, p, int64(extra), int64(extra)}, "strides": []int64{s, s}}
		y := g.Op(op, attrs, x, onnx.Const("", onnx.NewTensor(w, 1, 1, kernel, kernel)))
		y.Node.Name = name
		return y
	}
	before := func(dy, dx int) bool { return dy < 0 || dy == 0 && dx < 0 }
	upTo := func(dy, dx int) bool { return dy < 0 || dy == 0 && dx <= 0 }
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(height), onnx.Fixed(width))
	stem := g.Op("Relu", nil, conv("Conv", "stem", x, 3, 1, 1, 1, before))
	y := g.Op("Relu", nil, conv("Conv", "down", stem, 2, 2, 1, 0, upTo))
	y = g.Op("Relu", nil, conv("Conv", "block", y, 3, 1, 1, 1, upTo))
	y = conv("ConvTranspose", "up", y, 2, 2, 0, 0, func(int, int) bool { return true })
	y = g.Op("Relu", nil, g.Op("Add", nil, y, stem))
	logits := g.Op("Conv", nil, y, onnx.Const("", onnx.NewTensor([]float32{1, 1}, 2, 1, 1, 1)))
	g.Output(logits, "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(2), onnx.Fixed(height), onnx.Fixed(width))
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// figure is as SVG: at each place of a lattice the step in which it is computed.
func figure() (string, error) {
	simple, picture, err := frontend.Prepare(network(), "", 0, 0)
	if err != nil {
		return "", err
	}
	net, _, err := frontend.Read(simple, picture)
	if err != nil {
		return "", err
	}
	pass.Fuse(net)
	units := pass.Trim(net)
	if err := pass.Causal(net, units); err != nil {
		return "", err
	}
	s, ok := schedule.Find(net, units, false)
	if !ok {
		return "", fmt.Errorf("there is no schedule")
	}
	coarse := units[0]
	for _, u := range units {
		if strings.Contains(u.Node, `"block"`) {
			coarse = u
		}
	}
	from, to := s.Span()
	const gap = cell
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="11" text-anchor="middle">`+"\n",
		2*width*cell+gap, height*cell, 2*width*cell+gap, height*cell)
	fmt.Fprintf(&b, "<title>the steps, of %d, in which %d×%d pixels are drawn, and in which the values on every second row and column are computed</title>\n", to-from+1, height, width)
	for i, u := range []*ir.Unit{net.Outputs[0], coarse} {
		size := cell * s.Unit(u)
		for t := from; t <= to; t++ {
			w := s.Wave(u, t)
			for k := range w.N {
				y, x := w.At(k)
				left, top := i*(width*cell+gap)+x*size, y*size
				step := t - from
				fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="hsl(%d,60%%,%d%%)" stroke="#fff"/>`+"\n", left, top, size, size, 210+3*step, 88-9*(step%4))
				fmt.Fprintf(&b, `<text x="%d" y="%d">%d</text>`+"\n", left+size/2, top+size/2+4, step+1)
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

// Command attention draws how much attention reads in each step:
//
//	go run ./internal/dev/attention -o docs/attention.svg
//
// It compiles a small network and plots, step by step, which pixels' keys and values are
// looked at, how many the caches have room for, and what the full loop computes.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"math"
	"os"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

func main() {
	output := flag.String("o", "docs/attention.svg", "the figure")
	flag.Parse()
	p, err := compile.Compile(model(16, 16), compile.Options{})
	if err == nil {
		err = os.WriteFile(*output, figure(p), 0o666)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// model is a network whose pixels look at all those before them.
func model(h, w int) *onnx.Model {
	n := h * w
	g := &onnx.Graph{Name: "attention"}
	table := func(shape ...int) *onnx.Value {
		size := 1
		for _, d := range shape {
			size *= d
		}
		x := make([]float32, size)
		for i := range x {
			x[i] = 0.1
		}
		return onnx.Const("", onnx.NewTensor(x, shape...))
	}
	list := func(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }
	x := g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(1), onnx.Fixed(h), onnx.Fixed(w))
	flat := g.Op("Reshape", nil, x, list(0, int64(n), 1))
	before := g.Op("Concat", onnx.Attrs{"axis": int64(1)}, table(1, 1, 1), g.Op("Slice", nil, flat, list(0), list(-1), list(1)))
	query, key, value := g.Op("MatMul", nil, before, table(1, 4)), g.Op("MatMul", nil, flat, table(1, 4)), g.Op("MatMul", nil, flat, table(1, 2))
	seen, hidden := make([]float32, n*n), make([]float32, n*n)
	for i := range n {
		for j := range n {
			if j < i {
				seen[i*n+j] = 1
			} else {
				hidden[i*n+j] = float32(math.Inf(-1))
			}
		}
		if i == 0 {
			hidden[0] = 0
		}
	}
	scores := g.Op("Add", nil, g.Op("MatMul", nil, query, g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, key)), onnx.Const("", onnx.NewTensor(hidden, n, n)))
	weights := g.Op("Mul", nil, g.Op("Softmax", nil, scores), onnx.Const("", onnx.NewTensor(seen, n, n)))
	out := g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 1}}, g.Op("MatMul", nil, weights, value))
	out = g.Op("Reshape", nil, out, list(0, 2, int64(h), int64(w)))
	g.Output(out, "logits", onnx.Float32, onnx.Free("batch"), onnx.Fixed(2), onnx.Fixed(h), onnx.Fixed(w))
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// figure is an SVG with a column for each pixel.
func figure(p *compile.Program) []byte {
	const column, left, top, bottom = 2, 46, 14, 64
	n := p.Height * p.Width
	side := n * column
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", left+side+10, top+side+bottom)
	rect := func(x, y, w, h int, fill string) {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", left+x, top+side-y-h, w, h, fill)
	}
	rect(0, 0, side, side, "#e8e8e8")
	var look *ir.Unit
	for _, u := range p.Units {
		if u.Kind == ir.Attention {
			look = u
		}
	}
	for _, s := range p.Steps {
		for _, d := range s.Draws {
			length := min(s.Length, n)
			rect(d.Pixel*column, 0, column, length*column, "#b9cfe8")
			for _, span := range look.Args[1].Access.(ir.Attended).Spans(d.Pixel/p.Width, d.Pixel%p.Width) {
				rect(d.Pixel*column, span.From*column, column, (span.To-span.From)*column, "#2f6db3")
			}
		}
	}
	text := func(x, y int, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor, s)
	}
	text(left, top+side+16, "start", "pixel 0")
	text(left+side, top+side+16, "end", fmt.Sprintf("pixel %d, drawn last", n-1))
	text(left-6, top+side, "end", "key 0")
	text(left-6, top+10, "end", fmt.Sprint(n-1))
	for i, k := range []struct{ fill, says string }{{"#2f6db3", "looked at"}, {"#b9cfe8", "room in the cache"}, {"#e8e8e8", "computed by the full loop besides"}} {
		x := left + []int{0, 100, 240}[i]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`+"\n", x, top+side+34, k.fill)
		text(x+17, top+side+44, "start", k.says)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

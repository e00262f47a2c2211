package onefile

import (
	"math"

	"pixelcnn/internal/onnx"
)

// draw adds what draws the pixels of a turn from the network's outputs, [rows, outputs].
//
// The level is how many levels, but for the first, have a cumulative probability, of
// those before them, of no more than the uniform. The first one's is 0, so it is counted
// always, unless the outputs are no numbers: then nothing is.
func (b *builder) draw(in *loop, outputs *onnx.Value) {
	g := in.graph
	z := g.Op("Reshape", nil, outputs, b.shape(-1, b.program.Outputs)) // [pixels, images, outputs]
	z = b.opt.Head.LogProbNodes(g, z, nil)                             // [pixels, images, levels]
	p := g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, g.Op("Div", nil, cast(g, z, onnx.Float64), b.temperature))
	before := g.Op("CumSum", onnx.Attrs{"exclusive": int64(1)}, p, scalar(2))
	begin, end := b.span(b.reach.logits)
	passed := g.Op("LessOrEqual", nil, before, slice(g, b.uniforms, 0, begin, end))
	number := g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, cast(g, passed, onnx.Int64), list(-1))
	values := append([]float32{float32(math.NaN())}, b.opt.Values...)
	value := g.Op("Gather", nil, onnx.Const("", onnx.NewTensor(values, len(values))), number) // [pixels, images]
	b.drawn = g.Op("Concat", onnx.Attrs{"axis": int64(0)}, b.picture.seen(in), value)
	b.picture.becomes(b.drawn)
	b.logits.becomes(g.Op("Concat", onnx.Attrs{"axis": int64(0)}, b.logits.seen(in), z))
}

package onefile

import (
	"math"

	"pixelcnn/internal/onnx"
)

// draw adds the draws of a turn's symbols, one channel after the other, from the network's outputs
// by phase, [rows, outputs of the phase].
func (b *builder) draw(in *loop, outputs []*onnx.Value) {
	g, p, head := in.graph, b.program, b.opt.Head
	if p.Phases > 1 {
		head = head.Alone() // its outputs come by themselves
	}
	drawn, kept := []*onnx.Value{b.picture.seen(in)}, []*onnx.Value{}
	for phase, of := range outputs {
		z := g.Op("Reshape", nil, of, b.shape(-1, p.Outputs/p.Phases)) // [pixels, images, outputs]
		var earlier []*onnx.Value                                      // levels of the phase, [pixels, images]
		from, to := p.Drawn(phase)
		for c := from; c < to; c++ {
			logs := head.LogProbNodes(g, z, earlier) // [pixels, images, levels]
			number := b.number(in, logs, c)
			if b.logits == nil { // ONNX Runtime 1.24 leaves the shape of what has no rows
				number = g.Op("Reshape", nil, number, b.shape(-1))
			}
			values := append([]float32{float32(math.NaN())}, b.opt.Values...)
			drawn = append(drawn, g.Op("Gather", nil, onnx.Const("", onnx.NewTensor(values, len(values))), number))
			if b.logits != nil {
				kept = append(kept, b.logits.seen(in), logs)
				continue
			}
			level := g.Op("Sub", nil, number, onnx.List(1))
			kept = append(kept, at(g, logs, level))
			earlier = append(earlier, level)
		}
	}
	b.drawn = g.Concat(0, drawn...)
	b.picture.becomes(b.drawn)
	if b.logits != nil {
		b.logits.becomes(g.Concat(0, kept...))
	} else {
		b.chosen.becomes(g.Concat(0, append([]*onnx.Value{b.chosen.seen(in)}, kept...)...))
	}
}

// number is how many levels of a channel's symbols, [pixels, images], but for the first, have
// a cumulative probability, of those before them, of no more than the uniform: the level,
// and 1. The first one's is 0, so it is counted always, unless the log-probabilities are no
// numbers: then nothing is.
func (b *builder) number(in *loop, logs *onnx.Value, channel int) *onnx.Value {
	g := in.graph
	p := g.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, g.Op("Div", nil, g.Cast(logs, onnx.Float64), b.temperature))
	before := g.Op("CumSum", onnx.Attrs{"exclusive": int64(1)}, p, scalar(2))
	begin, end := b.symbols(in, channel)
	passed := g.Op("LessOrEqual", nil, before, g.Slice(b.uniforms, 0, begin, end))
	return g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, g.Cast(passed, onnx.Int64), onnx.List(-1))
}

// symbols is where the symbols of a channel begin and end in this turn, in the order of
// drawing, [1] each.
func (b *builder) symbols(in *loop, channel int) (begin, end *onnx.Value) {
	p := b.program
	var begins, ends []int
	n := 0
	for turn := range b.nest.turns {
		for phase, stage := range b.reach.logits {
			from, to := p.Drawn(phase)
			for c := from; c < to; c++ {
				width := b.nest.widths[stage][turn]
				if c == channel {
					begins, ends = append(begins, n), append(ends, n+width)
				}
				n += width
			}
		}
	}
	return in.now(begins), in.now(ends)
}

// at is the log-probability of a level, [symbols, images], from logs up to a constant.
func at(g *onnx.Graph, logs, level *onnx.Value) *onnx.Value {
	log := g.Op("LogSoftmax", onnx.Attrs{"axis": int64(-1)}, logs)
	chosen := g.Op("GatherElements", onnx.Attrs{"axis": int64(2)}, log, g.Op("Unsqueeze", nil, level, onnx.List(2)))
	return g.Cast(g.Op("Squeeze", nil, chosen, onnx.List(2)), onnx.Float32)
}

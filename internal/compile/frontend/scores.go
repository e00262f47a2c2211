package frontend

import (
	"math"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// scores are what a product of queries and keys has become on its way to the values:
//
//	by·query·key + plus, and, where soft is set, its softmax over the keys, times weight.
//
// Masks, scales and biases are in these, whichever way a file applies them.
type scores struct {
	query, key *view // channels by head, then as they are multiplied
	along      role  // column: pixels look at those of their row; row: of their column; batch: at all
	by, plus   plane
	soft, safe bool // safe: what is not a number becomes zero
	weight     plane
	hides      *hiding // what conditions add to the scores; nil for nothing
	isNaN      bool    // it asks of each weight whether it is not a number
}

// A plane has a number for each head, query and key. In a direction of size 1 all are the
// same.
type plane struct {
	size [3]int
	data []float64
}

// flat is the same everywhere.
func flat(x float64) plane { return plane{[3]int{1, 1, 1}, []float64{x}} }

func (p plane) at(head, query, key int) float64 {
	i := 0
	for d, k := range [3]int{head, query, key} {
		if p.size[d] > 1 {
			i = i*p.size[d] + k
		}
	}
	return p.data[i]
}

// with applies f to p and q, number by number.
func (r *reader) with(n *onnx.Node, p, q plane, f func(p, q float64) float64) plane {
	var out plane
	for d := range out.size {
		out.size[d] = max(p.size[d], q.size[d])
	}
	if out.size[0] > 4*maxScores/max(1, out.size[1]*out.size[2]) {
		fail(n, "its attention is over too many pixels")
	}
	out.data = make([]float64, 0, product(out.size[:]))
	for h := range out.size[0] {
		for i := range out.size[1] {
			for j := range out.size[2] {
				out.data = append(out.data, f(p.at(h, i, j), q.at(h, i, j)))
			}
		}
	}
	return out
}

// onScores are the operators that scores can go through.
var onScores = map[string]func(*reader, *onnx.Node) *view{
	"MatMul": (*reader).attention, "Softmax": (*reader).soften, "IsNaN": (*reader).askNaN, "Where": (*reader).choose,
	"Add": (*reader).affine, "Sub": (*reader).affine, "Mul": (*reader).affine, "Div": (*reader).affine, "Max": (*reader).affine,
	"Transpose": (*reader).rearrange, "Reshape": (*reader).rearrange, "Squeeze": (*reader).rearrange, "Unsqueeze": (*reader).rearrange,
	"Flatten": (*reader).rearrange, "Dropout": (*reader).dropout, "Cast": (*reader).keep,
}

// scored is the scores that a node takes, and which of its inputs they are.
func (r *reader) scored(n *onnx.Node) (v *view, at int) {
	for i, in := range n.Inputs {
		if w := r.views[in]; w != nil && w.scores != nil {
			return w, i
		}
	}
	return nil, -1
}

// keep reads what leaves scores as they are.
func (r *reader) keep(n *onnx.Node) *view {
	if n.Outputs[0].DType != onnx.Float32 {
		fail(n, "it makes other numbers of an attention's scores")
	}
	return r.scores(n, 0)
}

// scores is input i, which must be scores, to be changed.
func (r *reader) scores(n *onnx.Node, i int) *view {
	if v := r.input(n, i); v.scores != nil {
		return v.changed()
	}
	fail(n, "its input %d is no attention's scores", i)
	return nil
}

// changed is v with scores of its own, to be changed.
func (v *view) changed() *view {
	out, s := *v, *v.scores
	out.scores = &s
	return &out
}

// plane is input i of a node as numbers for v's scores; their dimensions broadcast.
func (r *reader) plane(n *onnx.Node, i int, v *view) plane {
	t := r.fixed(n, i)
	if t == nil || len(t.Shape) > len(v.dims) {
		fail(n, "its input %d is no constant for an attention's scores", i)
	}
	shape := append(slices.Repeat([]int{1}, len(v.dims)-len(t.Shape)), t.Shape...)
	var out plane
	group := make([]int, len(v.dims)) // of each dimension: heads, queries, keys
	full := slices.Clone(shape)
	for g := range out.size {
		out.size[g] = 1
		var of []int
		for d, axes := range v.dims {
			is := -1
			for _, a := range axes {
				if a.size == 1 {
					continue
				}
				now := map[role]int{batch: 0, channel: 0, row: 1, column: 1, place: 1, looked: 2}[a.role]
				if is >= 0 && is != now {
					fail(n, "it mixes the pixels of an attention with its heads")
				}
				is = now
			}
			if group[d] = max(is, 0); is == g && shape[d] > 1 {
				of = append(of, d)
			}
		}
		if len(of) > 0 {
			for d := range v.dims {
				if group[d] == g {
					full[d] = v.dims[d].size()
					out.size[g] *= full[d]
				}
			}
		}
	}
	if out.size[0] > 1 && out.size[0] != len(v.chans) {
		fail(n, "its input %d differs from image to image", i)
	}
	t, err := onnx.Broadcast(t, full)
	check(n, err)
	order := ir.Count(len(full))
	rank := func(d int) int {
		if group[d] == 1 && !v.dims[d].has(row) {
			return 2*group[d] + 1 // pixels are counted row by row
		}
		return 2 * group[d]
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	out.data = onnx.Reals(onnx.Transpose(t, order))
	if out.size[0] > 1 {
		sorted, each := make([]float64, len(out.data)), len(out.data)/len(v.chans)
		for k, head := range v.chans {
			copy(sorted[head*each:(head+1)*each], out.data[k*each:])
		}
		out.data = sorted
	}
	return out
}

// affine reads arithmetic with constants.
func (r *reader) affine(n *onnx.Node) *view {
	v, at := r.scored(n)
	v = v.changed()
	if v.scores.isNaN || len(n.Inputs) != 2 {
		fail(n, "it is not known of an attention's scores")
	}
	if n.Op == "Add" && r.conditions[n.Inputs[1-at]] {
		r.hide(n, n.Inputs[1-at], v)
		return v
	}
	c, s := r.plane(n, 1-at, v), v.scores
	if s.hides != nil && !s.soft && n.Op != "Add" && n.Op != "Sub" {
		fail(n, "it changes an attention's scores after a condition's mask")
	}
	times := func(p, q float64) float64 {
		if p == 0 {
			return 0 // masked: an infinite summand is no reason for it to be no number
		}
		return p * q
	}
	over := func(p, q float64) float64 { return p / q }
	switch {
	case n.Op == "Mul" && s.soft:
		s.weight = r.with(n, s.weight, c, times)
	case n.Op == "Div" && s.soft && at == 0:
		s.weight = r.with(n, s.weight, c, over)
	case s.soft:
		fail(n, "it changes an attention's weights")
	case n.Op == "Mul":
		s.by, s.plus = r.with(n, s.by, c, times), r.with(n, s.plus, c, times)
	case n.Op == "Div" && at == 0:
		s.by, s.plus = r.with(n, s.by, c, over), r.with(n, s.plus, c, over)
	case n.Op == "Add":
		s.plus = r.with(n, s.plus, c, func(p, q float64) float64 { return p + q })
	case n.Op == "Sub" && at == 0:
		s.plus = r.with(n, s.plus, c, func(p, q float64) float64 { return p - q })
	case n.Op == "Max" && slices.Max(c.data) <= -1e4: // so that not all of a row is −∞
		s.plus = r.with(n, s.plus, c, math.Max)
	default:
		fail(n, "it is not known of an attention's scores")
	}
	return v
}

// choose reads a Where that puts numbers in the place of scores, or zeros in that of
// weights that are not numbers.
func (r *reader) choose(n *onnx.Node) *view {
	if asked := r.views[n.Inputs[0]]; asked != nil {
		v, zero := r.scores(n, 2), r.fixed(n, 1)
		if asked.scores == nil || !asked.scores.isNaN || zero == nil || zero.Len() != 1 || onnx.Reals(zero)[0] != 0 {
			fail(n, "it chooses between an attention's scores by something else than a mask")
		}
		v.scores.safe = true
		return v
	}
	v, at := r.scored(n)
	v = v.changed()
	if at == 0 || r.views[n.Inputs[3-at]] != nil {
		fail(n, "it chooses between scores")
	}
	if mask := n.Inputs[0]; r.conditions[mask] {
		// What is low enough may as well be added.
		low := r.fixed(n, 3-at)
		if low == nil || low.Len() != 1 || low.Floats() == nil || low.Floats()[0] > -1e4 {
			fail(n, "it puts something in the place of scores by %q, which depends on a condition", mask.Name)
		}
		branches := []*onnx.Value{mask, onnx.Const("", onnx.Scalar(float32(0))), onnx.Const("", onnx.Scalar(float32(0)))}
		branches[3-at] = onnx.Const("", onnx.Scalar(low.Floats()[0]))
		added := r.graph.Op("Where", nil, branches...)
		added.DType, added.Shape = onnx.Float32, mask.Shape
		r.hide(n, added, v)
		return v
	}
	mask, c, s := r.plane(n, 0, v), r.plane(n, 3-at, v), v.scores
	keeps := func(m float64) bool { return (m != 0) == (at == 1) }
	if s.soft && slices.ContainsFunc(c.data, func(x float64) bool { return x != 0 }) {
		fail(n, "it changes an attention's weights")
	}
	only := func(p, m float64) float64 {
		if keeps(m) {
			return p
		}
		return 0
	}
	if s.soft {
		s.weight = r.with(n, s.weight, mask, only)
		return v
	}
	s.by = r.with(n, s.by, mask, only)
	instead := r.with(n, mask, c, func(m, c float64) float64 {
		if keeps(m) {
			return math.NaN()
		}
		return c
	})
	s.plus = r.with(n, s.plus, instead, func(p, c float64) float64 {
		if math.IsNaN(c) {
			return p
		}
		return c
	})
	return v
}

// askNaN reads IsNaN of weights, which a Where takes.
func (r *reader) askNaN(n *onnx.Node) *view {
	v := r.scores(n, 0)
	v.scores.isNaN = true
	return v
}

// soften reads the softmax over the keys.
func (r *reader) soften(n *onnx.Node) *view {
	v := r.scores(n, 0)
	axis, err := onnx.Axis(n.Attrs.Int("axis", -1), len(v.dims))
	check(n, err)
	if s := v.scores; s.soft || s.isNaN || !v.dims[axis].only(looked) || r.opset < 13 && axis != len(v.dims)-1 {
		fail(n, "it is no softmax of an attention's scores over what is looked at")
	}
	v.scores.soft = true
	return v
}

package onnx

import (
	"math"
	"slices"
	"strings"
)

// Attention in one node is read as the products and the softmax that it stands for. A form that is
// not known here, such as one that is given a past, stays as it is.

// headed lays [N, length, heads·depth] out as [N, heads, length, depth].
func (r *rewriting) headed(x *Value, heads int64) *Value {
	return r.Transpose(r.Reshape(x, 0, 0, int(heads), -1), 0, 2, 1, 3)
}

// attended is the attention of queries, keys and values, [N, heads, length, depth] each. bias is
// added to the scores, unless it is nil. With causal, no place sees those after it. A scale of 0
// means 1/√depth.
func (r *rewriting) attended(q, k, v, bias *Value, scale float32, causal bool) *Value {
	scores := r.Op("MatMul", nil, q, r.Transpose(k, 0, 1, 3, 2))
	if scale != 0 {
		scores = r.Op("Mul", nil, scores, real(scale))
	} else {
		depth := r.Op("Gather", Attrs{"axis": int64(0)}, r.Op("Shape", nil, q), Const("", Scalar(int64(3))))
		scores = r.Op("Div", nil, scores, r.Op("Sqrt", nil, r.Cast(depth, Float32)))
	}
	if bias != nil {
		scores = r.Op("Add", nil, scores, bias)
	}
	if causal {
		size := r.Op("Slice", nil, r.Op("Shape", nil, scores), List(2), List(4))
		hidden := r.Op("ConstantOfShape", Attrs{"value": NewTensor([]float32{float32(math.Inf(-1))}, 1)}, size)
		scores = r.Op("Add", nil, scores, r.Op("Trilu", Attrs{"upper": int64(1)}, hidden, Const("", Scalar(int64(1)))))
	}
	return r.Op("MatMul", nil, r.Op("Softmax", Attrs{"axis": int64(-1)}, scores), v)
}

// side lays [N, heads, length, depth] out as [N, length, heads·depth].
func (r *rewriting) side(x *Value) *Value {
	return r.Reshape(r.Transpose(x, 0, 2, 1, 3), 0, 0, -1)
}

// absent tells whether none of the inputs from i on is there.
func (r *rewriting) absent(i ...int) bool {
	return !slices.ContainsFunc(i, func(i int) bool { return r.may(i) != nil })
}

// typeOf is the type of a value, by what it is made of where the file does not say; 0 where that
// does not, either.
func typeOf(v *Value) DType {
	n := v.Node
	switch c := constantOf(v); {
	case c != nil:
		return c.DType()
	case v.DType != 0 || n == nil || len(n.Inputs) == 0:
		return v.DType
	case n.Op == "Not" || comparisons[n.Op] != nil:
		return Bool
	case n.Op == "Cast":
		return DType(n.Attrs.Int("to", 0))
	case n.Op == "Where" && len(n.Inputs) == 3 && n.Inputs[1] != nil:
		return typeOf(n.Inputs[1])
	case movers[n.Op] && n.Inputs[0] != nil:
		return typeOf(n.Inputs[0])
	}
	return 0
}

// movers are operators whose results are elements of their first input.
var movers = map[string]bool{
	"Unsqueeze": true, "Squeeze": true, "Reshape": true, "Expand": true, "Transpose": true, "Slice": true, "Gather": true, "Identity": true,
}

// rankOf is how many dimensions a value has, as far as the file says that of it or of what it was
// made of, element by element; -1 where it does not.
func rankOf(v *Value) int {
	if v.Shape != nil {
		return len(v.Shape)
	}
	rank := -1
	if n := v.Node; n != nil && (n.Op == "Not" || n.Op == "Cast" || comparisons[n.Op] != nil || arithmetic[n.Op] != nil) {
		for _, in := range n.Inputs {
			switch c := constantOf(in); {
			case c != nil:
				rank = max(rank, len(c.Shape))
			case in != nil && rankOf(in) < 0:
				return -1
			case in != nil:
				rank = max(rank, rankOf(in))
			}
		}
	}
	return rank
}

// multiHead reads ONNX Runtime's MultiHeadAttention of queries, keys and values, [N, length,
// heads·depth] each.
func (r *rewriting) multiHead() *Value {
	a, heads := r.n.Attrs, r.n.Attrs.Int("num_heads", 0)
	parts := []*Value{r.in(0), r.may(1), r.may(2)}
	for i, x := range parts {
		if x == nil || x.Shape != nil && len(x.Shape) != 3 || heads < 1 {
			return nil
		}
		if bias := r.may(3); bias != nil { // of all three, one after the other
			all := constantOf(bias)
			if all == nil || all.Floats() == nil || all.Len()%3 != 0 {
				return nil
			}
			n := all.Len() / 3
			x = r.Op("Add", nil, x, Const("", NewTensor(all.Floats()[i*n:(i+1)*n], n)))
		}
		parts[i] = r.headed(x, heads)
	}
	if !r.absent(6, 7, 8, 9) {
		return nil
	}
	bias := r.may(5)
	if pads := r.may(4); pads != nil { // [N, length], 0 at keys that are none
		if rankOf(pads) != 2 {
			return nil
		}
		keep := r.Op("Unsqueeze", nil, r.Cast(pads, Bool), List(1, 2))
		hides := r.Op("Where", nil, keep, real(0), real(a.Float("mask_filter_value", -10000)))
		if bias != nil {
			hides = r.Op("Add", nil, bias, hides)
		}
		bias = hides
	}
	return r.side(r.attended(parts[0], parts[1], parts[2], bias, a.Float("scale", 0), a.Int("unidirectional", 0) != 0))
}

// packedAttention reads ONNX Runtime's Attention, which multiplies its input, [N, length, in],
// by the weights of queries, keys and values side by side.
func (r *rewriting) packedAttention() *Value {
	a, heads := r.n.Attrs, r.n.Attrs.Int("num_heads", 0)
	weights, biases := constantOf(r.in(1)), constantOf(r.may(2))
	if weights == nil || weights.Floats() == nil || len(weights.Shape) != 2 || weights.Shape[1]%3 != 0 || heads < 1 || !r.absent(3, 4, 6) ||
		a["qkv_hidden_sizes"] != nil || r.may(2) != nil && (biases == nil || biases.Floats() == nil || biases.Len() != weights.Shape[1]) || a.Int("do_rotary", 0) != 0 {
		return nil
	}
	in, all := weights.Shape[0], weights.Shape[1]
	n := all / 3
	var parts []*Value
	for i := range 3 {
		part := make([]float32, 0, in*n)
		for k := range in {
			part = append(part, weights.Floats()[k*all+i*n:][:n]...)
		}
		x := r.Op("MatMul", nil, r.in(0), Const("", NewTensor(part, in, n)))
		if biases != nil {
			x = r.Op("Add", nil, x, Const("", NewTensor(biases.Floats()[i*n:(i+1)*n], n)))
		}
		parts = append(parts, r.headed(x, heads))
	}
	return r.side(r.attended(parts[0], parts[1], parts[2], r.may(5), a.Float("scale", 0), a.Int("unidirectional", 0) != 0))
}

// attention reads ONNX's own Attention, of operator set 23.
func (r *rewriting) attention() *Value {
	a := r.n.Attrs
	heads, shared := a.Int("q_num_heads", 0), a.Int("kv_num_heads", 0)
	q, k, v := r.in(0), r.in(1), r.in(2)
	if !r.absent(4, 5, 6) || a.Float("softcap", 0) != 0 || (heads == 0) != (shared == 0) {
		return nil
	}
	if heads > 0 {
		if heads%max(1, shared) != 0 {
			return nil
		}
		q, k, v = r.headed(q, heads), r.headed(k, shared), r.headed(v, shared)
		if heads > shared { // several queries look at one key
			k, v = r.shared(k, shared, heads/shared), r.shared(v, shared, heads/shared)
		}
	}
	mask := r.may(3)
	if mask != nil {
		switch typeOf(mask) {
		case Bool:
			mask = r.Op("Where", nil, mask, real(0), real(float32(math.Inf(-1))))
		case Float32:
		default:
			return nil
		}
	}
	out := r.attended(q, k, v, mask, a.Float("scale", 0), a.Int("is_causal", 0) != 0)
	if heads > 0 {
		return r.side(out)
	}
	return out
}

// shared repeats each of n heads so many times.
func (r *rewriting) shared(x *Value, n, times int64) *Value {
	shape := r.Op("Shape", nil, x) // [N, n, length, depth]
	first, rest := r.Op("Slice", nil, shape, List(0), List(1)), r.Op("Slice", nil, shape, List(2), List(4))
	x = r.Op("Reshape", nil, x, r.Concat(0, first, List(n, 1), rest))
	x = r.Op("Expand", nil, x, r.Concat(0, first, List(n, times), rest))
	return r.Op("Reshape", nil, x, r.Concat(0, first, List(n*times), rest))
}

// einsum reads a product of two factors, summed over one letter, as MatMul.
func (r *rewriting) einsum() *Value {
	from, to, ok := strings.Cut(strings.ReplaceAll(r.n.Attrs.String("equation", ""), " ", ""), "->")
	left, right, two := strings.Cut(from, ",")
	if !ok || !two || strings.ContainsAny(from, ".") || strings.Contains(right, ",") || len(r.n.Inputs) != 2 {
		return nil
	}
	var both, sum, a, b []byte
	seen := map[byte]bool{}
	for _, c := range []byte(left + right) {
		inLeft, inRight, out := strings.IndexByte(left, c) >= 0, strings.IndexByte(right, c) >= 0, strings.IndexByte(to, c) >= 0
		switch {
		case seen[c]:
			continue
		case inLeft && inRight && out:
			both = append(both, c)
		case inLeft && inRight:
			sum = append(sum, c)
		case inLeft && out:
			a = append(a, c)
		case inRight && out:
			b = append(b, c)
		default:
			return nil
		}
		seen[c] = true
	}
	if len(sum) != 1 || len(a) != 1 || len(b) != 1 || len(left) != len(both)+2 || len(right) != len(both)+2 || len(to) != len(both)+2 {
		return nil
	}
	order := func(x *Value, letters string, want []byte) *Value {
		perm := make([]int, len(want))
		for i, c := range want {
			perm[i] = strings.IndexByte(letters, c)
		}
		return r.Transpose(x, perm...)
	}
	x := order(r.in(0), left, slices.Concat(both, a, sum))
	y := order(r.in(1), right, slices.Concat(both, sum, b))
	return order(r.Op("MatMul", nil, x, y), string(slices.Concat(both, a, b)), []byte(to))
}

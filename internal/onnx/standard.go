package onnx

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// Operators that ONNX Runtime's optimiser writes are read as nodes of ONNX's own that compute the
// same, and products of numbers that are quantised as the network runs as the products of real
// numbers that they stand for. Most of this is done when a node is read; what needs a look at the
// graph around it, [Lower] does.

// rewrites are the operators that are read as others, by domain and name. A nil result
// leaves the node as it is.
var rewrites = map[string]func(*rewriting) *Value{
	microsoft + ":Gelu":     func(r *rewriting) *Value { return r.gelu(r.in(0)) },
	microsoft + ":BiasGelu": func(r *rewriting) *Value { return r.gelu(r.Op("Add", nil, r.in(0), r.in(1))) },
	microsoft + ":FastGelu": (*rewriting).fastGelu,
	microsoft + ":QuickGelu": func(r *rewriting) *Value {
		s := r.Op("Mul", nil, r.in(0), real(r.n.Attrs.Float("alpha", 1.702)))
		return r.Op("Mul", nil, r.in(0), r.Op("Sigmoid", nil, s))
	},
	microsoft + ":FusedConv":                        (*rewriting).fusedConv,
	microsoft + ":FusedGemm":                        (*rewriting).fusedGemm,
	microsoft + ":FusedMatMul":                      (*rewriting).fusedMatMul,
	microsoft + ":TransposeMatMul":                  (*rewriting).fusedMatMul,
	microsoft + ":SkipLayerNormalization":           (*rewriting).skipNorm,
	microsoft + ":SkipSimplifiedLayerNormalization": (*rewriting).skipNorm,
	":SimplifiedLayerNormalization":                 (*rewriting).rootMeanSquare,
	":RMSNormalization":                             (*rewriting).rootMeanSquare,

	microsoft + ":MultiHeadAttention": (*rewriting).multiHead,
	microsoft + ":Attention":          (*rewriting).packedAttention,
	":Attention":                      (*rewriting).attention,
	":Einsum":                         (*rewriting).einsum,

	":DynamicQuantizeLinear":             (*rewriting).dynamicQuantize,
	":ConvInteger":                       (*rewriting).integers,
	":MatMulInteger":                     (*rewriting).integers,
	microsoft + ":MatMulIntegerToFloat":  (*rewriting).matMulToFloat,
	microsoft + ":DynamicQuantizeMatMul": (*rewriting).dynamicMatMul,
}

// rewriter replaces nodes by others.
type rewriter struct {
	opset   int64             // of ONNX's own operators
	sized   map[*Value]*Value // shapes that are known beyond what is declared
	dynamic map[*Value]bool   // zero points of what is quantised as it runs, to be multiplied only
	notes   []Note
}

// standard returns the nodes that a node stands for; nil where it is to stay.
func (w *rewriter) standard(n *Node) []*Node {
	rewrite := rewrites[n.Domain+":"+n.Op]
	if rewrite == nil || len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return nil
	}
	r := &rewriting{rewriter: w, n: n}
	nodes := r.with(rewrite(r))
	if nodes == nil {
		return nil
	}
	note := Note{Part: "operators", Value: "ONNX's own", Why: "what ONNX Runtime's optimiser wrote is read as the nodes that it stands for"}
	if strings.Contains(n.Op, "Integer") || strings.Contains(n.Op, "Dynamic") {
		note = Note{"quantisation", "of the weights", "activations are not rounded as the file says, which takes their range over all images and pixels, later ones too", true}
	}
	own := n.Domain == "" && slices.Contains([]string{"Attention", "RMSNormalization", "Einsum"}, n.Op)
	if !own && !slices.Contains(w.notes, note) {
		w.notes = append(w.notes, note)
	}
	return nodes
}

// rewriting is a node that is being replaced.
type rewriting struct {
	*rewriter
	Graph   // the nodes in its place
	n       *Node
	given   [4]bool // outputs
	missing bool    // whether an input is missing that must be there
}

// with returns the nodes that take the node's place; v becomes its first output. They are nil where
// v is, or where an input or output is missing.
func (r *rewriting) with(v *Value) []*Node {
	if v == nil || r.missing {
		return nil
	}
	if k := len(r.Nodes); k > 0 && v.Node == r.Nodes[k-1] {
		v.Node.Outputs[0], r.given[0] = r.n.Outputs[0], true // nothing else reads it
	} else {
		r.give(0, v)
	}
	for i, v := range r.n.Outputs {
		if v != nil && (i >= len(r.given) || !r.given[i]) {
			return nil
		}
	}
	for _, n := range r.Nodes {
		for _, v := range n.Outputs {
			v.Node = n
		}
	}
	if len(r.Nodes) > 0 {
		r.Nodes[0].Name = r.n.Name // ONNX Runtime takes a name once
	}
	return r.Nodes
}

func real(x float32) *Value { return Const("", Scalar(x)) }

// in is an input that must be there.
func (r *rewriting) in(i int) *Value {
	if v := r.may(i); v != nil {
		return v
	}
	r.missing = true
	return real(0)
}

// may is an input, nil where it is missing.
func (r *rewriting) may(i int) *Value {
	if i < len(r.n.Inputs) {
		return r.n.Inputs[i]
	}
	return nil
}

// give makes v output i of the node.
func (r *rewriting) give(i int, v *Value) {
	if i < len(r.n.Outputs) && r.n.Outputs[i] != nil {
		r.Op("Identity", nil, v).Node.Outputs[0] = r.n.Outputs[i]
		r.given[i] = true
	}
}

// without is a copy of the node's attributes without those of these names.
func (r *rewriting) without(names ...string) Attrs {
	a := maps.Clone(r.n.Attrs)
	for _, name := range names {
		delete(a, name)
	}
	return a
}

func (r *rewriting) gelu(x *Value) *Value {
	e := r.Op("Erf", nil, r.Op("Mul", nil, x, real(math.Sqrt2/2)))
	return r.Op("Mul", nil, r.Op("Mul", nil, x, real(0.5)), r.Op("Add", nil, e, real(1)))
}

// fastGelu is the approximation with a hyperbolic tangent.
func (r *rewriting) fastGelu() *Value {
	x := r.in(0)
	if bias := r.may(1); bias != nil {
		x = r.Op("Add", nil, x, bias)
	}
	cube := r.Op("Mul", nil, r.Op("Mul", nil, x, x), r.Op("Mul", nil, x, real(0.044715)))
	t := r.Op("Tanh", nil, r.Op("Mul", nil, r.Op("Add", nil, x, cube), real(float32(math.Sqrt(2/math.Pi)))))
	return r.Op("Mul", nil, r.Op("Mul", nil, x, real(0.5)), r.Op("Add", nil, t, real(1)))
}

// activated is a value after an activation with its parameters in order.
func (r *rewriting) activated(x *Value, name string, params []float32) *Value {
	p := func(i int, def float32) float32 {
		if i < len(params) {
			return params[i]
		}
		return def
	}
	switch name {
	case "":
		return x
	case "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign":
		return r.Op(name, nil, x)
	case "LeakyRelu":
		return r.Op(name, Attrs{"alpha": p(0, 0.01)}, x)
	case "HardSigmoid":
		return r.Op(name, Attrs{"alpha": p(0, 0.2), "beta": p(1, 0.5)}, x)
	case "Clip":
		if low, high := p(0, -math.MaxFloat32), p(1, math.MaxFloat32); r.opset >= 11 {
			return r.Op(name, nil, x, real(low), real(high))
		}
	}
	return nil
}

func (r *rewriting) fusedConv() *Value {
	y := r.Op("Conv", r.without("activation", "activation_params"), r.in(0), r.in(1))
	if bias := r.may(2); bias != nil {
		y.Node.Inputs = append(y.Node.Inputs, bias)
	}
	if z := r.may(3); z != nil {
		y = r.Op("Add", nil, y, z)
	}
	params, _ := r.n.Attrs["activation_params"].([]float32)
	return r.activated(y, r.n.Attrs.String("activation", ""), params)
}

func (r *rewriting) fusedGemm() *Value {
	y := r.Op("Gemm", r.without("activation", "activation_alpha", "activation_beta", "activation_gamma"), r.in(0), r.in(1))
	if c := r.may(2); c != nil {
		y.Node.Inputs = append(y.Node.Inputs, c)
	}
	var params []float32
	for _, name := range []string{"activation_alpha", "activation_beta"} {
		if p, ok := r.n.Attrs[name].(float32); ok {
			params = append(params, p)
		}
	}
	return r.activated(y, r.n.Attrs.String("activation", ""), params)
}

// fusedMatMul needs to know the rank of a factor that is transposed. [Lower] does.
func (r *rewriting) fusedMatMul() *Value {
	a := r.n.Attrs
	if a.Int("transBatchA", 0) != 0 || a.Int("transBatchB", 0) != 0 {
		return nil
	}
	var factors []*Value
	for i, name := range []string{"transA", "transB"} {
		v := r.in(i)
		if a.Int(name, 0) != 0 {
			rank := len(v.Shape)
			if w := r.sized[v]; w != nil {
				rank = len(w.Shape)
			}
			if rank < 2 || rank > maxRank {
				return nil
			}
			perm := make([]int, rank)
			for k := range perm {
				perm[k] = k
			}
			perm[rank-1], perm[rank-2] = perm[rank-2], perm[rank-1]
			v = r.Transpose(v, perm...)
		}
		factors = append(factors, v)
	}
	y := r.Op("MatMul", nil, factors...)
	if alpha := a.Float("alpha", 1); alpha != 1 {
		y = r.Op("Mul", nil, y, real(alpha))
	}
	return y
}

// skipNorm adds before it normalises the last dimension; output 3 is the sum.
func (r *rewriting) skipNorm() *Value {
	x := r.Op("Add", nil, r.in(0), r.in(1))
	simple := r.n.Op == "SkipSimplifiedLayerNormalization"
	bias := 4
	if simple {
		bias = 3
	}
	if b := r.may(bias); b != nil {
		x = r.Op("Add", nil, x, b)
	}
	r.give(3, x)
	if simple {
		return r.normalised(x, r.in(2), r.n.Attrs.Float("epsilon", 1e-5))
	}
	y := r.Op("LayerNormalization", Attrs{"axis": int64(-1), "epsilon": r.n.Attrs.Float("epsilon", 1e-5)}, x, r.in(2))
	if beta := r.may(3); beta != nil {
		y.Node.Inputs = append(y.Node.Inputs, beta)
	}
	return y
}

func (r *rewriting) rootMeanSquare() *Value {
	if r.n.Attrs.Int("axis", -1) != -1 {
		return nil
	}
	return r.normalised(r.in(0), r.in(1), r.n.Attrs.Float("epsilon", 1e-5))
}

// normalised divides by the root of the mean of squares over the last dimension.
func (r *rewriting) normalised(x, scale *Value, epsilon float32) *Value {
	mean := r.Op("ReduceMean", Attrs{"keepdims": int64(1)}, r.Op("Mul", nil, x, x))
	if r.opset >= 18 {
		mean.Node.Inputs = append(mean.Node.Inputs, List(-1))
	} else {
		mean.Node.Attrs["axes"] = []int64{-1}
	}
	root := r.Op("Sqrt", nil, r.Op("Add", nil, mean, real(epsilon)))
	return r.Op("Mul", nil, r.Op("Div", nil, x, root), scale)
}

// dynamicQuantize passes its input on as it is, with a scale of 1.
func (r *rewriting) dynamicQuantize() *Value {
	if len(r.n.Outputs) != 3 || !r.dynamic[r.n.Outputs[2]] {
		return nil
	}
	r.give(1, real(1))
	r.give(2, real(0))
	return r.in(0)
}

// integers is a ConvInteger or MatMulInteger of a value that is quantised as the network runs,
// which its zero point tells.
func (r *rewriting) integers() *Value {
	if !r.dynamic[r.may(2)] {
		return nil
	}
	zero := r.may(3)
	if r.n.Op == "ConvInteger" && zero != nil && zero.Const != nil && zero.Const.Len() > 1 {
		zero = Const("", &Tensor{[]int{zero.Const.Len(), 1, 1, 1}, zero.Const.Data}) // by output channel
	}
	weight := r.weight(r.in(1), zero, nil)
	return r.Op(strings.TrimSuffix(r.n.Op, "Integer"), r.n.Attrs, r.in(0), weight)
}

// matMulToFloat is a MatMulInteger with its scales and a bias.
func (r *rewriting) matMulToFloat() *Value {
	if !r.dynamic[r.may(4)] {
		return nil
	}
	return r.biased(r.Op("MatMul", nil, r.in(0), r.weight(r.in(1), r.may(5), r.in(3))), r.may(6))
}

func (r *rewriting) dynamicMatMul() *Value {
	return r.biased(r.Op("MatMul", nil, r.in(0), r.weight(r.in(1), r.may(3), r.in(2))), r.may(4))
}

// weight is (q - zero)·scale in float32.
func (r *rewriting) weight(q, zero, scale *Value) *Value {
	w := r.Cast(q, Float32)
	if zero != nil {
		w = r.Op("Sub", nil, w, r.Cast(zero, Float32))
	}
	if scale != nil {
		w = r.Op("Mul", nil, w, scale)
	}
	return w
}

func (r *rewriting) biased(y, bias *Value) *Value {
	if bias != nil {
		return r.Op("Add", nil, y, bias)
	}
	return y
}

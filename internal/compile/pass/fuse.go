package pass

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Fuse merges units that one matrix product can compute together: constants added
// to or multiplied with a linear unit, sums of linear units, and joined channels
// that only a linear unit reads.
func Fuse(logits *ir.Unit) {
	for _, u := range ir.Order(logits) {
		if u.Kind == ir.Linear {
			unjoin(u)
		}
	}
	units := ir.Order(logits)
	// The counts hold to the end: whoever takes a unit's place reads what it read, and
	// nobody asks for that unit again.
	n := uses(units)
	for _, u := range units {
		switch {
		case u.Kind != ir.Apply || u.DType != onnx.Float32:
		case len(u.Args) == 1 && len(u.Operands) == 2:
			absorb(u, n)
		case u.Op == "Add" && len(u.Args) == 2:
			merge(u, n)
		}
	}
}

// unjoin makes a linear unit read the parts of a concat unit itself.
func unjoin(u *ir.Unit) {
	args, weights := u.Args, u.Weights
	u.Args, u.Weights = nil, nil
	for i, a := range args {
		join(u, a, weights[i])
	}
}

// join appends a weighted argument to u, or, for a concat unit, its parts.
func join(u *ir.Unit, a ir.Arg, w []float32) {
	if a.Src.Kind != ir.Concat || w == nil || a.Valid != a.Src.Full || !a.Composes() {
		u.Args, u.Weights = append(u.Args, a), append(u.Weights, w)
		return
	}
	all := make([]float32, a.Src.Channels*u.Channels)
	used := make([]bool, a.Src.Channels)
	for k, c := range a.Picked() {
		for o := range u.Channels {
			x := w[k*u.Channels+o]
			all[c*u.Channels+o] += x
			used[c] = used[c] || x != 0
		}
	}
	for _, p := range a.Src.Args {
		size := p.Channels()
		if slices.Contains(used[:size], true) {
			// The part is zero where the whole is.
			p.Valid = p.Valid.And(p.Access.Image(a.Src.Full))
			p.Node = a.Node
			join(u, a.Through(p), all[:size*u.Channels:size*u.Channels]) // a part may be joined itself
		}
		used, all = used[size:], all[size*u.Channels:]
	}
}

// inner is the linear unit that argument i of u alone reads, whole, or nil.
func inner(u *ir.Unit, i int, uses map[*ir.Unit]int) *ir.Unit {
	a := u.Args[i]
	if s := a.Src; s.Kind == ir.Linear && uses[s] == 1 && a.Chans == nil && s.Channels == u.Channels &&
		a.Access.Image(u.Full).Within(a.Valid) && a.Valid.Within(s.Full) && a.Composes() {
		return s
	}
	return nil
}

// become turns u into a linear unit that computes what a's source does, where a reads it.
func become(u *ir.Unit, a ir.Arg) {
	s := a.Src
	u.Kind, u.Operands, u.Attrs = ir.Linear, nil, nil
	u.Args = nil
	for _, p := range s.Args {
		u.Args = append(u.Args, a.Through(p))
	}
	u.Weights, u.Bias = slices.Clone(s.Weights), slices.Clone(s.Bias)
	u.Node, u.Op = s.Node, s.Op
}

// absorb merges a constant sum, difference, product or quotient.
func absorb(u *ir.Unit, uses map[*ir.Unit]int) {
	s := inner(u, 0, uses)
	if s == nil {
		return
	}
	at := slices.IndexFunc(u.Operands, func(o ir.Operand) bool { return o.Arg < 0 })
	if u.Operands[at].Value == nil || u.Operands[at].Value.Floats() == nil {
		return
	}
	c := u.Operands[at].Value.Floats()
	get := func(o int) float32 { return c[o%len(c)] }
	scale := u.Op == "Mul" || u.Op == "Div" && at == 1
	shift := u.Op == "Add" || u.Op == "Sub" && at == 1
	if !shift && !(scale && s.Plain()) {
		return
	}
	op := u.Op
	become(u, u.Args[0])
	if shift {
		for o := range u.Bias {
			if op == "Add" {
				u.Bias[o] += get(o)
			} else {
				u.Bias[o] -= get(o)
			}
		}
		return
	}
	factor := func(x float32, o int) float32 {
		if op == "Mul" {
			return x * get(o)
		}
		return x / get(o)
	}
	for i, w := range u.Weights {
		w = slices.Clone(w)
		for k := range w {
			w[k] = factor(w[k], k%u.Channels)
		}
		u.Weights[i] = w
	}
	for o := range u.Bias {
		u.Bias[o] = factor(u.Bias[o], o)
	}
}

// merge makes one linear unit of the sum of two, or of one and anything else.
func merge(u *ir.Unit, uses map[*ir.Unit]int) {
	a, b := u.Args[0], u.Args[1]
	if u.Operands[0].Arg != 0 {
		return
	}
	s, t := inner(u, 0, uses), inner(u, 1, uses)
	switch {
	case s != nil && t != nil && s != t && (s.Plain() || t.Plain()):
		become(u, a)
		other := &ir.Unit{}
		become(other, b)
		u.Args, u.Weights = append(u.Args, other.Args...), append(u.Weights, other.Weights...)
		for o := range u.Bias {
			u.Bias[o] += other.Bias[o]
		}
	case s != nil && s.Plain() && b.Channels() == u.Channels:
		become(u, a)
		u.Args, u.Weights = append(u.Args, b), append(u.Weights, nil)
	case t != nil && t.Plain() && a.Channels() == u.Channels:
		become(u, b)
		u.Args, u.Weights = append(u.Args, a), append(u.Weights, nil)
	}
}

// uses counts how often each unit is read.
func uses(units []*ir.Unit) map[*ir.Unit]int {
	n := map[*ir.Unit]int{}
	for _, u := range units {
		for _, a := range u.Args {
			n[a.Src]++
		}
	}
	return n
}

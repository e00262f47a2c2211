// Package pass is what is done to units between the front end and the schedule: [Fuse],
// for the latency variant [Carry], [Trim], and the proof [Causal], in this order.
package pass

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Fuse merges units that one matrix product can compute together: constants added
// to or multiplied with a linear unit, sums of linear units, and joined channels
// that only a linear unit reads.
func Fuse(net *ir.Network) {
	for _, u := range net.Order() {
		if u.Kind == ir.Linear {
			unjoin(u)
		}
	}
	units := net.Order()
	// Their number holds to the end: whoever takes a unit's place reads what it read, and
	// nobody asks for that unit again.
	readers := ir.Readers(units)
	for _, u := range units {
		switch {
		case u.Kind != ir.Apply || u.DType != onnx.Float32:
		case len(u.Args) == 1 && len(u.Operands) == 2:
			absorb(u, readers)
		case u.Op == "Add" && len(u.Args) == 2:
			merge(u, readers)
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
	through, ok := []ir.Arg(nil), false
	if a.Src.Kind == ir.Concat && w != nil && a.Valid == a.Src.Full {
		through, ok = a.Through()
	}
	if !ok {
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
	for i, p := range a.Src.Args {
		size := p.Channels()
		if slices.Contains(used[:size], true) {
			// The part is zero where the whole is.
			through[i].Valid = p.Valid.And(p.Access.Image(a.Src.Full))
			through[i].Node = a.Node
			join(u, through[i], all[:size*u.Channels:size*u.Channels]) // a part may be joined itself
		}
		used, all = used[size:], all[size*u.Channels:]
	}
}

// inner is the linear unit that argument i of u alone reads, whole, or nil.
func inner(u *ir.Unit, i int, readers [][]ir.Reading) *ir.Unit {
	a, s := u.Args[i], u.Args[i].Src
	_, shift := a.Access.(ir.Shift) // others may read nothing, where there is no bias either
	if s.Kind != ir.Linear || !shift || len(readers[s.ID]) != 1 || a.Chans != nil || s.Channels != u.Channels ||
		!a.Access.Image(u.Full).Within(a.Valid) || !a.Valid.Within(s.Full) {
		return nil
	}
	if _, ok := a.Through(); !ok {
		return nil
	}
	return s
}

// become turns u into a linear unit that computes what a's source does, where a reads it.
func become(u *ir.Unit, a ir.Arg) {
	s := a.Src
	u.Kind, u.Operands, u.Attrs = ir.Linear, nil, nil
	u.Args, _ = a.Through()
	u.Weights, u.Bias = slices.Clone(s.Weights), slices.Clone(s.Bias)
	u.Node, u.Op = s.Node, s.Op
}

// absorb merges a constant sum, difference, product or quotient.
func absorb(u *ir.Unit, readers [][]ir.Reading) {
	s := inner(u, 0, readers)
	at := slices.IndexFunc(u.Operands, func(o ir.Operand) bool { return o.Arg < 0 })
	c := u.Operands[at].Value
	f := map[string]func(x, c float32) float32{
		"Add": func(x, c float32) float32 { return x + c },
		"Sub": func(x, c float32) float32 { return x - c },
		"Mul": func(x, c float32) float32 { return x * c },
		"Div": func(x, c float32) float32 { return x / c },
	}[u.Op]
	scales := u.Op == "Mul" || u.Op == "Div"
	if s == nil || c == nil || c.Floats() == nil || f == nil || at == 0 && (u.Op == "Sub" || u.Op == "Div") || scales && !s.Plain() {
		return
	}
	become(u, u.Args[0])
	if scales {
		for i, w := range u.Weights {
			u.Weights[i] = make([]float32, len(w))
			for k, x := range w {
				u.Weights[i][k] = f(x, c.Floats()[k%u.Channels%c.Len()])
			}
		}
	}
	for o, x := range u.Bias {
		u.Bias[o] = f(x, c.Floats()[o%c.Len()])
	}
}

// merge makes one linear unit of the sum of two, or of one and anything else.
func merge(u *ir.Unit, readers [][]ir.Reading) {
	a, b := u.Args[0], u.Args[1]
	if u.Operands[0].Arg != 0 {
		return
	}
	s, t := inner(u, 0, readers), inner(u, 1, readers)
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

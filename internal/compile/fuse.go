package compile

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// fuse merges units that one matrix product can compute together: constants added
// to or multiplied with a linear unit, sums of linear units, and joined channels
// that only a linear unit reads.
func fuse(logits *unit) {
	for _, u := range order(logits) {
		if u.kind == linear {
			u.unjoin()
		}
	}
	units := order(logits)
	// The counts hold to the end: whoever takes a unit's place reads what it read, and
	// nobody asks for that unit again.
	n := uses(units)
	for _, u := range units {
		switch {
		case u.kind != apply || u.dtype != onnx.Float32:
		case len(u.args) == 1 && len(u.operands) == 2:
			u.absorb(n)
		case u.op == "Add" && len(u.args) == 2:
			u.merge(n)
		}
	}
}

// unjoin makes a linear unit read the parts of a concat unit itself.
func (u *unit) unjoin() {
	args, weights := u.args, u.weights
	u.args, u.weights = nil, nil
	for i, a := range args {
		u.read(a, weights[i])
	}
}

// read appends a weighted argument, or, for a concat unit, its parts.
func (u *unit) read(a arg, w []float32) {
	if a.src.kind != concat || w == nil || a.valid != a.src.full {
		u.args, u.weights = append(u.args, a), append(u.weights, w)
		return
	}
	chans := a.chans
	if chans == nil {
		chans = count(a.src.channels)
	}
	all := make([]float32, a.src.channels*u.channels)
	used := make([]bool, a.src.channels)
	for k, c := range chans {
		for o := range u.channels {
			x := w[k*u.channels+o]
			all[c*u.channels+o] += x
			used[c] = used[c] || x != 0
		}
	}
	for _, p := range a.src.args {
		size := p.channels()
		if slices.Contains(used[:size], true) {
			// The part is zero where the whole is.
			p.valid = p.valid.and(a.src.full.shift(p.dy, p.dx))
			p.dy, p.dx, p.label = p.dy+a.dy, p.dx+a.dx, a.label
			u.read(p, all[:size*u.channels:size*u.channels]) // a part may be joined itself
		}
		used, all = used[size:], all[size*u.channels:]
	}
}

// inner is the linear unit that argument i of u alone reads, whole, or nil.
func (u *unit) inner(i int, uses map[*unit]int) *unit {
	a := u.args[i]
	if s := a.src; s.kind == linear && uses[s] == 1 && a.chans == nil && s.channels == u.channels &&
		u.full.shift(a.dy, a.dx).within(a.valid) && a.valid.within(s.full) {
		return s
	}
	return nil
}

// plain tells whether a linear unit has no summand.
func (u *unit) plain() bool {
	return !slices.ContainsFunc(u.weights, func(w []float32) bool { return w == nil })
}

// become turns u into a linear unit that computes what s does at a's shift.
func (u *unit) become(s *unit, a arg) {
	u.kind, u.operands, u.attrs = linear, nil, nil
	u.args = nil
	for _, p := range s.args {
		p.dy, p.dx = p.dy+a.dy, p.dx+a.dx
		u.args = append(u.args, p)
	}
	u.weights, u.bias = slices.Clone(s.weights), slices.Clone(s.bias)
	u.label, u.op = s.label, s.op
}

// absorb merges a constant sum, difference, product or quotient.
func (u *unit) absorb(uses map[*unit]int) {
	s := u.inner(0, uses)
	if s == nil {
		return
	}
	at := slices.IndexFunc(u.operands, func(o operand) bool { return o.arg < 0 })
	if u.operands[at].value == nil || u.operands[at].value.Floats() == nil {
		return
	}
	c := u.operands[at].value.Floats()
	get := func(o int) float32 { return c[o%len(c)] }
	scale := u.op == "Mul" || u.op == "Div" && at == 1
	shift := u.op == "Add" || u.op == "Sub" && at == 1
	if !shift && !(scale && s.plain()) {
		return
	}
	op := u.op
	u.become(s, u.args[0])
	if shift {
		for o := range u.bias {
			if op == "Add" {
				u.bias[o] += get(o)
			} else {
				u.bias[o] -= get(o)
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
	for i, w := range u.weights {
		w = slices.Clone(w)
		for k := range w {
			w[k] = factor(w[k], k%u.channels)
		}
		u.weights[i] = w
	}
	for o := range u.bias {
		u.bias[o] = factor(u.bias[o], o)
	}
}

// merge makes one linear unit of the sum of two, or of one and anything else.
func (u *unit) merge(uses map[*unit]int) {
	a, b := u.args[0], u.args[1]
	if u.operands[0].arg != 0 {
		return
	}
	s, t := u.inner(0, uses), u.inner(1, uses)
	switch {
	case s != nil && t != nil && s != t && (s.plain() || t.plain()):
		u.become(s, a)
		other := &unit{}
		other.become(t, b)
		u.args, u.weights = append(u.args, other.args...), append(u.weights, other.weights...)
		for o := range u.bias {
			u.bias[o] += other.bias[o]
		}
	case s != nil && s.plain() && b.channels() == u.channels:
		u.become(s, a)
		u.args, u.weights = append(u.args, b), append(u.weights, nil)
	case t != nil && t.plain() && a.channels() == u.channels:
		u.become(t, b)
		u.args, u.weights = append(u.args, a), append(u.weights, nil)
	}
}

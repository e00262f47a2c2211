package pass

import (
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Split brings a network into sub-pixel order: it divides the outputs by the channel of the
// picture that is drawn from them, and each unit by the channel of their own pixel that its
// channels depend on, so that each can be computed as soon as that is drawn. The zeros of
// masked weights say what depends on what. Where finely is set, channels that do not depend on
// their own pixel are divided as well, which takes more units than it spares time.
func Split(net *ir.Network, finely bool) error {
	all, n := net.Outputs[0], len(net.Pictures)
	if all.Channels%n != 0 {
		return &ir.UnsupportedError{Node: all.Node, Reason: fmt.Sprintf("its %d outputs for a pixel are not as many for each of %d channels", all.Channels, n)}
	}
	net.Outputs = slices.Repeat(net.Outputs, n) // in the time of sub-pixel order
	units := net.Order()
	s := &splitter{
		finely: finely, channels: n, units: net.Lattices(units), width: 2 * net.Size().W(),
		reach: make([][]int, len(units)), parts: make([][]part, len(units)), joined: map[string]*ir.Unit{},
	}
	if s.units == nil {
		return &ir.UnsupportedError{Node: all.Node, Reason: "it joins lattices"}
	}
	for _, u := range units {
		s.unit(u)
	}
	each := all.Channels / n
	for c := range n {
		a := s.arg(ir.Arg{Src: all, Access: ir.Here, Valid: all.Full}, ir.Count(all.Channels)[c*each:(c+1)*each])
		out := a.Src
		if a.Chans != nil || out.Kind != ir.Linear {
			out = &ir.Unit{
				Kind: ir.Apply, Node: all.Node, Op: "Identity", Channels: each, DType: all.DType, Full: all.Full,
				Args: []ir.Arg{a}, Operands: []ir.Operand{{Arg: 0}},
			}
		}
		net.Outputs[c] = out
	}
	return nil
}

// splitter divides units.
type splitter struct {
	finely   bool
	channels int // of the picture
	units    []ir.Lattice
	width    int // more than how far anything reads sideways, in pixels
	reach    [][]int
	parts    [][]part
	joined   map[string]*ir.Unit
}

// part is some channels of a unit, as a unit of its own.
type part struct {
	*ir.Unit
	channels []int // of the unit that was divided
}

// never is the reach of what does not depend on the picture.
const never = -1 << 50

// unit divides one.
func (s *splitter) unit(u *ir.Unit) {
	s.reach[u.ID] = s.reaches(u)
	groups := s.groups(s.reach[u.ID])
	touched := len(groups) > 1 || slices.ContainsFunc(u.Args, func(a ir.Arg) bool { return s.parts[a.Src.ID][0].Unit != a.Src })
	for _, channels := range groups {
		p := part{u, channels}
		if touched {
			p.Unit = s.piece(u, channels)
		}
		s.parts[u.ID] = append(s.parts[u.ID], p)
	}
}

// reaches is, per channel of u, the last symbol that it depends on, from its own position, in
// the time of raster order.
func (s *splitter) reaches(u *ir.Unit) []int {
	out := slices.Repeat([]int{never}, u.Channels)
	if u.Kind == ir.Picture {
		out[0] = u.Channel
	}
	clock := func(u *ir.Unit) ir.Clock { return ir.Clock{Y: s.units[u.ID].Y * s.width, X: s.units[u.ID].X} }
	first := 0 // of a joined part
	for i, a := range u.Args {
		picked := a.Picked()
		if a.Src.Static() || a.Access.Image(u.Full).And(a.Src.Full).Empty() {
			first += len(picked)
			continue
		}
		_, lag := a.Access.Lag(u.Full, a.Src.Full, clock(u), clock(a.Src))
		see := func(o, k int) {
			if r := s.reach[a.Src.ID][picked[k]]; r > never {
				out[o] = max(out[o], r+lag)
			}
		}
		for k := range picked {
			switch {
			case u.Kind == ir.Concat:
				see(first+k, k)
			case u.Kind == ir.Linear && u.Weights[i] != nil:
				for o := range out {
					if u.Weights[i][k*u.Channels+o] != 0 {
						see(o, k)
					}
				}
			case len(picked) == u.Channels && !mixes(u):
				see(k, k)
			default:
				for o := range out {
					see(o, k)
				}
			}
		}
		first += len(picked)
	}
	return out
}

// mixes tells whether u's channels depend on each other's.
func mixes(u *ir.Unit) bool {
	_, each := onnx.Real(u.Op, u.Attrs)
	switch u.Kind {
	case ir.Apply:
		return !each && u.Op != "Identity"
	case ir.Lookup, ir.Attention, ir.Dense:
		return true
	}
	return false
}

// groups divides channels: by the channel of the last pixel that any of them depends on, and
// those that do not depend on that pixel.
func (s *splitter) groups(reach []int) [][]int {
	pixel := func(r int) int { return (r - (r%s.channels+s.channels)%s.channels) / s.channels }
	top := pixel(slices.Max(reach))
	by := map[int][]int{}
	var keys []int
	for o, r := range reach {
		if pixel(r) < top && !s.finely {
			r = never
		}
		if by[r] == nil {
			keys = append(keys, r)
		}
		by[r] = append(by[r], o)
	}
	slices.Sort(keys)
	var out [][]int
	for _, k := range keys {
		out = append(out, by[k])
	}
	return out
}

// piece is u with some of its channels, which reads parts of what u reads.
func (s *splitter) piece(u *ir.Unit, channels []int) *ir.Unit {
	p := *u
	p.Whole = u
	p.Channels, p.Args, p.Weights, p.Bias = len(channels), nil, nil, nil
	switch u.Kind {
	case ir.Linear:
		for _, o := range channels {
			p.Bias = append(p.Bias, u.Bias[o])
		}
		for i, a := range u.Args {
			if w := u.Weights[i]; w != nil {
				s.weighted(&p, a, columns(w, u.Channels, channels))
			} else {
				p.Args, p.Weights = append(p.Args, s.arg(a, pick(a.Picked(), channels))), append(p.Weights, nil)
			}
		}
	case ir.Concat:
		var from []ir.Arg // of each of u's channels
		var at []int
		for _, a := range u.Args {
			for _, c := range a.Picked() {
				from, at = append(from, a), append(at, c)
			}
		}
		for k := 0; k < len(channels); {
			first := k
			a := from[channels[k]]
			for k < len(channels) && from[channels[k]].Src == a.Src && from[channels[k]].Access == a.Access {
				k++
			}
			p.Args = append(p.Args, s.arg(a, pick(at, channels[first:k])))
		}
	default:
		for _, a := range u.Args {
			picked := a.Picked()
			if len(picked) == u.Channels && !mixes(u) {
				picked = pick(picked, channels)
			}
			p.Args = append(p.Args, s.arg(a, picked))
		}
		p.Operands = slices.Clone(u.Operands)
		for i, o := range p.Operands {
			if o.Value != nil && o.Value.Len() == u.Channels && len(channels) < u.Channels {
				p.Operands[i].Value = onnx.Pick(o.Value, channels)
			}
		}
	}
	return &p
}

// weighted adds what a part with weights reads of a's source, part by part.
func (s *splitter) weighted(p *ir.Unit, a ir.Arg, w []float32) {
	add := func(a ir.Arg, w []float32) {
		if slices.ContainsFunc(w, func(x float32) bool { return x != 0 }) {
			p.Args, p.Weights = append(p.Args, a), append(p.Weights, w)
		}
	}
	parts := s.parts[a.Src.ID]
	if len(parts) == 1 {
		a.Src = parts[0].Unit
		add(a, w)
		return
	}
	for _, part := range parts {
		own := make([]float32, part.Channels*p.Channels)
		for k, c := range a.Picked() {
			if i := slices.Index(part.channels, c); i >= 0 {
				for o := range p.Channels {
					own[i*p.Channels+o] += w[k*p.Channels+o]
				}
			}
		}
		b := a
		b.Src, b.Chans = part.Unit, nil
		add(b, own)
	}
}

// arg reads channels of a's source, from the part that has them or from several joined.
func (s *splitter) arg(a ir.Arg, channels []int) ir.Arg {
	parts := s.parts[a.Src.ID]
	of := make([]int, a.Src.Channels) // the part of each channel
	at := make([]int, a.Src.Channels) // and its number there
	for i, p := range parts {
		for k, c := range p.channels {
			of[c], at[c] = i, k
		}
	}
	from := of[channels[0]]
	if !slices.ContainsFunc(channels, func(c int) bool { return of[c] != from }) {
		return narrowed(a, parts[from].Unit, pick(at, channels))
	}
	key := fmt.Sprint(a.Src.ID, channels)
	whole := s.joined[key]
	if whole == nil {
		whole = &ir.Unit{Kind: ir.Concat, Node: a.Src.Node, Op: "Concat", Channels: len(channels), DType: a.Src.DType, Full: a.Src.Full}
		for k := 0; k < len(channels); {
			first := k
			for k < len(channels) && of[channels[k]] == of[channels[first]] {
				k++
			}
			part := ir.Arg{Access: ir.Here, Valid: a.Src.Full}
			whole.Args = append(whole.Args, narrowed(part, parts[of[channels[first]]].Unit, pick(at, channels[first:k])))
		}
		s.joined[key] = whole
	}
	return narrowed(a, whole, ir.Count(len(channels)))
}

// narrowed is a, reading channels of u.
func narrowed(a ir.Arg, u *ir.Unit, channels []int) ir.Arg {
	if a.Src, a.Chans = u, channels; slices.Equal(channels, ir.Count(u.Channels)) {
		a.Chans = nil
	}
	return a
}

func pick(from, at []int) []int {
	out := make([]int, len(at))
	for i, k := range at {
		out[i] = from[k]
	}
	return out
}

// columns picks columns of weights, [inputs, n].
func columns(w []float32, n int, at []int) []float32 {
	out := make([]float32, 0, len(w)/n*len(at))
	for ; len(w) > 0; w = w[n:] {
		for _, o := range at {
			out = append(out, w[o])
		}
	}
	return out
}

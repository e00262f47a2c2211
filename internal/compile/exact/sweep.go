package exact

import (
	"math"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/goruntime/kernel"
	"pixelcnn/internal/onnx"
)

// sweep computes an output at pixels. It goes through the units twice:
// back, to find which positions of each are needed, and forth, to compute them, unit by
// unit. What nobody reads any more is forgotten.
func (e *Evaluator) sweep(phase int, pixels []int) {
	units := e.program.Units
	target := e.program.Network.Outputs[phase]
	for i := range units {
		e.needed[i] = nil
	}
	for _, p := range pixels {
		e.need(target, p/target.Dom.W(), p%target.Dom.W())
	}
	e.release(e.results[phase])
	for i := len(units) - 1; i >= 0; i-- {
		if e.needed[i] != nil {
			e.demand(units[i])
		}
	}
	for i, u := range units {
		if e.needed[i] == nil {
			continue
		}
		e.compute(u)
		for _, a := range u.Args {
			if r := e.readers[a.Src.ID]; r[len(r)-1].Unit == u && a.Src != target {
				e.release(e.held[a.Src.ID])
				e.held[a.Src.ID] = nil
			}
		}
	}
	e.results[phase] = e.held[target.ID]
	for i, h := range e.held {
		if h != nil && h != e.results[phase] {
			e.release(h)
		}
		e.held[i] = nil
	}
}

func (e *Evaluator) release(h *held) {
	if h != nil && h.values != nil {
		e.free = append(e.free, h.values[:0])
		h.values = nil
	}
}

// room is for n numbers that are zero, in what was used before if that suits.
func (e *Evaluator) room(n int) []float64 {
	for i, f := range e.free {
		if cap(f) >= n && cap(f) <= 2*n {
			e.free[i] = e.free[len(e.free)-1]
			e.free = e.free[:len(e.free)-1]
			f = f[:n]
			clear(f)
			return f
		}
	}
	if len(e.free) > 16 {
		e.free = e.free[8:]
	}
	return make([]float64, n)
}

// need notes that a position of u is needed, if it has one there.
func (e *Evaluator) need(u *ir.Unit, y, x int) {
	if e.needed[u.ID] == nil {
		e.needed[u.ID] = make([]bool, u.Dom.H()*u.Dom.W())
	}
	e.needed[u.ID][y*u.Dom.W()+x] = true
}

// demand notes what u reads at the positions that are needed of it.
func (e *Evaluator) demand(u *ir.Unit) {
	w := u.Dom.W()
	for _, a := range u.Args {
		if !a.Src.OverPixels() {
			continue
		}
		if many, ok := a.Access.(ir.Attended); ok {
			many.Seen(e.needed[u.ID], w, func(y, x int) { e.need(a.Src, y, x) })
			continue
		}
		for p, needed := range e.needed[u.ID] {
			if needed {
				if y, x, ok := a.Access.At(p/w, p%w, 0); ok && a.Valid.Has(y, x) && a.Src.Dom.Has(y, x) {
					e.need(a.Src, y, x)
				}
			}
		}
	}
}

// compute computes u where it is needed.
func (e *Evaluator) compute(u *ir.Unit) {
	w := u.Dom.W()
	h := &held{row: make([]int, len(e.needed[u.ID]))}
	for p, needed := range e.needed[u.ID] {
		if h.row[p] = -1; needed {
			h.row[p] = len(h.at)
			h.at = append(h.at, p)
		}
	}
	h.values = e.room(len(h.at) * u.Channels)
	e.held[u.ID] = h
	switch u.Kind {
	case ir.Linear:
		e.linear(u, h)
		return
	case ir.Attention:
		e.attend(u, h)
		return
	case ir.Dense:
		e.dense(u, h)
		return
	}
	args := make([]*argument, len(u.Args))
	for k, a := range u.Args {
		args[k] = e.argument(a)
	}
	for i, p := range h.at {
		y, x := p/w, p%w
		out := h.values[i*u.Channels : (i+1)*u.Channels]
		switch u.Kind {
		case ir.Picture:
			out[0] = e.values[e.levels[(y*e.program.Width+x)*e.program.Channels+u.Channel]]
		case ir.Static:
			e.static(u, y, x, out)
		case ir.Lookup:
			k := int(args[0].at(y, x)[0])
			entries := u.Table.Shape[0]
			k = ((k % entries) + entries) % entries
			for c := range out {
				out[c] = float64(u.Table.Floats()[k*u.Channels+c])
			}
		case ir.Concat:
			for _, a := range args {
				out = out[copy(out, a.at(y, x)):]
			}
		case ir.Apply:
			e.apply(u, args, y, x, out)
		}
	}
}

func (e *Evaluator) static(u *ir.Unit, y, x int, out []float64) {
	h, full := u.Full.H(), u.Full.W()
	for c := range out {
		at := (c*h+y-u.Full.Y0)*full + x - u.Full.X0
		if u.Images {
			out[c] = e.conditions[e.condition[u.ID]][at]
		} else {
			out[c] = float64(u.Value.Const.Floats()[at])
		}
	}
}

// An argument is one of a unit's, to be read position by position.
type argument struct {
	ir.Arg
	all    []float64 // where it is the same everywhere
	from   *held
	picked []float64 // room for the channels that are read
	zeros  []float64
}

func (e *Evaluator) argument(a ir.Arg) *argument {
	out := &argument{Arg: a, zeros: make([]float64, a.Channels())}
	if a.Chans != nil {
		out.picked = make([]float64, len(a.Chans))
	}
	if a.Src.OverPixels() {
		out.from = e.held[a.Src.ID]
	} else {
		out.all = e.conditions[e.condition[a.Src.ID]]
	}
	return out
}

// at is what is read at (y, x), [channels of the argument], until the next call.
func (a *argument) at(y, x int) []float64 {
	v := a.all
	if v == nil {
		y, x, ok := a.Access.At(y, x, 0)
		if !ok || !a.Valid.Has(y, x) || !a.Src.Dom.Has(y, x) {
			return a.zeros
		}
		n := a.Src.Channels
		row := a.from.row[y*a.Src.Dom.W()+x]
		v = a.from.values[row*n : (row+1)*n]
	}
	if a.Chans == nil {
		return v
	}
	for k, c := range a.Chans {
		a.picked[k] = v[c]
	}
	return a.picked
}

// linear adds up products, and what is without weights.
func (e *Evaluator) linear(u *ir.Unit, h *held) {
	w, n := u.Dom.W(), u.Channels
	for i := range h.at {
		for o, b := range u.Bias {
			h.values[i*n+o] = float64(b)
		}
	}
	const lot = 64 // rows multiplied at a time
	var weights, rows []float64
	for k, a := range u.Args {
		arg := e.argument(a)
		if u.Weights[k] == nil {
			for i, p := range h.at {
				for o, x := range arg.at(p/w, p%w) {
					h.values[i*n+o] += x
				}
			}
			continue
		}
		weights = weights[:0]
		for _, x := range u.Weights[k] {
			weights = append(weights, float64(x))
		}
		depth := a.Channels()
		for first := 0; first < len(h.at); first += lot {
			rows = rows[:0]
			at := h.at[first:min(first+lot, len(h.at))]
			for _, p := range at {
				rows = append(rows, arg.at(p/w, p%w)...)
			}
			kernel.AddProduct64(h.values[first*n:], n, rows, depth, weights, n, len(at), n, depth)
		}
	}
}

// dense adds up, at each position, what it sees with the position's own weights.
func (e *Evaluator) dense(u *ir.Unit, h *held) {
	a := u.Args[0]
	seen, from := a.Access.(ir.Attended), e.held[a.Src.ID]
	w, depth := u.Dom.W(), a.Src.Channels
	for i, p := range h.at {
		reader, _ := seen.Place(p/w, p%w)
		out := h.values[i*u.Channels : (i+1)*u.Channels]
		for k := 0; ; k++ {
			y, x, ok := seen.At(p/w, p%w, k)
			if !ok {
				break
			}
			row := from.row[y*a.Src.Dom.W()+x] * depth
			at := (reader*u.Table.Shape[1] + seen.Source(y, x)*depth) * u.Channels
			for c, v := range from.values[row : row+depth] {
				for o, weight := range u.Table.Floats()[at+c*u.Channels : at+(c+1)*u.Channels] {
					out[o] += float64(v * float64(weight))
				}
			}
		}
	}
}

func (e *Evaluator) apply(u *ir.Unit, args []*argument, y, x int, out []float64) {
	in := make([][]float64, len(u.Operands))
	for i, o := range u.Operands {
		switch {
		case o.Arg >= 0:
			in[i] = args[o.Arg].at(y, x)
		case o.Value != nil:
			in[i] = onnx.Reals(o.Value)
		default:
			in[i] = []float64{math.NaN()}
		}
	}
	e.ops[u.ID](in, out)
}

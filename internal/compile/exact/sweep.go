package exact

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/goruntime/kernel"
)

// sweep computes an output at pixels. It goes through the units twice:
// back, to find which positions of each are needed, and forth, to compute them, unit by
// unit. What nobody reads any more is forgotten.
func (e *Evaluator) sweep(phase int, pixels []int) {
	units := e.program.Units
	target := e.program.Network.Outputs[phase]
	for i := range units {
		e.needed[i] = e.needed[i][:0]
	}
	for _, p := range pixels {
		e.needs(target)[p] = true
	}
	e.release(e.results[phase])
	for i := len(units) - 1; i >= 0; i-- {
		if len(e.needed[i]) > 0 {
			e.demand(units[i])
		}
	}
	for i, u := range units {
		if len(e.needed[i]) == 0 {
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
	if h != nil {
		e.free = append(e.free, h)
	}
}

// hold is for n numbers, in what was used before if that suits.
func (e *Evaluator) hold(n int) *held {
	for i, h := range e.free {
		if cap(h.values) >= n && cap(h.values) <= 2*n {
			e.free = slices.Delete(e.free, i, i+1)
			return &held{at: h.at[:0], row: h.row[:0], values: h.values[:n]}
		}
	}
	if len(e.free) > 64 {
		e.free = e.free[32:]
	}
	return &held{values: make([]float64, n)}
}

// needs is by position of u whether it is needed, to be noted there.
func (e *Evaluator) needs(u *ir.Unit) []bool {
	if n := u.Dom.H() * u.Dom.W(); len(e.needed[u.ID]) == 0 {
		e.needed[u.ID] = slices.Grow(e.needed[u.ID], n)[:n]
		clear(e.needed[u.ID])
	}
	return e.needed[u.ID]
}

// demand notes what u reads at the positions that are needed of it.
func (e *Evaluator) demand(u *ir.Unit) {
	for k, a := range u.Args {
		if !a.Src.OverPixels() {
			continue
		}
		source := e.needs(a.Src)
		if many, ok := a.Access.(ir.Attended); ok {
			many.Seen(e.needed[u.ID], u.Dom.W(), func(y, x int) { source[y*a.Src.Dom.W()+x] = true })
			continue
		}
		where := e.places[u.ID][k]
		for p, needed := range e.needed[u.ID] {
			if needed && where[p] >= 0 {
				source[where[p]] = true
			}
		}
	}
}

// compute computes u where it is needed.
func (e *Evaluator) compute(u *ir.Unit) {
	positions := 0
	for _, needed := range e.needed[u.ID] {
		if needed {
			positions++
		}
	}
	h := e.hold(positions * u.Channels)
	h.at, h.row = slices.Grow(h.at, positions), slices.Grow(h.row, len(e.needed[u.ID]))
	for p, needed := range e.needed[u.ID] {
		row := -1
		if needed {
			row = len(h.at)
			h.at = append(h.at, p)
		}
		h.row = append(h.row, row)
	}
	e.held[u.ID] = h
	if positions == 0 { // whoever reads it reads outside of it
		return
	}
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
	for k := range args {
		args[k] = e.argument(k, u, k)
	}
	in := make([][]float64, max(len(args), len(u.Operands)))
	for first := 0; first < len(h.at); first += lot {
		at := h.at[first:min(first+lot, len(h.at))]
		out := h.values[first*u.Channels : (first+len(at))*u.Channels]
		switch u.Kind {
		case ir.Concat:
			concat(args, at, out, u.Channels)
		case ir.Apply:
			for i, o := range u.Operands {
				if o.Arg >= 0 {
					in[i] = args[o.Arg].rows(at)
				} else {
					same := e.constants[u.ID][i]
					in[i] = same[:len(same)/lot*len(at)]
				}
			}
			e.ops[u.ID](in[:len(u.Operands)], out, len(at))
		default:
			for i, p := range at {
				e.single(u, args, p, out[i*u.Channels:(i+1)*u.Channels])
			}
		}
	}
}

// lot is how many positions are computed at a time.
const lot = 64

// single computes a unit at one position.
func (e *Evaluator) single(u *ir.Unit, args []*argument, p int, out []float64) {
	y, x := p/u.Dom.W(), p%u.Dom.W()
	switch u.Kind {
	case ir.Picture:
		out[0] = e.values[e.levels[(y*e.program.Width+x)*e.program.Channels+u.Channel]]
	case ir.Static:
		e.static(u, y, x, out)
	case ir.Lookup:
		k := int(args[0].at(p)[0])
		entries := u.Table.Shape[0]
		k = ((k % entries) + entries) % entries
		for c := range out {
			out[c] = float64(u.Table.Floats()[k*u.Channels+c])
		}
	}
}

// concat puts the channels of all arguments side by side.
func concat(args []*argument, at []int, out []float64, channels int) {
	offset := 0
	for _, a := range args {
		n := a.Channels()
		rows := a.rows(at)
		for i := range at {
			copy(out[i*channels+offset:], rows[i*n:(i+1)*n])
		}
		offset += n
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

// linear adds up products, and what is without weights: all of them for some positions, and then
// for the next, whose sums and most of whose operands are in a cache meanwhile.
func (e *Evaluator) linear(u *ir.Unit, h *held) {
	args, weights := make([]*argument, len(u.Args)), e.weights[:0]
	for k := range args {
		args[k] = e.argument(k, u, k)
		from := len(weights)
		weights = slices.Grow(weights, len(u.Weights[k]))[:from+len(u.Weights[k])]
		kernel.Widen64(weights[from:], u.Weights[k])
	}
	e.weights = weights
	bias := make([]float64, u.Channels)
	for o, b := range u.Bias {
		bias[o] = float64(b)
	}
	n := u.Channels
	for first := 0; first < len(h.at); first += lot {
		at := h.at[first:min(first+lot, len(h.at))]
		out := h.values[first*n : (first+len(at))*n]
		for i := range at {
			copy(out[i*n:], bias)
		}
		weights := e.weights
		for k, arg := range args {
			if u.Weights[k] == nil {
				for i, x := range arg.rows(at) {
					out[i] += x
				}
				continue
			}
			rows, step := arg.view(at)
			kernel.AddProduct64(out, n, rows, step, weights, n, len(at), n, arg.Channels())
			weights = weights[len(u.Weights[k]):]
		}
	}
}

// dense adds up, at each position, what it sees with the position's own weights.
func (e *Evaluator) dense(u *ir.Unit, h *held) {
	clear(h.values)
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

package compile

import (
	"fmt"
	"math"

	"pixelcnn/internal/onnx"
)

// Exact evaluates a program's logits in float64, one pixel at a time, by plain Go
// with every sum in a fixed order: the same result on every runtime and machine, as
// far as float64 reaches. It computes only what the pixel depends on. It is slow,
// and there to decide draws that float32 leaves open. Not for concurrent use.
type Exact struct {
	program *Program
	ops     []func([]float64) float64 // by unit; nil for units that are no operator
	across  []func(x, out []float64, more [][]float64)
	memo    []memo
	epoch   uint32
	values  []float64 // input value of each level
	levels  []uint16
	labels  [][]float64
}

// memo keeps the values of one unit, [h, w, channels].
type memo struct {
	values []float64
	known  []uint32 // epoch in which a pixel's values were computed, [h, w]
}

// NewExact prepares the evaluation. values is the model's input for each level. It
// fails on operators that it does not know.
func NewExact(p *Program, values []float32) (*Exact, error) {
	e := &Exact{program: p, memo: make([]memo, len(p.units)), values: make([]float64, len(values))}
	for i, v := range values {
		e.values[i] = float64(v)
	}
	e.ops = make([]func([]float64) float64, len(p.units))
	e.across = make([]func(x, out []float64, more [][]float64), len(p.units))
	for i, u := range p.units {
		if u.kind != apply {
			continue
		}
		var ok bool
		if e.across[i], ok = acrossReal(u); ok {
			continue
		}
		if e.ops[i], ok = onnx.Real(u.op, u.attrs); !ok {
			return nil, fmt.Errorf("compile: %s: no exact evaluation of %s", u.label, u.op)
		}
	}
	return e, nil
}

// Begin takes an image's levels, [H, W], and what [Program.ExactLabels] makes of its
// labels; nil where there are none. The levels must not change until the next Begin, but
// where no pixel has depended on them yet.
func (e *Exact) Begin(levels []uint16, labels [][]float64) {
	e.levels, e.labels = levels, labels
	e.epoch++
}

// Logits returns the logits of the pixel y·W + x, [levels]; the image must be drawn as
// far as the pixel depends on it. The slice is the evaluation's own.
func (e *Exact) Logits(pixel int) []float64 {
	w := e.program.Width
	return e.at(e.program.units[len(e.program.units)-1], pixel/w, pixel%w)
}

// at is the unit's values at a pixel within its dom.
func (e *Exact) at(u *unit, y, x int) []float64 {
	if u.kind == perImage {
		return e.labels[e.program.labelOf[u]]
	}
	m := &e.memo[u.id]
	w := u.dom.w()
	if m.values == nil {
		m.values = make([]float64, u.dom.h()*w*u.channels)
		m.known = make([]uint32, u.dom.h()*w)
	}
	p := y*w + x
	out := m.values[p*u.channels : (p+1)*u.channels]
	if m.known[p] == e.epoch {
		return out
	}
	m.known[p] = e.epoch
	switch u.kind {
	case image:
		out[0] = e.values[e.levels[y*e.program.Width+x]]
	case table:
		h, full := u.full.h(), u.full.w()
		for c := range out {
			out[c] = float64(u.table.Floats()[(c*h+y-u.full.y0)*full+x-u.full.x0])
		}
	case linear:
		for o := range out {
			out[o] = float64(u.bias[o])
		}
		for i, a := range u.args {
			e.linear(u, a, u.weights[i], y, x, out)
		}
	case lookup:
		k := int(e.operand(u, u.args[0], y, x)[0])
		entries := u.table.Shape[0]
		k = ((k % entries) + entries) % entries
		for c := range out {
			out[c] = float64(u.table.Floats()[k*u.channels+c])
		}
	case concat:
		rest := out
		for _, a := range u.args {
			rest = rest[copy(rest, e.operand(u, a, y, x)):]
		}
	case apply:
		e.apply(u, y, x, out)
	}
	return out
}

// outside tells whether a reads zeros for pixel (y, x).
func (a arg) outside(y, x int) bool {
	if a.src.kind == perImage {
		return false
	}
	r := a.valid.and(a.src.dom)
	y, x = y+a.dy, x+a.dx
	return y < r.y0 || y >= r.y1 || x < r.x0 || x >= r.x1
}

// linear adds what one argument contributes; w is nil for a summand.
func (e *Exact) linear(u *unit, a arg, w []float32, y, x int, out []float64) {
	if a.outside(y, x) {
		return
	}
	v := e.at(a.src, y+a.dy, x+a.dx)
	for k := range a.channels() {
		c := k
		if a.chans != nil {
			c = a.chans[k]
		}
		switch {
		case w == nil:
			out[k] += v[c]
		case v[c] != 0:
			for o, weight := range w[k*u.channels : (k+1)*u.channels] {
				out[o] += v[c] * float64(weight)
			}
		}
	}
}

// operand is what u reads through a at (y, x), [channels of the argument].
func (e *Exact) operand(u *unit, a arg, y, x int) []float64 {
	if a.outside(y, x) {
		return make([]float64, a.channels())
	}
	v := e.at(a.src, y+a.dy, x+a.dx)
	if a.chans == nil {
		return v
	}
	picked := make([]float64, len(a.chans))
	for k, c := range a.chans {
		picked[k] = v[c]
	}
	return picked
}

func (e *Exact) apply(u *unit, y, x int, out []float64) {
	in := make([][]float64, len(u.operands))
	for i, o := range u.operands {
		switch {
		case o.arg >= 0:
			in[i] = e.operand(u, u.args[o.arg], y, x)
		case o.value != nil:
			in[i] = onnx.Reals(o.value)
		default:
			in[i] = []float64{math.NaN()}
		}
	}
	if f := e.across[u.id]; f != nil {
		f(in[0], out, in[1:])
		return
	}
	row := make([]float64, len(in))
	for c := range out {
		for i, v := range in {
			row[i] = v[c%len(v)]
		}
		out[c] = e.ops[u.id](row)
	}
}

// acrossReal is an operator that looks at all channels of a pixel.
func acrossReal(u *unit) (f func(x, out []float64, more [][]float64), ok bool) {
	mean := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum / float64(len(x))
	}
	largest := func(x []float64) float64 {
		top := math.Inf(-1)
		for _, v := range x {
			top = max(top, v)
		}
		return top
	}
	switch u.op {
	case "ReduceMean":
		return func(x, out []float64, _ [][]float64) { out[0] = mean(x) }, true
	case "ReduceSum":
		return func(x, out []float64, _ [][]float64) { out[0] = mean(x) * float64(len(x)) }, true
	case "ReduceMax":
		return func(x, out []float64, _ [][]float64) { out[0] = largest(x) }, true
	case "ReduceMin":
		return func(x, out []float64, _ [][]float64) {
			out[0] = math.Inf(1)
			for _, v := range x {
				out[0] = min(out[0], v)
			}
		}, true
	case "Softmax", "LogSoftmax":
		return func(x, out []float64, _ [][]float64) {
			top, sum := largest(x), 0.0
			for _, v := range x {
				sum += math.Exp(v - top)
			}
			for i, v := range x {
				if out[i] = v - top - math.Log(sum); u.op == "Softmax" {
					out[i] = math.Exp(out[i])
				}
			}
		}, true
	case "LayerNormalization":
		epsilon := float64(u.attrs.Float("epsilon", 1e-5))
		return func(x, out []float64, more [][]float64) {
			m, variance := mean(x), 0.0
			for _, v := range x {
				variance += (v - m) * (v - m)
			}
			by := math.Sqrt(variance/float64(len(x)) + epsilon)
			for i, v := range x {
				out[i] = (v - m) / by
				if len(more) > 0 {
					out[i] *= more[0][i]
				}
				if len(more) > 1 {
					out[i] += more[1][i]
				}
			}
		}, true
	}
	return nil, false
}

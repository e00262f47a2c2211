package compile

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// trim decides where each unit is needed and moves its origin there: afterwards a
// unit is computed at 0 ≤ y < dom.h(), 0 ≤ x < dom.w(), and reads of arguments
// outside of their src's dom are reads of zero. Arguments that only ever read zero
// are gone. The logits and the picture keep the image's coordinates.
func trim(logits *unit) []*unit {
	units := order(logits)
	readers := make([][]reading, len(units)) // by what is read
	for _, u := range units {
		for i, a := range u.args {
			readers[a.src.id] = append(readers[a.src.id], reading{u, i})
		}
	}
	for i, u := range slices.Backward(units) { // whoever reads u is done
		u.demand(logits.full, readers[i])
	}
	units = order(logits)
	settle(units)
	return order(logits)
}

// A reading is argument i of a unit.
type reading struct {
	*unit
	i int
}

// demand sets dom, from those of the units that read u. A unit no larger than the image
// is kept whole, so that units that belong together keep the same size.
//
// An argument that must read zeros where others need u gets a cropped copy between,
// which may need more of u in turn.
func (u *unit) demand(size rect, readers []reading) {
	u.dom = rect{}
	if u.kind == perImage {
		return
	}
	if u.full.h() <= size.h() && u.full.w() <= size.w() {
		u.dom = u.full
	}
	for _, r := range readers {
		u.dom = u.dom.cover(r.args[r.i].reads(r.unit))
	}
	for again := true; again; {
		again = false
		for _, r := range readers {
			a := r.args[r.i]
			if a.src != u || r.dom.shift(a.dy, a.dx).and(u.dom).within(a.valid) {
				continue
			}
			crop := &unit{
				kind: apply, label: u.label, op: "Identity", channels: u.channels, dtype: u.dtype,
				full: a.valid.and(u.full), args: []arg{{src: u, valid: a.valid}}, operands: []operand{{arg: 0}},
			}
			r.args[r.i].src = crop
			crop.demand(size, []reading{r})
			u.dom, again = u.dom.cover(crop.dom), true
		}
	}
}

// reads is what u reads of a's source that is not zero, in the source's coordinates.
func (a arg) reads(u *unit) rect { return u.dom.shift(a.dy, a.dx).and(a.valid).and(a.src.full) }

// settle drops arguments that read nothing and moves origins.
func settle(units []*unit) {
	for _, u := range units {
		if u.kind == linear || u.kind == apply {
			u.drop()
		}
		if u.kind == linear && len(u.args) == 0 {
			u.freeze()
		}
	}
	for _, u := range units {
		for i := range u.args {
			a := &u.args[i]
			if a.src.kind == perImage {
				a.dy, a.dx = 0, 0
				continue
			}
			a.dy += u.dom.y0 - a.src.dom.y0
			a.dx += u.dom.x0 - a.src.dom.x0
			a.valid = a.valid.shift(-a.src.dom.y0, -a.src.dom.x0)
		}
	}
	for _, u := range units {
		if u.kind != perImage {
			y, x := u.dom.y0, u.dom.x0
			u.full, u.dom = u.full.shift(-y, -x), u.dom.shift(-y, -x)
		}
	}
}

// drop leaves out arguments that read nothing; an operator gets a zero in their place.
func (u *unit) drop() {
	args, weights := u.args, u.weights
	u.args, u.weights = nil, nil
	at := make([]int, len(args)) // where each argument goes, -1 for none
	for i, a := range args {
		if at[i] = -1; a.src.kind != perImage && a.reads(u).empty() {
			continue
		}
		at[i] = len(u.args)
		u.args = append(u.args, a)
		if u.kind == linear {
			u.weights = append(u.weights, weights[i])
		}
	}
	for k, o := range u.operands {
		switch {
		case o.arg < 0:
		case at[o.arg] < 0:
			u.operands[k] = operand{arg: -1, value: onnx.Scalar(float32(0))}
		default:
			u.operands[k].arg = at[o.arg]
		}
	}
}

// freeze turns a linear unit of which only the bias is left into a constant.
func (u *unit) freeze() {
	u.kind = table
	n := u.full.h() * u.full.w()
	data := make([]float32, u.channels*n)
	for i := range data {
		data[i] = u.bias[i/n]
	}
	u.table = onnx.NewTensor(data, u.channels, u.full.h(), u.full.w())
}

package compile

import "pixelcnn/internal/onnx"

// trim decides where each unit is needed and moves its origin there: afterwards a
// unit is computed at 0 ≤ y < dom.h(), 0 ≤ x < dom.w(), and reads of arguments
// outside of their src's dom are reads of zero. Arguments that only ever read zero
// are gone. The logits and the picture keep the image's coordinates.
func trim(logits *unit) []*unit {
	size := logits.full
	for {
		units := order(logits)
		demand(units, size)
		if !separate(units) {
			settle(units)
			return order(logits)
		}
	}
}

// demand sets dom. A unit no larger than the image is kept whole, so that units
// that belong together keep the same size.
func demand(units []*unit, size rect) {
	for _, u := range units {
		u.dom = rect{}
		if u.full.h() <= size.h() && u.full.w() <= size.w() {
			u.dom = u.full
		}
	}
	for i := len(units) - 1; i >= 0; i-- {
		for _, a := range units[i].args {
			if a.src.kind != perImage {
				a.src.dom = a.src.dom.cover(a.reads(units[i]))
			}
		}
	}
}

// reads is what u reads of a's source that is not zero, in the source's coordinates.
func (a arg) reads(u *unit) rect { return u.dom.shift(a.dy, a.dx).and(a.valid).and(a.src.full) }

// separate finds an argument that must read zeros where its source is needed by
// others, puts a cropped copy between, and tells whether it did.
func separate(units []*unit) bool {
	for _, u := range units {
		for i, a := range u.args {
			if u.dom.shift(a.dy, a.dx).and(a.src.dom).within(a.valid) {
				continue
			}
			whole := arg{src: a.src, valid: a.valid}
			u.args[i].src = &unit{
				kind: apply, label: a.src.label, op: "Identity", channels: a.src.channels,
				dtype: a.src.dtype, full: a.valid.and(a.src.full), args: []arg{whole}, operands: []operand{{arg: 0}},
			}
			return true
		}
	}
	return false
}

// settle drops arguments that read nothing and moves origins.
func settle(units []*unit) {
	for _, u := range units {
		for i := 0; i < len(u.args); i++ {
			a := u.args[i]
			if a.src.kind == perImage || u.kind != linear && u.kind != apply || !a.reads(u).empty() {
				continue
			}
			u.args = append(u.args[:i:i], u.args[i+1:]...)
			if u.kind == linear {
				u.weights = append(u.weights[:i:i], u.weights[i+1:]...)
				i--
				continue
			}
			for k, o := range u.operands {
				switch {
				case o.arg == i:
					u.operands[k] = operand{arg: -1, value: onnx.Scalar(float32(0))}
				case o.arg > i:
					u.operands[k].arg--
				}
			}
			i--
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

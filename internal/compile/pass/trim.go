package pass

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Trim decides where each unit is needed and moves its origin there: afterwards a
// unit is computed at 0 ≤ y < Dom.H(), 0 ≤ x < Dom.W(), and reads of arguments
// outside of their source's Dom are reads of zero. Arguments that only ever read zero
// are gone. The outputs and the picture keep the image's coordinates. It returns the
// units in topological order.
func Trim(net *ir.Network) []*ir.Unit {
	units := net.Order()
	readers := ir.Readers(units)
	for i, u := range slices.Backward(units) { // whoever reads u is done
		demand(u, net.Size(), readers[i])
	}
	rebase(net.Order())
	return net.Order()
}

// demand sets u's Dom, from those of the units that read it. A unit no larger than the
// image is kept whole, so that units that belong together keep the same size.
//
// An argument that must read zeros where others need u gets a cropped copy between,
// which may need more of u in turn.
func demand(u *ir.Unit, size ir.Rect, readers []ir.Reading) {
	u.Dom = ir.Rect{}
	if !u.OverPixels() {
		return
	}
	if u.Full.H() <= size.H() && u.Full.W() <= size.W() {
		u.Dom = u.Full
	}
	for _, r := range readers {
		u.Dom = u.Dom.Cover(r.Arg().Reads(r.Unit))
	}
	for again := true; again; {
		again = false
		for _, r := range readers {
			a := *r.Arg()
			if a.Src != u || a.Access.Image(r.Dom).And(u.Dom).Within(a.Valid) {
				continue
			}
			crop := &ir.Unit{
				Kind: ir.Apply, Node: u.Node, Op: "Identity", Channels: u.Channels, DType: u.DType, Full: a.Valid.And(u.Full),
				Args: []ir.Arg{{Src: u, Access: ir.Here, Valid: a.Valid}}, Operands: []ir.Operand{{Arg: 0}},
			}
			r.Arg().Src = crop
			demand(crop, size, []ir.Reading{r})
			u.Dom, again = u.Dom.Cover(crop.Dom), true
		}
	}
}

// rebase drops arguments that read nothing and moves origins.
func rebase(units []*ir.Unit) {
	for _, u := range units {
		if u.Kind == ir.Linear || u.Kind == ir.Apply {
			drop(u)
		}
		if u.Kind == ir.Linear && len(u.Args) == 0 {
			freeze(u)
		}
	}
	for _, u := range units {
		for i := range u.Args {
			a := &u.Args[i]
			if !a.Src.OverPixels() {
				a.Access = ir.Here
				continue
			}
			back := a.Src.Dom.Origin().Neg()
			a.Access = a.Access.Moved(u.Dom.Origin(), back)
			a.Valid = back.Image(a.Valid)
		}
	}
	for _, u := range units {
		if u.OverPixels() {
			back := u.Dom.Origin().Neg()
			u.Full, u.Dom = back.Image(u.Full), back.Image(u.Dom)
		}
	}
}

// drop leaves out arguments that read nothing; an operator gets a zero in their place.
func drop(u *ir.Unit) {
	args, weights := u.Args, u.Weights
	u.Args, u.Weights = args[:0], weights[:0]
	at := make([]int, len(args)) // where each argument goes, -1 for none
	for i, a := range args {
		if at[i] = -1; a.Src.OverPixels() && a.Reads(u).Empty() {
			continue
		}
		at[i] = len(u.Args)
		u.Args = append(u.Args, a)
		if u.Kind == ir.Linear {
			u.Weights = append(u.Weights, weights[i])
		}
	}
	for k, o := range u.Operands {
		switch {
		case o.Arg < 0:
		case at[o.Arg] < 0:
			u.Operands[k] = ir.Operand{Arg: -1, Value: onnx.Scalar(float32(0))}
		default:
			u.Operands[k].Arg = at[o.Arg]
		}
	}
}

// freeze turns a linear unit of which only the bias is left into a constant.
func freeze(u *ir.Unit) {
	n := u.Full.H() * u.Full.W()
	data := make([]float32, u.Channels*n)
	for i := range data {
		data[i] = u.Bias[i/n]
	}
	u.Kind, u.Pixels = ir.Static, true
	u.Value = onnx.Const("", onnx.NewTensor(data, u.Channels, u.Full.H(), u.Full.W()))
}

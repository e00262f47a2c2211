package pass

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// Carry moves the biases of sums on, which spares a node for each. A matrix product
// adds one thing for free: for a residual sum that is the other summand, so its bias
// needs a node of its own. Instead x = x̂ + b is computed as x̂, and b goes to those
// that read x: a sum or product of x adds a constant to its own bias, and
// relu(x) = max(x̂, −b) + b passes b on in turn.
//
// For many rows it does not pay: a sum with a constant row, as in max(x̂, −b), takes
// longer than the sum of two equal tensors and a relu.
func Carry(net *ir.Network) {
	units := net.Order()
	readers := ir.Readers(units)
	for _, u := range units {
		if u.Kind == ir.Linear && !u.Plain() && !slices.Contains(net.Outputs, u) && carries(u, readers, true) {
			b := u.Bias
			u.Bias = make([]float32, u.Channels)
			hand(u, b, readers)
		}
	}
}

// carries tells whether every reader of u can take a constant per channel off it.
func carries(u *ir.Unit, readers [][]ir.Reading, relu bool) bool {
	for _, r := range readers[u.ID] {
		a := r.Arg()
		passes := relu && r.Kind == ir.Apply && r.Op == "Relu" && a.Chans == nil && carries(r.Unit, readers, false)
		if a.Access != ir.Here || !r.Full.Within(a.Valid) || !r.Full.Within(u.Full) || r.Kind != ir.Linear && !passes {
			return false
		}
	}
	return len(readers[u.ID]) > 0
}

// hand gives b to the readers of u.
func hand(u *ir.Unit, b []float32, readers [][]ir.Reading) {
	done := map[*ir.Unit]bool{}
	for _, r := range readers[u.ID] {
		if done[r.Unit] {
			continue
		}
		done[r.Unit] = true
		if r.Kind == ir.Apply {
			minus := make([]float32, len(b))
			for i, x := range b {
				minus[i] = -x
			}
			r.Op, r.Attrs = "Max", nil
			r.Operands = []ir.Operand{{Arg: 0}, {Arg: -1, Value: onnx.NewTensor(minus, len(minus))}}
			hand(r.Unit, b, readers)
			continue
		}
		sum := make([]float64, r.Channels)
		for i, a := range r.Args {
			if a.Src != u {
				continue
			}
			for k, c := range a.Picked() {
				if w := r.Weights[i]; w == nil {
					sum[k] += float64(b[c])
				} else {
					for o := range sum {
						sum[o] += float64(b[c]) * float64(w[k*r.Channels+o])
					}
				}
			}
		}
		for o := range sum {
			r.Bias[o] = float32(float64(r.Bias[o]) + sum[o])
		}
	}
}

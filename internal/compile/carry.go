package compile

import "pixelcnn/internal/onnx"

// carry moves the biases of sums on, which spares a node for each. A matrix product
// adds one thing for free: for a residual sum that is the other summand, so its bias
// needs a node of its own. Instead x = x̂ + b is computed as x̂, and b goes to those
// that read x: a sum or product of x adds a constant to its own bias, and
// relu(x) = max(x̂, −b) + b passes b on in turn.
//
// For many rows it does not pay: a sum with a constant row, as in max(x̂, −b), takes
// longer than the sum of two equal tensors and a relu.
func carry(logits *unit) {
	units := order(logits)
	readers := map[*unit][]*unit{}
	for _, u := range units {
		for _, a := range u.args {
			readers[a.src] = append(readers[a.src], u)
		}
	}
	for _, u := range units {
		if u.kind == linear && !u.plain() && u != logits && u.carries(readers, true) {
			b := u.bias
			u.bias = make([]float32, u.channels)
			hand(u, b, readers)
		}
	}
}

// carries tells whether every reader of u can take a constant per channel off it.
func (u *unit) carries(readers map[*unit][]*unit, relu bool) bool {
	for _, r := range readers[u] {
		for _, a := range r.args {
			if a.src == u && (a.dy != 0 || a.dx != 0 || !r.full.within(a.valid) || !r.full.within(u.full)) {
				return false
			}
		}
		passes := relu && r.kind == apply && r.op == "Relu" && r.args[0].chans == nil && r.carries(readers, false)
		if r.kind != linear && !passes {
			return false
		}
	}
	return len(readers[u]) > 0
}

// hand gives b to the readers of u.
func hand(u *unit, b []float32, readers map[*unit][]*unit) {
	done := map[*unit]bool{}
	for _, r := range readers[u] {
		if done[r] {
			continue
		}
		done[r] = true
		if r.kind == apply {
			minus := make([]float32, len(b))
			for i, x := range b {
				minus[i] = -x
			}
			r.op, r.attrs = "Max", nil
			r.operands = []operand{{arg: 0}, {arg: -1, value: onnx.NewTensor(minus, len(minus))}}
			hand(r, b, readers)
			continue
		}
		sum := make([]float64, r.channels)
		for i, a := range r.args {
			if a.src != u {
				continue
			}
			chans := a.chans
			if chans == nil {
				chans = count(u.channels)
			}
			for k, c := range chans {
				if w := r.weights[i]; w == nil {
					sum[k] += float64(b[c])
				} else {
					for o := range sum {
						sum[o] += float64(b[c]) * float64(w[k*r.channels+o])
					}
				}
			}
		}
		for o := range sum {
			r.bias[o] = float32(float64(r.bias[o]) + sum[o])
		}
	}
}

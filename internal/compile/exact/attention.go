package exact

import (
	"math"

	"pixelcnn/internal/compile/ir"
)

// attend is, head by head, the mean of the values at what the mask shows, weighted by the
// softmax of the query's products with the keys.
func (e *Evaluator) attend(u *ir.Unit, y, x int, out []float64) {
	clear(out)
	query := e.operand(u.Args[0], y, x)
	seen := u.Args[1].Access.(ir.Attended)
	reader, _ := seen.Place(y, x)
	var keys, values [][]float64
	var places []int
	for k := 0; ; k++ {
		yy, xx, ok := seen.At(y, x, k)
		if !ok {
			break
		}
		keys, places = append(keys, e.of(u.Args[1], yy, xx)), append(places, seen.Source(yy, xx))
		yy, xx, _ = u.Args[2].Access.At(y, x, k)
		values = append(values, e.of(u.Args[2], yy, xx))
	}
	if u.Self {
		keys, places = append(keys, e.operand(u.Args[3], y, x)), append(places, reader)
		values = append(values, e.operand(u.Args[4], y, x))
	}
	depth, width := len(query)/u.Heads, u.Channels/u.Heads
	weights := make([]float64, len(keys))
	for h := range u.Heads {
		top := math.Inf(-1)
		for k, key := range keys {
			weights[k] = u.Added(h, reader, places[k])
			for c := h * depth; c < (h+1)*depth; c++ {
				weights[k] += query[c] * key[c]
			}
			top = math.Max(top, weights[k])
		}
		sum := 0.0
		for k, w := range weights {
			weights[k] = math.Exp(w - top)
			sum += weights[k]
		}
		for k, w := range weights {
			for c := h * width; c < (h+1)*width; c++ {
				out[c] += w / sum * values[k][c]
			}
		}
	}
}

// of is the values of an argument's source at one of its positions.
func (e *Evaluator) of(a ir.Arg, y, x int) []float64 {
	a.Access = ir.Here
	return e.operand(a, y, x)
}

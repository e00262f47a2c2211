package train

import (
	"fmt"

	"pixelcnn/internal/onnx"
)

// newSum builds the graph that adds up n elements of the lanes: scale·(sum of the
// lanes, in order), as [newAdam] does within. Inputs: scale, [1], and the lanes, [n]
// each. Output: the sum, [n].
func newSum(n, lanes int) *onnx.Graph {
	g := &onnx.Graph{}
	scale := g.Input("scale", onnx.Float32, onnx.Fixed(1))
	g.Output(g.Op("Mul", nil, sumLanes(g, n, lanes), scale), "sum", onnx.Float32, onnx.Fixed(n))
	return g
}

// sumLanes adds the inputs lane0, lane1, …, [n] each, in order.
func sumLanes(g *onnx.Graph, n, lanes int) *onnx.Value {
	var sum *onnx.Value
	for i := range lanes {
		lane := g.Input(fmt.Sprintf("lane%d", i), onnx.Float32, onnx.Fixed(n))
		if sum == nil {
			sum = lane
		} else {
			sum = g.Op("Add", nil, sum, lane)
		}
	}
	return sum
}

// squares is the sum of the squares of x, in an order of its own: four sums side by
// side, which is faster than one. x has a multiple of four elements.
func squares(x []float32) float64 {
	var s [4]float64
	for ; len(x) >= 4; x = x[4:] {
		for k := range s {
			s[k] += float64(x[k]) * float64(x[k])
		}
	}
	return s[0] + s[1] + s[2] + s[3]
}

// clipFactor is what a gradient of some norm is multiplied by so that it is no longer
// than limit.
func clipFactor(norm, limit float64) float64 {
	if norm > limit {
		return limit / norm
	}
	return 1
}

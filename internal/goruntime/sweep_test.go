package goruntime_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// TestSweeps runs random graphs that work element by element, as a whole and in pieces:
// an element's bits do not depend on the others, though steps are joined and share memory.
func TestSweeps(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	joined := 0
	for range 40 {
		const n, inputs, scalars = 5000, 3, 2
		type op struct {
			name string
			in   []int
		}
		var ops []op
		for len(ops) < 25 {
			values := inputs + scalars + len(ops)
			pick := func() int { return max(rng.IntN(values), rng.IntN(values)) }
			if rng.IntN(3) == 0 {
				ops = append(ops, op{[]string{"Tanh", "Sigmoid", "Relu", "Exp"}[rng.IntN(4)], []int{pick()}})
			} else {
				ops = append(ops, op{[]string{"Add", "Sub", "Mul", "Max"}[rng.IntN(4)], []int{pick(), rng.IntN(values)}})
			}
		}
		data := make([][]float32, inputs+scalars)
		for i := range data {
			data[i] = make([]float32, n)
			for k := range data[i] {
				data[i][k] = float32(rng.NormFloat64())
			}
		}
		evaluate := func(lo, hi int) []float32 {
			g := &onnx.Graph{Name: "test"}
			var in []*onnx.Tensor
			var values []*onnx.Value
			for i, d := range data {
				if d = d[lo:hi]; i >= inputs {
					d = data[i][:1]
				}
				in = append(in, onnx.NewTensor(d, len(d)))
				values = append(values, g.Input(fmt.Sprint("in", i), onnx.Float32, onnx.Fixed(len(d))))
			}
			for _, o := range ops {
				var args []*onnx.Value
				for _, i := range o.in {
					args = append(args, values[i])
				}
				values = append(values, g.Op(o.name, nil, args...))
			}
			y := values[len(values)-1]
			for _, i := range []int{inputs, len(values) - 2} { // of the full size, and one that is needed late
				y = g.Op("Add", nil, y, values[i])
			}
			y = g.Op("Add", nil, y, values[0])
			g.Output(y, "y", onnx.Float32, onnx.Fixed(hi-lo))
			out := onnx.NewTensor(make([]float32, hi-lo), hi-lo)
			b := bind(t, load(t, marshal(t, g, 17), onnx.SessionOptions{}), in, []*onnx.Tensor{out})
			run(t, b)
			run(t, b)
			joined += goruntime.Steps(b) - goruntime.Sweeps(b)
			return out.Data.([]float32)
		}
		whole := evaluate(0, n)
		var parts []float32
		for lo := 0; lo < n; lo += 700 {
			parts = append(parts, evaluate(lo, min(lo+700, n))...)
		}
		if !slices.EqualFunc(whole, parts, func(a, b float32) bool { return a == b || a != a && b != b }) {
			t.Fatalf("%v: in pieces it is not the same", ops)
		}
	}
	if joined < 1000 {
		t.Errorf("%d steps are joined to others: this proves little", joined)
	}
}

package exact

import (
	"math"
	"slices"
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// TestAcross: operators over all channels of a position, worked out by hand.
func TestAcross(t *testing.T) {
	ln3 := math.Log(3)
	for _, c := range []struct {
		op   string
		in   [][]float64
		want []float64
	}{
		{"ReduceMean", [][]float64{{1, 2, 6}}, []float64{3}},
		{"ReduceSum", [][]float64{{1, 2, 6}}, []float64{9}},
		{"ReduceMax", [][]float64{{1, 6, 2}}, []float64{6}},
		{"ReduceMin", [][]float64{{2, 1, 6}}, []float64{1}},
		{"Softmax", [][]float64{{1, 1 + ln3}}, []float64{0.25, 0.75}},
		{"LogSoftmax", [][]float64{{1, 1 + ln3}}, []float64{-math.Log(4), ln3 - math.Log(4)}},
		{"LayerNormalization", [][]float64{{1, 3}}, []float64{-1, 1}}, // mean 2, variance 1
		{"LayerNormalization", [][]float64{{1, 3}, {2, 5}, {10, 20}}, []float64{8, 25}},
	} {
		out := make([]float64, len(c.want))
		operatorOf(&ir.Unit{Op: c.op, Attrs: onnx.Attrs{"epsilon": float32(0)}})(c.in, out, 1)
		for i, want := range c.want {
			if math.Abs(out[i]-want) > 1e-12 {
				t.Errorf("%s of %v is %v, should be %v", c.op, c.in, out, c.want)
				break
			}
		}
	}
	if across(&ir.Unit{Op: "Relu"}) != nil {
		t.Error("Relu looks at each channel by itself")
	}
}

// TestElementwise: each channel by itself, at several positions; what has fewer channels goes
// for all.
func TestElementwise(t *testing.T) {
	one, two := []float64{1, -2, 3, -4}, []float64{10, 20}
	for _, c := range []struct {
		op   string
		in   [][]float64
		want []float64
	}{
		{"Neg", [][]float64{one}, []float64{-1, 2, -3, 4}},
		{"Relu", [][]float64{one}, []float64{1, 0, 3, 0}},
		{"Add", [][]float64{one, two}, []float64{11, 8, 23, 16}},
		{"Sub", [][]float64{two, one}, []float64{9, 12, 17, 24}},
		{"Mul", [][]float64{one, one}, []float64{1, 4, 9, 16}},
		{"Div", [][]float64{one, two}, []float64{0.1, -0.2, 0.15, -0.2}},
		{"Max", [][]float64{one, {0, 5}}, []float64{1, 0, 5, 5}},
		{"HardSigmoid", [][]float64{{0, -2.5, 2.5, 9}}, []float64{0.5, 0, 1, 1}},
		{"HardSwish", [][]float64{{0, -3, 3, -9}}, []float64{0, 0, 3, 0}},
		{"Softsign", [][]float64{one}, []float64{0.5, -2.0 / 3, 0.75, -0.8}},
		{"ThresholdedRelu", [][]float64{one}, []float64{0, 0, 3, 0}},
		{"Selu", [][]float64{{0}}, []float64{0}},
		{"Celu", [][]float64{{2, 0}}, []float64{2, 0}},
		{"Mish", [][]float64{{0}}, []float64{0}},
		{"Greater", [][]float64{one, {0, 3}}, []float64{1, 0, 0, 0}},
		{"Where", [][]float64{{1, 0}, one, two}, []float64{1, -2, 20, 20}},
	} {
		f := operatorOf(&ir.Unit{Op: c.op})
		for range 2 { // its room is used again
			out := make([]float64, len(c.want))
			if f(slices.Clone(c.in), out, 2); !slices.Equal(out, c.want) {
				t.Errorf("%s of %v is %v, should be %v", c.op, c.in, out, c.want)
			}
		}
	}
}

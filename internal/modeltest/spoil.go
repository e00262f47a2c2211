package modeltest

import (
	"math"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
)

// Spoil returns a model file in which the last channel of what a convolution makes, the
// one that reads the bias of that name, comes out as x: NaN or an infinity. A file that
// holds such a number would not be loaded, so it is computed, and not from constants
// alone.
func Spoil(t testing.TB, file []byte, bias string, x float64) []byte {
	t.Helper()
	m, err := onnx.Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	for at, n := range m.Graph.Nodes {
		if n.Op != "Conv" || len(n.Inputs) < 3 || n.Inputs[2].Name != bias {
			continue
		}
		// −log(0) is +∞, the logarithm of −1 is no number, and that of 1 is 0.
		k := make([]float32, n.Inputs[2].Const.Len())
		for j := range k {
			k[j] = 1
		}
		op := "Sub"
		switch {
		case math.IsNaN(x):
			k[len(k)-1] = -1
		case math.IsInf(x, -1):
			k[len(k)-1], op = 0, "Add"
		default:
			k[len(k)-1] = 0
		}
		g := &onnx.Graph{}
		out := n.Outputs[0]
		n.Outputs[0] = &onnx.Value{Node: n}
		zero := g.Op("Mul", nil, n.Outputs[0], onnx.Const("", onnx.Scalar(float32(0))))
		sum := g.Op("Add", nil, zero, onnx.Const("", onnx.NewTensor(k, len(k), 1, 1)))
		g.Ops(1, op, nil, n.Outputs[0], g.Op("Log", nil, sum))
		last := g.Nodes[len(g.Nodes)-1]
		last.Outputs[0], out.Node = out, last
		m.Graph.Nodes = slices.Insert(m.Graph.Nodes, at+1, g.Nodes...)
		if file, err = onnx.Marshal(m); err != nil {
			t.Fatal(err)
		}
		return file
	}
	t.Fatalf("the file has no convolution with the bias %q", bias)
	return nil
}

package verify

import (
	"fmt"
	"slices"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// countClasses is the number of rows that every table has that the class chooses from.
func countClasses(g *onnx.Graph, class *onnx.Value) (int, error) {
	rows := 0
	for _, n := range g.Nodes {
		if !slices.Contains(n.Inputs, class) {
			continue
		}
		if n.Op != "Gather" || len(n.Inputs) != 2 || n.Inputs[1] != class || n.Inputs[0].Const == nil || n.Attrs.Int("axis", 0) != 0 {
			return 0, fmt.Errorf("%w: %s: the class is other than the row of a table", ErrFile, n.String())
		}
		shape := n.Inputs[0].Const.Shape
		if len(shape) != 2 || shape[0] < 1 || rows != 0 && shape[0] != rows {
			return 0, fmt.Errorf("%w: %s: a table of shape %v", ErrFile, n.String(), shape)
		}
		rows = shape[0]
	}
	if rows == 0 {
		return 0, fmt.Errorf("%w: nothing takes the input %q", ErrFile, format.Label)
	}
	return rows, nil
}

// specialise makes a conditional file that of a batch of given classes: the class is
// folded away, and each constant that is broadcast is repeated to the full shape.
func specialise(file []byte, classes []int64, height, width int) ([]byte, error) {
	m, err := onnx.Unmarshal(file)
	if err != nil {
		return nil, err
	}
	n := len(classes)
	*m.Graph.Inputs[1] = *onnx.Const(format.Label, onnx.NewTensor(classes, n))
	m.Graph.Inputs = m.Graph.Inputs[:1]
	if m, err = onnx.Simplify(m, map[string][]int{format.Image: {n, 1, height, width}}); err != nil {
		return nil, err
	}
	for _, node := range m.Graph.Nodes {
		if node.Op != "Add" && node.Op != "Mul" {
			continue
		}
		shape := onnx.Sizes(node.Outputs[0].Shape)
		for i, v := range node.Inputs {
			if v.Const == nil {
				continue
			}
			t, err := onnx.Broadcast(v.Const, shape)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", node.String(), err)
			}
			node.Inputs[i] = onnx.Const("", t)
		}
	}
	return onnx.Marshal(m)
}

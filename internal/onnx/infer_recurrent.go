package onnx

import (
	"fmt"
	"slices"
)

// gates are the matrices that a recurrent operator's weights hold one above another.
var gates = map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}

// inferRecurrent is for RNN, GRU and LSTM. Inputs: x [steps, batch, features], the weights
// [directions, gates·hidden, features] and [directions, gates·hidden, hidden], a bias, the
// sequences' lengths, the first state, and LSTM's first cell and peepholes. Outputs: all
// states [steps, directions, batch, hidden], the last one, and LSTM's last cell.
func inferRecurrent(n *Node, s [][]int) error {
	x, w := s[0], s[1]
	hidden := int(min(max(n.Attrs.Int("hidden_size", 0), 0), maxWindow))
	directions := 1
	if n.Attrs.String("direction", "forward") == "bidirectional" {
		directions = 2
	}
	if hidden == 0 || len(x) != 3 || len(w) != 3 {
		return fmt.Errorf("an input of shape %v, weights of shape %v and hidden_size %d", x, w, hidden)
	}
	if n.Attrs.Int("layout", 0) != 0 {
		return fmt.Errorf("layout %d, which ONNX Runtime does not have", n.Attrs.Int("layout", 0))
	}
	steps, batch, rows := x[0], x[1], gates[n.Op]*hidden
	state := []int{directions, batch, hidden}
	for i, want := range [][]int{
		nil, {directions, rows, x[2]}, {directions, rows, hidden}, {directions, 2 * rows}, {batch}, state, state, {directions, 3 * hidden},
	} {
		if i > 0 && i < len(s) && s[i] != nil && !slices.Equal(s[i], want) {
			return fmt.Errorf("input %d of shape %v, must be %v", i, s[i], want)
		}
	}
	n.infers(0, Float32, []int{steps, directions, batch, hidden})
	n.infers(1, Float32, state)
	n.infers(2, Float32, state)
	return nil
}

package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// checkNode refuses a node of a known operator that cannot be right, whatever the sizes are. A
// runtime may not check that: ONNX Runtime divides by a stride of zero.
func checkNode(n *Node) error {
	if err := checkArity(n); err != nil {
		return err
	}
	if err := checkWindow(n); err != nil {
		return err
	}
	if g := n.Attrs.Int("num_groups", 0); n.Op == "GroupNormalization" && g < 1 {
		return fmt.Errorf("it has %d groups", g)
	}
	return checkGraphs(n)
}

// maxWindow bounds strides, pads and the like.
const maxWindow = 1 << 20

// checkWindow checks the lists that describe a window, of the operators that have one.
func checkWindow(n *Node) error {
	switch n.Op {
	case "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool":
	default:
		return nil
	}
	rank := -1
	for _, list := range []struct {
		name  string
		each  int // elements for each dimension
		least int64
	}{{"kernel_shape", 1, 1}, {"strides", 1, 1}, {"dilations", 1, 1}, {"pads", 2, 0}, {"output_padding", 1, 0}, {"output_shape", 1, 1}} {
		v := n.Attrs.Ints(list.name)
		if v == nil {
			continue
		}
		if rank < 0 {
			rank = len(v) / list.each
		}
		if len(v) != rank*list.each || rank == 0 {
			return fmt.Errorf("its %s are %d, its window has %d dimensions", list.name, len(v), rank)
		}
		for _, x := range v {
			if x < list.least || x > maxWindow {
				return fmt.Errorf("its %s are %v, must be from %d to %d", list.name, v, list.least, maxWindow)
			}
		}
	}
	if g := n.Attrs.Int("group", 1); g < 1 || g > maxWindow {
		return fmt.Errorf("it has %d groups", g)
	}
	return nil
}

// checkGraphs refuses a Loop or an If whose graphs have not as many inputs and outputs as it needs.
// ONNX Runtime does not check that, and writes beyond what there is.
func checkGraphs(n *Node) error {
	if n.Op == "Scan" {
		_, _, err := scanBody(n)
		return err
	}
	if n.Op != "Loop" && n.Op != "If" {
		return nil
	}
	if slices.Contains(n.Outputs, nil) {
		return errors.New("it must have all of its outputs")
	}
	names, in, extra := []string{"then_branch", "else_branch"}, 0, 0
	if n.Op == "Loop" {
		// The body has the number of the round and a condition before the values that go
		// round, and gives the condition out.
		names, in, extra = []string{"body"}, max(2, len(n.Inputs)), 1
	}
	for _, name := range names {
		g, ok := n.Attrs[name].(*Graph)
		if !ok {
			return fmt.Errorf("it has no %s", name)
		}
		if len(g.Inputs) != in || len(g.Outputs) != len(n.Outputs)+extra || n.Op == "Loop" && len(g.Outputs) < in-1 {
			return fmt.Errorf("its %s has %d inputs and %d outputs, for %d inputs and %d outputs", name, len(g.Inputs), len(g.Outputs), len(n.Inputs), len(n.Outputs))
		}
	}
	return nil
}

// scanBody is the graph of a Scan, and how many of its inputs are scanned: the last ones.
func scanBody(n *Node) (body *Graph, scanned int, err error) {
	body, ok := n.Attrs["body"].(*Graph)
	k := n.Attrs.Int("num_scan_inputs", 0)
	switch {
	case !ok:
		return nil, 0, errors.New("it has no body")
	case k < 1 || k > int64(len(n.Inputs)):
		return nil, 0, fmt.Errorf("it scans %d of %d inputs", k, len(n.Inputs))
	case slices.Contains(n.Inputs, nil) || slices.Contains(n.Outputs, nil):
		return nil, 0, errors.New("it must have all of its inputs and outputs")
	}
	scanned = int(k)
	states := len(n.Inputs) - scanned
	if len(body.Inputs) != len(n.Inputs) || len(body.Outputs) != len(n.Outputs) || len(n.Outputs) < states {
		return nil, 0, fmt.Errorf("its body has %d inputs and %d outputs, for %d inputs, of which %d are scanned, and %d outputs",
			len(body.Inputs), len(body.Outputs), len(n.Inputs), scanned, len(n.Outputs))
	}
	for name, want := range map[string]int{
		"scan_input_axes": scanned, "scan_input_directions": scanned,
		"scan_output_axes": len(n.Outputs) - states, "scan_output_directions": len(n.Outputs) - states,
	} {
		if have := n.Attrs.Ints(name); have != nil && len(have) != want {
			return nil, 0, fmt.Errorf("its %s are %d, must be %d", name, len(have), want)
		}
	}
	return body, scanned, nil
}

// numbers are the inputs that are one number each, by operator.
var numbers = map[string][]int{
	"CumSum": {1}, "TopK": {1}, "OneHot": {1}, "Range": {0, 1, 2}, "Clip": {1, 2}, "Dropout": {1, 2}, "Pad": {2}, "Trilu": {1},
}

// checkNumbers refuses a node with an input that must be one number and is not: ONNX Runtime reads
// it even if there is none. The shape of an input that is missing is nil.
func checkNumbers(n *Node, shapes [][]int) error {
	for _, i := range numbers[n.Op] {
		if i < len(shapes) && shapes[i] != nil && count(shapes[i]) != 1 || i < len(shapes) && slices.Contains(shapes[i], 0) {
			return fmt.Errorf("input %d of shape %v, must be one number", i, shapes[i])
		}
	}
	return nil
}

// filled lists the operators whose inputs must have elements. Others get empty ones from shape
// arithmetic and in one-file samplers, and ONNX Runtime takes that.
var filled = map[string]bool{
	"InstanceNormalization": true, "GroupNormalization": true, "LpNormalization": true, "MeanVarianceNormalization": true, "LRN": true,
	"MaxPool": true, "AveragePool": true, "LpPool": true, "GlobalMaxPool": true, "GlobalAveragePool": true, "GlobalLpPool": true,
	"RNN": true, "GRU": true, "LSTM": true, "ConvTranspose": true, "TopK": true, "Einsum": true, "OneHot": true, "GatherND": true, "ScatterND": true, "ScatterElements": true,
}

// checkEmpty refuses a node with an empty input where its operator needs elements: ONNX Runtime
// divides by their number, or reads the first one.
func checkEmpty(n *Node, shapes [][]int) error {
	if !filled[n.Op] {
		return nil
	}
	for i, s := range shapes {
		if slices.Contains(s, 0) {
			return fmt.Errorf("input %d of shape %v, must have elements", i, s)
		}
	}
	return nil
}

// checkPads refuses a Pad that repeats more than there is: ONNX Runtime leaves the rest unwritten.
func checkPads(n *Node, x, begin, end []int) error {
	mode := n.Attrs.String("mode", "constant")
	if mode == "constant" {
		return nil
	}
	for i, d := range x {
		most := math.MaxInt
		switch mode {
		case "reflect": // the edge itself is not repeated
			most = d - 1
		case "wrap":
			most = d
		}
		if b, e := begin[i], end[i]; (b != 0 || e != 0) && (d == 0 || min(b, e) < 0 || max(b, e) > most) {
			return fmt.Errorf("pads %d and %d of mode %s for %d elements", b, e, mode, d)
		}
	}
	return nil
}

// checkDivisor refuses a division of integers that may be by 0, or of the least one by -1:
// the processor ends the process that does either.
func checkDivisor(n *Node) error {
	if n.Op != "Div" && n.Op != "Mod" || n.Inputs[0].DType == Float32 || n.Inputs[0].DType == Float64 {
		return nil
	}
	divisor := n.Inputs[1].Const
	if divisor == nil || divisor.Len() > small { // Strip drops such a constant
		return fmt.Errorf("its divisor is an integer that is not a constant of at most %d elements", small)
	}
	for _, d := range floats(divisor) {
		if d == 0 || d == -1 {
			return fmt.Errorf("its divisor is an integer that may not be %g", d)
		}
	}
	return nil
}

// trim drops what is missing at the end of a node's optional inputs, which says the same and
// is what ONNX Runtime's optimizers count on.
func trim(n *Node) {
	if variadic[n.Op] || n.Op == "Loop" || n.Op == "Scan" {
		return
	}
	need, known := arity[n.Op]
	if !known {
		need = 1
	}
	for k := len(n.Inputs); k > need && n.Inputs[k-1] == nil; k-- {
		n.Inputs = n.Inputs[:k-1]
	}
}

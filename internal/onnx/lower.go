package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Note is a part of a file that is not run as the file has it, what is run instead, and why.
type Note struct {
	Part, Value, Why string
	// Differs is set where results differ by more than rounding.
	Differs bool
}

// Notes tell what reading and [Lower] have changed of what the file computes.
func (m *Model) Notes() []Note { return m.notes }

// ErrTraining is wrapped by every [*TrainingError].
var ErrTraining = errors.New("onnx: exported in training mode")

// TrainingError is a node that behaves as in training: it drops values, or normalises by the mean
// over the batch.
type TrainingError struct{ Node string }

func (e *TrainingError) Error() string {
	return fmt.Sprintf("%v: %s is active in it; call model.eval() before torch.onnx.export", ErrTraining, e.Node)
}

// Unwrap makes errors.Is(err, ErrTraining) true.
func (e *TrainingError) Unwrap() error { return ErrTraining }

// Lower rewrites a network from elsewhere so that it can be run here. It changes m.
//
// It refuses a network in training mode ([*TrainingError]). What depends on constants alone becomes
// a constant: weights that are cast, dequantised or normalised, as by weight_norm and
// spectral_norm. A network in float64, for which ONNX Runtime has no convolution, becomes one in
// float32. (Reading has already done this for float16 and bfloat16, inlined local functions, and
// read ONNX Runtime's own operators as those that they stand for.) Every change to what is computed
// is among [Model.Notes]. Errors wrap [ErrShape] too.
func Lower(m *Model) error {
	if err := checkTraining(m.Graph); err != nil {
		return err
	}
	lowerSequences(m)
	lowerProducts(m)
	if err := foldConstants(m); err != nil {
		return err
	}
	if inDoubles(m.Graph) {
		narrowDoubles(m.Graph, map[*Value]bool{})
		m.notes = append(m.notes, Note{Part: "numbers", Value: "float32", Why: "the file's are float64"})
	}
	return nil
}

// checkTraining finds a Dropout or a BatchNormalization that trains.
func checkTraining(g *Graph) error {
	return eachNode(g, func(n *Node) error {
		trains := false
		switch {
		case n.Domain != "":
		case n.Op == "BatchNormalization":
			trains = n.Attrs.Int("training_mode", 0) == 1
		case n.Op == "Dropout" && len(n.Inputs) > 2:
			t, ratio := constantOf(n.Inputs[2]), constantOf(n.Inputs[1])
			trains = t != nil && number(t) != 0 && (ratio == nil || number(ratio) != 0)
		}
		if trains {
			return &TrainingError{n.String()}
		}
		return nil
	})
}

// eachNode calls do for the nodes of a graph and of those within them.
func eachNode(g *Graph, do func(n *Node) error) error {
	for _, n := range g.Nodes {
		if err := do(n); err != nil {
			return err
		}
		for _, a := range n.Attrs {
			if sub, ok := a.(*Graph); ok {
				if err := eachNode(sub, do); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// constantOf is the tensor of a value that is a constant or the output of a Constant node; nil for
// others.
func constantOf(v *Value) *Tensor {
	switch {
	case v == nil:
		return nil
	case v.Const != nil:
		return v.Const
	case v.Node != nil && v.Node.Op == "Constant" && v.Node.Domain == "":
		if t, err := constant(v.Node); err == nil {
			return t
		}
	}
	return nil
}

// lowerProducts reads other products as ONNX's own: those with a transposed factor, whose rank must
// be known, and those of integers that stand for real numbers.
func lowerProducts(m *Model) {
	fused, dynamic := false, false
	for _, n := range m.Graph.Nodes {
		fused = fused || n.Op == "FusedMatMul"
		dynamic = dynamic || n.Op == "DynamicQuantizeLinear"
	}
	w := rewriter{opset: m.Opsets[""], notes: m.notes}
	if fused {
		w.sized = sized(m)
	}
	if dynamic {
		w.dynamic = multiplied(m.Graph)
	}
	if !fused && !dynamic {
		return
	}
	var nodes []*Node
	for _, n := range m.Graph.Nodes {
		if made := w.standard(n); made != nil {
			nodes = append(nodes, made...)
		} else {
			nodes = append(nodes, n)
		}
	}
	m.Graph.Nodes, m.notes = nodes, w.notes
}

// multiplied finds the values that are quantised as the network runs and are then factors of a
// product and nothing else. It returns their zero points.
func multiplied(g *Graph) map[*Value]bool {
	zeros, of := map[*Value]bool{}, map[*Value]*Value{} // of: the zero point that belongs to a value
	for _, n := range g.Nodes {
		if n.Op == "DynamicQuantizeLinear" && n.Domain == "" && len(n.Outputs) == 3 && n.Outputs[2] != nil {
			zeros[n.Outputs[2]], of[n.Outputs[0]], of[n.Outputs[2]] = true, n.Outputs[2], n.Outputs[2]
		}
	}
	point := map[string]int{"ConvInteger": 2, "MatMulInteger": 2, "MatMulIntegerToFloat": 4} // the input that is a zero point
	other := func(v *Value) {
		if v != nil && of[v] != nil {
			delete(zeros, of[v])
		}
	}
	for _, n := range g.Nodes {
		at, product := point[n.Op]
		fits := product && at < len(n.Inputs) && n.Inputs[at] != nil && of[n.Inputs[0]] == n.Inputs[at]
		for i, v := range n.Inputs {
			if !fits || i != 0 && i != at {
				other(v)
			}
		}
		for _, v := range captured(n) {
			other(v)
		}
	}
	for _, v := range g.Outputs {
		other(v)
	}
	return zeros
}

// sized finds the types and shapes of the values of a graph. Free sizes of its inputs are tried
// until the graph fits, or else those that most of it fits. The number of dimensions is the same
// for all sizes.
func sized(m *Model) map[*Value]*Value {
	var most map[*Value]*Value
	l, _ := Limits{}.WithDefaults()
	t := &Meter{model: m, limits: l}
	for _, size := range trials {
		r := t.reading()
		for i, shape := range trialShapes(m.Graph, size) {
			v := m.Graph.Inputs[i]
			r.values[v] = &Value{DType: v.DType, Shape: Shape(shape...)}
		}
		_, err := r.graph(m.Graph, 1)
		maps.DeleteFunc(r.values, func(_, w *Value) bool { return w == nil || w.Shape == nil })
		if len(r.values) > len(most) {
			most = r.values
		}
		if err == nil {
			break
		}
	}
	return most
}

// foldConstants turns what nodes compute from constants alone into constants. Where activations are
// quantised, the dequantised weights stay nodes: a runtime has products of integers for them.
func foldConstants(m *Model) error {
	quantised := false
	_ = eachNode(m.Graph, func(n *Node) error {
		quantised = quantised || n.Op == "QuantizeLinear"
		return nil
	})
	f := folder{values: map[*Value]*Value{}, most: maxFold, left: maxFolding}
	ends := map[*Value]bool{}
	for _, v := range m.Graph.Outputs {
		ends[v] = true
	}
	var kept []*Node
	for _, n := range m.Graph.Nodes {
		folds, err := f.folds(n, ends, quantised)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrShape, n.String(), err)
		}
		if !folds {
			kept = append(kept, n)
		}
	}
	m.Graph.Nodes = kept
	return nil
}

// folds turns the outputs of a node into constants, if they can be computed and none is an output
// of the graph.
func (f *folder) folds(n *Node, ends map[*Value]bool, quantised bool) (bool, error) {
	if n.Domain != "" || n.Op == "Constant" || len(n.Inputs) == 0 || quantised && n.Op == "DequantizeLinear" {
		return false, nil
	}
	for _, v := range n.Inputs {
		if v == nil {
			continue
		}
		t := constantOf(v)
		if t == nil {
			return false, nil
		}
		f.values[v] = Const(v.Name, t)
	}
	for _, v := range n.Outputs {
		if ends[v] {
			return false, nil
		}
	}
	f.nodes = nil
	if err := f.node(n); err != nil {
		return false, err
	}
	made := func(v *Value) bool { return v == nil || f.value(v).Const != nil }
	if len(f.nodes) > 0 || slices.ContainsFunc(n.Outputs, func(v *Value) bool { return !made(v) }) {
		return false, nil // it is too large, or its operator is not known here
	}
	for _, v := range n.Outputs {
		if v != nil {
			v.set(f.value(v).Const)
		}
	}
	return true, nil
}

// inDoubles tells whether a graph takes, gives or multiplies numbers of float64.
func inDoubles(g *Graph) bool {
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		if v.DType == Float64 {
			return true
		}
	}
	return eachNode(g, func(n *Node) error {
		for _, v := range n.Inputs {
			if t := constantOf(v); t != nil && t.DType() == Float64 && (n.Op == "Conv" || n.Op == "ConvTranspose" || n.Op == "Gemm" || n.Op == "MatMul") {
				return errDoubles
			}
		}
		return nil
	}) != nil
}

var errDoubles = errors.New("in float64")

// narrowDoubles turns all that is float64 in a graph into float32.
func narrowDoubles(g *Graph, done map[*Value]bool) {
	value := func(v *Value) {
		if v == nil || done[v] {
			return
		}
		done[v] = true
		if v.DType == Float64 {
			v.DType = Float32
		}
		if v.Const != nil {
			v.Const = narrowed(v.Const)
		}
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		value(v)
	}
	for _, n := range g.Nodes {
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			value(v)
		}
		for name, a := range n.Attrs {
			switch a := a.(type) {
			case *Tensor:
				n.Attrs[name] = narrowed(a)
			case *Graph:
				narrowDoubles(a, done)
			case int64:
				if typeAttrs[name] && DType(a) == Float64 {
					n.Attrs[name] = int64(Float32)
				}
			}
		}
	}
}

// narrowed is a tensor of float64 as float32. A number beyond float32's range becomes the largest
// one: such numbers are there to mask.
func narrowed(t *Tensor) *Tensor {
	d, ok := t.Data.([]float64)
	if !ok {
		return t
	}
	out := make([]float32, len(d))
	for i, x := range d {
		if !math.IsInf(x, 0) && !math.IsNaN(x) {
			x = max(-math.MaxFloat32, min(x, math.MaxFloat32))
		}
		out[i] = float32(x)
	}
	return &Tensor{t.Shape, out}
}

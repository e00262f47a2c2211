package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ErrOperator is wrapped by every [*OperatorError].
var ErrOperator = errors.New("onnx: unknown operator")

// OperatorError is a node whose operator is not known, or not in a domain that is let through.
type OperatorError struct {
	Op, Domain string // Domain is empty for ONNX's own operators
	Node       string // as in messages
}

func (e *OperatorError) Error() string {
	switch e.Domain {
	case "":
	case microsoft + ".nchwc":
		return fmt.Sprintf("%v %s (%s): ONNX Runtime's optimiser wrote it for one kind of processor; take the file from before, or optimise to ORT_ENABLE_EXTENDED at most", ErrOperator, e.Op, e.Node)
	default:
		return fmt.Sprintf("%v %s of domain %q (%s)", ErrOperator, e.Op, e.Domain, e.Node)
	}
	return fmt.Sprintf("%v %s (%s)", ErrOperator, e.Op, e.Node)
}

// Unwrap makes errors.Is(err, ErrOperator) true.
func (e *OperatorError) Unwrap() error { return ErrOperator }

// ErrNotFinite is wrapped by every [*WeightError].
var ErrNotFinite = errors.New("onnx: a weight is not a finite number")

// WeightError is a constant with an element that is not a number, or with an infinite
// one where it is a factor. Infinite summands are let through: attention masks are some.
type WeightError struct {
	Name    string // of the constant
	Element int
	Value   float64
}

func (e *WeightError) Error() string {
	hint := ""
	if math.IsInf(e.Value, 0) {
		hint = "; put a finite number in its place, such as -1e9 for a level that never occurs"
	}
	return fmt.Sprintf("%v: element %d of %q is %v%s", ErrNotFinite, e.Element, e.Name, e.Value, hint)
}

// Unwrap makes errors.Is(err, ErrNotFinite) true.
func (e *WeightError) Unwrap() error { return ErrNotFinite }

// operators are those that are let through: all for which the sizes of the results are known.
var operators = func() map[string]bool {
	known := map[string]bool{}
	for _, op := range strings.Fields(`Cast Conv ConvTranspose Gemm MatMul Einsum Transpose Slice Pad Concat Gather Split
		Reshape Flatten Squeeze Unsqueeze Expand OneHot Shape Size Constant ConstantOfShape Range Tile
		GatherElements GatherND ArgMax ArgMin TopK Multinomial RandomUniform RandomNormal
		MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool DepthToSpace SpaceToDepth Resize Upsample
		ReduceProd ReduceSum ReduceMean ReduceMax ReduceMin ReduceSumSquare ReduceL2 ReduceL1 ReduceLogSum ReduceLogSumExp
		If Loop Scan RNN GRU LSTM
		QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger MatMulInteger QLinearConv QLinearMatMul
		com.microsoft:FusedMatMul com.microsoft:QLinearAdd com.microsoft:QLinearMul com.microsoft:QLinearSigmoid
		com.microsoft:QLinearLeakyRelu com.microsoft:QGemm`) {
		known[op] = true
	}
	for op := range sameShape {
		known[op] = true
	}
	for op := range broadcasts {
		known[op] = true
	}
	return known
}()

// known tells whether a node's operator is let through.
func known(n *Node) bool {
	if n.Domain == "" {
		return operators[n.Op]
	}
	return n.Domain == microsoft && operators[microsoft+":"+n.Op]
}

// microsoft is the domain of ONNX Runtime's own operators.
const microsoft = "com.microsoft"

// Operators lists the operators that [Check] lets through, in order.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

// Check looks at a model that may come from anybody, within limits. Beyond what
// [UnmarshalWithin] refuses it refuses operators that are
// not known and domains other than ONNX's own, by name ([*OperatorError]), weights that
// are no finite numbers ([*WeightError]), graphs whose sizes do not fit ([ErrShape])
// and those whose run would take more than the limits allow ([*LimitError]). Where
// sizes are free, that is checked for small ones, and by the meter for each that is
// used.
//
// The model is not changed; a runtime is to run the copy, in which there is nothing that
// was not looked at. The two share the elements of constants. Imports of domains that no
// node uses are not in it.
func Check(m *Model, l Limits) (*Model, *Meter, error) {
	l, err := l.WithDefaults()
	if err != nil {
		return nil, nil, err
	}
	if err := verify(m, l); err != nil {
		return nil, nil, err
	}
	m = m.Clone()
	for _, end := range []struct {
		kind   string
		values []*Value
	}{{"input", m.Graph.Inputs}, {"output", m.Graph.Outputs}} {
		if _, err := Infos(end.kind, end.values); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	used := map[string]bool{"": true}
	if err := checkOperators(m.Graph, l, used); err != nil {
		return nil, nil, err
	}
	for domain := range m.Opsets {
		if !used[domain] {
			delete(m.Opsets, domain)
		}
	}
	if err := checkWeights(m.Graph); err != nil {
		return nil, nil, err
	}
	meter, err := newMeter(m, l)
	if err != nil {
		return nil, nil, err
	}
	return m, meter, nil
}

// checkOperators refuses unknown operators, and notes the domains of those in use.
func checkOperators(g *Graph, l Limits, used map[string]bool) error {
	return eachNode(g, func(n *Node) error {
		if !known(n) && !l.trusts(n) {
			return &OperatorError{n.Op, n.Domain, n.String()}
		}
		used[n.Domain] = true
		return nil
	})
}

// factors are the operators that multiply with their constants.
var factors = map[string]bool{
	"Conv": true, "ConvTranspose": true, "Gemm": true, "MatMul": true, "Einsum": true, "Mul": true, "Div": true,
	"RNN": true, "GRU": true, "LSTM": true, "PRelu": true, "BatchNormalization": true, "LayerNormalization": true, "InstanceNormalization": true, "GroupNormalization": true,
}

// moves are the operators that pass elements on as they are.
var moves = map[string]bool{
	"Identity": true, "Cast": true, "Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true,
	"Slice": true, "Split": true, "Concat": true, "Expand": true, "Tile": true, "Neg": true, "Abs": true, "Pad": true,
}

// chooses are the operators that take some elements of a constant, not all.
var chooses = map[string]bool{"Gather": true, "GatherElements": true, "GatherND": true, "Where": true, "IsNaN": true}

// checkWeights refuses weights that make every result useless.
func checkWeights(g *Graph) error {
	bad := map[*Value]*WeightError{}
	for _, v := range constants(g) {
		if e := notFinite(v.Const); e != nil {
			e.Name = v.Name
			bad[v] = e
		}
	}
	return checkUses(g, bad)
}

// checkUses refuses infinite factors, and operands that are not numbers.
func checkUses(g *Graph, bad map[*Value]*WeightError) error {
	for _, n := range g.Nodes {
		for _, a := range n.Attrs {
			switch a := a.(type) {
			case *Tensor:
				if e := notFinite(a); e != nil {
					e.Name = n.String()
					spread(bad, n, e)
				}
			case *Graph:
				if err := checkUses(a, bad); err != nil {
					return err
				}
			}
		}
		for _, v := range n.Inputs {
			e := bad[v]
			switch {
			case e == nil:
			case moves[n.Op]:
				spread(bad, n, e)
			case factors[n.Op], math.IsNaN(e.Value) && !chooses[n.Op]:
				return e
			}
		}
	}
	return nil
}

func spread(bad map[*Value]*WeightError, n *Node, e *WeightError) {
	for _, v := range n.Outputs {
		if v != nil {
			bad[v] = e
		}
	}
}

// notFinite finds an element that is not a number, or else an infinite one.
func notFinite(t *Tensor) *WeightError {
	switch d := t.Data.(type) {
	case []float32:
		// x−x is 0 for finite numbers alone, and the sum of such is 0.
		var sum float32
		for _, x := range d {
			sum += x - x
		}
		if sum == 0 {
			return nil
		}
		i := slices.IndexFunc(d, func(x float32) bool { return x != x })
		if i < 0 {
			i = slices.IndexFunc(d, func(x float32) bool { return math.IsInf(float64(x), 0) })
		}
		return &WeightError{Element: i, Value: float64(d[i])}
	case []float64:
		i := slices.IndexFunc(d, math.IsNaN)
		if i < 0 {
			i = slices.IndexFunc(d, func(x float64) bool { return math.IsInf(x, 0) })
		}
		if i >= 0 {
			return &WeightError{Element: i, Value: d[i]}
		}
	}
	return nil
}

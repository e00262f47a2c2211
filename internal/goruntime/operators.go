package goruntime

import (
	"strings"

	"pixelcnn/internal/onnx"
)

// The versions of the operator set that are supported.
const (
	minOpset = 11
	maxOpset = 23
)

// operator says what a node of some operator may look like, and plans it.
type operator struct {
	plan func(p *planner, n *node) error
	// least and most inputs; the first least must be there. Any number where most
	// is -1, and then all of them.
	least, most int
	outputs     int    // at most, any number where -1
	attrs       string // name:kind, kind one of i(nt) f(loat) s(tring) t(ensor) I(nts) F(loats)
}

// operators are those of ONNX's own domain that this runtime has.
var operators map[string]operator

func init() {
	operators = map[string]operator{
		"BatchNormalization": {planBatchNorm, 5, 5, 5, "epsilon:f momentum:f training_mode:i"},
		"Cast":               {planCast, 1, 1, 1, "to:i saturate:i"},
		"CastLike":           {planCast, 2, 2, 1, "saturate:i"},
		"Clip":               {planClip, 1, 3, 1, "min:f max:f"},
		"Concat":             {planConcat, 1, -1, 1, "axis:i"},
		"Constant":           {planConstant, 0, 0, 1, "value:t value_float:f value_floats:F value_int:i value_ints:I"},
		"ConstantOfShape":    {planConstantOfShape, 1, 1, 1, "value:t"},
		"Conv":               {planConv, 2, 3, 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"},
		"Dropout":            {planDropout, 1, 3, 2, "ratio:f seed:i"},
		"Expand":             {planExpand, 2, 2, 1, ""},
		"Flatten":            {planReshape, 1, 1, 1, "axis:i"},
		"Gather":             {planGather, 2, 2, 1, "axis:i"},
		"Gemm":               {planGemm, 2, 3, 1, "alpha:f beta:f transA:i transB:i"},
		"Identity":           {planReshape, 1, 1, 1, ""},
		"LayerNormalization": {planLayerNorm, 2, 3, 3, "axis:i epsilon:f stash_type:i"},
		"MatMul":             {planMatMul, 2, 2, 1, ""},
		"OneHot":             {planOneHot, 3, 3, 1, "axis:i"},
		"Pad":                {planPad, 1, 4, 1, "mode:s pads:I value:f"},
		"PRelu":              {planArithmetic, 2, 2, 1, ""},
		"Range":              {planRange, 3, 3, 1, ""},
		"Reshape":            {planReshape, 2, 2, 1, "allowzero:i"},
		"Shape":              {planShape, 1, 1, 1, "start:i end:i"},
		"Size":               {planShape, 1, 1, 1, ""},
		"Slice":              {planSlice, 3, 5, 1, ""},
		"Split":              {planSplit, 1, 2, -1, "axis:i split:I num_outputs:i"},
		"Squeeze":            {planReshape, 1, 2, 1, "axes:I"},
		"Tile":               {planTile, 2, 2, 1, ""},
		"Transpose":          {planTranspose, 1, 1, 1, "perm:I"},
		"Unsqueeze":          {planReshape, 1, 2, 1, "axes:I"},
		"Where":              {planWhere, 3, 3, 1, ""},

		"Mod":   {planArithmetic, 2, 2, 1, "fmod:i"},
		"Not":   {planNot, 1, 1, 1, ""},
		"IsNaN": {planNot, 1, 1, 1, ""},

		"LeakyRelu":       {planUnary, 1, 1, 1, "alpha:f"},
		"Elu":             {planUnary, 1, 1, 1, "alpha:f"},
		"Selu":            {planUnary, 1, 1, 1, "alpha:f gamma:f"},
		"Celu":            {planUnary, 1, 1, 1, "alpha:f"},
		"ThresholdedRelu": {planUnary, 1, 1, 1, "alpha:f"},
		"HardSigmoid":     {planUnary, 1, 1, 1, "alpha:f beta:f"},
		"Gelu":            {planUnary, 1, 1, 1, "approximate:s"},
		"Softmax":         {planSoftmax, 1, 1, 1, "axis:i"},
		"LogSoftmax":      {planSoftmax, 1, 1, 1, "axis:i"},
	}
	for op := range functions {
		operators[op] = operator{planUnary, 1, 1, 1, ""}
	}
	for _, op := range strings.Fields("Add Sub Mul Div Pow") {
		operators[op] = operator{planArithmetic, 2, 2, 1, ""}
	}
	for _, op := range strings.Fields("Min Max Sum Mean") {
		operators[op] = operator{planArithmetic, 1, -1, 1, ""}
	}
	for _, op := range strings.Fields("Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor") {
		operators[op] = operator{planCompare, 2, 2, 1, ""}
	}
	for _, op := range strings.Fields("Sum Mean Prod Max Min SumSquare L1 L2 LogSum LogSumExp") {
		operators["Reduce"+op] = operator{planReduce, 1, 2, 1, "axes:I keepdims:i noop_with_empty_axes:i"}
	}
}

// checkNode checks what can be said of a node before shapes are known.
func checkNode(n *onnx.Node) error {
	o, ok := operators[n.Op]
	if !ok || n.Domain != "" {
		return &UnknownOpError{Op: n.Op, Domain: n.Domain, Node: n.Label()}
	}
	if err := o.check(n); err != nil {
		return &NodeError{n.Label(), err}
	}
	return nil
}

func (o *operator) check(n *onnx.Node) error {
	most := o.most
	if most < 0 {
		most = len(n.Inputs)
	}
	if len(n.Inputs) < o.least || len(n.Inputs) > most {
		return errorf("%d inputs", len(n.Inputs))
	}
	for i, v := range n.Inputs {
		if v == nil && (i < o.least || o.most < 0) {
			return errorf("its input %d is missing", i)
		}
	}
	if len(n.Outputs) < 1 || o.outputs >= 0 && len(n.Outputs) > o.outputs {
		return errorf("%d outputs", len(n.Outputs))
	}
	kinds := map[string]string{}
	for _, a := range strings.Fields(o.attrs) {
		name, kind, _ := strings.Cut(a, ":")
		kinds[name] = kind
	}
	for name, v := range n.Attrs {
		kind := ""
		switch v.(type) {
		case int64:
			kind = "i"
		case float32:
			kind = "f"
		case string:
			kind = "s"
		case *onnx.Tensor:
			kind = "t"
		case []int64:
			kind = "I"
		case []float32:
			kind = "F"
		}
		if want, ok := kinds[name]; !ok {
			return errorf("attribute %q is not supported", name)
		} else if want != kind {
			return errorf("attribute %q is a %T", name, v)
		}
	}
	return nil
}

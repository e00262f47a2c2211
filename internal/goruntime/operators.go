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

// operator says what a node of some operator may look like, and binds it.
type operator struct {
	bind func(p *binder, n *node) error
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
		"BatchNormalization": {bindBatchNorm, 5, 5, 5, "epsilon:f momentum:f training_mode:i"},
		"Cast":               {bindCast, 1, 1, 1, "to:i saturate:i"},
		"CastLike":           {bindCast, 2, 2, 1, "saturate:i"},
		"Clip":               {bindClip, 1, 3, 1, "min:f max:f"},
		"Concat":             {bindConcat, 1, -1, 1, "axis:i"},
		"Constant":           {bindConstant, 0, 0, 1, "value:t value_float:f value_floats:F value_int:i value_ints:I"},
		"ConstantOfShape":    {bindConstantOfShape, 1, 1, 1, "value:t"},
		"Conv":               {bindConv, 2, 3, 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"},
		"ConvTranspose":      {bindConvTranspose, 2, 3, 1, "auto_pad:s dilations:I group:i kernel_shape:I output_padding:I output_shape:I pads:I strides:I"},
		"AveragePool":        {bindPool, 1, 1, 1, "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I pads:I strides:I"},
		"MaxPool":            {bindPool, 1, 1, 1, "auto_pad:s ceil_mode:i dilations:I kernel_shape:I pads:I storage_order:i strides:I"},
		"Resize":             {bindTaken, 1, 4, 1, "antialias:i coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f keep_aspect_ratio_policy:s mode:s nearest_mode:s"},
		"DepthToSpace":       {bindTaken, 1, 1, 1, "blocksize:i mode:s"},
		"SpaceToDepth":       {bindTaken, 1, 1, 1, "blocksize:i"},
		"Dropout":            {bindDropout, 1, 3, 2, "ratio:f seed:i"},
		"Expand":             {bindExpand, 2, 2, 1, ""},
		"Flatten":            {bindReshape, 1, 1, 1, "axis:i"},
		"Gather":             {bindGather, 2, 2, 1, "axis:i"},
		"Gemm":               {bindGemm, 2, 3, 1, "alpha:f beta:f transA:i transB:i"},
		"Identity":           {bindReshape, 1, 1, 1, ""},
		"LayerNormalization": {bindLayerNorm, 2, 3, 3, "axis:i epsilon:f stash_type:i"},
		"MatMul":             {bindMatMul, 2, 2, 1, ""},
		"OneHot":             {bindOneHot, 3, 3, 1, "axis:i"},
		"Pad":                {bindPad, 1, 4, 1, "mode:s pads:I value:f"},
		"PRelu":              {bindArithmetic, 2, 2, 1, ""},
		"Range":              {bindRange, 3, 3, 1, ""},
		"Reshape":            {bindReshape, 2, 2, 1, "allowzero:i"},
		"Shape":              {bindShape, 1, 1, 1, "start:i end:i"},
		"Size":               {bindShape, 1, 1, 1, ""},
		"Slice":              {bindSlice, 3, 5, 1, ""},
		"Split":              {bindSplit, 1, 2, -1, "axis:i split:I num_outputs:i"},
		"Squeeze":            {bindReshape, 1, 2, 1, "axes:I"},
		"Tile":               {bindTile, 2, 2, 1, ""},
		"Transpose":          {bindTranspose, 1, 1, 1, "perm:I"},
		"Trilu":              {bindTrilu, 1, 2, 1, "upper:i"},
		"Unsqueeze":          {bindReshape, 1, 2, 1, "axes:I"},
		"Where":              {bindWhere, 3, 3, 1, ""},

		"Mod":   {bindArithmetic, 2, 2, 1, "fmod:i"},
		"Not":   {bindNot, 1, 1, 1, ""},
		"IsNaN": {bindNot, 1, 1, 1, ""},

		"LeakyRelu":       {bindUnary, 1, 1, 1, "alpha:f"},
		"Elu":             {bindUnary, 1, 1, 1, "alpha:f"},
		"Selu":            {bindUnary, 1, 1, 1, "alpha:f gamma:f"},
		"Celu":            {bindUnary, 1, 1, 1, "alpha:f"},
		"ThresholdedRelu": {bindUnary, 1, 1, 1, "alpha:f"},
		"HardSigmoid":     {bindUnary, 1, 1, 1, "alpha:f beta:f"},
		"Gelu":            {bindUnary, 1, 1, 1, "approximate:s"},
		"Softmax":         {bindSoftmax, 1, 1, 1, "axis:i"},
		"LogSoftmax":      {bindSoftmax, 1, 1, 1, "axis:i"},
	}
	for _, op := range strings.Fields("ArgMax ArgMin") {
		operators[op] = operator{bindArg, 1, 1, 1, "axis:i keepdims:i select_last_index:i"}
	}
	for op := range functions {
		operators[op] = operator{bindUnary, 1, 1, 1, ""}
	}
	for _, op := range strings.Fields("Add Sub Mul Div Pow") {
		operators[op] = operator{bindArithmetic, 2, 2, 1, ""}
	}
	for _, op := range strings.Fields("Min Max Sum Mean") {
		operators[op] = operator{bindArithmetic, 1, -1, 1, ""}
	}
	for _, op := range strings.Fields("Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor") {
		operators[op] = operator{bindCompare, 2, 2, 1, ""}
	}
	for _, op := range strings.Fields("Sum Mean Prod Max Min SumSquare L1 L2 LogSum LogSumExp") {
		operators["Reduce"+op] = operator{bindReduce, 1, 2, 1, "axes:I keepdims:i noop_with_empty_axes:i"}
	}
}

// checkNode checks what can be said of a node before shapes are known.
func checkNode(n *onnx.Node) error {
	o, ok := operators[n.Op]
	if !ok || n.Domain != "" {
		return &UnknownOpError{Op: n.Op, Domain: n.Domain, Node: n.String()}
	}
	if err := o.check(n); err != nil {
		return &NodeError{n.String(), err}
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

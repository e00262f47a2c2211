package onnxtest

import (
	"fmt"
	"slices"
	"strings"

	"pixelcnn/internal/onnx"
)

// node is one whose inputs are known.
type node struct {
	*onnx.Node
	in    []info
	opset int64
}

// operator is a definition of the standard, as of opset 17.
type operator struct {
	min, max int               // inputs; max is -1 where there may be any number
	types    []string          // of the inputs, the last one's of those after it as well; see [types]
	attrs    map[string]string // kinds by name
	makes    func(node) ([]info, error)
}

// types are what an input's type may be. "same" is the first input's.
var types = map[string][]onnx.DType{
	"any":    {onnx.Float32, onnx.Float64, onnx.Int64, onnx.Int32, onnx.Uint8, onnx.Bool},
	"number": {onnx.Float32, onnx.Float64, onnx.Int64, onnx.Int32, onnx.Uint8},
	"wide":   {onnx.Float32, onnx.Float64, onnx.Int64, onnx.Int32},
	"float":  {onnx.Float32, onnx.Float64},
	"index":  {onnx.Int64, onnx.Int32},
	"int64":  {onnx.Int64},
	"bool":   {onnx.Bool},
}

// takes tells whether input i has a type that the operator takes there.
func (o operator) takes(i int, in []info) error {
	class := o.types[min(i, len(o.types)-1)]
	if class == "same" {
		if in[i].dtype != in[0].dtype {
			return fmt.Errorf("input %d is %v and input 0 %v", i, in[i].dtype, in[0].dtype)
		}
	} else if !slices.Contains(types[class], in[i].dtype) {
		return fmt.Errorf("input %d is %v, must be one of %v", i, in[i].dtype, types[class])
	}
	return nil
}

var operators = func() map[string]operator {
	all := map[string]operator{
		"BatchNormalization": {5, 5, []string{"float"}, attrs("epsilon float momentum float training_mode int"), same},
		"Cast":               {1, 1, []string{"any"}, attrs("to int"), castShape},
		"Concat":             {1, -1, []string{"any", "same"}, attrs("axis int"), concatShape},
		"Constant":           {0, 0, nil, attrs("value tensor"), constantShape},
		"ConstantOfShape":    {1, 1, []string{"int64"}, attrs("value tensor"), filledShape},
		"Conv":               {2, 3, []string{"float", "same"}, attrs("dilations ints group int kernel_shape ints pads ints strides ints"), convShape},
		"CumSum":             {2, 2, []string{"wide", "index"}, attrs("exclusive int reverse int"), scalarAt(1, same)},
		"Expand":             {2, 2, []string{"any", "int64"}, nil, expandShape},
		"Gather":             {2, 2, []string{"any", "index"}, attrs("axis int"), gatherShape},
		"GatherElements":     {2, 2, []string{"any", "index"}, attrs("axis int"), elementsShape},
		"Gemm":               {2, 3, []string{"wide", "same"}, attrs("transA int transB int alpha float beta float"), gemmShape},
		"HardSigmoid":        {1, 1, []string{"float"}, attrs("alpha float beta float"), same},
		"LayerNormalization": {2, 3, []string{"float", "same"}, attrs("axis int epsilon float"), same},
		"LeakyRelu":          {1, 1, []string{"float"}, attrs("alpha float"), same},
		"Loop":               {2, -1, []string{"int64", "bool", "any"}, attrs("body graph"), nil},
		"Max":                {1, -1, []string{"number", "same"}, nil, broadcast(0)},
		"Pad":                {2, 3, []string{"any", "int64", "same"}, attrs("mode string"), padShape},
		"Range":              {3, 3, []string{"wide", "same"}, nil, rangeShape},
		"ReduceSum":          {1, 2, []string{"wide", "int64"}, attrs("keepdims int noop_with_empty_axes int"), reduceShape},
		"Reshape":            {2, 2, []string{"any", "int64"}, attrs("allowzero int"), reshapeShape},
		"Shape":              {1, 1, []string{"any"}, attrs("start int end int"), shapeShape},
		"Slice":              {4, 5, []string{"any", "index"}, nil, sliceShape},
		"Split":              {1, 2, []string{"any", "int64"}, attrs("axis int"), splitShape},
		"Squeeze":            {2, 2, []string{"any", "int64"}, nil, squeezeShape},
		"Transpose":          {1, 1, []string{"any"}, attrs("perm ints"), transposeShape},
		"Unsqueeze":          {2, 2, []string{"any", "int64"}, nil, unsqueezeShape},
		"Where":              {3, 3, []string{"bool", "any"}, nil, broadcast(1)},
	}
	for _, op := range []string{"Elu", "Erf", "Exp", "Relu", "Round", "Sigmoid", "Softplus", "Sqrt", "Tanh", "Neg"} {
		all[op] = operator{1, 1, []string{"float"}, attrs(""), same}
	}
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		all[op] = operator{1, 1, []string{"float"}, attrs("axis int"), same}
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div"} {
		all[op] = operator{2, 2, []string{"number", "same"}, nil, broadcast(0)}
	}
	for _, op := range []string{"Less", "LessOrEqual"} {
		all[op] = operator{2, 2, []string{"number", "same"}, nil, truth(broadcast(0))}
	}
	all["Identity"] = operator{1, 1, []string{"any"}, nil, same}
	return all
}()

// attrs reads names and kinds by turns.
func attrs(text string) map[string]string {
	words := strings.Fields(text)
	out := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		out[words[i]] = words[i+1]
	}
	return out
}

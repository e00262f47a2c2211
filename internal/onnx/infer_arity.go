package onnx

import "fmt"

// arity is how many inputs the operators that are known here must have at least.
// Others need one.
var arity = map[string]int{
	"Constant": 0, "ConstantOfShape": 1,
	"Conv": 2, "MatMul": 2, "FusedMatMul": 2, "Gemm": 2, "Gather": 2, "Expand": 2, "Tile": 2, "PRelu": 2, "Pow": 2, "Mod": 2,
	"Add": 2, "Sub": 2, "Mul": 2, "Div": 2, "Equal": 2, "Greater": 2, "GreaterOrEqual": 2, "Less": 2,
	"LessOrEqual": 2, "And": 2, "Or": 2, "Xor": 2, "Where": 3, "Range": 3, "OneHot": 3,
	"BatchNormalization": 5, "LayerNormalization": 2, "InstanceNormalization": 3, "GroupNormalization": 3,
	"ConvTranspose": 2, "CastLike": 2, "GatherElements": 2, "GatherND": 2, "TopK": 2, "ScatterElements": 3, "ScatterND": 3,
	"RandomUniform": 0, "RandomNormal": 0, "If": 1, "Loop": 1, "Scan": 1,
	"RNN": 3, "GRU": 3, "LSTM": 3,
	"QuantizeLinear": 2, "DequantizeLinear": 2, "ConvInteger": 2, "MatMulInteger": 2, "QLinearConv": 8, "QLinearMatMul": 8,
	"QLinearAdd": 8, "QLinearMul": 8, "QLinearSigmoid": 5, "QLinearLeakyRelu": 5, "QGemm": 6,
}

// single lists the operators that have exactly as many inputs as arity says.
var single = map[string]bool{
	"MatMul": true, "FusedMatMul": true, "Gather": true, "Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true,
	"Where": true, "Relu": true, "Tanh": true, "Sigmoid": true, "Transpose": true, "Identity": true, "Cast": true,
}

// variadic lists the operators all of whose inputs must be there.
var variadic = map[string]bool{"Concat": true, "Sum": true, "Mean": true, "Max": true, "Min": true}

// checkArity refuses a node that lacks an input or output which its operator needs.
func checkArity(n *Node) error {
	need, known := arity[n.Op]
	if !known {
		need = 1
	}
	if variadic[n.Op] {
		need = max(1, len(n.Inputs))
	}
	if len(n.Inputs) < need || single[n.Op] && len(n.Inputs) > need {
		return fmt.Errorf("it has %d inputs, must have %d", len(n.Inputs), need)
	}
	for i, v := range n.Inputs[:need] {
		if v == nil {
			return fmt.Errorf("its input %d is missing", i)
		}
	}
	if len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return fmt.Errorf("it has no output")
	}
	return nil
}

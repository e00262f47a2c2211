package compile_test

import (
	"maps"
	"slices"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
)

// ops are what FuzzCompile puts in place of a node's operator.
var ops = []string{
	"Add", "Relu", "Conv", "MatMul", "Gemm", "Concat", "Split", "Slice", "Pad", "Transpose", "Reshape",
	"Gather", "OneHot", "Softmax", "LayerNormalization", "BatchNormalization", "ReduceMean", "ReduceSum", "Expand",
	"Squeeze", "Unsqueeze", "Flatten", "Shape", "Constant", "ConstantOfShape", "Range", "Where", "Clip", "Cast", "Tile",
	"Trilu", "Dropout", "IsNaN", "Identity", "PRelu", "Equal", "Size", "ReduceProd", "Pow", "ConvTranspose", "MaxPool", "AveragePool",
	"Resize", "DepthToSpace", "SpaceToDepth",
}

// edit changes one thing about a graph.
func edit(g *onnx.Graph, what, which, value byte) {
	n := g.Nodes[int(which)%len(g.Nodes)]
	small := int64(int8(value)) % 6
	pickInput := func() **onnx.Value { return &n.Inputs[int(value)%len(n.Inputs)] }
	switch what % 9 {
	case 0:
		n.Op = ops[int(value)%len(ops)]
	case 1:
		for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
			if list, ok := n.Attrs[name].([]int64); ok && len(list) > 0 {
				list = slices.Clone(list)
				list[int(value)%len(list)] = small
				n.Attrs[name] = list
			}
		}
	case 2:
		n.Attrs = maps.Clone(n.Attrs)
		if n.Attrs == nil {
			n.Attrs = onnx.Attrs{}
		}
		name := []string{"axis", "group", "keepdims", "transB", "to", "upper", "axes", "perm", "shape", "blocksize", "ceil_mode", "strides", "kernel_shape"}[int(value)%13]
		n.Attrs[name] = small
		if name == "axes" || name == "perm" || name == "shape" || name == "strides" || name == "kernel_shape" {
			n.Attrs[name] = []int64{small, int64(value % 3)}
		}
	case 3:
		if len(n.Inputs) > 0 {
			n.Inputs = slices.Clone(n.Inputs[:len(n.Inputs)-1])
		}
	case 4:
		if len(n.Inputs) > 0 {
			*pickInput() = nil
		}
	case 5: // another value made before
		at := slices.Index(g.Nodes, n)
		if from := g.Nodes[int(value)%(at+1)]; from != n && len(n.Inputs) > 0 && from.Outputs[0] != nil {
			n.Inputs[0] = from.Outputs[0]
		}
	case 6: // a constant of another shape or type
		if len(n.Inputs) > 0 {
			if v := *pickInput(); v != nil && v.Const != nil {
				x := make([]float32, v.Const.Len())
				*pickInput() = onnx.Const("", onnx.NewTensor(x, len(x)))
			} else {
				*pickInput() = onnx.Const("", onnx.NewTensor([]int64{small, int64(value) - 128, 3}, 3))
			}
		}
	case 7:
		g.Inputs[0].Shape[int(which)%len(g.Inputs[0].Shape)] = onnx.Fixed(int(value) % 7)
	default:
		g.Inputs[0].DType = []onnx.DType{onnx.Int64, onnx.Bool, onnx.Float32}[value%3]
	}
}

// FuzzCompile: a graph with nonsense in it is an error, never a panic.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, []byte{byte(seed), byte(3 * seed), byte(7 * seed)})
		f.Add(64+seed*7, []byte{byte(seed + 2), byte(5 * seed), byte(3 * seed)})
		f.Add(192+seed*7, []byte{byte(seed), byte(3 * seed), byte(5 * seed)})
		f.Add(128+seed*7, []byte{byte(seed + 4), byte(2 * seed), byte(11 * seed)})
	}
	f.Fuzz(func(t *testing.T, seed uint64, edits []byte) {
		m := compiletest.Random(seed%64, false).Model
		opt := compile.Options{}
		switch seed / 64 % 4 {
		case 1:
			m = compiletest.RandomAttention(seed%64, false).Model.Model
		case 2:
			m = compiletest.RandomDense(seed%64, false).Model.Model
		case 3:
			l := compiletest.Lattice(seed%64, false)
			m, opt.SubPixel, opt.Picture = l.Model.Model, l.SubPixel, "x"
		}
		for ; len(edits) >= 3; edits = edits[3:] {
			edit(m.Graph, edits[0], edits[1], edits[2])
		}
		if p, err := compile.Compile(m, opt); err == nil && len(p.Steps) == 0 {
			t.Error("a program without steps")
		}
	})
}

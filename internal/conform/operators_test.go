package conform

import (
	"errors"
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
		"ConvTranspose":      {2, 3, []string{"float", "same"}, attrs("dilations ints group int kernel_shape ints output_padding ints pads ints strides ints"), transposedShape},
		"CumSum":             {2, 2, []string{"wide", "index"}, attrs("exclusive int reverse int"), scalarAt(1, same)},
		"Expand":             {2, 2, []string{"any", "int64"}, nil, expandShape},
		"Gather":             {2, 2, []string{"any", "index"}, attrs("axis int"), gatherShape},
		"GatherElements":     {2, 2, []string{"any", "index"}, attrs("axis int"), elementsShape},
		"Gemm":               {2, 3, []string{"wide", "same"}, attrs("transA int transB int alpha float beta float"), gemmShape},
		"HardSigmoid":        {1, 1, []string{"float"}, attrs("alpha float beta float"), same},
		"LayerNormalization": {2, 3, []string{"float", "same"}, attrs("axis int epsilon float"), same},
		"LeakyRelu":          {1, 1, []string{"float"}, attrs("alpha float"), same},
		"Loop":               {2, -1, []string{"int64", "bool", "any"}, attrs("body graph"), nil},
		"MatMul":             {2, 2, []string{"wide", "same"}, nil, matmulShape},
		"Max":                {1, -1, []string{"number", "same"}, nil, broadcast(0)},
		"Pad":                {2, 3, []string{"any", "int64", "same"}, attrs("mode string"), padShape},
		"Range":              {3, 3, []string{"wide", "same"}, nil, rangeShape},
		"ReduceSum":          {1, 2, []string{"wide", "int64"}, attrs("keepdims int noop_with_empty_axes int"), reduceShape},
		"Reshape":            {2, 2, []string{"any", "int64"}, attrs("allowzero int"), reshapeShape},
		"Shape":              {1, 1, []string{"any"}, attrs("start int end int"), shapeShape},
		"Slice":              {4, 5, []string{"any", "index"}, nil, sliceShape},
		"Sum":                {1, -1, []string{"float", "same"}, nil, broadcast(0)},
		"Split":              {1, 2, []string{"any", "int64"}, attrs("axis int"), splitShape},
		"Squeeze":            {2, 2, []string{"any", "int64"}, nil, squeezeShape},
		"Transpose":          {1, 1, []string{"any"}, attrs("perm ints"), transposeShape},
		"Unsqueeze":          {2, 2, []string{"any", "int64"}, nil, unsqueezeShape},
		"Where":              {3, 3, []string{"bool", "any"}, nil, broadcast(1)},
	}
	for _, op := range []string{"Elu", "Erf", "Exp", "Relu", "Round", "Sigmoid", "Softplus", "Sqrt", "Tanh", "Neg", "Log", "Abs"} {
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

// one is a single result.
func one(t onnx.DType, shape ...int) ([]info, error) {
	if shape == nil {
		shape = []int{}
	}
	return []info{{t, shape}}, nil
}

func same(n node) ([]info, error) {
	if a, there := n.Attrs["axis"].(int64); there {
		if _, err := onnx.Axis(a, len(n.in[0].shape)); err != nil {
			return nil, err
		}
	}
	return one(n.in[0].dtype, n.in[0].shape...)
}

// scalarAt wants input i to be a scalar, of no dimensions.
func scalarAt(i int, then func(node) ([]info, error)) func(node) ([]info, error) {
	return func(n node) ([]info, error) {
		if len(n.in[i].shape) != 0 {
			return nil, fmt.Errorf("input %d has shape %v, must be a scalar", i, n.in[i].shape)
		}
		return then(n)
	}
}

// broadcast makes the common shape of the inputs, of the type of input i.
func broadcast(i int) func(node) ([]info, error) {
	return func(n node) ([]info, error) {
		var out []int
		for k, in := range n.in {
			if k > i && in.dtype != n.in[i].dtype {
				return nil, fmt.Errorf("input %d is %v and input %d %v", k, in.dtype, i, n.in[i].dtype)
			}
			var err error
			if out, err = common(out, in.shape); err != nil {
				return nil, err
			}
		}
		return one(n.in[i].dtype, out...)
	}
}

// common is the shape to which two are broadcast.
func common(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		switch at := len(a) - len(b) + i; {
		case out[at] == d || d == 1:
		case out[at] == 1:
			out[at] = d
		case d < 0: // it is the other, or 1
		case out[at] < 0:
			out[at] = d
		default:
			return nil, fmt.Errorf("shapes %v and %v cannot be broadcast", a, b)
		}
	}
	return out, nil
}

func truth(f func(node) ([]info, error)) func(node) ([]info, error) {
	return func(n node) ([]info, error) {
		out, err := f(n)
		if err == nil {
			out[0].dtype = onnx.Bool
		}
		return out, err
	}
}

func castShape(n node) ([]info, error) {
	to := onnx.DType(n.Attrs.Int("to", 0))
	if !slices.Contains(types["any"], to) {
		return nil, fmt.Errorf("it casts to %v", to)
	}
	return one(to, n.in[0].shape...)
}

func constantShape(n node) ([]info, error) {
	t, ok := n.Attrs["value"].(*onnx.Tensor)
	if !ok {
		return nil, errors.New("no value")
	}
	return one(t.DType(), t.Shape...)
}

func concatShape(n node) ([]info, error) {
	a, there := n.Attrs["axis"].(int64)
	out := slices.Clone(n.in[0].shape)
	axis, err := onnx.Axis(a, len(out))
	if !there || err != nil {
		return nil, fmt.Errorf("axis %d of shape %v: %w", a, out, err)
	}
	for _, in := range n.in[1:] {
		if len(in.shape) != len(out) {
			return nil, fmt.Errorf("shapes of ranks %d and %d", len(out), len(in.shape))
		}
		for k, d := range in.shape {
			switch {
			case k == axis && (out[k] < 0 || d < 0):
				out[k] = -1
			case k == axis:
				out[k] += d
			case out[k] < 0:
				out[k] = d
			case d >= 0 && d != out[k]:
				return nil, fmt.Errorf("shapes %v and %v", out, in.shape)
			}
		}
	}
	return one(n.in[0].dtype, out...)
}

// vector tells how long an input of one dimension is, and what is in it where that is known.
func (n node) vector(i int) (length int, values []int64, err error) {
	if len(n.in[i].shape) != 1 || n.in[i].shape[0] < 0 {
		return 0, nil, fmt.Errorf("input %d has shape %v, must be a vector of known length", i, n.in[i].shape)
	}
	if t := n.Inputs[i].Const; t != nil {
		values = t.Ints()
	}
	return n.in[i].shape[0], values, nil
}

// sizes is the shape that a vector says.
func (n node) sizes(i int) ([]int, error) {
	length, values, err := n.vector(i)
	out := slices.Repeat([]int{-1}, length)
	for k, d := range values {
		out[k] = int(d)
	}
	return out, err
}

func filledShape(n node) ([]info, error) {
	t := onnx.Float32
	if v, ok := n.Attrs["value"].(*onnx.Tensor); ok {
		if t = v.DType(); v.Len() != 1 {
			return nil, errors.New("its value must be one element")
		}
	}
	shape, err := n.sizes(0)
	if err != nil {
		return nil, err
	}
	return one(t, shape...)
}

func convShape(n node) ([]info, error) {
	x, w := n.in[0].shape, n.in[1].shape
	if len(x) != 4 || len(w) != 4 || len(n.in) > 2 && len(n.in[2].shape) != 1 {
		return nil, fmt.Errorf("image and weights of shapes %v and %v", x, w)
	}
	if x[1] >= 0 && int64(x[1]) != int64(w[1])*n.Attrs.Int("group", 1) {
		return nil, fmt.Errorf("%d channels for weights of shape %v", x[1], w)
	}
	for name, length := range map[string]int{"kernel_shape": 2, "strides": 2, "dilations": 2, "pads": 4} {
		if v := n.Attrs.Ints(name); v != nil && len(v) != length {
			return nil, fmt.Errorf("%s %v", name, v)
		}
	}
	if k := n.Attrs.Ints("kernel_shape"); k != nil && (k[0] != int64(w[2]) || k[1] != int64(w[3])) {
		return nil, fmt.Errorf("kernel_shape %v of weights of shape %v", k, w)
	}
	out := []int{x[0], w[0], -1, -1}
	windows, err := onnx.Windows(n.Node, x, w)
	if err != nil {
		return nil, err
	}
	for i, win := range windows {
		if x[2+i] >= 0 {
			out[2+i] = (x[2+i]+win.Begin+win.End-(win.Kernel-1)*win.Dilation-1)/win.Stride + 1
		}
	}
	return one(n.in[0].dtype, out...)
}

func expandShape(n node) ([]info, error) {
	to, err := n.sizes(1)
	if err != nil {
		return nil, err
	}
	out, err := common(n.in[0].shape, to)
	if err != nil {
		return nil, err
	}
	return one(n.in[0].dtype, out...)
}

func gatherShape(n node) ([]info, error) {
	x := n.in[0].shape
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return nil, err
	}
	return one(n.in[0].dtype, slices.Concat(x[:axis], n.in[1].shape, x[axis+1:])...)
}

func elementsShape(n node) ([]info, error) {
	if _, err := onnx.Axis(n.Attrs.Int("axis", 0), len(n.in[0].shape)); err != nil || len(n.in[0].shape) != len(n.in[1].shape) {
		return nil, fmt.Errorf("data and indices of shapes %v and %v", n.in[0].shape, n.in[1].shape)
	}
	return one(n.in[0].dtype, n.in[1].shape...)
}

func gemmShape(n node) ([]info, error) {
	a, b := slices.Clone(n.in[0].shape), slices.Clone(n.in[1].shape)
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
	}
	if n.Attrs.Int("transA", 0) != 0 {
		slices.Reverse(a)
	}
	if n.Attrs.Int("transB", 0) != 0 {
		slices.Reverse(b)
	}
	if a[1] >= 0 && b[0] >= 0 && a[1] != b[0] {
		return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
	}
	out := []int{a[0], b[1]}
	if len(n.in) > 2 {
		if sum, err := common(out, n.in[2].shape); err != nil || len(sum) != 2 {
			return nil, fmt.Errorf("a summand of shape %v for a product of shape %v", n.in[2].shape, out)
		}
	}
	return one(n.in[0].dtype, out...)
}

// matmulShape is of a stack of matrices and one more matrix.
func matmulShape(n node) ([]info, error) {
	a, b := n.in[0].shape, n.in[1].shape
	i, j := len(a), len(b)
	if i < 2 || j < 2 || a[i-1] >= 0 && b[j-2] >= 0 && a[i-1] != b[j-2] {
		return nil, fmt.Errorf("factors of shapes %v and %v", a, b)
	}
	out, err := common(a[:i-2], b[:j-2])
	if err != nil {
		return nil, err
	}
	return one(n.in[0].dtype, append(out, a[i-2], b[j-1])...)
}

func transposedShape(n node) ([]info, error) {
	x, w := n.in[0].shape, n.in[1].shape
	if len(x) != 4 || len(w) != 4 || len(n.in) > 2 && len(n.in[2].shape) != 1 || x[1] >= 0 && x[1] != w[0] {
		return nil, fmt.Errorf("image and weights of shapes %v and %v", x, w)
	}
	return one(n.in[0].dtype, x[0], w[1]*int(n.Attrs.Int("group", 1)), -1, -1)
}

func padShape(n node) ([]info, error) {
	x := n.in[0].shape
	length, pads, err := n.vector(1)
	if err != nil || length != 2*len(x) || len(n.in) > 2 && len(n.in[2].shape) != 0 {
		return nil, fmt.Errorf("%d pads for shape %v: %w", length, x, err)
	}
	out := slices.Clone(x)
	for i, d := range x {
		if out[i] = -1; pads != nil && d >= 0 {
			out[i] = d + int(pads[i]+pads[len(x)+i])
		}
	}
	return one(n.in[0].dtype, out...)
}

func rangeShape(n node) ([]info, error) {
	for i, in := range n.in {
		if len(in.shape) != 0 {
			return nil, fmt.Errorf("input %d has shape %v, must be a scalar", i, in.shape)
		}
	}
	return one(n.in[0].dtype, -1)
}

// axes are those that input i names, which must be constant, of a tensor of a rank.
func (n node) axes(i, rank int) ([]int, error) {
	length, values, err := n.vector(i)
	if err != nil {
		return nil, err
	}
	if len(values) != length {
		return nil, errors.New("its axes are not constant")
	}
	out := make([]int, length)
	for k, a := range values {
		if out[k], err = onnx.Axis(a, rank); err != nil || slices.Contains(out[:k], out[k]) {
			return nil, fmt.Errorf("axes %v of a tensor of rank %d", values, rank)
		}
	}
	return out, nil
}

func reduceShape(n node) ([]info, error) {
	x := n.in[0].shape
	all := make([]int, len(x))
	for i := range all {
		all[i] = i
	}
	if len(n.in) > 1 {
		var err error
		if all, err = n.axes(1, len(x)); err != nil {
			return nil, err
		}
	}
	var out []int
	for i, d := range x {
		switch {
		case !slices.Contains(all, i):
			out = append(out, d)
		case n.Attrs.Int("keepdims", 1) == 1:
			out = append(out, 1)
		}
	}
	return one(n.in[0].dtype, out...)
}

func reshapeShape(n node) ([]info, error) {
	out, err := n.sizes(1)
	if err != nil {
		return nil, err
	}
	if n.Inputs[1].Const == nil {
		return one(n.in[0].dtype, out...)
	}
	open := 0
	for i, d := range out {
		switch {
		case d == 0 && i >= len(n.in[0].shape):
			return nil, fmt.Errorf("it keeps dimension %d of shape %v", i, n.in[0].shape)
		case d == 0 && n.Attrs.Int("allowzero", 0) == 0:
			out[i] = n.in[0].shape[i]
		case d == -1:
			open++
		}
	}
	if have, want := n.in[0].elements(), (info{shape: out}).elements(); open > 1 || have >= 0 && want >= 0 && have != want {
		return nil, fmt.Errorf("shape %v as %v", n.in[0].shape, out)
	}
	return one(n.in[0].dtype, out...)
}

func shapeShape(n node) ([]info, error) {
	if len(n.Attrs) > 0 {
		return nil, errors.New("part of a shape is not known here")
	}
	return one(onnx.Int64, len(n.in[0].shape))
}

func sliceShape(n node) ([]info, error) {
	axes, err := n.axes(3, len(n.in[0].shape))
	if err != nil {
		return nil, err
	}
	out := slices.Clone(n.in[0].shape)
	for _, a := range axes {
		out[a] = -1
	}
	for i := 1; i < len(n.in); i++ {
		length, _, err := n.vector(i)
		if err != nil || length != len(axes) {
			return nil, fmt.Errorf("input %d for %d axes has length %d: %w", i, len(axes), length, err)
		}
		if n.in[i].dtype != n.in[1].dtype {
			return nil, errors.New("its starts, ends, axes and steps must be of one type")
		}
	}
	if !slices.Contains(n.in[0].shape, -1) {
		if ranges, err := onnx.Slices(n.Node, n.in[0].shape); err == nil {
			for i, r := range ranges {
				out[i] = r.Len
			}
		}
	}
	return one(n.in[0].dtype, out...)
}

func splitShape(n node) ([]info, error) {
	x := n.in[0].shape
	axis, err := onnx.Axis(n.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return nil, err
	}
	var sizes []int64
	if len(n.in) > 1 {
		var length int
		if length, sizes, err = n.vector(1); err != nil || len(sizes) != len(n.Outputs) || length != len(sizes) {
			return nil, fmt.Errorf("%d sizes for %d parts: %w", length, len(n.Outputs), err)
		}
	} else if parts := len(n.Outputs); n.opset >= 18 || x[axis]%parts != 0 {
		return nil, errors.New("its parts have no sizes, and need some")
	} else {
		sizes = slices.Repeat([]int64{int64(x[axis] / parts)}, parts)
	}
	var out []info
	sum := 0
	for _, size := range sizes {
		shape := slices.Clone(x)
		shape[axis] = int(size)
		sum += int(size)
		out = append(out, info{n.in[0].dtype, shape})
	}
	if x[axis] >= 0 && sum != x[axis] {
		return nil, fmt.Errorf("parts of %v of a dimension of %d", sizes, x[axis])
	}
	return out, nil
}

func squeezeShape(n node) ([]info, error) {
	axes, err := n.axes(1, len(n.in[0].shape))
	if err != nil {
		return nil, err
	}
	var out []int
	for i, d := range n.in[0].shape {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case d > 1:
			return nil, fmt.Errorf("it squeezes a dimension of %d", d)
		}
	}
	return one(n.in[0].dtype, out...)
}

func transposeShape(n node) ([]info, error) {
	perm, err := onnx.Permutation(n.Node, len(n.in[0].shape))
	if err != nil {
		return nil, err
	}
	out := make([]int, len(perm))
	for i, p := range perm {
		out[i] = n.in[0].shape[p]
	}
	return one(n.in[0].dtype, out...)
}

func unsqueezeShape(n node) ([]info, error) {
	length, _, err := n.vector(1)
	if err != nil {
		return nil, err
	}
	axes, err := n.axes(1, len(n.in[0].shape)+length)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(n.in[0].shape)
	for _, a := range slices.Sorted(slices.Values(axes)) {
		out = slices.Insert(out, a, 1)
	}
	return one(n.in[0].dtype, out...)
}

// attrs reads names and kinds by turns.
func attrs(text string) map[string]string {
	words := strings.Fields(text)
	out := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		out[words[i]] = words[i+1]
	}
	return out
}

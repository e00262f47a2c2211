package signature

import (
	"slices"
	"strings"

	"pixelcnn/internal/onnx"
)

// canonical rewrites the model's ends into one form: the picture is float32 [N, C, H, W], and the
// only output float32 [N, outputs, H, W], where a pixel's outputs lie channel by channel, and
// within a channel level by level. A model that has this form is left as it is.
func (s *Signature) canonical() {
	g, r := s.model.Graph, s.read
	r.sizes['H'], r.sizes['W'] = s.Height, s.Width
	in, out := g.Inputs[s.pictureAt], g.Outputs[s.outputAt]
	g.Outputs, s.outputAt = []*onnx.Value{out}, 0

	// The picture: from the one form to the file's.
	pre := &onnx.Graph{}
	x := &onnx.Value{Name: in.Name + ".picture", DType: onnx.Float32, Shape: append([]onnx.Dim{onnx.Free("batch")}, onnx.Shape(s.Channels, s.Height, s.Width)...)}
	if len(in.Shape) > 0 {
		x.Shape[0] = in.Shape[0]
	}
	v := x
	switch r.encoding {
	case OneHot:
		levels := make([]int64, s.Levels)
		for k := range levels {
			levels[k] = int64(k)
		}
		v = pre.Cast(v, onnx.Int64)
		if s.Channels == 1 {
			v = pre.Op("Equal", nil, v, onnx.Const("", onnx.NewTensor(levels, 1, len(levels), 1, 1)))
			v = pre.Cast(v, in.DType)
			v = rearrange(pre, v, "NLHW", r.in, r.sizes)
		} else {
			v = rearrange(pre, v, pictures, "NCHWL", sizes{'C': s.Channels, 'H': s.Height, 'W': s.Width, 'L': 1})
			v = pre.Op("Equal", nil, v, onnx.Const("", onnx.NewTensor(levels, 1, 1, 1, 1, len(levels))))
			v = pre.Cast(v, in.DType)
			v = rearrange(pre, v, "NCHWL", r.in, r.sizes)
		}
	default:
		v = rearrange(pre, v, pictures, r.in, r.sizes)
		if n := len(s.StartToken); n > 0 { // in front of all symbols but the last
			v = pad(pre, s.model.Opsets[""], v, []int64{0, int64(n), 0, -1})
			start := make([]float32, s.Symbols()+n-1)
			for i, token := range s.StartToken {
				start[i] = float32(token)
			}
			v = pre.Op("Add", nil, v, onnx.Const("", onnx.NewTensor(start, 1, len(start))))
		}
		if in.DType != onnx.Float32 {
			v = pre.Cast(v, in.DType)
		}
	}
	if v != x {
		v.Node.Outputs[0], in.Node = in, v.Node // so that all nodes that read the input read this
		g.Inputs[s.pictureAt] = x
		g.Nodes = append(pre.Nodes, g.Nodes...)
	}

	// The outputs: from the file's form to the one form.
	post := &onnx.Graph{}
	v = out
	if n := len(s.StartToken); n > 1 {
		v = slice(post, s.model.Opsets[""], v, r.place(), n-1, s.Symbols()+n-1)
	}
	want := Layout("NKHW")
	switch r.head {
	case Categorical:
		want = "N(CL)HW"
		if levels := r.sizes['L']; levels > s.Levels {
			v = rearrange(post, v, r.out, r.out.flat(sizes{}), r.sizes)
			v = slice(post, s.model.Opsets[""], v, strings.IndexRune(string(r.out.flat(sizes{})), 'L'), 0, s.Levels)
			r.out = r.out.flat(sizes{})
			r.sizes['L'] = s.Levels
		}
	case Bernoulli:
		want = pictures
	}
	v = rearrange(post, v, r.out, want, r.sizes)
	if out.DType != onnx.Float32 {
		v = post.Cast(v, onnx.Float32)
	}
	if v != out {
		batch := onnx.Free("batch")
		if len(out.Shape) > 0 {
			batch = out.Shape[0]
		}
		g.Nodes = append(g.Nodes, post.Nodes...)
		g.Outputs = nil
		g.Output(v, out.Name+".outputs", onnx.Float32, append([]onnx.Dim{batch}, onnx.Shape(s.OutputShape(1)[1:]...)...)...)
	}
}

// place is the dimension of the outputs along which the places of a sequence lie.
func (r reading) place() int {
	for i, letters := range r.out.dims() {
		if strings.Contains(letters, "H") {
			return i
		}
	}
	return 1
}

// pad adds a node that pads with zeros.
func pad(g *onnx.Graph, opset int64, v *onnx.Value, pads []int64) *onnx.Value {
	if opset < 11 {
		return g.Op("Pad", onnx.Attrs{"pads": pads}, v)
	}
	return g.Op("Pad", nil, v, onnx.List(pads...))
}

// slice adds a node that takes the elements from from to to-1 of a dimension.
func slice(g *onnx.Graph, opset int64, v *onnx.Value, axis, from, to int) *onnx.Value {
	one := func(n int) []int64 { return []int64{int64(n)} }
	if opset < 10 {
		return g.Op("Slice", onnx.Attrs{"axes": one(axis), "starts": one(from), "ends": one(to)}, v)
	}
	return g.Slice(v, axis, onnx.List(from), onnx.List(to))
}

// rearrange adds the nodes that bring a value from one layout to another, if any are needed. A
// letter that only one of the layouts has must be of size 1.
func rearrange(g *onnx.Graph, v *onnx.Value, from, to Layout, s sizes) *onnx.Value {
	reshape := func(l Layout) {
		if want := l.shape(0, s); !slices.Equal(from.shape(0, s), want) { // 0 keeps the images, the first dimension
			v = g.Reshape(v, want...)
		}
		from = l
	}
	if a, b := from.flat(s), to.flat(s); a != b {
		reshape(a)
		var perm []int
		for _, c := range b {
			perm = append(perm, strings.IndexRune(string(a), c))
		}
		v, from = g.Transpose(v, perm...), b
	}
	reshape(to)
	return v
}

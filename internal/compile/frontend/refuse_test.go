package frontend_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/compile/frontend"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// TestRefuse: what is outside of what is understood, and what is said of it.
func TestRefuse(t *testing.T) {
	one, square := size{1, 1, 3}, size{1, 4, 4}
	turned := func(g graph, x *onnx.Value) *onnx.Value { return g.Transpose(x, 0, 1, 3, 2) }
	soft := func(g graph, s *onnx.Value) *onnx.Value { return g.Op("Softmax", nil, s) }
	scores := func(g graph, x *onnx.Value) *onnx.Value { // of three pixels in a row
		q := g.line(x, 1, 3)
		return g.Op("MatMul", nil, q, g.Transpose(q, 0, 2, 1))
	}
	with := func(op string, inputs ...*onnx.Value) func(g graph, x *onnx.Value) *onnx.Value { // of scores, and weights of them
		return attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op(op, nil, append([]*onnx.Value{s}, inputs...)...))
		})
	}
	after := func(op string, inputs ...*onnx.Value) func(g graph, x *onnx.Value) *onnx.Value { // of weights
		return attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op(op, nil, append([]*onnx.Value{soft(g, s)}, inputs...)...)
		})
	}
	cross := func(mask func(g graph, s *onnx.Value) *onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value { // of five places
			s := g.Op("MatMul", nil, g.line(x, 1, 3), g.condition(1, 1, 5))
			return mask(g, s)
		}
	}
	hidden := func(g graph, x *onnx.Value) *onnx.Value {
		return g.Op("MatMul", nil, g.Reshape(x, 1, 3), counted(3, 3))
	}
	dense := func(then func(g graph, h *onnx.Value) *onnx.Value) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value {
			return g.Reshape(g.Op("MatMul", nil, then(g, hidden(g, x)), counted(3, 3)), 1, 1, 1, 3)
		}
	}
	resize := func(scales ...float32) func(g graph, x *onnx.Value) *onnx.Value {
		return func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Resize", onnx.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, x, nil, floats(scales, 4))
		}
	}
	for _, c := range []struct {
		want  string
		size  size
		build func(g graph, x *onnx.Value) *onnx.Value
	}{
		// What comes out.
		{`output "y": does not depend on the picture`, one, func(g graph, x *onnx.Value) *onnx.Value { return g.condition(1, 1, 1, 3) }},
		{`output "y": is no picture`, one, scores},
		{`output "y": has its channels, rows and columns in another order`, size{1, 3, 3}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Transpose(g.wide(x, 3), 0, 2, 3, 1)
		}},
		{`output "y": the logits are for 2×4 pixels, the picture has 4×4`, square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Slice", nil, x, onnx.List(0), onnx.List(2), onnx.List(2))
		}},

		// Operators.
		{"the operator LpPool is not known here", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("LpPool", onnx.Attrs{"kernel_shape": []int64{1, 1}}, x)
		}},
		{`the operator Odd of domain "elsewhere" is not known here`, square, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Op("Odd", nil, x)
			y.Node.Domain = "elsewhere"
			return y
		}},
		{"it makes nothing", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Slice", nil, x, onnx.List(0), onnx.List(0), onnx.List(2))
		}},
		{"its input 0 does not depend on the picture", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", nil, g.condition(1, 1, 4, 4), x)
		}},
		{"its input 1 is not constant", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", nil, x, g.condition(1, 1, 1, 1))
		}},
		{"its input 0 is not float32", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gather", nil, onnx.List(1, 2, 3), g.Cast(x, onnx.Int64))
		}},
		{"it mixes pixels with each other", size{1, 3, 4}, func(g graph, x *onnx.Value) *onnx.Value { return g.Reshape(x, 1, 1, 4, 3) }},

		// Products.
		{"it multiplies by several matrices", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, x, counted(2, 4, 4))
		}},
		{"it does not multiply a value's channels", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, x, counted(4, 4))
		}},
		{"it does not multiply a value's channels", one, func(g graph, x *onnx.Value) *onnx.Value { // of rank 1
			return g.Op("MatMul", nil, counted(3, 3), g.Reshape(x, 3))
		}},
		{"its right factor is not constant", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gemm", nil, counted(3, 3), g.Reshape(x, 3, 1))
		}},
		{"its right factor is not constant", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gemm", nil, g.Reshape(x, 3, 1), g.Reshape(x, 1, 3))
		}},
		{"its summand differs from row to row", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gemm", nil, g.Reshape(x, 3, 1), counted(1, 2), counted(3, 2))
		}},
		{"it is in training mode", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("BatchNormalization", onnx.Attrs{"training_mode": int64(1)}, x, counted(1), counted(1), counted(1), counted(1))
		}},

		// Layouts.
		{"its operands lay out pixels differently", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Add", nil, x, turned(g, x)) }},
		{"it joins pixels that are laid out differently", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Concat(1, x, turned(g, x)) }},
		{"it joins pixels that are laid out differently", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Concat(1, g.line(x, 1, 16), g.line(turned(g, x), 1, 16))
		}},
		{"it joins pixels", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Concat(2, x, x) }},
		{"it repeats pixels", one, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Add", nil, x, counted(2, 3)) }},
		{"it repeats pixels", one, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Expand", nil, x, onnx.List(1, 1, 2, 3)) }},
		{"it repeats pixels", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("Add", nil, x, counted(2, 1, 1, 1)) }}, // as two images
		{"it splits pixels", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Ops(2, "Split", onnx.Attrs{"axis": int64(2)}, x, onnx.List(2, 2))[0]
		}},
		{`"condition", which depends on a condition, is no float32 of known size`, one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Mul", nil, g.Cast(x, onnx.Int64), g.Input("condition", onnx.Int64, onnx.Shape(1, 1)...))
		}},
		{"it works on other dimensions than the channels alone", square, soft},
		{"it does not say over which dimensions", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("ReduceMax", nil, x) }},
		{"it does not normalise over the channels alone", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("LayerNormalization", nil, x, counted(4))
		}},

		// Moves.
		{`it pads by mode "reflect"`, square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Pad", onnx.Attrs{"mode": "reflect"}, x, onnx.List(0, 0, 0, 1, 0, 0, 0, 0))
		}},
		{"it pads with something other than zero", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Pad", nil, x, onnx.List(0, 0, 0, 1, 0, 0, 0, 0), number(1))
		}},
		{"it changes dimension 1, which is neither height nor width alone", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Pad", nil, x, onnx.List(0, 1, 0, 0, 0, 0, 0, 0))
		}},
		{"it turns pixels round", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Slice", nil, x, onnx.List(-1), onnx.List(-9), onnx.List(3), onnx.List(-1))
		}},
		{"it is no table of vectors, looked up by one channel", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gather", nil, counted(3), g.Cast(x, onnx.Int64))
		}},
		{"it does not pick channels", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Gather", onnx.Attrs{"axis": int64(2)}, x, onnx.List(0, 1))
		}},
		{"it does not encode one channel by two values", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("OneHot", nil, g.Cast(x, onnx.Int64), onnx.List(2), counted(1))
		}},
		{"it does not encode one channel by two values", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("OneHot", nil, g.Cast(g.wide(x, 2), onnx.Int64), onnx.List(2), counted(2))
		}},
		{"it joins more than one dimension of channels", one, func(g graph, x *onnx.Value) *onnx.Value {
			y := g.Reshape(g.wide(x, 4), 1, 2, 2, 1, 3)
			return g.Concat(1, y, y)
		}},

		// Lattices.
		{"its input is not [batch, channels, height, width]", size{1, 3, 4}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", nil, g.Transpose(x, 0, 2, 1, 3), counted(1, 3, 1, 1))
		}},
		{"its kernel is not over rows and columns", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Conv", onnx.Attrs{"pads": []int64{2, 0}}, g.Reshape(x, 1, 1, 16), counted(1, 1, 3))
		}},
		{"it is padded automatically", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("ConvTranspose", onnx.Attrs{"auto_pad": "SAME_UPPER", "strides": []int64{2, 2}}, x, counted(1, 1, 2, 2))
		}},
		{"its windows go over the edge", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MaxPool", onnx.Attrs{"kernel_shape": []int64{2, 1}, "pads": []int64{1, 0, 0, 0}}, x)
		}},
		{"its windows go over the edge", square, func(g graph, x *onnx.Value) *onnx.Value { // one lies outside
			return g.Op("AveragePool", onnx.Attrs{"kernel_shape": []int64{1, 1}, "pads": []int64{1, 0, 0, 0}}, x)
		}},
		{"it does not repeat each pixel as often, or leave out as many between two", square, resize(1, 1, 1.5, 1)},
		{"it resizes dimension 1, which is neither height nor width alone", square, resize(1, 2, 1, 1)},

		// Attention.
		{"it is no product of each pixel's channels with those of others", square, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.Reshape(x, 16, 1), g.Reshape(x, 1, 16))
		}},
		{"it is no product of each pixel's channels with those of others", square, func(g graph, x *onnx.Value) *onnx.Value { return g.Op("MatMul", nil, x, x) }},
		{"its attention is over too many pixels", size{1, 1, 4097}, func(g graph, x *onnx.Value) *onnx.Value {
			q := g.line(x, 1, 4097)
			return g.Op("MatMul", nil, q, g.Transpose(q, 0, 2, 1))
		}},
		{"it multiplies pixels with each other in a way that is no attention", square, func(g graph, x *onnx.Value) *onnx.Value {
			x = turned(g, x)
			return g.Op("MatMul", nil, g.Reshape(x, 1, 1, 4, 4, 1), g.Reshape(x, 1, 4, 1, 1, 4))
		}},
		{"the operator Relu is not known of an attention's scores", one, with("Relu")},
		{"it makes other numbers of an attention's scores", one, func(g graph, x *onnx.Value) *onnx.Value { return g.Cast(scores(g, x), onnx.Int64) }},
		{"its input 1 is no constant for an attention's scores", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, scores(g, x), counted(1, 1, 3, 3))
		}},
		{"it is not known of an attention's scores", one, with("Max", number(1))},
		{"it is not known of an attention's scores", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Max", nil, number(-1e9), number(-1e9), scores(g, x))
		}},
		{"it is not known of an attention's scores", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Div", nil, number(1), scores(g, x))
		}},
		{"it changes an attention's weights", one, after("Add", number(1))},
		{"it changes an attention's weights", one, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Where", nil, truth(false), soft(g, s), number(1))
		})},
		{"it chooses between scores", one, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return soft(g, g.Op("Where", nil, truth(false), s, s))
		})},
		{"it chooses between an attention's scores by something else than a mask", one, attend(func(g graph, s *onnx.Value) *onnx.Value {
			w := soft(g, s)
			return g.Op("Where", nil, g.Op("IsNaN", nil, w), number(1), w)
		})},
		{"its input 2 is no attention's scores", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("Where", nil, g.Op("IsNaN", nil, scores(g, x)), number(0), x)
		}},
		{"it is no softmax of an attention's scores over what is looked at", one, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Softmax", onnx.Attrs{"axis": int64(1)}, s)
		})},
		{"it is no product of an attention's weights with values", one, attend(func(g graph, s *onnx.Value) *onnx.Value { return s })},
		{"it multiplies weights of attentions with each other", one, func(g graph, x *onnx.Value) *onnx.Value {
			w := soft(g, scores(g, x))
			return g.Op("MatMul", nil, w, w)
		}},
		{"its values are of more heads than its weights", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.Op("Unsqueeze", nil, soft(g, scores(g, x)), onnx.List(1)), g.Reshape(g.wide(x, 2), 1, 2, 3, 1))
		}},
		{"it cuts the rows or columns of an attention's scores", square, func(g graph, x *onnx.Value) *onnx.Value {
			q := g.line(x, 1, 16)
			return g.Reshape(g.Op("MatMul", nil, q, g.Transpose(q, 0, 2, 1)), 1, 2, 8, 16)
		}},
		{"it mixes the pixels of an attention with its heads", square, func(g graph, x *onnx.Value) *onnx.Value {
			q := g.Reshape(g.wide(x, 4), 1, 4, 16, 1)
			s := g.Reshape(g.Op("MatMul", nil, q, g.Transpose(q, 0, 1, 3, 2)), 1, 2, 2, 4, 4, 16)
			s = g.Reshape(g.Transpose(s, 0, 3, 1, 4, 2, 5), 1, 8, 8, 16) // heads behind rows and behind columns
			return g.Op("Add", nil, s, counted(8, 8, 1))
		}},

		// Conditions that are looked at.
		{`"condition", which depends on a condition, is no float32 matrix of known size`, one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.line(x, 1, 3), g.condition(1))
		}},
		{`what it makes of "hides", which depends on a condition, is no mask of what is looked at`, one, attend(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, s, g.Input("hides", onnx.Float32, onnx.Shape(1, 1, 3)...)) // keys of pixels
		})},
		{`"hides", which depends on a condition, differs from pixel to pixel`, one, cross(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, s, g.Input("hides", onnx.Float32, onnx.Shape(1, 3, 5)...))
		})},
		{`"hides", which depends on a condition, is no mask of what is looked at`, one, cross(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, g.Transpose(s, 0, 2, 1), g.Input("hides", onnx.Float32, onnx.Shape(1)...))
		})},
		{`it puts something in the place of scores by "hides", which depends on a condition`, one, cross(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Where", nil, g.Input("hides", onnx.Bool, onnx.Shape(1, 1, 5)...), s, number(-1))
		})},
		{"it changes an attention's scores after a condition's mask", one, cross(func(g graph, s *onnx.Value) *onnx.Value {
			return g.Op("Mul", nil, g.Op("Add", nil, s, g.Input("hides", onnx.Float32, onnx.Shape(1, 1, 5)...)), number(2))
		})},

		// Dense layers.
		{"it is a dense layer over too many pixels", size{1, 1, 4097}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.Op("MatMul", nil, g.Reshape(x, 1, 4097), counted(4097, 1)), counted(1, 4097))
		}},
		{"it is no product of all pixels", size{1, 2, 2}, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.Reshape(g.wide(x, 2), 1, 2, 4), counted(4, 4))
		}},
		{"it is no product of all pixels, one after the other", size{1, 2, 2}, func(g graph, x *onnx.Value) *onnx.Value { // a row of each channel
			return g.Op("MatMul", nil, g.Reshape(g.Transpose(g.wide(x, 2), 0, 2, 1, 3), 1, 8), counted(8, 4))
		}},
		{"its 4 results are not as many for each of 3 pixels", one, func(g graph, x *onnx.Value) *onnx.Value {
			return g.Op("MatMul", nil, g.Reshape(x, 1, 3), counted(3, 4))
		}},
		{"the operator Reshape is not known of a dense layer's results", one, dense(func(g graph, h *onnx.Value) *onnx.Value {
			return g.Reshape(h, 3)
		})},
		{"it changes the results of a dense layer otherwise than one by one", one, dense(func(g graph, h *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, h, counted(1, 1, 3))
		})},
		{"it joins the results of a dense layer with something else", one, dense(func(g graph, h *onnx.Value) *onnx.Value {
			return g.Op("Add", nil, h, g.condition(1, 3))
		})},
		{"it is no product of each pixel's channels with those of others", one, func(g graph, x *onnx.Value) *onnx.Value { // results are no keys
			keys := g.Op("MatMul", nil, g.Reshape(x, 1, 1, 3), counted(3, 3))
			return g.Op("MatMul", nil, soft(g, g.Op("MatMul", nil, g.line(x, 1, 3), keys)), g.line(x, 1, 3))
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			_, _, err := read(c.size, 17, c.build)
			var u *ir.UnsupportedError
			if !errors.As(err, &u) {
				t.Fatalf("error is %v, should be %q", err, c.want)
			}
			if got := u.Error(); !strings.HasSuffix(got, ": "+c.want) {
				t.Errorf("error is %q, should be %q", got, c.want)
			}
		})
	}
}

// TestPrepare: the input that is the picture, and its size.
func TestPrepare(t *testing.T) {
	free := func(shape ...int) []onnx.Dim {
		dims := onnx.Shape(shape...)
		for i := range dims {
			if dims[i].Size < 0 {
				dims[i] = onnx.Free("free")
			}
		}
		return dims
	}
	for _, c := range []struct {
		name          string
		inputs        [][]int // free where -1
		picture       string
		height, width int
		shape         []int  // that the picture has in the end
		want          string // else
	}{
		{"channels first", [][]int{{2, 3, 4, 5}}, "", 0, 0, []int{2, 3, 4, 5}, ""},
		{"channels last", [][]int{{-1, 28, 28, 1}}, "", 0, 0, []int{1, 28, 28, 1}, ""},
		{"no channels", [][]int{{1, 4, 5}}, "", 0, 0, []int{1, 4, 5}, ""},
		{"free sizes that are said", [][]int{{-1, 1, -1, -1}}, "", 6, 7, []int{1, 1, 6, 7}, ""},
		{"other sizes", [][]int{{1, 4, 5}}, "", 6, 0, []int{1, 6, 5}, ""},
		{"beside a class", [][]int{{1}, {1, 1, 4, 5}}, "", 0, 0, []int{1, 1, 4, 5}, ""},
		{"one of two, by name", [][]int{{1, 1, 4, 5}, {1, 2, 4, 5}}, "in1", 0, 0, []int{1, 2, 4, 5}, ""},
		{"a batch as large as a condition's", [][]int{{-1, 1, 4, 5}, {3, 7}}, "", 0, 0, []int{3, 1, 4, 5}, ""},
		{"none", [][]int{{1, 4}}, "", 0, 0, nil, "compile: no input is a picture ([N,C,H,W], [N,H,W,1] or [N,H,W])"},
		{"one of another name", [][]int{{1, 1, 4, 5}}, "in1", 0, 0, nil, "compile: no input is a picture ([N,C,H,W], [N,H,W,1] or [N,H,W])"},
		{"two", [][]int{{1, 1, 4, 5}, {1, 4, 5}}, "", 0, 0, nil, `compile: no input is a picture: "in0" and "in1" both could be`},
		{"free sizes", [][]int{{1, 1, -1, 5}}, "", 0, 7, nil, `onnx: the sizes do not fit: input "in0" has no fixed height and width: say which`},
		{"negative sizes", [][]int{{1, 1, 4, 5}}, "", 0, -1, nil, "onnx: the sizes do not fit: height 0 and width -1 must not be negative"},
		{"too many pixels", [][]int{{1, 1, 4, 5}}, "", 1 << 10, 1<<10 + 1, nil, "onnx: the sizes do not fit: 1024×1025 pixels are too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &onnx.Graph{}
			for i, shape := range c.inputs {
				g.Input([]string{"in0", "in1"}[i], onnx.Float32, free(shape...)...)
			}
			g.Outputs = g.Inputs[:1]
			_, picture, err := frontend.Prepare(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, c.picture, c.height, c.width)
			switch {
			case c.want != "":
				if err == nil || err.Error() != c.want {
					t.Errorf("error is %v, should be %s", err, c.want)
				}
			case err != nil:
				t.Error(err)
			default:
				if got := onnx.Sizes(picture.Shape); !slices.Equal(got, c.shape) {
					t.Errorf("shape %v, want %v", got, c.shape)
				}
			}
		})
	}
	_, _, err := frontend.Prepare(&onnx.Model{Graph: &onnx.Graph{Name: "odd", Inputs: []*onnx.Value{{Name: "x", Shape: onnx.Shape(1, 1, 4, 4)}}}}, "", 0, 0)
	if want := `compile: graph "odd": it has no outputs`; err == nil || err.Error() != want {
		t.Errorf("error is %v, should be %s", err, want)
	}
}

package frontend_test

import (
	"fmt"
	"strings"
	"testing"

	"pixelcnn/internal/compile/frontend"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// graph is one in the making, whose picture is the input x.
type graph struct{ *onnx.Graph }

// counted is a constant 1, 2, 3, …
func counted(shape ...int) *onnx.Value {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i + 1)
	}
	return floats(x, shape...)
}

func floats(x []float32, shape ...int) *onnx.Value {
	return onnx.Const("", onnx.NewTensor(x, shape...))
}

func number(x float32) *onnx.Value { return onnx.Const("", onnx.Scalar(x)) }

// condition is an input beside the picture.
func (g graph) condition(shape ...int) *onnx.Value {
	return g.Input("condition", onnx.Float32, onnx.Shape(shape...)...)
}

// wide is a unit of so many channels at each pixel of a picture of one channel: channel i is i+1
// times the pixel.
func (g graph) wide(x *onnx.Value, channels int) *onnx.Value {
	return g.Op("Conv", nil, x, counted(channels, 1, 1, 1))
}

// line is the pixels of [1, channels, h, w] laid end to end, [1, pixels, channels].
func (g graph) line(x *onnx.Value, channels, pixels int) *onnx.Value {
	return g.Transpose(g.Reshape(x, 1, channels, pixels), 0, 2, 1)
}

// A size is a picture's.
type size struct{ channels, h, w int }

// read reads what build makes of a picture.
func read(s size, opset int64, build func(g graph, x *onnx.Value) *onnx.Value) (*ir.Network, []ir.Layer, error) {
	g := graph{&onnx.Graph{}}
	x := g.Input("x", onnx.Float32, onnx.Shape(1, s.channels, s.h, s.w)...)
	y := build(g, x)
	y.Name, g.Outputs = "y", []*onnx.Value{y}
	simple, picture, err := frontend.Prepare(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": opset}, Graph: g.Graph}, "x", 0, 0)
	if err != nil {
		return nil, nil, err
	}
	return frontend.Read(simple, picture)
}

// text is a network for people, a line for each unit but the picture's channels, which are the
// first numbers:
//
//	1 linear 2: 0(-1,+0)·[1 2] + 0·[3 4] + [5 6]
//
// is a unit of two channels that reads the pixel above and its own. Where a unit is larger or
// elsewhere than the picture, its size follows its channels, and where an argument's values count
// in a part of their unit only, that follows "in".
func text(net *ir.Network) string {
	var out strings.Builder
	for _, u := range net.Order() {
		if u.Kind == ir.Picture {
			continue
		}
		kind := [...]string{ir.Static: "static", ir.Linear: "linear", ir.Lookup: "lookup", ir.Apply: u.Op, ir.Concat: "concat", ir.Dense: "dense", ir.Attention: "attention"}[u.Kind]
		fmt.Fprintf(&out, "%d %s %d", u.ID, kind, u.Channels)
		if u.Full != net.Size() && u.OverPixels() {
			out.WriteString(" " + rect(u.Full))
		}
		parts, glue := []string{}, ", "
		switch u.Kind {
		case ir.Static:
			parts = append(parts, static(u))
		case ir.Linear:
			for i, a := range u.Args {
				parts = append(parts, fmt.Sprintf("%s·%v", arg(a), u.Weights[i]))
			}
			parts, glue = append(parts, fmt.Sprint(u.Bias)), " + "
		case ir.Apply:
			for _, o := range u.Operands {
				switch {
				case o.Arg >= 0:
					parts = append(parts, arg(u.Args[o.Arg]))
				case o.Value != nil:
					parts = append(parts, fmt.Sprint(o.Value.Data))
				default:
					parts = append(parts, "none")
				}
			}
		default:
			for _, a := range u.Args {
				parts = append(parts, arg(a))
			}
		}
		if u.Table != nil {
			parts = append(parts, fmt.Sprint("table ", u.Table.Data))
		}
		if u.Heads > 0 {
			parts = append(parts, fmt.Sprint("heads ", u.Heads))
		}
		if u.Summand != nil {
			parts = append(parts, fmt.Sprint("summand ", u.Summand.Data))
		}
		if u.Refused != nil {
			parts = append(parts, u.Refused.Error())
		}
		fmt.Fprintf(&out, ": %s\n", strings.Join(parts, glue))
	}
	return out.String()
}

func static(u *ir.Unit) string {
	over := ""
	if u.Images {
		over += " images"
	}
	if u.Pixels {
		over += " pixels"
	}
	if u.Value.Const != nil {
		return fmt.Sprint("over", over, " ", u.Value.Const.Data)
	}
	return "over" + over
}

func arg(a ir.Arg) string {
	out := fmt.Sprint(a.Src.ID)
	if a.Chans != nil {
		out += fmt.Sprint(a.Chans)
	}
	switch access := a.Access.(type) {
	case ir.Shift:
		if access != ir.Here {
			out += fmt.Sprintf("(%+d,%+d)", access.DY, access.DX)
		}
	case ir.Scaled:
		out += fmt.Sprintf("(%s,%s)", axis(access.Y), axis(access.X))
	case ir.Flat:
		out += fmt.Sprintf("(places %d to %d, %+d)", access.Lo, access.Hi, access.By)
	case ir.Attended:
		out += " sees"
		for _, spans := range access.Sees {
			out += " "
			for _, s := range spans {
				out += fmt.Sprintf("%d-%d;", s.From, s.To)
			}
			if spans == nil {
				out += "none;"
			}
		}
		if moved := access.Source(0, 0); moved != 0 {
			out += fmt.Sprint(" moved ", moved)
		}
	}
	if a.Valid != a.Src.Full {
		out += " in " + rect(a.Valid)
	}
	return out
}

// axis is such as 2n-1, n/2 or ⌊n/2⌋.
func axis(a ir.Axis) string {
	out := "n"
	if a.Times > 1 {
		out = fmt.Sprintf("%dn", a.Times)
	}
	if a.Add != 0 {
		out += fmt.Sprintf("%+d", a.Add)
	}
	if a.Over > 1 && a.Add != 0 {
		out = "(" + out + ")"
	}
	if a.Over > 1 {
		out += fmt.Sprintf("/%d", a.Over)
	}
	if a.Nearest {
		out = "⌊" + out + "⌋"
	}
	return out
}

// rect is such as 3×4, or 3×4@(-1,0) where it does not begin at (0, 0).
func rect(r ir.Rect) string {
	out := fmt.Sprintf("%d×%d", r.H(), r.W())
	if r.Origin() != (ir.Shift{}) {
		out += fmt.Sprintf("@(%d,%d)", r.Y0, r.X0)
	}
	return out
}

// A reading is a graph, and the units that it must become.
type reading struct {
	name  string
	size  size
	build func(g graph, x *onnx.Value) *onnx.Value
	want  string
}

// check reads each graph.
func check(t *testing.T, cases []reading) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			net, _, err := read(c.size, 17, c.build)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Join(strings.FieldsFunc(c.want, func(r rune) bool { return r == '\t' || r == '\n' }), "\n")
			if got := strings.TrimSpace(text(net)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

package conform

import (
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
)

func ints(x ...int64) *onnx.Value { return onnx.Const("", onnx.NewTensor(x, len(x))) }

// loop is a model whose Loop appends a row a turn, and carries the number of rows of the
// turn before. What the function does to it makes it another.
func loop(spoil func(g *onnx.Graph, loop *onnx.Node, body *onnx.Graph)) *onnx.Model {
	rows := []onnx.Dim{onnx.Free(""), onnx.Fixed(2)}
	body := &onnx.Graph{Name: "body"}
	turn := body.Input("turn", onnx.Int64)
	on := body.Input("on", onnx.Bool)
	now := body.Input("now", onnx.Float32, rows...)
	before := body.Input("before", onnx.Float32, rows...)
	row := body.Op("Expand", nil, body.Op("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, turn), ints(1, 2))
	body.Output(body.Op("Identity", nil, on), "still", onnx.Bool)
	body.Output(body.Op("Concat", onnx.Attrs{"axis": int64(0)}, now, row), "next", onnx.Float32, rows...)
	body.Output(body.Op("Slice", nil, body.Op("Concat", onnx.Attrs{"axis": int64(0)}, now, before), ints(0), ints(3), ints(0)), "after", onnx.Float32, rows...)

	g := &onnx.Graph{Name: "graph"}
	x := g.Input("x", onnx.Float32, onnx.Free("batch"), onnx.Fixed(2))
	made := g.Ops(2, "Loop", onnx.Attrs{"body": body}, onnx.Const("", onnx.Scalar(int64(4))), onnx.Const("", onnx.Scalar(true)), x, x)
	g.Output(made[0], "y", onnx.Float32, rows...)
	made[1].DType, made[1].Shape = onnx.Float32, rows
	spoil(g, made[0].Node, body)
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestConform(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(g *onnx.Graph, loop *onnx.Node, body *onnx.Graph)
	}{
		{"as it is", "", func(*onnx.Graph, *onnx.Node, *onnx.Graph) {}},
		{"Slice without axes", "must be 4 to 5", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) {
			n := b.Outputs[2].Node
			n.Inputs = n.Inputs[:3]
		}},
		{"Slice with one start for two axes", "input 1 for 2 axes", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) {
			b.Outputs[2].Node.Inputs[3] = ints(0, 1)
		}},
		{"no condition", "input 1 is missing", func(_ *onnx.Graph, l *onnx.Node, _ *onnx.Graph) { l.Inputs[1] = nil }},
		{"no number of turns", "input 0 is missing", func(_ *onnx.Graph, l *onnx.Node, _ *onnx.Graph) { l.Inputs[0] = nil }},
		{"an input passed through", "made by none of its nodes", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) { b.Outputs[2] = b.Inputs[2] }},
		{"an output twice", "another one too", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) { b.Outputs[2] = b.Outputs[1] }},
		{"no rank", "begins as", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) { b.Inputs[2].Shape = nil }},
		{"a size that changes", "leaves as", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) {
			b.Inputs[2].Shape = onnx.Shape(1, 2)
		}},
		{"an output without a shape", "output 1 is declared", func(_ *onnx.Graph, l *onnx.Node, _ *onnx.Graph) { l.Outputs[1].Shape = nil }},
		{"begins as nothing", "constant without elements", func(_ *onnx.Graph, l *onnx.Node, _ *onnx.Graph) {
			l.Inputs[2] = onnx.Const("", onnx.NewTensor([]float32{}, 0, 2))
		}},
		{"a name twice", `two values are named "x"`, func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) { b.Inputs[0].Name = "x" }},
		{"a type that does not fit", "input 1 is int64 and input 0 float32", func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) {
			n := b.Outputs[1].Node
			n.Inputs[1] = ints(1)
		}},
		{"an attribute that is none", `attribute axes is ints`, func(_ *onnx.Graph, _ *onnx.Node, b *onnx.Graph) {
			b.Outputs[1].Node.Attrs["axes"] = []int64{0}
		}},
		{"a node for nothing", "nothing reads output 0 of Relu", func(g *onnx.Graph, _ *onnx.Node, _ *onnx.Graph) { g.Op("Relu", nil, g.Inputs[0]) }},
		{"another domain", `of domain "else"`, func(g *onnx.Graph, l *onnx.Node, _ *onnx.Graph) { l.Domain = "else" }},
		{"a false declaration", `output "y" is declared`, func(g *onnx.Graph, l *onnx.Node, _ *onnx.Graph) {
			g.Outputs, l.Outputs[0].Name = nil, ""
			g.Output(g.Op("Relu", nil, l.Outputs[0]), "y", onnx.Float32, onnx.Free(""), onnx.Fixed(3))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := loop(c.spoil)
			if _, err := onnx.Marshal(m); err != nil && c.name != "a name twice" { // names what has no name
				t.Fatal(err)
			}
			err := Conform(m)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

package emit_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/onnx"
)

// attention is over three pixels in a row, each of which sees those before it, or itself as well,
// by a key that does not know it.
func attention(self bool) (grid, *ir.Unit) {
	g := newGrid(1, 3)
	before := &ir.Mask{W: 3, Sees: [][]ir.Span{nil, {{From: 0, To: 1}}, {{From: 0, To: 2}}}}
	past := func(u *ir.Unit) ir.Arg { return ir.Arg{Src: u, Access: ir.Attend(before), Valid: g.Rect} }
	query := g.linear([]float32{1}, []ir.Arg{at(g.picture, 0, -1)}, []float32{2})
	key, value := g.apply("Identity", 1, here(g.picture)), g.apply("Neg", 1, here(g.picture))
	if self {
		key, value = g.apply("Identity", 1, here(query)), g.apply("Neg", 1, here(query))
	}
	u := g.unit(ir.Attention, "MatMul", 1, here(query), past(key), past(value))
	u.Heads, u.Self = 1, self
	if self {
		u.Args = append(u.Args, here(key), here(value))
	}
	return g, u
}

// TestAttention: the graphs and masks of attention. A row of a mask has a number for each place,
// and one before them for the pixel itself where that is apart.
func TestAttention(t *testing.T) {
	const (
		row     = "Reshape(QUERY, [-1 1 1 1])"
		weights = "Softmax axis=-1(Add(Concat axis=3(MatMul(" + row + ", Reshape(Identity(QUERY), [-1 1 1 1])), MatMul(" + row + ", past_1)), mask_0))"
	)
	summand := func(x ...float32) *onnx.Tensor { return onnx.NewTensor(x, 1, 3, 3) }
	minusInf := float32(math.Inf(-1))
	for _, c := range []struct {
		name  string
		build func() (grid, *ir.Unit)
		want  string // of the output
		mask  program.Mask
		begin [][]int // where each pixel's row begins
	}{
		{
			"itself apart", func() (grid, *ir.Unit) { return attention(true) }, "Reshape(Add(MatMul(Slice(WEIGHTS, [1], [9223372036854775807], [3]), past_2), Mul(Slice(WEIGHTS, [0], [1], [3]), Reshape(Neg(QUERY), [-1 1 1 1]))), [-1 1])",
			program.Mask{Cache: 1, Heads: 1, Own: 1, Values: []float32{0, 0, 0, 0, program.Unseen, program.Unseen, program.Unseen}},
			[][]int{{3}, {2}, {1}},
		},
		{"a summand", func() (grid, *ir.Unit) {
			g, u := attention(true)
			u.Summand = summand(1, minusInf, minusInf, 2, 3, minusInf, 4, 5, 6)
			return g, u
		}, "", program.Mask{Cache: 1, Heads: 1, Own: 1, Values: []float32{
			1, program.Unseen, program.Unseen, program.Unseen,
			3, 2, program.Unseen, program.Unseen,
			6, 4, 5, program.Unseen,
		}}, [][]int{{0}, {4}, {8}}},
		{"not the first ones", func() (grid, *ir.Unit) {
			g, u := attention(true)
			u.Args[1].Access = ir.Attend(&ir.Mask{W: 3, Sees: [][]ir.Span{nil, nil, {{From: 1, To: 2}}}})
			u.Args[2].Access = u.Args[1].Access
			return g, u
		}, "", program.Mask{Cache: 1, Heads: 1, Own: 1, Values: []float32{
			0, program.Unseen, program.Unseen, program.Unseen,
			0, program.Unseen, program.Unseen, program.Unseen,
			0, program.Unseen, 0, program.Unseen,
		}}, [][]int{{0}, {4}, {8}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, out := c.build()
			p, err := g.emitted(out, way{})
			if err != nil {
				t.Fatal(err)
			}
			last := p.Stages[len(p.Stages)-1]
			if c.want != "" {
				_, got, _ := strings.Cut(expressions(last.Model.Graph), "logits = ")
				got = strings.ReplaceAll(got, "Gemm transA=1(stacked_0_p0_m1, [2], [1])", "QUERY")
				same(t, strings.ReplaceAll(got, weights, "WEIGHTS"), c.want)
			}
			if !reflect.DeepEqual(p.Masks, []program.Mask{c.mask}) {
				t.Errorf("masks\n%+v\nwant\n%+v", p.Masks, c.mask)
			}
			at := slices.IndexFunc(last.Inputs, func(in program.Input) bool { return in.Form == program.Masked })
			for pixel, want := range c.begin {
				runs := p.Steps[pixel].Runs
				if got := runs[len(runs)-1].In[at]; !slices.Equal(got, want) {
					t.Errorf("the row of pixel %d begins at %v, want %v", pixel, got, want)
				}
			}
		})
	}
}

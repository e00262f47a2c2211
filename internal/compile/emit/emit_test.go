package emit_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/compile/emit"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/compile/schedule"
	"pixelcnn/internal/onnx"
)

// grid makes units over h×w pixels.
type grid struct {
	ir.Rect
	picture *ir.Unit
	file    *onnx.Graph // its first input is the picture
}

func newGrid(h, w int) grid {
	size := ir.Sized(h, w)
	g := grid{size, &ir.Unit{Kind: ir.Picture, Channels: 1, DType: onnx.Float32, Full: size, Dom: size}, &onnx.Graph{}}
	g.file.Input("x", onnx.Float32, onnx.Shape(1, 1, h, w)...)
	return g
}

// at reads a unit at a position relative to the reader's.
func at(u *ir.Unit, dy, dx int) ir.Arg {
	return ir.Arg{Src: u, Access: ir.Shift{DY: dy, DX: dx}, Valid: u.Full}
}

// here reads a unit's channels, all where none are named, at the reader's position.
func here(u *ir.Unit, channels ...int) ir.Arg {
	a := at(u, 0, 0)
	a.Chans = channels
	return a
}

func (g grid) unit(kind ir.Kind, op string, channels int, args ...ir.Arg) *ir.Unit {
	u := &ir.Unit{Kind: kind, Op: op, Channels: channels, DType: onnx.Float32, Full: g.Rect, Dom: g.Rect, Args: args}
	for i := range args {
		u.Operands = append(u.Operands, ir.Operand{Arg: i})
	}
	return u
}

// linear is a unit with weights for each argument, nil for a summand.
func (g grid) linear(bias []float32, args []ir.Arg, weights ...[]float32) *ir.Unit {
	u := g.unit(ir.Linear, "Conv", len(bias), args...)
	u.Bias, u.Weights = bias, weights
	return u
}

func (g grid) apply(op string, channels int, args ...ir.Arg) *ir.Unit {
	return g.unit(ir.Apply, op, channels, args...)
}

// static is known before the first pixel is drawn.
func (g grid) static(v *onnx.Value, images, pixels bool) *ir.Unit {
	u := g.unit(ir.Static, "", 1)
	u.Value, u.Images, u.Pixels = v, images, pixels
	return u
}

// A way is how a network is compiled.
type way struct {
	raster, latency bool
	opset           int64
}

// emitted is the program of a network with that output.
func (g grid) emitted(out *ir.Unit, w way) (*program.Program, error) {
	net := &ir.Network{Pictures: []*ir.Unit{g.picture}, Outputs: []*ir.Unit{out}}
	units := net.Order()
	s, ok := schedule.Find(net, units, w.raster)
	if !ok {
		return nil, errors.New("no schedule")
	}
	file := &onnx.Model{Opsets: map[string]int64{"": w.opset}, Graph: g.file}
	return emit.Emit(net, units, s, file, g.file.Inputs[0], w.latency, func() error { return nil })
}

// expressions are a graph's outputs as what they are made of, a line each.
func expressions(g *onnx.Graph) string {
	var of func(v *onnx.Value) string
	of = func(v *onnx.Value) string {
		switch {
		case v == nil:
			return "none"
		case v.Const != nil:
			return fmt.Sprint(v.Const.Data)
		case v.Node == nil:
			return v.Name
		}
		attrs := ""
		for _, name := range slices.Sorted(maps.Keys(v.Node.Attrs)) {
			attrs += fmt.Sprintf(" %s=%v", name, v.Node.Attrs[name])
		}
		var in []string
		for _, v := range v.Node.Inputs {
			in = append(in, of(v))
		}
		return fmt.Sprintf("%s%s(%s)", v.Node.Op, attrs, strings.Join(in, ", "))
	}
	var out strings.Builder
	for _, v := range g.Outputs {
		fmt.Fprintf(&out, "%s = %s\n", v.Name, of(v))
	}
	return out.String()
}

// text is a program for people: its stages' outputs, its caches, masks and steps. A run is such as
//
//	stage 0 of 2 reads [3 4][7] writes [5]
//
// for two pixels of a wave, with the slots of each input's parts, and those of the outputs.
func text(p *program.Program) string {
	var out strings.Builder
	for i, s := range p.Stages {
		fmt.Fprintf(&out, "stage %d\n%s", i, expressions(s.Model.Graph))
	}
	for i, c := range p.Caches {
		fmt.Fprintf(&out, "cache %d: %d×%d", i, c.Slots, c.Channels)
		for _, is := range []struct {
			so   bool
			text string
		}{
			{c.Ring, "ring"}, {c.Table != nil, fmt.Sprint(c.Table)}, {c.Heads > 0, fmt.Sprintf("heads %d", c.Heads)}, {c.Turned, "turned"}, {c.Fixed, "fixed"},
		} {
			if is.so {
				out.WriteString(" " + is.text)
			}
		}
		out.WriteString("\n")
	}
	for i, m := range p.Masks {
		fmt.Fprintf(&out, "mask %d of cache %d: heads %d own %d weights %d %v\n", i, m.Cache, m.Heads, m.Own, m.Weights, m.Values)
	}
	if p.Prologue != nil {
		out.WriteString(expressions(p.Prologue.Graph))
	}
	for i, c := range p.Conditions {
		fmt.Fprintf(&out, "condition %d: %d channels, cache %d, slots %v\n", i, c.Channels, c.Cache, c.Slots)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&out, "step %d", i)
		if s.Length > 0 {
			fmt.Fprintf(&out, " of length %d", s.Length)
		}
		out.WriteString("\n")
		for _, r := range s.Runs {
			fmt.Fprintf(&out, "stage %d of %d reads ", r.Stage, r.Width)
			for _, in := range r.In {
				fmt.Fprint(&out, in)
			}
			fmt.Fprintf(&out, " writes %v\n", r.Out)
		}
		for _, d := range s.Draws {
			fmt.Fprintf(&out, "draws pixel %d from row %d to %d\n", d.Pixel, d.Row, d.Slot)
		}
	}
	return out.String()
}

// same compares texts but for tabs and empty lines.
func same(t *testing.T, got, want string) {
	t.Helper()
	want = strings.Join(strings.FieldsFunc(want, func(r rune) bool { return r == '\t' || r == '\n' }), "\n")
	if got = strings.TrimSpace(got); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// layers is a convolution of two channels, a relu, and a convolution that reads that above and
// where it is.
func layers() (grid, *ir.Unit) {
	g := newGrid(2, 3)
	first := g.linear([]float32{5, 6}, []ir.Arg{at(g.picture, 0, -1), at(g.picture, -1, 1)}, []float32{1, 2}, []float32{3, 4})
	relu := g.apply("Relu", 2, here(first))
	return g, g.linear([]float32{0}, []ir.Arg{at(relu, -1, 0), here(relu)}, []float32{7, 8}, []float32{9, 1})
}

// TestEmit: whole programs, by hand.
func TestEmit(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func() (grid, *ir.Unit)
		way   way
		want  string
	}{
		// The slope is 2, since the pixel above to the right must be there: steps 0 to 2 + 2. Times 2
		// apart share the slots of the picture, which is looked at no longer than one step back: pixel
		// (y, x) is kept at 3·(time mod 2) + ⌊x/2⌋ + 1, where column −1 stands at ⌊−1/2⌋ + 1 = 0. The relu
		// is read two steps later: 2·(time mod 4) + ⌊x/2⌋.
		{"waves", layers, way{}, `
			stage 0
			fresh_1 = Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))
			logits = Gemm(Concat axis=1(view_1_m1_p0, Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))), [7 8 9 1])
			cache 0: 6×1 ring
			cache 1: 8×2 ring
			step 0
			stage 0 of 1 reads [3 4][4] writes [0 0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1 2][6] writes [2 0]
			draws pixel 1 from row 0 to 4
			step 2
			stage 0 of 2 reads [3 4][0] writes [4 0]
			draws pixel 3 from row 0 to 1
			draws pixel 2 from row 1 to 2
			step 3
			stage 0 of 1 reads [1 2][2] writes [6 0]
			draws pixel 4 from row 0 to 4
			step 4
			stage 0 of 1 reads [4 5][5] writes [1 0]
			draws pixel 5 from row 0 to 2
		`},
		// Nothing is forgotten: rows −1 to 1 of the picture have columns −1 to 3, those of the relu 0 to 2.
		// The latency variant multiplies what it reads apart.
		{"row by row, for latency", layers, way{raster: true, latency: true}, `
			stage 0
			fresh_1 = Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6]))
			logits = Gemm(Relu(Gemm transA=1(stacked_0_p0_m1_0_m1_p1, [1 2 3 4], [5 6])), [9 1], Gemm(view_1_m1_p0, [7 8]))
			cache 0: 15×1
			cache 1: 9×2
			step 0
			stage 0 of 1 reads [5 2][0] writes [3 0]
			draws pixel 0 from row 0 to 6
			step 1
			stage 0 of 1 reads [6 3][1] writes [4 0]
			draws pixel 1 from row 0 to 7
			step 2
			stage 0 of 1 reads [7 4][2] writes [5 0]
			draws pixel 2 from row 0 to 8
			step 3
			stage 0 of 1 reads [10 7][3] writes [6 0]
			draws pixel 3 from row 0 to 11
			step 4
			stage 0 of 1 reads [11 8][4] writes [7 0]
			draws pixel 4 from row 0 to 12
			step 5
			stage 0 of 1 reads [12 9][5] writes [8 0]
			draws pixel 5 from row 0 to 13
		`},
		// A unit on every other row and column: it is computed in steps 0 and 2 only, before what reads
		// it. What is read across lattices has a slot for each pixel of the wave.
		{"two lattices", func() (grid, *ir.Unit) {
			g := newGrid(4, 2)
			half := grid{Rect: ir.Sized(2, 1)}
			coarse := half.linear([]float32{0, 0}, []ir.Arg{{Src: g.picture, Access: ir.Scale(ir.Every(2, -1), ir.Every(2, 0)), Valid: g.Rect}}, []float32{1, 2})
			up := ir.Arg{Src: coarse, Access: ir.Scale(ir.Nearest(2, 0), ir.Nearest(2, 0)), Valid: coarse.Full}
			return g, g.linear([]float32{3}, []ir.Arg{at(g.picture, 0, -1), up}, []float32{4}, []float32{5, 6})
		}, way{}, `
			stage 0
			fresh_1 = Gemm transA=1(stacked_0_2x1m1_2x1p0, [1 2])
			stage 1
			logits = Gemm(joined_1_1n2p0_1n2p0, [5 6], Gemm transA=1(stacked_0_p0_m1, [4], [3]))
			cache 0: 6×1 ring
			cache 1: 2×2
			step 0
			stage 0 of 1 reads [4] writes [0]
			stage 1 of 1 reads [3][0] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 1 of 2 reads [0][0 0] writes [0]
			draws pixel 2 from row 0 to 4
			draws pixel 1 from row 1 to 5
			step 2
			stage 0 of 1 reads [4] writes [1]
			stage 1 of 2 reads [3][1 0] writes [0]
			draws pixel 4 from row 0 to 1
			draws pixel 3 from row 1 to 2
			step 3
			stage 1 of 2 reads [0][1 1] writes [0]
			draws pixel 6 from row 0 to 4
			draws pixel 5 from row 1 to 5
			step 4
			stage 1 of 1 reads [4][1] writes [0]
			draws pixel 7 from row 0 to 2
		`},
		// Keys and values of a pixel are computed a step after it is drawn, just before the next one
		// looks at them. One row of a mask serves all: the reader of three places that sees n begins at
		// 3 − n.
		{"attention", func() (grid, *ir.Unit) { return attention(false) }, way{}, `
			stage 0
			fresh_1 = Gemm transA=1(stacked_0_p0_m1, [2], [1])
			stage 1
			fresh_2 = Identity(view_0_p0_p0)
			fresh_3 = Neg(view_0_p0_p0)
			stage 2
			logits = Reshape(MatMul(Softmax axis=-1(Add(MatMul(Reshape(view_1_p0_p0, [-1 1 1 1]), past_2), mask_0)), past_3), [-1 1])
			cache 0: 4×1
			cache 1: 3×1
			cache 2: 3×1 heads 1 turned
			cache 3: 3×1 heads 1
			mask 0 of cache 2: heads 1 own 0 weights 0 [0 0 0 -1e+30 -1e+30 -1e+30]
			step 0 of length 64
			stage 0 of 1 reads [0] writes [0]
			stage 2 of 1 reads [0][][3][] writes [0]
			draws pixel 0 from row 0 to 1
			step 1 of length 64
			stage 0 of 1 reads [1] writes [1]
			stage 1 of 1 reads [1] writes [0 0]
			stage 2 of 1 reads [1][][2][] writes [0]
			draws pixel 1 from row 0 to 2
			step 2 of length 64
			stage 0 of 1 reads [2] writes [2]
			stage 1 of 1 reads [2] writes [1 1]
			stage 2 of 1 reads [2][][1][] writes [0]
			draws pixel 2 from row 0 to 3
			step 3 of length 64
			stage 1 of 1 reads [3] writes [2 2]
		`},
		// A constant for each pixel is a cache that is there, one of an image's conditions goes into a
		// cache, and what varies over images alone is read as it is. Both come from the prologue.
		{"conditions", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			class := g.file.Op("Neg", nil, g.file.Input("class", onnx.Float32, onnx.Shape(1, 1)...))
			places := g.file.Input("map", onnx.Float32, onnx.Shape(1, 1, 2)...)
			constant := onnx.Const("", onnx.NewTensor([]float32{10, 20}, 1, 1, 2))
			u := g.linear([]float32{0}, []ir.Arg{at(g.picture, 0, -1)}, []float32{3})
			u = g.apply("Add", 1, here(u), here(g.static(constant, false, true)))
			u = g.apply("Mul", 1, here(u), here(g.static(class, true, false)))
			return g, g.apply("Max", 1, here(u), here(g.static(places, true, true)))
		}, way{}, `
			stage 0
			logits = Max(Mul(Add(Gemm transA=1(stacked_0_p0_m1, [3]), view_1_p0_p0), condition_1), view_2_p0_p0)
			cache 0: 6×1 ring
			cache 1: 4×1 [10 0 0 20]
			cache 2: 4×1
			per_image_0 = Reshape(map, [-1])
			per_image_1 = Reshape(Neg(class), [-1])
			condition 0: 1 channels, cache 2, slots [0 3]
			condition 1: 1 channels, cache -1, slots []
			step 0
			stage 0 of 1 reads [3][0][][0] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1][3][][3] writes [0]
			draws pixel 1 from row 0 to 5
		`},
		// Weights of a pixel's own: a row of the table is 3 places of 1 channel, of 2 results each.
		{"dense", func() (grid, *ir.Unit) {
			g := newGrid(1, 3)
			before := &ir.Mask{W: 3, Sees: [][]ir.Span{nil, {{From: 0, To: 1}}, {{From: 0, To: 2}}}}
			u := g.unit(ir.Dense, "MatMul", 2, ir.Arg{Src: g.apply("Identity", 1, here(g.picture)), Access: ir.Attend(before), Valid: g.Rect})
			u.Table = onnx.NewTensor([]float32{0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 5, 6, 0, 0}, 3, 3, 2)
			return g, u
		}, way{}, `
			stage 0
			fresh_1 = Identity(view_0_p0_p0)
			stage 1
			logits = MatMul(Flatten axis=1(past_1), Reshape(weights_0, [-1 2]))
			cache 0: 3×1
			cache 1: 3×1 heads 1
			mask 0 of cache 1: heads 1 own 0 weights 2 [0 0 0 0 0 0 1 2 0 0 0 0 3 4 5 6 0 0]
			step 0 of length 64
			stage 1 of 1 reads [0][] writes [0]
			draws pixel 0 from row 0 to 0
			step 1 of length 64
			stage 0 of 1 reads [0] writes [0]
			stage 1 of 1 reads [6][] writes [0]
			draws pixel 1 from row 0 to 1
			step 2 of length 64
			stage 0 of 1 reads [1] writes [1]
			stage 1 of 1 reads [12][] writes [0]
			draws pixel 2 from row 0 to 2
			step 3 of length 64
			stage 0 of 1 reads [2] writes [2]
		`},
		// Keys and values of conditions, and what conditions add to the scores, are there before the
		// first step, as long as they are.
		{"attention to conditions", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			all := ir.Attend(&ir.Mask{W: 2, Sees: [][]ir.Span{{{From: 0, To: 2}}, {{From: 0, To: 2}}}})
			of := func(name string) ir.Arg {
				v := g.file.Input(name, onnx.Float32, onnx.Shape(1, 1, 2)...)
				return ir.Arg{Src: g.static(v, true, true), Access: all, Valid: g.Rect}
			}
			query := g.linear([]float32{1}, []ir.Arg{at(g.picture, 0, -1)}, []float32{2})
			u := g.unit(ir.Attention, "MatMul", 1, here(query), of("keys"), of("values"), of("hides"))
			u.Heads = 1
			return g, u
		}, way{}, `
			stage 0
			logits = Reshape(Transpose perm=[0 3 1 2 4](MatMul(Softmax axis=-1(Add(Add(MatMul(Transpose perm=[0 2 3 1 4](Reshape(Gemm transA=1(stacked_0_p0_m1, [2], [1]), Concat axis=0([1 -1], Slice(Shape(past_1), [0], [1], [0]), [1 1]))), past_1), mask_0), past_3)), past_2)), [-1 1])
			cache 0: 6×1 ring
			cache 1: 2×1 heads 1 turned fixed
			cache 2: 2×1 heads 1 fixed
			cache 3: 2×1 heads 1 turned fixed
			mask 0 of cache 1: heads 1 own 0 weights 0 [0 0 -1e+30 -1e+30]
			per_image_0 = Reshape(keys, [-1])
			per_image_1 = Reshape(values, [-1])
			per_image_2 = Reshape(hides, [-1])
			condition 0: 1 channels, cache 1, slots [0 1]
			condition 1: 1 channels, cache 2, slots [0 1]
			condition 2: 1 channels, cache 3, slots [0 1]
			step 0
			stage 0 of 1 reads [3][][0][][] writes [0]
			draws pixel 0 from row 0 to 1
			step 1
			stage 0 of 1 reads [1][][0][][] writes [0]
			draws pixel 1 from row 0 to 5
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, out := c.build()
			p, err := g.emitted(out, c.way)
			if err != nil {
				t.Fatal(err)
			}
			same(t, text(p), c.want)
		})
	}
}

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

// TestNodes: what units become in a stage's graph.
func TestNodes(t *testing.T) {
	g := newGrid(1, 2)
	g3 := func() *ir.Unit { // of three channels
		return g.linear([]float32{0, 0, 0}, []ir.Arg{at(g.picture, 0, -1)}, []float32{1, 2, 3})
	}
	const three = "Gemm transA=1(stacked_0_p0_m1, [1 2 3])"
	left := at(g.picture, 0, -1)
	for _, c := range []struct {
		name string
		out  *ir.Unit
		way  way
		want string
	}{
		{"channels in a row", g.apply("Neg", 2, here(g3(), 1, 2)), way{}, "Neg(Slice(THREE, [1], [3], [1]))"},
		{"channels in another order", g.apply("Neg", 2, here(g3(), 2, 0)), way{}, "Neg(Gather axis=1(THREE, [2 0]))"},
		{"picked channels as they are", g.apply("Identity", 2, here(g3(), 0, 1)), way{}, "Slice(THREE, [0], [2], [1])"},
		{"all channels as they are", g.apply("Identity", 3, here(g3())), way{}, "Identity(THREE)"},
		{"joined", g.unit(ir.Concat, "Concat", 4, here(g3()), left), way{}, "Concat axis=1(THREE, view_0_p0_m1)"},
		{"joined of one", g.unit(ir.Concat, "Concat", 3, here(g3())), way{}, "THREE"},
		{"a constant and none", &ir.Unit{
			Kind: ir.Apply, Op: "Clip", Channels: 1, DType: onnx.Float32, Full: g.Rect, Dom: g.Rect, Args: []ir.Arg{left},
			Operands: []ir.Operand{{Arg: 0}, {Arg: -1}, {Arg: -1, Value: onnx.Scalar(float32(5))}},
		}, way{}, "Clip(view_0_p0_m1, none, [5])"},
		{"a mean", g.apply("ReduceMean", 1, here(g3())), way{}, "ReduceMean axes=[-1] keepdims=1(THREE)"},
		{"a mean of a newer file", g.apply("ReduceMean", 1, here(g3())), way{opset: 18}, "ReduceMean(THREE, [-1])"},
		{"a sum", g.apply("ReduceSum", 1, here(g3())), way{}, "ReduceSum(THREE, [-1])"},
		{"a sum of products", g.linear([]float32{7}, []ir.Arg{here(g3()), left}, []float32{4, 5, 6}, nil), way{}, "Add(view_0_p0_m1, Gemm(THREE, [4 5 6], [7]))"},
		{"a sum of products, for latency", g.linear([]float32{0}, []ir.Arg{here(g3()), left}, []float32{4, 5, 6}, nil), way{latency: true}, "Gemm(THREE, [4 5 6], view_0_p0_m1)"},
		{"a sum without products", g.linear([]float32{7}, []ir.Arg{left}, nil), way{}, "Add(view_0_p0_m1, [7])"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := g.emitted(c.out, c.way)
			if err != nil {
				t.Fatal(err)
			}
			same(t, strings.ReplaceAll(expressions(p.Stages[0].Model.Graph), three, "THREE"), "logits = "+c.want)
			if want := max(17, c.way.opset); p.Stages[0].Model.Opsets[""] != want {
				t.Errorf("opset %d, want %d", p.Stages[0].Model.Opsets[""], want)
			}
		})
	}
	for _, c := range []struct {
		t    onnx.DType
		want string
	}{
		{onnx.Float32, "Gather axis=0([3 4], Cast to=7(Reshape(OF, [-1])))"},
		{onnx.Int64, "Gather axis=0([3 4], Reshape(Cast(OF), [-1]))"},
	} {
		index := left
		if c.t != onnx.Float32 {
			u := g.apply("Cast", 1, left)
			u.DType = c.t
			index = here(u)
		}
		u := g.unit(ir.Lookup, "Gather", 1, index)
		u.Table = onnx.NewTensor([]float32{3, 4}, 2, 1)
		p, err := g.emitted(u, way{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, strings.ReplaceAll(expressions(p.Stages[0].Model.Graph), "view_0_p0_m1", "OF"), "logits = "+c.want)
	}
}

// TestRefuse: what is proven, and cannot be computed.
func TestRefuse(t *testing.T) {
	enough := errors.New("enough")
	for _, c := range []struct {
		name  string
		build func() (grid, *ir.Unit)
		want  string
	}{
		{"numbers that caches do not hold", func() (grid, *ir.Unit) {
			g := newGrid(1, 2)
			u := g.apply("Cast", 1, here(g.picture))
			u.Node, u.DType = "odd", onnx.Int64
			return g, g.apply("Cast", 1, at(u, 0, -1))
		}, "compile: odd: its values are int64 and are read from other pixels"},
		{"an attention that the front end refused", func() (grid, *ir.Unit) {
			g, u := attention(false)
			u.Refused = enough
			return g, u
		}, "enough"},
		{"keys that are values as well", func() (grid, *ir.Unit) {
			g, u := attention(false)
			u.Args[2], u.Node = u.Args[1], "odd"
			return g, u
		}, "compile: odd: its argument 2 is not kept by heads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, out := c.build()
			if _, err := g.emitted(out, way{}); err == nil || err.Error() != c.want {
				t.Errorf("error is %v, should be %s", err, c.want)
			}
		})
	}
}

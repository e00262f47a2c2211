package emit_test

import (
	"errors"
	"fmt"
	"maps"
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

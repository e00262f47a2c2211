package onefile

import (
	"errors"
	"fmt"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

// ErrUnsupported is wrapped where a model can be drawn from, but not by a one-file sampler.
var ErrUnsupported = errors.New("onefile: it cannot be written as one graph")

// Options say what the graph is for.
type Options struct {
	// Head makes probabilities of the model's outputs.
	Head likelihood.Head
	// Values is the model's input value of each level, in equal steps.
	Values []float32
	// Classes are the model's inputs besides the picture, of one image, for each class;
	// nil for a model without classes.
	Classes [][]*onnx.Tensor
	// Conditions are names of the model's inputs that are the graph's as well, one row for each
	// image. Others are the classes'.
	Conditions []string
	// Inpainting adds the inputs [format.Init] and [format.Keep].
	Inpainting bool
	// Limits are those of the runtime that is to read the file.
	Limits onnx.Limits
}

// Build makes the model of a program, preferably one of [compile.Options.Latency]: its
// graph, operator set and IR version. It fails, wrapping [ErrUnsupported], where the
// values of the levels are not in equal steps, and where what the model makes of the
// classes cannot be evaluated. Where the file is sure to be over the limits, or
// making it would take more than their memory, the error is an [*onnx.LimitError].
func Build(p *program.Program, opt Options) (*onnx.Model, error) {
	limits, err := opt.Limits.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("onefile: %w", err)
	}
	if err := within(p, limits); err != nil {
		return nil, fmt.Errorf("onefile: %w", err)
	}
	b := &builder{
		program: p, opt: opt, reach: reach(p),
		scope: scope{&onnx.Graph{Name: "sampler"}, map[string]*onnx.Value{}},
	}
	b.nest = nestOf(p, b.reach)
	if err := b.before(); err != nil {
		return nil, err
	}
	b.loop()
	if err := b.after(); err != nil {
		return nil, err
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": b.opset}, Graph: b.graph}, nil
}

// before adds the inputs, and what is computed of them before the loop.
func (b *builder) before() error {
	g, p := b.graph, b.program
	uniforms := g.Input(format.Uniforms, onnx.Float64, b.pictures()...)
	b.temperature = g.Input(format.Temperature, onnx.Float64, onnx.Fixed(1))
	b.images = g.Slice(g.Op("Shape", nil, uniforms), 0, onnx.List(0), onnx.List(1))
	b.uniforms = b.inOrder(uniforms)
	if len(p.Conditions) > 0 {
		if err := b.given(); err != nil {
			return err
		}
	}
	if b.opt.Inpainting {
		init, keep := g.Input(format.Init, b.level(), b.pictures()...), g.Input(format.Keep, onnx.Bool, b.pictures()...)
		// A uniform for each level: those of a kept symbol's levels up to its own are over
		// any probability, the others below, so that the draw counts what is kept.
		upTo := g.Op("LessOrEqual", nil, onnx.List(ir.Count(b.opt.Head.Levels())...), b.inOrder(g.Cast(init, onnx.Int64)))
		kept := g.Op("Where", nil, upTo, real(2.0), real(-1.0))
		b.uniforms = g.Op("Where", nil, b.inOrder(keep), kept, b.uniforms)
	}
	return nil
}

// level is the type of levels.
func (b *builder) level() onnx.DType {
	if b.opt.Head.Levels() > format.SamplerByteLevels {
		return onnx.Int32
	}
	return onnx.Uint8
}

// pictures is the shape of pictures, [batch, H, W] or [batch, H, W, C].
func (b *builder) pictures() []onnx.Dim {
	p := b.program
	shape := []onnx.Dim{onnx.Free("batch"), onnx.Fixed(p.Height), onnx.Fixed(p.Width)}
	if p.Channels > 1 {
		shape = append(shape, onnx.Fixed(p.Channels))
	}
	return shape
}

// inOrder turns pictures into [symbols, images, 1], the symbols in the order of drawing.
func (b *builder) inOrder(v *onnx.Value) *onnx.Value {
	g := b.graph
	v = g.Reshape(v, -1, len(b.reach.order))
	v = g.Op("Gather", nil, g.Op("Transpose", nil, v), onnx.List(b.reach.order...))
	return g.Op("Unsqueeze", nil, v, onnx.List(2))
}

// after adds the outputs.
func (b *builder) after() error {
	scale, offset, err := encoding.Fit(b.opt.Values)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	g := b.graph
	symbols := len(b.reach.order)
	values := g.Slice(b.picture.next, 0, onnx.List(1), onnx.List(symbols+1))
	level := g.Op("Div", nil, g.Op("Sub", nil, values, real(offset)), real(scale))
	level = g.Op("Round", nil, level) // [symbols, images] in the order of drawing
	number := make([]int, symbols)
	for i, symbol := range b.reach.order {
		number[symbol] = i
	}
	picture := g.Op("Transpose", nil, g.Op("Gather", nil, level, onnx.List(number...)))
	sizes := onnx.Sizes(b.pictures()) // the batch is -1
	picture = g.Op("Reshape", nil, g.Cast(picture, b.level()), onnx.List(sizes...))
	g.Output(picture, format.Levels, b.level(), b.pictures()...)

	var sum *onnx.Value
	if b.logits != nil {
		log := g.Op("LogSoftmax", onnx.Attrs{"axis": int64(-1)}, b.logits.next) // [symbols, images, levels]
		index := g.Op("Unsqueeze", nil, g.Cast(level, onnx.Int64), onnx.List(2))
		chosen := g.Op("GatherElements", onnx.Attrs{"axis": int64(2)}, log, index)
		sum = g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, chosen, onnx.List(0, 2))
	} else {
		sum = g.Op("ReduceSum", onnx.Attrs{"keepdims": int64(0)}, b.chosen.next, onnx.List(0))
	}
	g.Output(sum, format.LogProb, onnx.Float32, onnx.Free("batch"))
	return nil
}

// table is a constant of whole numbers.
func table(x []int, shape ...int) *onnx.Value {
	data := make([]int64, len(x))
	for i, n := range x {
		data[i] = int64(n)
	}
	return onnx.Const("", onnx.NewTensor(data, shape...))
}

func scalar(x int) *onnx.Value { return onnx.Const("", onnx.Scalar(int64(x))) }

func real[T float32 | float64](x T) *onnx.Value { return onnx.Const("", onnx.NewTensor([]T{x}, 1)) }

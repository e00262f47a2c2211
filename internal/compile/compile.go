package compile

import (
	"errors"

	"pixelcnn/internal/compile/emit"
	"pixelcnn/internal/compile/frontend"
	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/pass"
	"pixelcnn/internal/compile/program"
	"pixelcnn/internal/compile/schedule"
	"pixelcnn/internal/onnx"
)

// Options say how to compile. The zero value compiles for the sizes in the file.
type Options struct {
	// Picture is the name of the input that is the picture, where not empty.
	Picture string
	// SubPixel draws the channels of a pixel one after the other, each from its own part of
	// the outputs, which may depend on the channels before it. Else all are drawn together.
	SubPixel bool
	// Height and Width of the images, where not zero; they replace those in the file.
	Height, Width int
	// Raster draws pixel by pixel, row by row, instead of in waves. It is slower, and
	// there to be compared with.
	Raster bool
	// Latency makes the variant for few images at once, which makes runs cheap rather
	// than rows: what a run reads is copied together, instead of bound as many views.
	Latency bool
	// Stop, where not nil, is asked now and then whether to go on; its error ends the
	// work and is returned.
	Stop func() error
}

// What comes out: see [program.Program], [pass.CausalityError], [ir.UnsupportedError].
type (
	Program          = program.Program
	Plan             = program.Plan
	CausalityError   = pass.CausalityError
	UnsupportedError = ir.UnsupportedError
)

// Errors that are wrapped where a pixel sees itself or its future, and where no input is
// a picture.
var (
	ErrNotCausal = pass.ErrNotCausal
	ErrPicture   = frontend.ErrPicture
)

// Compile turns a model into a program that computes each activation once.
//
// The model must have one input that is a picture ([N,C,H,W], [N,H,W,1] or [N,H,W]);
// others are conditions. Its first output is what the pixels are drawn from, [N, outputs, H, W],
// or with its dimensions in another order, where the shape tells; in sub-pixel order the first C-th
// of it belongs to channel 0, and so on.
//
// Errors: a [*CausalityError], which wraps [ErrNotCausal], where a pixel sees itself
// or its future; an [*UnsupportedError] where the graph is outside what is
// understood; one that wraps [onnx.ErrShape] where the sizes do not fit.
func Compile(m *onnx.Model, opt Options) (*Program, error) {
	proven, err := proveModel(m, opt)
	if err != nil {
		return nil, err
	}
	s, ok := schedule.Find(proven.net, proven.units, opt.Raster)
	if !ok {
		return nil, &UnsupportedError{Node: proven.net.Outputs[0].Node, Reason: "it is autoregressive, but no wave of any slope suits it"}
	}
	p, err := emit.Emit(proven.net, proven.units, s, proven.simple, proven.picture, opt.Latency, opt.stop)
	if err != nil {
		return nil, err
	}
	p.Layers = proven.layers
	return p, nil
}

// Prove proves that a model is autoregressive, as [Compile] does before anything else. Errors are
// Compile's.
func Prove(m *onnx.Model, opt Options) error {
	_, err := proveModel(m, opt)
	return err
}

// stop is opt.Stop, or goes on.
func (opt Options) stop() error {
	if opt.Stop == nil {
		return nil
	}
	return opt.Stop()
}

// proven is a network that is autoregressive.
type proven struct {
	net     *ir.Network
	units   []*ir.Unit
	layers  []ir.Layer
	simple  *onnx.Model
	picture *onnx.Value
}

func proveModel(m *onnx.Model, opt Options) (p proven, err error) {
	if p.simple, p.picture, err = frontend.Prepare(m, opt.Picture, opt.Height, opt.Width); err != nil {
		return p, err
	}
	p.net, p.units, p.layers, err = prove(p.simple, p.picture, opt, false)
	if errors.Is(err, ErrNotCausal) && opt.SubPixel {
		// To say exactly which channel sees which, they are told apart as far as they can be.
		if _, _, _, exactly := prove(p.simple, p.picture, opt, true); exactly != nil {
			err = exactly
		}
	}
	if err == nil {
		err = opt.stop()
	}
	return p, err
}

// prove reads a simplified model and proves it causal. In sub-pixel order units are divided by
// channels; finely, for a message, where that is set.
func prove(simple *onnx.Model, picture *onnx.Value, opt Options, finely bool) (*ir.Network, []*ir.Unit, []ir.Layer, error) {
	net, layers, err := frontend.Read(simple, picture)
	if err != nil {
		return nil, nil, nil, err
	}
	if opt.SubPixel {
		if err := pass.Split(net, finely); err != nil {
			return nil, nil, nil, err
		}
	}
	pass.Fuse(net)
	if opt.Latency {
		pass.Carry(net)
	}
	units := pass.Trim(net)
	if err := opt.stop(); err != nil {
		return nil, nil, nil, err
	}
	if u := net.Blind(units); u != nil {
		return nil, nil, nil, &UnsupportedError{Node: u.Node, Reason: "the logits do not depend on the picture"}
	}
	return net, units, layers, pass.Causal(net, units)
}

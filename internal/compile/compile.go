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
// others are conditions. Its first output is what the pixels are drawn from, in any order of
// dimensions; in sub-pixel order the first C-th of it belongs to channel 0, and so on.
//
// Errors: a [*CausalityError], which wraps [ErrNotCausal], where a pixel sees itself
// or its future; an [*UnsupportedError] where the graph is outside what is
// understood; one that wraps [onnx.ErrShape] where the sizes do not fit.
func Compile(m *onnx.Model, opt Options) (*Program, error) {
	stop := opt.Stop
	if stop == nil {
		stop = func() error { return nil }
	}
	simple, picture, err := frontend.Prepare(m, opt.Picture, opt.Height, opt.Width)
	if err != nil {
		return nil, err
	}
	net, units, layers, err := prove(simple, picture, opt, false, stop)
	if errors.Is(err, ErrNotCausal) && opt.SubPixel {
		// To say exactly which channel sees which, they are told apart as far as they can be.
		if _, _, _, exactly := prove(simple, picture, opt, true, stop); exactly != nil {
			err = exactly
		}
	}
	if err != nil {
		return nil, err
	}
	if err := stop(); err != nil {
		return nil, err
	}
	s, ok := schedule.Find(net, units, opt.Raster)
	if !ok {
		return nil, &UnsupportedError{Node: net.Outputs[0].Node, Reason: "it is autoregressive, but no wave of any slope suits it"}
	}
	p, err := emit.Emit(net, units, s, simple, picture, opt.Latency, stop)
	if err != nil {
		return nil, err
	}
	p.Layers = layers
	return p, nil
}

// prove reads a simplified model and proves it causal. In sub-pixel order units are divided by
// channels; finely, for a message, where that is set.
func prove(simple *onnx.Model, picture *onnx.Value, opt Options, finely bool, stop func() error) (*ir.Network, []*ir.Unit, []ir.Layer, error) {
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
	if err := stop(); err != nil {
		return nil, nil, nil, err
	}
	if u := net.Blind(units); u != nil {
		return nil, nil, nil, &UnsupportedError{Node: u.Node, Reason: "the logits do not depend on the picture"}
	}
	return net, units, layers, pass.Causal(net, units)
}

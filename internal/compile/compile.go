package compile

import (
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/onnx"
)

// Options say how to compile. The zero value compiles for the sizes in the file.
type Options struct {
	// Height and Width of the images, where not zero; they replace those in the file.
	Height, Width int
	// Raster draws pixel by pixel, row by row, instead of in waves. It is slower, and
	// there to be compared with.
	Raster bool
	// Few is for drawing few images at once: it makes runs cheap rather than rows.
	// What a run reads is copied together, instead of bound as many views.
	Few bool
	// Stop, where not nil, is asked now and then whether to go on; its error ends the
	// work and is returned.
	Stop func() error
}

func (opt Options) stop() error {
	if opt.Stop == nil {
		return nil
	}
	return opt.Stop()
}

// Compile turns a model into a program that computes each activation once.
//
// The model must have one input that is a picture of one channel ([N,1,H,W],
// [N,H,W,1] or [N,H,W]); others are labels. Its first output is the logits, one
// channel per level, in any order of dimensions.
//
// Errors: a [*CausalityError], which wraps [ErrNotCausal], where a pixel sees itself
// or its future; an [*UnsupportedError] where the graph is outside what is
// understood; one that wraps [onnx.ErrShape] where the sizes do not fit.
func Compile(m *onnx.Model, opt Options) (*Program, error) {
	simple, picture, err := prepare(m, opt)
	if err != nil {
		return nil, err
	}
	logits, layers, err := read(simple, picture)
	if err != nil {
		return nil, err
	}
	shape := onnx.Sizes(picture.Shape)
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	if len(shape) == 4 && shape[3] == 1 && shape[1] != 1 {
		h, w = shape[1], shape[2]
	}
	if (logits.full != rect{0, 0, h, w}) {
		return nil, &UnsupportedError{logits.label, "", fmt.Sprintf("the logits are for %d×%d pixels, the picture has %d×%d",
			logits.full.h(), logits.full.w(), h, w)}
	}
	if err := opt.stop(); err != nil {
		return nil, err
	}
	fuse(logits)
	if opt.Few {
		carry(logits)
	}
	units := trim(logits)
	if err := opt.stop(); err != nil {
		return nil, err
	}
	if logits.still() || !slices.ContainsFunc(units, func(u *unit) bool { return u.kind == image }) {
		return nil, &UnsupportedError{logits.label, "", "the logits do not depend on the picture"}
	}
	if err := causal(units); err != nil {
		return nil, err
	}
	if err := opt.stop(); err != nil {
		return nil, err
	}
	s, ok := plan(units, opt.Raster)
	if !ok {
		return nil, &UnsupportedError{logits.label, "", "it is autoregressive, but no wave of any slope suits it"}
	}
	p, err := assemble(units, s, simple, picture, opt)
	if err != nil {
		return nil, err
	}
	p.layers = layers
	return p, nil
}

// ErrPicture is wrapped where no input of a model can be told to be the picture.
var ErrPicture = errors.New("compile: no input is a picture of one channel")

// maxPixels bounds an image.
const maxPixels = 1 << 20

// prepare finds the picture and simplifies the model for its size.
func prepare(m *onnx.Model, opt Options) (*onnx.Model, *onnx.Value, error) {
	if opt.Height < 0 || opt.Width < 0 {
		return nil, nil, fmt.Errorf("%w: height %d and width %d must not be negative", onnx.ErrShape, opt.Height, opt.Width)
	}
	at := -1
	for i, v := range m.Graph.Inputs {
		s := onnx.Sizes(v.Shape)
		if len(s) == 4 && (s[1] == 1 || s[3] == 1) || len(s) == 3 {
			if at >= 0 {
				return nil, nil, fmt.Errorf("%w: %q and %q both could be", ErrPicture, m.Graph.Inputs[at].Name, v.Name)
			}
			at = i
		}
	}
	if at < 0 {
		return nil, nil, fmt.Errorf("%w ([N,1,H,W], [N,H,W,1] or [N,H,W])", ErrPicture)
	}
	if len(m.Graph.Outputs) == 0 {
		return nil, nil, &UnsupportedError{fmt.Sprintf("graph %q", m.Graph.Name), "", "it has no outputs"}
	}
	sizes := map[string][]int{}
	images := 1
	for i, v := range m.Graph.Inputs {
		s := onnx.Sizes(v.Shape)
		if len(s) > 0 && s[0] > 0 {
			images = s[0]
		}
		if i == at {
			y, x := len(s)-2, len(s)-1
			if len(s) == 4 && s[3] == 1 && s[1] != 1 {
				y, x = 1, 2
			}
			if opt.Height > 0 {
				s[y] = opt.Height
			}
			if opt.Width > 0 {
				s[x] = opt.Width
			}
			if s[y] < 1 || s[x] < 1 {
				return nil, nil, fmt.Errorf("%w: input %q has no fixed height and width: say which", onnx.ErrShape, v.Name)
			}
			if s[y] > maxPixels/s[x] {
				return nil, nil, fmt.Errorf("%w: %d×%d pixels are too many", onnx.ErrShape, s[y], s[x])
			}
		}
		sizes[v.Name] = s
	}
	for _, s := range sizes {
		for i, d := range s {
			if d < 0 && i == 0 {
				s[i] = images
			}
		}
	}
	simple, err := onnx.Simplify(m, sizes)
	if err != nil {
		return nil, nil, err
	}
	return simple, simple.Graph.Inputs[at], nil
}

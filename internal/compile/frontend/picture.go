package frontend

import (
	"errors"
	"fmt"
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// ErrPicture is wrapped where no input of a model can be told to be the picture.
var ErrPicture = errors.New("compile: no input is a picture")

// maxPixels bounds an image.
const maxPixels = 1 << 20

// pictureRoles is what the dimensions of a picture stand for; nil where the shape is none
// of one.
func pictureRoles(shape []int) []role {
	switch {
	case len(shape) == 3:
		return []role{batch, row, column}
	case len(shape) == 4 && shape[3] == 1 && (shape[1] < 0 || shape[1] > 4): // else so many channels
		return []role{batch, row, column, channel}
	case len(shape) == 4 && shape[1] > 0:
		return []role{batch, channel, row, column}
	}
	return nil
}

// Prepare finds the picture among the inputs, by name where that is not empty, and
// simplifies the model for its size: that of the file, or height and width where they are
// not zero.
func Prepare(m *onnx.Model, name string, height, width int) (simple *onnx.Model, picture *onnx.Value, err error) {
	if height < 0 || width < 0 {
		return nil, nil, fmt.Errorf("%w: height %d and width %d must not be negative", onnx.ErrShape, height, width)
	}
	at := -1
	for i, v := range m.Graph.Inputs {
		if pictureRoles(onnx.Sizes(v.Shape)) == nil || name != "" && v.Name != name {
			continue
		}
		if at >= 0 {
			return nil, nil, fmt.Errorf("%w: %q and %q both could be", ErrPicture, m.Graph.Inputs[at].Name, v.Name)
		}
		at = i
	}
	if at < 0 {
		return nil, nil, fmt.Errorf("%w ([N,C,H,W], [N,H,W,1] or [N,H,W])", ErrPicture)
	}
	if len(m.Graph.Outputs) == 0 {
		return nil, nil, &ir.UnsupportedError{Node: fmt.Sprintf("graph %q", m.Graph.Name), Reason: "it has no outputs"}
	}
	sizes := map[string][]int{}
	images := 1
	for i, v := range m.Graph.Inputs {
		s := onnx.Sizes(v.Shape)
		if len(s) > 0 && s[0] > 0 {
			images = s[0]
		}
		if i == at {
			roles := pictureRoles(s)
			h, w := &s[slices.Index(roles, row)], &s[slices.Index(roles, column)]
			if height > 0 {
				*h = height
			}
			if width > 0 {
				*w = width
			}
			if *h < 1 || *w < 1 {
				return nil, nil, fmt.Errorf("%w: input %q has no fixed height and width: say which", onnx.ErrShape, v.Name)
			}
			if *h > maxPixels / *w {
				return nil, nil, fmt.Errorf("%w: %d×%d pixels are too many", onnx.ErrShape, *h, *w)
			}
		}
		sizes[v.Name] = s
	}
	for _, s := range sizes {
		if len(s) > 0 && s[0] < 0 {
			s[0] = images
		}
	}
	if simple, err = onnx.Simplify(m, sizes); err != nil {
		return nil, nil, err
	}
	return simple, simple.Graph.Inputs[at], nil
}

// pictureView shows the picture as its input does: its channels, side by side.
func pictureView(v *onnx.Value) (*view, []*ir.Unit) {
	shape := onnx.Sizes(v.Shape)
	roles := pictureRoles(shape)
	dims := make([]dim, len(shape))
	channels := 1
	for i, size := range shape {
		dims[i] = dim{{roles[i], size}}
		if roles[i] == channel {
			channels = size
		}
	}
	full := ir.Sized(shape[slices.Index(roles, row)], shape[slices.Index(roles, column)])
	node := fmt.Sprintf("input %q", v.Name)
	all := &ir.Unit{Kind: ir.Concat, Node: node, Op: "Concat", Channels: channels, DType: onnx.Float32, Full: full}
	var pictures []*ir.Unit
	for c := range channels {
		u := &ir.Unit{Kind: ir.Picture, Node: node, Channels: 1, Channel: c, DType: onnx.Float32, Full: full}
		pictures = append(pictures, u)
		all.Args = append(all.Args, ir.Arg{Src: u, Access: ir.Here, Valid: full})
	}
	if channels == 1 {
		all = pictures[0]
	}
	view := &view{src: all, access: ir.Here, dims: dims, h: full.H(), w: full.W(), valid: full, chans: ir.Count(channels)}
	if v.DType != onnx.Float32 {
		// The picture is kept as float32, which holds every level exactly.
		view.src = view.apply(node, "Cast", v.DType, onnx.Attrs{"to": int64(v.DType)})
	}
	return view, pictures
}

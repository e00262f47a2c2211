package signature

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"pixelcnn/internal/onnx"
)

// maxPixels bounds an image.
const maxPixels = 1 << 20

// checkSize validates a size that is asked for; 0 means the file's.
func checkSize(height, width int) error {
	if height < 0 || width < 0 || height > maxPixels || width > maxPixels {
		return fmt.Errorf("%w: a size of %d×%d, must be from 1 to %d pixels", ErrConfig, height, width, maxPixels)
	}
	return nil
}

// maxTogether bounds the pixels that are drawn together. Each takes a byte for its level, and a few
// hundred for what the network makes of it.
const maxTogether = 1 << 30

// CheckTogether validates a number of images that are drawn together.
func (s *Signature) CheckTogether(what string, images int) error {
	if most := s.Together(); images > most {
		return fmt.Errorf("%w: %s is %d; of images of %s, %d are the most that are drawn together",
			ErrConfig, what, images, s.Shape(), most)
	}
	return nil
}

// resize makes s the signature of a model for images of another size; 0 keeps the file's. The
// network slides over its images, so it is enough to declare other sizes, unless some node has the
// size built in.
func (s *Signature) resize(height, width int) error {
	oldHeight, oldWidth := s.Height, s.Width
	if height > 0 {
		s.Height = height
	}
	if width > 0 {
		s.Width = width
	}
	if s.Height > maxPixels/s.Width {
		return fmt.Errorf("%w: images of %d×%d pixels; %d are the most", ErrConfig, s.Height, s.Width, maxPixels)
	}
	if s.Height == oldHeight && s.Width == oldWidth {
		if s.open() {
			s.declare()
		}
		return nil
	}
	if err := s.fits(oldHeight, oldWidth); err != nil {
		return err
	}
	s.declare()
	return nil
}

// open tells whether the file leaves open any size but the number of images.
func (s *Signature) open() bool {
	return slices.ContainsFunc(s.model.Graph.Inputs[s.pictureAt].Shape[1:], func(d onnx.Dim) bool { return d.Size < 0 })
}

// declare writes the size into the model.
func (s *Signature) declare() {
	in, out := s.model.Graph.Inputs[s.pictureAt], s.model.Graph.Outputs[s.outputAt]
	for v, l := range map[*onnx.Value]Layout{in: s.InputLayout, out: s.OutputLayout} {
		v.Shape = append(images(v), onnx.Shape(s.shape(l, 1, s.Height, s.Width)[1:]...)...)
	}
}

// images is the first dimension of a value, free where nothing is known of it.
func images(v *onnx.Value) []onnx.Dim {
	if len(v.Shape) == 0 {
		return []onnx.Dim{onnx.Free("batch")}
	}
	return v.Shape[:1:1]
}

// shape is that of a layout in the file, for n images of a size.
func (s *Signature) shape(l Layout, n, height, width int) []int {
	known := s.read.sizes.clone()
	known['H'], known['W'] = height, width
	return places(l, l.shape(n, known), max(0, len(s.StartToken)-1))
}

// fits checks that the graph works for images of the size, and names the node where it does not.
// Where it has operators that are not known here, that is left to the runtime.
func (s *Signature) fits(oldHeight, oldWidth int) error {
	now := s.shapes(s.model.Graph.Nodes, s.Height, s.Width)
	if now.err == nil {
		out := now.of[s.model.Graph.Outputs[s.outputAt]]
		if out == nil || slices.Equal(onnx.Sizes(out.Shape), s.shape(s.OutputLayout, max(1, s.Batch), s.Height, s.Width)) {
			return nil
		}
		now.err = fmt.Errorf("output %q gets shape %v", s.Output, onnx.Sizes(out.Shape))
	}
	if n := s.builtIn(oldHeight, oldWidth); n != nil {
		return fmt.Errorf("%w: it cannot draw images of %d×%d: %s has the size %d×%d built in",
			ErrModel, s.Height, s.Width, n.String(), oldHeight, oldWidth)
	}
	return fmt.Errorf("%w: it cannot draw images of %d×%d: the size is built in: %w", ErrModel, s.Height, s.Width, now.err)
}

// builtIn looks for a node whose result has the same shape as for images of the old size, though
// its inputs have other shapes.
func (s *Signature) builtIn(oldHeight, oldWidth int) *onnx.Node {
	if oldHeight == 0 || oldWidth == 0 {
		return nil
	}
	nodes := s.model.Graph.Nodes
	before := s.shapes(nodes, oldHeight, oldWidth)
	for _, size := range [][2]int{{s.Height, oldWidth}, {oldHeight, s.Width}} {
		now := s.shapes(nodes, size[0], size[1])
		for _, n := range nodes[:now.nodes] {
			same, ok := now.same(before, n.Outputs)
			if ok && !same {
				same = now.moreImages(before, n)
			}
			if !ok || !same {
				continue
			}
			if same, ok := now.same(before, n.Inputs); ok && !same {
				return n
			}
		}
	}
	return nil
}

// graphShapes are the shapes that a graph's values have for images of some size.
type graphShapes struct {
	of    map[*onnx.Value]*onnx.Value // values with their shapes; those of unknown shape are missing
	nodes int                         // how many come before the first one that does not fit
	err   error                       // of that one
}

// same compares shapes. It is not ok where one is not known, or where a constant was computed from
// the size.
func (a graphShapes) same(b graphShapes, values []*onnx.Value) (same, ok bool) {
	same = true
	for _, v := range values {
		if v == nil || v.Const != nil {
			continue
		}
		x, y := a.of[v], b.of[v]
		if x == nil || y == nil || !reflect.DeepEqual(x.Const, y.Const) {
			return false, false
		}
		same = same && slices.Equal(x.Shape, y.Shape)
	}
	return same, true
}

// moreImages tells whether a node makes more images of the same size where there is more than in b,
// as a Reshape to [-1, channels, height, width] does.
func (a graphShapes) moreImages(b graphShapes, n *onnx.Node) bool {
	in, x, y := a.of[n.Inputs[0]], a.of[n.Outputs[0]], b.of[n.Outputs[0]]
	if n.Op != "Reshape" || in == nil || x == nil || y == nil || len(in.Shape) != len(x.Shape) || len(x.Shape) < 2 {
		return false
	}
	return slices.Equal(x.Shape[1:], y.Shape[1:])
}

// shapes finds the shapes of what nodes make, up to the first node that does not fit.
func (s *Signature) shapes(nodes []*onnx.Node, height, width int) graphShapes {
	input := map[string][]int{}
	for i, v := range s.model.Graph.Inputs {
		shape := onnx.Sizes(v.Shape)
		shape[0] = max(1, s.Batch)
		if i == s.pictureAt {
			shape = s.shape(s.InputLayout, shape[0], height, width)
		}
		input[v.Name] = shape
	}
	try := func(n int) (*onnx.Model, []*onnx.Value, error) {
		g := &onnx.Graph{Inputs: s.model.Graph.Inputs, Nodes: nodes[:n]}
		for _, node := range g.Nodes {
			for _, v := range node.Outputs {
				if v != nil {
					g.Outputs = append(g.Outputs, v)
				}
			}
		}
		m := *s.model
		m.Graph = g
		simple, err := onnx.Simplify(&m, input)
		return simple, g.Outputs, err
	}
	out := graphShapes{of: map[*onnx.Value]*onnx.Value{}, nodes: len(nodes)}
	simple, values, err := try(len(nodes))
	if errors.Is(err, onnx.ErrShape) {
		// The first node that does not fit is found by halving.
		out.err = err
		low, high := 0, len(nodes)
		for low+1 < high {
			mid := (low + high) / 2
			if _, _, err := try(mid); err != nil {
				high = mid
			} else {
				low = mid
			}
		}
		out.nodes = low
		simple, values, err = try(low)
	}
	if err != nil {
		out.err = err
		return out
	}
	for _, v := range s.model.Graph.Inputs {
		out.of[v] = &onnx.Value{Shape: onnx.Shape(input[v.Name]...)}
	}
	for i, v := range simple.Graph.Outputs {
		if v.Shape != nil {
			out.of[values[i]] = v
		}
	}
	return out
}

// Together is how many images may be drawn together.
func (s *Signature) Together() int { return maxTogether / s.Symbols() }

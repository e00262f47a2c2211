package signature

import (
	"fmt"
	"slices"
	"strconv"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// OneFile is what a file that holds a one-file sampler takes and gives.
type OneFile struct {
	Inputs, Outputs []*onnx.Value
	Inpainting      bool // it has the inputs for a picture and a mask
}

// readOneFile reads such a file.
func (s *Signature) readOneFile(height, width int) error {
	if v := s.model.Metadata[format.Sampler]; v != format.SamplerVersion {
		return fmt.Errorf("%w: %s is %q, and this program reads %q", ErrModel, format.Sampler, v, format.SamplerVersion)
	}
	g := s.model.Graph
	s.OneFile = &OneFile{Inputs: g.Inputs, Outputs: g.Outputs}
	s.Input, s.Output = format.Uniforms, format.Levels
	for _, v := range g.Outputs {
		if shape := onnx.Sizes(v.Shape); v.Name == format.Levels && (len(shape) == 3 || len(shape) == 4) {
			s.Height, s.Width = shape[1], shape[2]
			if len(shape) == 4 {
				s.Channels = shape[3]
			}
		}
	}
	var err error
	s.Levels, err = strconv.Atoi(s.model.Metadata[format.SamplerLevels])
	if err != nil || s.Levels < format.MinLevels || s.Levels > format.MaxLevels {
		return fmt.Errorf("%w: %s is %q, must be from %d to %d", ErrModel, format.SamplerLevels, s.model.Metadata[format.SamplerLevels],
			format.MinLevels, format.MaxLevels)
	}
	s.Head = likelihood.Categorical{Depth: s.Levels, Channels: s.Channels}
	if s.Height < 1 || s.Width < 1 || s.Height > maxPixels/s.Width || s.Channels < 1 || s.Channels > format.MaxChannels {
		return fmt.Errorf("%w: its output %q does not hold images", ErrModel, format.Levels)
	}
	for i, v := range g.Inputs {
		if v.Name == format.Label {
			if s.classInput, err = readClassInput(v, i); err != nil {
				return err
			}
			s.ClassInput = v.Name
		}
		if !format.OfSampler(v.Name) {
			c := Condition{Name: v.Name, DType: v.DType, Shape: onnx.Sizes(v.Shape), at: i}
			if len(c.Shape) == 0 || c.Shape[0] >= 0 || slices.Contains(c.Shape[1:], -1) || onnx.Zeros(c.DType) == nil {
				return fmt.Errorf("%w: its condition %q is %v %v, which is none of images", ErrModel, v.Name, v.DType, c.Shape)
			}
			c.Shape = c.Shape[1:]
			s.Conditions = append(s.Conditions, c)
		}
		s.OneFile.Inpainting = s.OneFile.Inpainting || v.Name == format.Keep
	}
	if err := s.OneFile.check(s.pictures(), s.Levels, s.Conditions); err != nil {
		return err
	}
	if height != 0 && height != s.Height || width != 0 && width != s.Width {
		return fmt.Errorf("%w: it holds a one-file sampler, for images of %d×%d; make one of the model for another size", ErrModel, s.Height, s.Width)
	}
	return s.readClasses()
}

// pictures is the shape of a one-file sampler's pictures, [batch, H, W] or [batch, H, W, C].
func (s *Signature) pictures() []int {
	if s.Channels > 1 {
		return []int{-1, s.Height, s.Width, s.Channels}
	}
	return []int{-1, s.Height, s.Width}
}

// check tells whether inputs and outputs are those of a one-file sampler, whose pictures
// have the shape image and so many levels, and which has conditions.
func (o *OneFile) check(image []int, levels int, conditions []Condition) error {
	one, level := []int{1}, onnx.Uint8
	if levels > format.SamplerByteLevels {
		level = onnx.Int32
	}
	known := map[string]onnx.ValueInfo{
		format.Uniforms:    {DType: onnx.Float64, Shape: image},
		format.Temperature: {DType: onnx.Float64, Shape: one},
		format.Label:       {DType: onnx.Int64, Shape: []int{-1}},
		format.Init:        {DType: level, Shape: image},
		format.Keep:        {DType: onnx.Bool, Shape: image},
		format.Levels:      {DType: level, Shape: image},
		format.LogProb:     {DType: onnx.Float32, Shape: []int{-1}},
	}
	for _, c := range conditions {
		known[c.Name] = onnx.ValueInfo{DType: c.DType, Shape: append([]int{-1}, c.Shape...)}
	}
	for _, values := range [][]*onnx.Value{o.Inputs, o.Outputs} {
		for _, v := range values {
			want, ok := known[v.Name]
			if shape := onnx.Sizes(v.Shape); !ok || v.DType != want.DType || fmt.Sprint(shape) != fmt.Sprint(want.Shape) {
				return fmt.Errorf("%w: %q, %v %v, is nothing that a one-file sampler has", ErrModel, v.Name, v.DType, shape)
			}
			delete(known, v.Name)
		}
	}
	for _, name := range []string{format.Uniforms, format.Temperature, format.Levels, format.LogProb} {
		if _, missing := known[name]; missing {
			return fmt.Errorf("%w: it has no %q, as a one-file sampler does", ErrModel, name)
		}
	}
	if _, missing := known[format.Init]; missing == o.Inpainting {
		return fmt.Errorf("%w: of %q and %q it has one only", ErrModel, format.Init, format.Keep)
	}
	return nil
}

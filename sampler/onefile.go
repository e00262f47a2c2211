package sampler

import (
	"fmt"
	"maps"
	"strconv"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/format"
	"pixelcnn/internal/onefile"
	"pixelcnn/internal/onnx"
)

// OneFileConfig says what [OneFile] makes. The zero value will do.
type OneFileConfig struct {
	// Completion adds the inputs "init" and "keep", with which a part of a picture is
	// kept. It costs next to nothing, but then they must always be there.
	Completion bool
	// Height and Width, PixelScale and PixelOffset are as in [Config].
	Height, Width           int
	PixelScale, PixelOffset float64
}

// OneFile turns a model into a file that holds the whole sampler: an ONNX graph from
// which any runtime draws images with one call. [Open] takes it as well, within what it
// can do: temperatures and classes, completions where they were asked for, but neither
// other ways to steer nor scores.
//
//	inputs   uniforms     float64 [batch, height, width]  coins in [0, 1)
//	         temperature  float64 [1]                     positive
//	         label        int64   [batch]                 classes, where the model has them
//	         init         uint8   [batch, height, width]  levels to keep (Completion)
//	         keep         bool    [batch, height, width]  where to keep them (Completion)
//	outputs  levels       uint8   [batch, height, width]
//	         logprob      float32 [batch]                 nats, at temperature 1
//
// With this package's coins it draws this package's images, up to coins that fall
// within some 1e-6 of the boundary between two levels, which are not settled.
//
// Errors wrap [ErrModel] for a model from which no such file can be made, and
// [ErrConfig]. Where the file would be over the default limits, or making it would take
// more than their memory, an [*onnx.LimitError] is in it.
func OneFile(model []byte, cfg OneFileConfig) ([]byte, error) {
	check := Config{Height: cfg.Height, Width: cfg.Width, PixelScale: cfg.PixelScale, PixelOffset: cfg.PixelOffset}
	if err := check.Check(); err != nil {
		return nil, err
	}
	spec, err := ReadSpecSize(model, cfg.Height, cfg.Width)
	if err != nil {
		return nil, err
	}
	if spec.whole != nil {
		return nil, fmt.Errorf("%w: it is a whole sampler already", ErrModel)
	}
	p, err := compile.Compile(spec.model, compile.Options{Height: spec.Height, Width: spec.Width, Latency: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	opt := onefile.Options{Values: spec.inputs(cfg.PixelScale, cfg.PixelOffset), Completion: cfg.Completion}
	for class := range spec.Classes {
		opt.Classes = append(opt.Classes, spec.label.of(class))
	}
	m, err := onefile.Build(p, opt)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	m.ProducerName = "pixelcnn"
	m.Doc = spec.manual(cfg.Completion)
	m.Metadata = maps.Clone(spec.model.Metadata)
	if spec.Meta.Format != "" {
		meta := spec.Meta
		meta.Height, meta.Width = spec.Height, spec.Width
		maps.Copy(m.Metadata, meta.Props())
	}
	m.Metadata[format.Sampler] = format.SamplerVersion
	m.Metadata[format.SamplerLevels] = strconv.Itoa(spec.Levels)
	b, err := onnx.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	if _, err := onnx.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("%w: as one file it could not be read again: %w", ErrModel, err)
	}
	return b, nil
}

// manual is the file's documentation.
func (s *Spec) manual(completion bool) string {
	size := fmt.Sprintf("[batch, %d, %d]", s.Height, s.Width)
	text := fmt.Sprintf(`# A whole sampler

It draws images of %d×%d pixels with %d levels, from 0, black, to %d, white.

Inputs:

- uniforms, float64 %s: random numbers in [0, 1), one for each pixel
- temperature, float64 [1]: 1 for the model as it is, below 1 keeps to the likely
`, s.Height, s.Width, s.Levels, s.Levels-1, size)
	if s.Label != "" {
		text += fmt.Sprintf("- label, int64 [batch]: the class of each image, 0 to %d\n", len(s.Classes)-1)
	}
	if completion {
		text += "- init, uint8 " + size + ": levels of a picture to complete\n" +
			"- keep, bool " + size + ": which of its pixels stay\n"
	}
	return text + `
Outputs:

- levels, uint8 ` + size + `
- logprob, float32 [batch]: log-probability of the image at temperature 1, in nats
`
}

// whole is what a file that holds a whole sampler takes and gives.
type whole struct {
	inputs, outputs []*onnx.Value
	completion      bool
}

// readWhole reads such a file.
func (s *Spec) readWhole(height, width int) error {
	if v := s.model.Metadata[format.Sampler]; v != format.SamplerVersion {
		return fmt.Errorf("%w: %s is %q, and this program reads %q", ErrModel, format.Sampler, v, format.SamplerVersion)
	}
	g := s.model.Graph
	s.whole = &whole{inputs: g.Inputs, outputs: g.Outputs}
	s.Input, s.Output = onefile.Uniforms, onefile.Levels
	for _, v := range g.Outputs {
		if shape := onnx.Sizes(v.Shape); v.Name == onefile.Levels && len(shape) == 3 {
			s.Height, s.Width = shape[1], shape[2]
		}
	}
	var err error
	s.Levels, err = strconv.Atoi(s.model.Metadata[format.SamplerLevels])
	if err != nil || s.Levels < format.MinLevels || s.Levels > format.MaxLevels {
		return fmt.Errorf("%w: %s is %q, must be from %d to %d", ErrModel, format.SamplerLevels, s.model.Metadata[format.SamplerLevels],
			format.MinLevels, format.MaxLevels)
	}
	if s.Height < 1 || s.Width < 1 || s.Height > maxPixels/s.Width {
		return fmt.Errorf("%w: its output %q is none of images", ErrModel, onefile.Levels)
	}
	for i, v := range g.Inputs {
		if v.Name == onefile.Label {
			if s.label, err = readLabel(v, i); err != nil {
				return err
			}
			s.Label = v.Name
		}
		s.whole.completion = s.whole.completion || v.Name == onefile.Keep
	}
	if err := s.whole.check(s.Height, s.Width); err != nil {
		return err
	}
	if height != 0 && height != s.Height || width != 0 && width != s.Width {
		return fmt.Errorf("%w: it holds a whole sampler, for images of %d×%d; make one of the model for another size", ErrModel, s.Height, s.Width)
	}
	return s.readClasses()
}

// check tells whether inputs and outputs are those that [OneFile] writes.
func (w *whole) check(height, width int) error {
	image, one := []int{-1, height, width}, []int{1}
	known := map[string]onnx.ValueInfo{
		onefile.Uniforms:    {DType: onnx.Float64, Shape: image},
		onefile.Temperature: {DType: onnx.Float64, Shape: one},
		onefile.Label:       {DType: onnx.Int64, Shape: []int{-1}},
		onefile.Init:        {DType: onnx.Uint8, Shape: image},
		onefile.Keep:        {DType: onnx.Bool, Shape: image},
		onefile.Levels:      {DType: onnx.Uint8, Shape: image},
		onefile.LogProb:     {DType: onnx.Float32, Shape: []int{-1}},
	}
	for _, values := range [][]*onnx.Value{w.inputs, w.outputs} {
		for _, v := range values {
			want, ok := known[v.Name]
			if shape := onnx.Sizes(v.Shape); !ok || v.DType != want.DType || fmt.Sprint(shape) != fmt.Sprint(want.Shape) {
				return fmt.Errorf("%w: %q, %v %v, is nothing that a whole sampler has", ErrModel, v.Name, v.DType, shape)
			}
			delete(known, v.Name)
		}
	}
	for _, name := range []string{onefile.Uniforms, onefile.Temperature, onefile.Levels, onefile.LogProb} {
		if _, missing := known[name]; missing {
			return fmt.Errorf("%w: it has no %q, as a whole sampler does", ErrModel, name)
		}
	}
	if _, missing := known[onefile.Init]; missing == w.completion {
		return fmt.Errorf("%w: of %q and %q it has one only", ErrModel, onefile.Init, onefile.Keep)
	}
	return nil
}

// Whole tells whether the file holds a whole sampler, as [OneFile] makes it.
func (s *Spec) Whole() bool { return s.whole != nil }

package sampler

import (
	"fmt"
	"image/color"
	"maps"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/signature"
)

// Annotation is metadata that [AnnotateFile] adds to what the config says of a file.
type Annotation struct {
	ClassNames []string      // by number
	Palette    []color.NRGBA // a colour for each level, of one channel
}

// AnnotateFile reads a model by its path with what the config says, and returns the same file
// with that in its metadata and all weights inside: it can be read with no config. Errors are
// those of [ReadFile].
func AnnotateFile(path string, cfg Config, add Annotation) ([]byte, error) {
	return annotate(ofPath(path), cfg, add)
}

// Annotate is [AnnotateFile] for the bytes of a file.
func Annotate(file []byte, cfg Config, add Annotation) ([]byte, error) {
	return annotate(ofBytes(file), cfg, add)
}

func annotate(file source, cfg Config, add Annotation) ([]byte, error) {
	read, err := read(nil, file, cfg)
	if err != nil {
		return nil, err
	}
	sig := read.Signature
	switch {
	case sig.OneFile != nil:
		return nil, errOneFile
	case len(add.ClassNames) > 0 && sig.ClassInput == "":
		return nil, fmt.Errorf("%w: the model has no classes to name", ErrConfig)
	case len(add.ClassNames) > 0 && sig.Classes != nil && len(add.ClassNames) != len(sig.Classes):
		return nil, fmt.Errorf("%w: %d names for %d classes", ErrConfig, len(add.ClassNames), len(sig.Classes))
	case len(add.Palette) > 0 && (sig.Channels != 1 || len(add.Palette) != sig.Levels):
		return nil, fmt.Errorf("%w: a palette of %d colours for %d levels of %d channels", ErrConfig, len(add.Palette), sig.Levels, sig.Channels)
	}
	m := sig.Meta
	m.Levels, m.Height, m.Width, m.Channels = sig.Levels, sig.Height, sig.Width, sig.Channels
	m.Head, m.Input, m.Output, m.Label = sig.Head.Name(), sig.Input, sig.Output, sig.ClassInput
	m.InputLayout, m.OutputLayout, m.StartToken = string(sig.InputLayout), string(sig.OutputLayout), sig.StartToken
	switch h := sig.Head.(type) {
	case likelihood.Categorical:
		m.Outputs = h.Form.String()
	case likelihood.Bernoulli:
		m.Outputs = h.Form.String()
	case likelihood.Mixture:
		m.Mixtures = h.Components
	}
	if m.ColourOrder = ""; sig.Channels > 1 {
		m.ColourOrder = "joint"
		if sig.SubPixel {
			m.ColourOrder = "sub-pixel"
		}
	}
	if m.PixelScale, m.PixelOffset = 0, 0; sig.Encoding == signature.Scaled {
		m.PixelScale, m.PixelOffset = sig.LinearScale()
	}
	m.Conditions = nil
	for _, c := range sig.Conditions {
		m.Conditions = append(m.Conditions, c.Name)
	}
	if len(add.ClassNames) > 0 {
		m.Classes = add.ClassNames
	}
	if m.Colour = sig.Colour(); len(add.Palette) > 0 {
		m.Colour, m.Palette = format.PaletteIndex, add.Palette
	}
	metadata := maps.Clone(sig.Model().Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	maps.Copy(metadata, m.Props())
	out, err := file.embed(metadata)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return out, nil
}

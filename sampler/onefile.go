package sampler

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onefile"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler/internal/engine"
)

// OneFile turns the model into a one-file sampler: an ONNX graph with the loop in it, from
// which any runtime draws images with one call. [Open] takes it as well, within what it
// can do: temperatures and classes, inpainting where it was asked for, but neither
// filters nor scores. Inpainting costs next to nothing, but then its inputs must always be
// there.
//
//	inputs   uniforms     float64 [batch, height, width]  uniform variates in [0, 1)
//	         temperature  float64 [1]                     positive
//	         label        int64   [batch]                 classes, where the model has them
//	         …            …       [batch, …]              the model's conditions, by its own names
//	         init         uint8   [batch, height, width]  a picture's levels (inpainting)
//	         keep         bool    [batch, height, width]  which of them are given (inpainting)
//	outputs  levels       uint8   [batch, height, width]
//	         logprob      float32 [batch]                 nats, at temperature 1
//
// Where there are more than 256 levels, they are int32. Pictures of several channels are [batch, height, width, channels], with a uniform for each
// channel of a pixel.
//
// With this package's uniforms it draws this package's images, up to those that fall
// within some 1e-6 of the boundary between two levels, which are not settled.
//
// Errors wrap [ErrModel] for a model from which no such file can be made. Where the file
// would be over the default limits, or making it would take more than their memory, an
// [*onnx.LimitError] is in it.
func (m *Model) OneFile(inpainting bool) ([]byte, error) {
	if m.Signature == nil {
		return nil, errNoFile
	}
	sig := m.Signature
	switch {
	case sig.OneFile != nil:
		return nil, fmt.Errorf("%w: it is a one-file sampler already", ErrModel)
	}
	opt := engine.CompileOptions(sig, false)
	opt.Latency = true
	p, err := compileAs(sig.Model(), opt)
	if err != nil {
		return nil, err
	}
	one := onefile.Options{Head: sig.Head, Values: sig.Values(), Inpainting: inpainting}
	for class := range sig.Classes {
		one.Classes = append(one.Classes, sig.Others(class, nil))
	}
	for _, c := range sig.Conditions {
		if format.OfSampler(c.Name) {
			return nil, fmt.Errorf("%w: its condition %q has the name of something else in a one-file sampler", ErrModel, c.Name)
		}
		one.Conditions = append(one.Conditions, c.Name)
	}
	out, err := onefile.Build(p, one)
	if err != nil {
		return nil, &notCompiledError{"no one-file sampler can be made of it", err}
	}
	out.ProducerName = "pixelcnn"
	out.Doc = manual(sig, inpainting)
	out.Metadata = maps.Clone(sig.Model().Metadata)
	for key := range sig.Meta.Props() {
		delete(out.Metadata, key)
	}
	meta := sig.Meta.WithoutReading()
	meta.Height, meta.Width = sig.Height, sig.Width
	if sig.Channels > 1 {
		meta.Channels = sig.Channels
	}
	meta.Classes, meta.ClassPrior = sig.Classes, sig.Prior
	if sig.ClassInput != "" {
		meta.Label = format.Label
	}
	if sig.Meta.Format != "" {
		maps.Copy(out.Metadata, meta.Props())
	} else {
		maps.Copy(out.Metadata, meta.Drawing())
	}
	out.Metadata[format.Sampler] = format.SamplerVersion
	out.Metadata[format.SamplerLevels] = strconv.Itoa(sig.Levels)
	b, err := onnx.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	if _, err := onnx.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("%w: as one file it could not be read again: %w", ErrModel, err)
	}
	return b, nil
}

// manual is the file's documentation.
func manual(s *Signature, inpainting bool) string {
	size, what, each := fmt.Sprintf("[batch, %d, %d]", s.Height, s.Width), fmt.Sprintf(", from 0, black, to %d, white", s.Levels-1), "pixel"
	levels := "uint8 "
	if s.Levels > format.SamplerByteLevels {
		levels = "int32 "
	}
	if s.Channels > 1 {
		size = fmt.Sprintf("[batch, %d, %d, %d]", s.Height, s.Width, s.Channels)
		what, each = fmt.Sprintf(" in each of %d channels", s.Channels), "channel"
	}
	text := fmt.Sprintf(`# A whole sampler

It draws images of %d×%d pixels with %d levels%s.

Inputs:

- uniforms, float64 %s: random numbers in [0, 1), one for each %s
- temperature, float64 [1]: 1 for the model as it is, below 1 keeps to the likely
`, s.Height, s.Width, s.Levels, what, size, each)
	if s.ClassInput != "" {
		text += fmt.Sprintf("- label, int64 [batch]: the class of each image, 0 to %d\n", len(s.Classes)-1)
	}
	for _, c := range s.Conditions {
		text += fmt.Sprintf("- %s, %v %s: a condition of each image\n", c.Name, c.DType, strings.Replace(strings.ReplaceAll(fmt.Sprint(c.Shape), " ", ", "), "[", "[batch, ", 1))
	}
	if inpainting {
		text += "- init, " + levels + size + ": levels of a picture to complete\n" +
			"- keep, bool " + size + ": which of its pixels stay\n"
	}
	text += `
Outputs:

- levels, ` + levels + size + `
- logprob, float32 [batch]: log-probability of the image at temperature 1, in nats

The images of sampler --seed S: ` + each + ` k of image i, row by row, takes the k-th number of Go's rand.New(rand.NewPCG(S, i)).
`
	if s.ClassInput != "" {
		text += "Its class is the first up to which pixelcnn.class_prior adds up to more than the first number of rand.New(rand.NewPCG(S, 1<<62+i)).\n"
	}
	return text
}

package format

import (
	"maps"
	"slices"
	"strings"
)

// A one-file sampler says so in its metadata, beside what the model's
// file said. Its graph is that of internal/onefile.
const (
	Sampler        = prefix + "sampler" // "1"
	SamplerVersion = "1"
	SamplerLevels  = prefix + "sampler_levels" // the number of levels

	SamplerByteLevels = 256 // up to so many are uint8, more are int32
)

// What a one-file sampler takes and gives. Where it has classes, it takes [Label] as well, and
// conditions by their own names, [batch, …].
// Pictures of several channels are [batch, height, width, channels].
const (
	Uniforms    = "uniforms"    // input, float64 [batch, height, width], in [0, 1): one for each symbol
	Temperature = "temperature" // input, float64 [1], positive
	Init        = "init"        // input, as the levels [batch, height, width], a picture's levels; for inpainting
	Keep        = "keep"        // input, bool [batch, height, width], which of them are given; for inpainting
	Levels      = "levels"      // output, uint8, or int32 where there are more than 256, [batch, height, width]
	LogProb     = "logprob"     // output, float32 [batch], nats, of all symbols at temperature 1
)

// OfSampler tells whether a name is that of something that a one-file sampler takes or gives.
func OfSampler(name string) bool {
	return slices.Contains([]string{Uniforms, Temperature, Label, Init, Keep, Levels, LogProb}, name)
}

// WithoutReading is m without what says how the model's file is read.
func (m Meta) WithoutReading() Meta {
	m.Label, m.Head, m.Mixtures, m.Outputs, m.ColourOrder = "", "", 0, "", ""
	m.Input, m.Output, m.InputLayout, m.OutputLayout = "", "", "", ""
	m.Conditions, m.StartToken, m.PixelScale, m.PixelOffset = nil, nil, 0, 0
	return m
}

// Drawing returns those of m's properties that a program needs to draw with a one-file
// sampler. Such a file has them also where its model's says nothing about itself.
func (m Meta) Drawing() map[string]string {
	props := m.Props()
	maps.DeleteFunc(props, func(key, _ string) bool {
		return !slices.Contains([]string{"height", "width", "channels", "colour", "palette", "label", "classes", "class_prior"}, strings.TrimPrefix(key, prefix))
	})
	return props
}

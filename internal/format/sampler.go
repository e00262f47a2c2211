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

	SamplerMaxLevels = 256 // of them, in a byte
)

// What a one-file sampler takes and gives. Where it has classes, it takes [Label] as well.
// Pictures of several channels are [batch, height, width, channels].
const (
	Uniforms    = "uniforms"    // input, float64 [batch, height, width], in [0, 1): one for each symbol
	Temperature = "temperature" // input, float64 [1], positive
	Init        = "init"        // input, uint8 [batch, height, width], a picture's levels; for inpainting
	Keep        = "keep"        // input, bool [batch, height, width], which of them are given; for inpainting
	Levels      = "levels"      // output, uint8 [batch, height, width]
	LogProb     = "logprob"     // output, float32 [batch], nats, of all symbols at temperature 1
)

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

// Package format is the contract of pixelcnn.onnx between the exporter, which
// writes it, and the sampler, which reads it: the names of inputs and outputs, and the
// metadata.
//
//	props := format.Meta{Levels: 4, Height: 16, Width: 16}.Props()
//	meta, err := format.Parse(props)
//
// A property is added here, in [Meta], [Meta.Props] and [Parse]. How a level becomes an
// input value is package encoding's.
package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
)

// The graph's interface.
const (
	Image  = "image"  // float32 [batch, 1, height, width], values in [0, 1]
	Label  = "label"  // int64 [batch], the class; of a class-conditional model
	Logits = "logits" // float32 [batch, levels, height, width], unnormalised
	Batch  = "batch"  // name of the free dimension

	IRVersion = 8
	Opset     = 17
	Version   = "1" // of pixelcnn.format
	Order     = "raster"
)

// Limits of what the sampler draws.
const (
	MinLevels, MaxLevels = 2, 1 << 16
	MaxChannels          = 64
)

// ErrMetadata is wrapped by every error of [Parse].
var ErrMetadata = errors.New("format: invalid metadata")

// Meta is what a file says about itself. A file from elsewhere says nothing; its
// Meta is zero.
type Meta struct {
	Format        string // "1"; empty in a file from elsewhere
	Arch          string // empty in a file from elsewhere, of which Seed and Epochs are not known
	Levels        int
	Height, Width int
	// Channels is how many a pixel has; 0 in files from before it was written, which have one.
	Channels int
	Order    string // "raster"
	// Head is the kind of the outputs, and Mixtures how many components a logistic mixture
	// has. Input and Output name how both are laid out. Empty or 0 in files that leave them to be
	// found out.
	Head          string
	Mixtures      int
	Input, Output string
	// Colour is how levels become colours: grey, rgb (alpha included), or palette, where Palette
	// has the colour of each level; empty in files that leave it to the number of channels.
	Colour  string
	Palette []color.NRGBA
	// A level k is k·PixelScale + PixelOffset in the picture's input. Both are 0 in files from
	// before they were written, where k is k/(levels−1).
	PixelScale, PixelOffset float64
	// What a file from elsewhere is annotated with; empty in the trainer's own.
	InputLayout, OutputLayout string // as "NCHW"
	StartToken                []int64
	Outputs                   string   // "logits", "log-probabilities" or "probabilities"
	ColourOrder               string   // "joint" or "sub-pixel"; of several channels
	Conditions                []string // names of inputs beside the picture and the class
	Label                     string   // name of the input for the class, where there is one
	Classes                   []string // names by number; in files of before also without a label
	// ClassPrior is how often each class is in the training set, of Classes' length, with
	// sum 1; nil for a model that is not class-conditional.
	ClassPrior    []float64
	Dataset       string // "fashion-mnist"
	DatasetSHA256 string
	Preprocess    string
	// Command is the command that trained the file. Where one went on from another's file
	// (--from), the other's is in the lines before.
	Command    string
	Seed       uint64  // of the last command
	Epochs     int     // whole ones, of all commands
	NatsPerDim float64 // test set; 0 where not measured
	// VerifyMaxDiff is the largest difference of a logit between VerifyReaders, which read
	// the file back when it was written. They are empty where that was not done.
	VerifyMaxDiff float64
	VerifyReaders []string // as "ONNX Runtime 1.24.1"
}

// BitsPerDim is the likelihood in bits per dimension.
func (m Meta) BitsPerDim() float64 { return m.NatsPerDim / math.Ln2 }

const prefix = "pixelcnn."

// Props returns the metadata_props of the file.
func (m Meta) Props() map[string]string {
	p := map[string]string{
		prefix + "format": Version,
		prefix + "levels": strconv.Itoa(m.Levels),
		prefix + "height": strconv.Itoa(m.Height),
		prefix + "width":  strconv.Itoa(m.Width),
		prefix + "order":  Order,
	}
	trained := m.Arch != "" // by the trainer, and a 0 is one
	if trained {
		p[prefix+"arch"] = m.Arch
	}
	if trained || m.Seed != 0 {
		p[prefix+"seed"] = strconv.FormatUint(m.Seed, 10)
	}
	if trained || m.Epochs != 0 {
		p[prefix+"epochs"] = strconv.Itoa(m.Epochs)
	}
	for key, s := range map[string]string{
		"dataset": m.Dataset, "dataset_sha256": m.DatasetSHA256, "preprocess": m.Preprocess, "command": m.Command,
		"label": m.Label, "head": m.Head, "input": m.Input, "output": m.Output, "colour": m.Colour,
		"input_layout": m.InputLayout, "output_layout": m.OutputLayout, "outputs": m.Outputs, "colour_order": m.ColourOrder,
	} {
		if s != "" {
			p[prefix+key] = s
		}
	}
	for key, n := range map[string]int{"channels": m.Channels, "mixtures": m.Mixtures} {
		if n != 0 {
			p[prefix+key] = strconv.Itoa(n)
		}
	}
	if len(m.Palette) > 0 {
		p[prefix+"palette"] = hexColours(m.Palette)
	}
	if len(m.Conditions) > 0 {
		b, _ := json.Marshal(m.Conditions) // strings always can be
		p[prefix+"conditions"] = string(b)
	}
	if len(m.StartToken) > 0 {
		b, _ := json.Marshal(m.StartToken) // integers always can be
		p[prefix+"start_token"] = string(b)
	}
	if m.PixelScale != 0 {
		p[prefix+"pixel_scale"] = strconv.FormatFloat(m.PixelScale, 'g', -1, 64)
		p[prefix+"pixel_offset"] = strconv.FormatFloat(m.PixelOffset, 'g', -1, 64)
	}
	if len(m.Classes) > 0 {
		b, _ := json.Marshal(m.Classes) // strings always can be
		p[prefix+"classes"] = string(b)
	}
	if len(m.ClassPrior) > 0 {
		b, _ := json.Marshal(m.ClassPrior) // finite numbers always can be
		p[prefix+"class_prior"] = string(b)
	}
	if len(m.VerifyReaders) > 0 {
		b, _ := json.Marshal(m.VerifyReaders) // strings always can be
		p[prefix+"verify_readers"] = string(b)
		p[prefix+"verify_max_diff"] = strconv.FormatFloat(m.VerifyMaxDiff, 'e', 2, 64)
	}
	if m.NatsPerDim != 0 {
		p[prefix+"nll_nats_per_dim"] = strconv.FormatFloat(m.NatsPerDim, 'f', 6, 64)
		p[prefix+"nll_bits_per_dim"] = strconv.FormatFloat(m.BitsPerDim(), 'f', 6, 64)
	}
	return p
}

// Parse reads the metadata_props of a file. Props without pixelcnn.format give the
// zero Meta. The error wraps [ErrMetadata] and names the property.
func Parse(props map[string]string) (Meta, error) {
	version, ok := props[prefix+"format"]
	if !ok {
		return Meta{}, nil
	}
	if version != Version {
		return Meta{}, fmt.Errorf("%w: %sformat is %q, and this program reads %q", ErrMetadata, prefix, Cut(version), Version)
	}
	p := parser{props: props}
	m := Meta{
		Format:        version,
		Arch:          props[prefix+"arch"],
		Levels:        p.int("levels", MinLevels, MaxLevels),
		Height:        p.int("height", 1, 1<<15),
		Width:         p.int("width", 1, 1<<15),
		Order:         props[prefix+"order"],
		Dataset:       props[prefix+"dataset"],
		DatasetSHA256: props[prefix+"dataset_sha256"],
		Preprocess:    props[prefix+"preprocess"],
		Command:       props[prefix+"command"],
		Label:         props[prefix+"label"],
		Head:          props[prefix+"head"],
		Input:         props[prefix+"input"],
		Output:        props[prefix+"output"],
		Colour:        props[prefix+"colour"],
		InputLayout:   props[prefix+"input_layout"],
		OutputLayout:  props[prefix+"output_layout"],
		Outputs:       props[prefix+"outputs"],
		ColourOrder:   props[prefix+"colour_order"],
	}
	for _, one := range []struct {
		key, value string
		of         []string
	}{
		{"outputs", m.Outputs, []string{"logits", "log-probabilities", "probabilities"}},
		{"colour_order", m.ColourOrder, []string{"joint", "sub-pixel"}},
		{"head", m.Head, []string{"categorical", "bernoulli", "logistic-mixture"}},
	} {
		if one.value != "" && !slices.Contains(one.of, one.value) && p.err == nil {
			p.err = fmt.Errorf("%w: %s%s is %q, must be one of %q", ErrMetadata, prefix, one.key, Cut(one.value), one.of)
		}
	}
	if s := props[prefix+"conditions"]; s != "" {
		m.Conditions, p.err = parse(p.err, "conditions", s, func(s string) (names []string, err error) {
			return names, json.Unmarshal([]byte(s), &names)
		})
	}
	if props[prefix+"channels"] != "" {
		m.Channels = p.int("channels", 1, MaxChannels)
	}
	if props[prefix+"mixtures"] != "" {
		m.Mixtures = p.int("mixtures", 1, 1<<10)
	}
	if s := props[prefix+"palette"]; s != "" {
		m.Palette, p.err = parse(p.err, "palette", s, parseColours)
	}
	if s := props[prefix+"start_token"]; s != "" {
		m.StartToken, p.err = parse(p.err, "start_token", s, func(s string) (tokens []int64, err error) {
			return tokens, json.Unmarshal([]byte(s), &tokens)
		})
	}
	if s := props[prefix+"pixel_scale"]; s != "" {
		m.PixelScale, p.err = parse(p.err, "pixel_scale", s, parseFinite)
		if p.err == nil && m.PixelScale == 0 {
			p.err = fmt.Errorf("%w: %spixel_scale is 0, and every level would be the same", ErrMetadata, prefix)
		}
		m.PixelOffset, p.err = parse(p.err, "pixel_offset", props[prefix+"pixel_offset"], parseFinite)
	}
	if s := props[prefix+"classes"]; s != "" {
		m.Classes, p.err = parse(p.err, "classes", s, func(s string) (names []string, err error) {
			return names, json.Unmarshal([]byte(s), &names)
		})
	}
	if s := props[prefix+"class_prior"]; s != "" {
		m.ClassPrior, p.err = parse(p.err, "class_prior", s, func(s string) (prior []float64, err error) {
			return prior, json.Unmarshal([]byte(s), &prior)
		})
		if p.err == nil {
			p.err = checkPrior(m.ClassPrior, len(m.Classes))
		}
	}
	if s := props[prefix+"seed"]; s != "" {
		m.Seed, p.err = parse(p.err, "seed", s, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) })
	}
	if s := props[prefix+"epochs"]; s != "" {
		m.Epochs, p.err = parse(p.err, "epochs", s, strconv.Atoi)
	}
	if s := props[prefix+"nll_nats_per_dim"]; s != "" {
		m.NatsPerDim, p.err = parse(p.err, "nll_nats_per_dim", s, parseFinite)
	}
	if s := props[prefix+"verify_readers"]; s != "" {
		m.VerifyReaders, p.err = parse(p.err, "verify_readers", s, func(s string) (readers []string, err error) {
			return readers, json.Unmarshal([]byte(s), &readers)
		})
		m.VerifyMaxDiff, p.err = parse(p.err, "verify_max_diff", props[prefix+"verify_max_diff"], parseFinite)
	}
	if p.err == nil {
		p.err = m.checkColour()
	}
	if p.err == nil && m.Order != Order {
		p.err = fmt.Errorf("%w: %sorder is %q, must be %q", ErrMetadata, prefix, Cut(m.Order), Order)
	}
	return m, p.err
}

// Cut is a text for an error, which should not be as long as a file may be: its first
// hundred characters, and a sign that there were more.
func Cut(text string) string {
	n := 0
	for at := range text {
		if n == 100 {
			return text[:at] + "…"
		}
		n++
	}
	return text
}

// checkPrior tells whether prior is a distribution over so many classes. JSON has no
// numbers that are not finite.
func checkPrior(prior []float64, classes int) error {
	if len(prior) != classes {
		return fmt.Errorf("%w: %sclass_prior has %d numbers for %d classes", ErrMetadata, prefix, len(prior), classes)
	}
	sum := 0.0
	for _, x := range prior {
		if x < 0 {
			return fmt.Errorf("%w: %sclass_prior has %v, must be 0 or more", ErrMetadata, prefix, x)
		}
		sum += x
	}
	if math.Abs(sum-1) > 1e-6 {
		return fmt.Errorf("%w: %sclass_prior has the sum %v, must be 1", ErrMetadata, prefix, sum)
	}
	return nil
}

// parser keeps the first error.
type parser struct {
	props map[string]string
	err   error
}

func (p *parser) int(key string, low, high int) int {
	n, err := parse(p.err, key, p.props[prefix+key], strconv.Atoi)
	if err == nil && (n < low || n > high) {
		err = fmt.Errorf("%w: %s%s is %d, must be from %d to %d", ErrMetadata, prefix, key, n, low, high)
	}
	p.err = err
	return n
}

func parseFinite(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return x, strconv.ErrRange
	}
	return x, err
}

func parse[T any](before error, key, s string, conv func(string) (T, error)) (T, error) {
	v, err := conv(s)
	if before != nil {
		return v, before
	}
	if err != nil {
		return v, fmt.Errorf("%w: %s%s is %q, which cannot be read", ErrMetadata, prefix, key, Cut(s))
	}
	return v, nil
}

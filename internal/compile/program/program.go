// Package program is the compiled form: what draws an image, as data. Package compile
// makes it, whoever has a runtime runs it.
package program

import (
	"slices"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/onnx"
)

// A Program draws images: a list of steps over a few small graphs, the stages.
//
// A stage's graph works on rows; a row is one pixel of one image. The rows of a run
// are (pixel, image), images innermost. What earlier steps computed comes in from
// caches. A cache is an array [slots, images, channels]: a slot is a pixel. What a
// run reads or writes is always Width slots one after the other, so every tensor can
// be a view of a cache.
type Program struct {
	Height, Width, Channels int // of the picture
	// Outputs is how many numbers the network gives for a pixel, and Phases in how many
	// parts of one size: 1 where the channels of a pixel are drawn together, else Channels,
	// and each is drawn from a part of its own.
	Outputs, Phases int
	Picture         string // name of the file's input of that kind

	Stages []Stage
	Caches []Cache // the first are the picture's, a channel each, and all with the same slots
	Masks  []Mask
	Steps  []Step

	// Conditions are the values that vary over images. Prologue is the graph that makes
	// them, for one image; nil where there are none. Its inputs are ConditionInputs, the
	// file's without the picture.
	Conditions      []Condition
	Prologue        *onnx.Model
	ConditionInputs []onnx.ValueInfo

	Slope   int         // s in the time x + s·y + offset at which a pixel's values are computed
	Raster  bool        // pixels are drawn one after the other; Slope is the width then, or one more where whole rows are computed in between
	Network *ir.Network // what the stages compute
	Units   []*ir.Unit  // its units, in topological order
	Layers  []ir.Layer  // of the file
}

// Grows tells whether the program has caches that are kept by heads. Then a run's tensors
// are as long as the step says, and a runtime's bindings are few where they lie in places of
// their own; else there would be one for each pixel.
func (p *Program) Grows() bool { return slices.ContainsFunc(p.Caches, Cache.Grows) }

// A Stage is a graph that runs in each step with Width pixels, as many as there
// are. Its inputs and outputs are float32, their order is that of the graph's.
type Stage struct {
	Model    *onnx.Model
	Inputs   []Input
	Outputs  []Output
	MaxWidth int
}

// An Input is a tensor of a stage, made of what Caches hold at some slots.
type Input struct {
	Form Form
	// Caches names the cache of each part; none where Form is none of those that have parts.
	Caches   []int
	Channels int // of the tensor; in Stacked form the parts have one channel each
	// Scattered means that the rows of a part are each from a slot of their own, or zeros.
	Scattered bool
	Condition int // which of Program.Conditions, where Form is PerImage
	Past      int // which of Program.Caches, where Form is Past
	Mask      int // which of Program.Masks, where Form is Masked, or that through which a Past is seen
}

// Form says how an input is made.
type Form int

const (
	// View is a block of a cache, [rows, Channels].
	View Form = iota
	// Stacked is blocks of one channel copied one below the other, [parts, rows].
	Stacked
	// Joined is blocks copied side by side, [rows, Channels].
	Joined
	// PerImage is [rows, Channels]: each image's condition, once for each pixel.
	PerImage
	// Past is a cache that is kept by heads, as long as it is in this step:
	// [images, heads, length, channels of a head], or with the last two turned.
	Past
	// Masked is a Mask, of its [Program.Shape].
	Masked
)

// An Output is a view of slots of a cache, [rows, channels], or, where the cache is kept by
// heads, goes there from a place of its own. Where Cache is negative it is a part of the
// network's outputs, [rows, Outputs/Phases].
type Output struct {
	Cache, Phase int
}

// A Cache is [Slots, images, Channels], zero at first. Before each drawing a ring
// must be zeroed. Where Table is not nil, it is the content: [Slots, Channels], the
// same for each image.
type Cache struct {
	Channels, Slots int
	Ring            bool
	Table           []float32
	// Heads is not zero for keys and values of an attention. Such a cache is
	// [images, Heads, length, Channels/Heads], zero at first, and as long as [Step.Length]
	// says, but no longer than Slots; slot p is pixel p. So what a head looks at lies
	// together. Where it is turned, as keys are, it is [images, Heads, Channels/Heads, length]:
	// a product with it is then a sum of its rows.
	Heads  int
	Turned bool
	// Fixed means that it is made of conditions, before the first step, and always as long as
	// Slots says.
	Fixed bool
}

// Grows tells whether the cache becomes longer, step by step.
func (c Cache) Grows() bool { return c.Heads > 0 && !c.Fixed }

// Length is how long a cache that is kept by heads is in a step of such a length.
func (c Cache) Length(step int) int {
	if c.Fixed {
		return c.Slots
	}
	return min(step, c.Slots)
}

// A Mask is what an attention adds to scores: for each of Heads, length + Own of Values, from
// where [Run.In] says. Places that are not seen have [Unseen]. Where Weights is not zero it is
// a dense layer's weights instead, [length, channels of the cache, Weights].
type Mask struct {
	Cache   int // the keys', which says how long it is
	Heads   int // 1 where it is the same for all
	Own     int // 1 where the row begins with the pixel's own place
	Weights int
	Values  []float32
}

// Shape is that of the tensor of a mask in a step of such a length.
func (p *Program) Shape(m Mask, length int) []int {
	c := p.Caches[m.Cache]
	if m.Weights > 0 {
		return []int{c.Length(length), c.Channels, m.Weights}
	}
	return []int{m.Heads, 1, m.Own + c.Length(length)}
}

// Unseen makes the weight of a place zero.
const Unseen = -1e30

// A Condition is an output of the prologue. One that varies over images only is [Channels]
// per image, and has no Cache, -1; one that varies over pixels as well is [Channels, places]
// per image, and goes into a cache.
type Condition struct {
	Channels int
	Unit     *ir.Unit
	Cache    int
	Slots    []int // of each place, -1 where it is not wanted
}

// Size is how many numbers it is per image.
func (c Condition) Size() int { return c.Channels * max(1, len(c.Slots)) }

// A Step is runs, in order, then draws.
type Step struct {
	Runs   []Run
	Draws  []Draw
	Length int // of what is kept by heads; it never falls. 0 where there is no attention
}

// A Run is one run of a stage. In holds, per input, the first slot of each part, or, of one
// that is scattered, the slot of each row of each part, -1 for zeros, or, of a mask, where
// each head's row begins; Out is the first slot of each output.
type Run struct {
	Stage, Width int
	In           [][]int
	Out          []int
}

// A Draw takes row Row of a part of the outputs (of each image) for a pixel, y·W + x: for
// that channel of it, or, where there is one part, for all of its channels. They go to slot
// Slot of the picture's caches.
type Draw struct {
	Phase, Row, Pixel, Slot int
}

// Drawn is the channels that are drawn in a phase.
func (p *Program) Drawn(phase int) (from, to int) {
	n := p.Channels / p.Phases
	return phase * n, (phase + 1) * n
}

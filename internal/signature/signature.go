package signature

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

var (
	// ErrModel is wrapped by every error about a file that is no model to draw from.
	ErrModel = errors.New("sampler: unusable model")
	// ErrConfig is wrapped by every error about a setting.
	ErrConfig = errors.New("sampler: invalid configuration")
)

// Options say what a file leaves open. The zero value reads the file as it is.
type Options struct {
	// Height, Width, Channels and Levels are those of the pictures where not 0.
	Height, Width, Channels, Levels int
	// Head is the head's name: [Categorical], [Bernoulli] or [Mixture].
	Head string
	// Scale turns a level into the model's input, where that is proportional to it.
	Scale encoding.Scale
	// Input and Output are the names of the picture's input and of the output to draw from.
	Input, Output string
	// InputLayout and OutputLayout are those in the file.
	InputLayout, OutputLayout Layout
	// Label is the name of the input for the class.
	Label string
	// StartToken are the integers before the symbols, for a network that is given all symbols but
	// the last and says at each place what comes next.
	StartToken []int64
	// Conditions are the shapes of further inputs, by name, with the images or without. An empty
	// name stands for the only one.
	Conditions map[string][]int
	// Range are the input's values for the first and the last level, where it is not [0, 0]: it
	// stands for a Scale.
	Range [2]float64
}

// Check validates the options. The error wraps [ErrConfig].
func (o Options) Check() error {
	if err := checkSize(o.Height, o.Width); err != nil {
		return err
	}
	if err := o.Scale.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, x := range o.Range {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%w: pixel range is from %g to %g, must be finite", ErrConfig, o.Range[0], o.Range[1])
		}
	}
	switch {
	case o.Range != [2]float64{} && o.Scale != encoding.Scale{}:
		return fmt.Errorf("%w: pixel range excludes pixel scale and offset", ErrConfig)
	case o.Range != [2]float64{} && o.Range[0] == o.Range[1]:
		return fmt.Errorf("%w: pixel range is from %g to %g, and every level would be the same", ErrConfig, o.Range[0], o.Range[1])
	case o.Channels < 0 || o.Channels > format.MaxChannels:
		return fmt.Errorf("%w: channels is %d, must be from 1 to %d", ErrConfig, o.Channels, format.MaxChannels)
	case o.Levels != 0 && (o.Levels < format.MinLevels || o.Levels > format.MaxLevels):
		return fmt.Errorf("%w: levels is %d, must be from %d to %d", ErrConfig, o.Levels, format.MinLevels, format.MaxLevels)
	case o.Head != "" && !slices.Contains(heads, o.Head):
		return fmt.Errorf("%w: head is %q, must be one of %s", ErrConfig, o.Head, strings.Join(heads, ", "))
	}
	for _, l := range []struct {
		layout  Layout
		letters string
	}{{o.InputLayout, "NCHWL"}, {o.OutputLayout, "NCHWLK"}} {
		if l.layout != "" {
			if err := l.layout.check(l.letters); err != nil {
				return err
			}
		}
	}
	return nil
}

// Signature is what a model file takes and gives.
type Signature struct {
	Meta          format.Meta // zero for a file from elsewhere
	Height, Width int         // of the images to draw
	Channels      int
	Levels        int
	Input, Output string // names of the picture's input and of the output to draw from
	Batch         int    // images in a run where the file fixes it, else 0

	// InputLayout and OutputLayout are those in the file. The graph of [Signature.Model] has
	// others.
	InputLayout, OutputLayout Layout
	Encoding                  Encoding
	StartToken                []int64 // before the symbols of a network that says what comes next

	Scale encoding.Scale  // from a level to the input's value
	Head  likelihood.Head // from the outputs to probabilities
	// SubPixel is set where the outputs of a channel depend on the pixel's earlier channels, so
	// that the network must be run for each symbol.
	SubPixel bool

	// ClassInput is the name of a class-conditional model's input for the class; it is empty
	// for other models, which have no classes.
	ClassInput string
	// Classes are the names of the classes, by number; where the file has none, they are
	// the numbers. It is nil where the file does not tell how many classes there are.
	Classes []string
	// Prior is the probability of each class; equal ones where the file has none.
	Prior []float64
	// Conditions are the other inputs.
	Conditions []Condition

	// Findings are the parts of the signature, and how each was found out.
	Findings []Finding

	// OneFile is nil but for a file that holds a one-file sampler.
	OneFile *OneFile

	model      *onnx.Model // for images of Height×Width
	pictureAt  int         // place among the graph's inputs
	outputAt   int
	classInput *classInput
	read       reading
	span       [2]float64 // Options.Range
}

// A Finding is a part of a signature and the reason why it was read so.
type Finding struct {
	Part, Value, Why string
	// Flag is set where the file gives no reason: the value is assumed, and the flag sets another one.
	Flag string
	// Differs is set where the file is not computed as it says.
	Differs bool
}

// found notes how a part was found out.
func (s *Signature) found(part, value, format string, args ...any) {
	s.Findings = append(s.Findings, Finding{Part: part, Value: value, Why: fmt.Sprintf(format, args...)})
}

// Assumed are the findings that whoever uses the model should know: what is assumed, and what is
// computed otherwise than the file says.
func (s *Signature) Assumed() []Finding {
	return slices.DeleteFunc(slices.Clone(s.Findings), func(f Finding) bool { return f.Flag == "" && !f.Differs })
}

// Read reads the signature of a model, and takes the model over. Where the file leaves open how it
// is to be read, the ways are tried on a runtime: only one order of pixels is causal. rt may be
// nil; then nothing is tried. Errors wrap [ErrModel], also for a model that cannot draw in the size
// that is asked for, or [ErrConfig] for invalid options.
func Read(m *onnx.Model, opt Options, rt onnx.Runtime) (*Signature, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	s := &Signature{model: m, Scale: opt.Scale, Channels: 1, span: opt.Range}
	var err error
	if s.Meta, err = format.Parse(m.Metadata); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Metadata[format.Sampler] != "" {
		if s.Scale != (encoding.Scale{}) || s.span != [2]float64{} {
			return nil, fmt.Errorf("%w: pixel scale and offset cannot be set with a file that holds a one-file sampler: take the model that it was made of", ErrConfig)
		}
		return s, s.readOneFile(opt.Height, opt.Width)
	}
	if len(m.Graph.Outputs) == 0 {
		return nil, fmt.Errorf("%w: it has no output", ErrModel)
	}
	told := s.told(opt)
	all, err := s.readings(told)
	if err != nil {
		return nil, err
	}
	chosen, err := s.choose(all, told, opt, rt)
	if err == nil && chosen.read.levels == 0 {
		return nil, fmt.Errorf("%w: output %q is a logistic mixture, and the file does not say of how many levels: say --levels N, which is 256 for pictures of bytes", ErrModel, chosen.Output)
	}
	return chosen, err
}

// told adds what the metadata say to the options.
func (s *Signature) told(opt Options) Options {
	m := s.Meta
	if m.Format == "" {
		return opt
	}
	opt.Height, opt.Width = cmp.Or(m.Height, opt.Height), cmp.Or(m.Width, opt.Width)
	opt.Levels, opt.Channels = cmp.Or(opt.Levels, m.Levels), cmp.Or(opt.Channels, m.Channels, 1)
	opt.Head = cmp.Or(opt.Head, m.Head, Categorical)
	opt.Input, opt.Output, opt.Label = cmp.Or(opt.Input, m.Input), cmp.Or(opt.Output, m.Output), cmp.Or(opt.Label, m.Label)
	opt.InputLayout, opt.OutputLayout = cmp.Or(opt.InputLayout, Layout(m.InputLayout)), cmp.Or(opt.OutputLayout, Layout(m.OutputLayout))
	if opt.StartToken == nil {
		opt.StartToken = m.StartToken
	}
	conditions := maps.Clone(opt.Conditions)
	for _, name := range m.Conditions {
		if conditions == nil {
			conditions = map[string][]int{}
		}
		if _, ok := conditions[name]; !ok {
			conditions[name] = nil
		}
	}
	opt.Conditions = conditions
	return opt
}

// Model is the model in the one form, for images of the signature's size.
func (s *Signature) Model() *onnx.Model { return s.model }

// Picture is the name of the picture's input in [Signature.Model].
func (s *Signature) Picture() string { return s.model.Graph.Inputs[s.pictureAt].Name }

// readScale notes how levels become input values, and why.
func (s *Signature) readScale() error {
	if s.Encoding != Scaled {
		one, all := encoding.Scale{Factor: 1}, [2]float64{0, float64(s.Levels - 1)}
		if s.span != [2]float64{} && s.span != all || s.Scale != (encoding.Scale{}) && s.Scale != one {
			return fmt.Errorf("%w: a pixel range or scale is for pictures of numbers, and input %q takes levels (%s)", ErrConfig, s.Input, s.Encoding)
		}
		s.Scale = encoding.Scale{Factor: 1} // the graph makes of the level what the network reads
		s.found("encoding", string(s.Encoding), "by the input's type and shape")
		return nil
	}
	if s.span != [2]float64{} {
		s.Scale = encoding.Scale{Factor: (s.span[1] - s.span[0]) / float64(s.Levels-1), Offset: s.span[0]}
	}
	switch {
	case s.Scale != encoding.Scale{}:
		s.found("input scale", fmt.Sprintf("level·%g + %g", cmp.Or(s.Scale.Factor, encoding.Unit(s.Levels)), s.Scale.Offset), "as it was set")
	case s.Meta.PixelScale != 0:
		if scale := (encoding.Scale{Factor: s.Meta.PixelScale, Offset: s.Meta.PixelOffset}); scale != (encoding.Scale{Factor: encoding.Unit(s.Levels)}) {
			s.Scale = scale // else the division's last bits are the trainer's
		}
		s.found("input scale", fmt.Sprintf("level·%g + %g", s.Meta.PixelScale, s.Meta.PixelOffset), "by its metadata")
	case s.Meta.Format != "":
		s.found("input scale", "level/(levels−1)", "as in every file of this format that does not say")
	default:
		s.Findings = append(s.Findings, Finding{Part: "input scale", Value: "level/(levels−1)", Why: "assumed; the file does not say", Flag: "--pixel-range"})
	}
	return nil
}

// LinearScale is the scale and the offset that turn a level into the input's value.
func (s *Signature) LinearScale() (factor, offset float64) {
	return cmp.Or(s.Scale.Factor, encoding.Unit(s.Levels)), s.Scale.Offset
}

// Values tabulates the input's value of each level, [levels].
func (s *Signature) Values() []float32 { return s.Scale.Values(s.Levels) }

// OutputShape is the shape of the outputs of n images: [N, outputs, H, W].
func (s *Signature) OutputShape(n int) []int {
	return []int{n, s.Head.Outputs(), s.Height, s.Width}
}

// OutputAt is where the outputs for a pixel of an image begin, and the stride from one to
// the next.
func (s *Signature) OutputAt(image, pixel int) (offset, stride int) {
	return image*s.Pixels()*s.Head.Outputs() + pixel, s.Pixels()
}

// Pixels is the number of pixels of an image.
func (s *Signature) Pixels() int { return s.Height * s.Width }

// Symbols is the number of symbols of an image: its levels, [H, W, C].
func (s *Signature) Symbols() int { return s.Pixels() * s.Channels }

// Shape is the size of an image in words, as 16×16, or 32×32×3 where it has channels.
func (s *Signature) Shape() string {
	if s.Channels == 1 {
		return fmt.Sprintf("%d×%d", s.Height, s.Width)
	}
	return fmt.Sprintf("%d×%d×%d", s.Height, s.Width, s.Channels)
}

package models

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"pixelcnn/internal/signature/encoding"
)

// ErrConfig is wrapped by every error about a [Config].
var ErrConfig = errors.New("models: invalid configuration")

// ErrWeights is wrapped where a model's weights are not those of its configuration.
var ErrWeights = errors.New("models: invalid weights")

// Config chooses an architecture and its size. Fields left zero take the values of
// the reference task, FashionMNIST at 16×16 in 4 levels.
type Config struct {
	Arch   string // "pixelcnn", the default, or "gated"
	Hidden int    // channels of the residual stream, even; 64
	Blocks int    // residual blocks; 5
	Kernel int    // the stem's kernel size, odd; 7
	Size   int    // image height and width, 4 to 64; 16
	Levels int    // grey levels, 2 to 256; 4

	// Classes is the number of classes of a class-conditional model, whose file has a
	// second input, the class; 0 is a model without.
	Classes int
	// Input is what the first layer sees of a pixel: [Level], the default, or [OneHot].
	Input string
	// InputScale turns a level into what the first layer is trained on, with Input Level;
	// 0 stands for 1/(Levels-1). A file's input is in [0, 1] always: its first layer's
	// weights make up for the difference.
	InputScale float64
}

// maxParameters is the most that a model may have: its file is then 400 MB long, which
// readers still take by default.
const maxParameters = 100_000_000

// Values of Config.Input.
const (
	Level  = "level"  // one channel, the level times InputScale
	OneHot = "onehot" // a channel per level, 1 for the pixel's and 0 for the others
)

// Inputs lists them.
var Inputs = []string{Level, OneHot}

// Model is an architecture with its weights.
type Model struct {
	Config
	// Weights holds each parameter of Params by name, row-major. Entries of a
	// kernel that its mask hides are zero. It is nil until the model is trained.
	Weights map[string][]float32

	build func(Config, Builder) Value
}

// Architectures lists the values of Config.Arch.
var Architectures = []string{"pixelcnn", "gated"}

// New checks the configuration and fills in its defaults. The error wraps [ErrConfig].
func New(c Config) (*Model, error) {
	fill := func(field *int, def int) {
		if *field == 0 {
			*field = def
		}
	}
	fill(&c.Hidden, 64)
	fill(&c.Blocks, 5)
	fill(&c.Kernel, 7)
	fill(&c.Size, 16)
	fill(&c.Levels, 4)
	if c.Arch == "" {
		c.Arch = "pixelcnn"
	}
	if c.Input == "" {
		c.Input = Level
	}
	if c.InputScale == 0 && c.Input == Level {
		c.InputScale = encoding.Unit(c.Levels)
	}
	m := &Model{Config: c}
	switch c.Arch {
	case "pixelcnn":
		m.build = pixelCNN
	case "gated":
		m.build = gated
	default:
		return nil, fmt.Errorf("%w: no architecture is named %q; there is %q", ErrConfig, c.Arch, Architectures)
	}
	for _, r := range []struct {
		name             string
		value, low, high int
		ok               bool
		want             string
	}{
		{"hidden", c.Hidden, 2, 4096, c.Hidden%2 == 0, "an even number"},
		{"blocks", c.Blocks, 1, 1000, true, "a number"},
		{"kernel", c.Kernel, 3, 63, c.Kernel%2 == 1, "an odd number"},
		{"size", c.Size, 4, 64, true, "a number"},
		{"levels", c.Levels, 2, 256, true, "a number"},
	} {
		if r.value < r.low || r.value > r.high || !r.ok {
			return nil, fmt.Errorf("%w: %s is %d, must be %s from %d to %d", ErrConfig, r.name, r.value, r.want, r.low, r.high)
		}
	}
	switch {
	case c.Classes < 0 || c.Classes == 1 || c.Classes > 256:
		return nil, fmt.Errorf("%w: classes is %d, must be 0 or from 2 to 256", ErrConfig, c.Classes)
	case !slices.Contains(Inputs, c.Input):
		return nil, fmt.Errorf("%w: input is %q, must be one of %q", ErrConfig, c.Input, Inputs)
	case c.Input == OneHot && c.InputScale != 0:
		return nil, fmt.Errorf("%w: input scale is %v, and a one-hot input has none", ErrConfig, c.InputScale)
	case c.Input == Level && !(c.InputScale > 0 && c.InputScale <= math.MaxFloat32):
		return nil, fmt.Errorf("%w: input scale is %v, must be a positive number", ErrConfig, c.InputScale)
	}
	total := 0
	for _, p := range m.Params() {
		total += p.Len()
	}
	if total > maxParameters {
		return nil, fmt.Errorf("%w: hidden %d, blocks %d and kernel %d make %d parameters, must be %d or less",
			ErrConfig, c.Hidden, c.Blocks, c.Kernel, total, maxParameters)
	}
	return m, nil
}

// Valid tells whether the model is one that [New] made; the error wraps [ErrConfig].
func (m *Model) Valid() error {
	if m == nil || m.build == nil {
		return fmt.Errorf("%w: not a model that New made", ErrConfig)
	}
	return nil
}

// Build describes the model, which must be valid, to b and returns its logits,
// [N, Levels, H, W].
func (m *Model) Build(b Builder) Value { return m.build(m.Config, b) }

// Param is one parameter tensor.
type Param struct {
	Name  string
	Shape []int
	Kind  ParamKind
	Conv  Conv // the convolution that it belongs to, of a weight or bias
}

// ParamKind tells parameters apart.
type ParamKind uint8

const (
	Weight ParamKind = iota // of a convolution, [Out, In, Kernel, Kernel]
	Bias                    // of a convolution, [Out]
	Table                   // of an embedding, [Classes, Channels]
)

// FanIn is the number of inputs that an output has: live taps times channels in, and 1
// for a table, of which one row counts.
func (p Param) FanIn() int {
	if p.Kind == Table {
		return 1
	}
	return p.Conv.In * len(p.Conv.Taps())
}

// Len is the number of elements.
func (p Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params lists the parameters in forward order, each weight before its bias. A model that
// is not valid has none.
func (m *Model) Params() []Param {
	if m.Valid() != nil {
		return nil
	}
	return Params(func(b Builder) { m.Build(b) })
}

// Params lists the parameters of what build describes, as [Model.Params] does.
func Params(build func(Builder)) []Param {
	var l lister
	build(&l)
	return l.params
}

// lister is the Builder that notes parameters.
type lister struct{ params []Param }

func (l *lister) Image() Value          { return 0 }
func (l *lister) OneHot() Value         { return 0 }
func (l *lister) Relu(x Value) Value    { return x }
func (l *lister) Tanh(x Value) Value    { return x }
func (l *lister) Sigmoid(x Value) Value { return x }
func (l *lister) Add(a, _ Value) Value  { return a }
func (l *lister) Mul(a, _ Value) Value  { return a }
func (l *lister) Conv(x Value, c Conv) Value {
	l.params = append(l.params,
		Param{Name: c.Name + "_weight", Shape: []int{c.Out, c.In, c.Kernel, c.Kernel}, Kind: Weight, Conv: c},
		Param{Name: c.Name + "_bias", Shape: []int{c.Out}, Kind: Bias, Conv: c})
	return x
}

func (l *lister) Embed(x Value, e Embedding) Value {
	l.params = append(l.params, Param{Name: e.Name + "_table", Shape: []int{e.Classes, e.Channels}, Kind: Table})
	return x
}

// Check tells whether the weights are there, each of its size, and zero where a
// mask hides them. The error wraps [ErrWeights], or is that of [Model.Valid].
func (m *Model) Check() error {
	if err := m.Valid(); err != nil {
		return err
	}
	for _, p := range m.Params() {
		w := m.Weights[p.Name]
		if got, want := len(w), p.Len(); got != want {
			return fmt.Errorf("%w: %s has %d elements, want %d", ErrWeights, p.Name, got, want)
		}
		if p.Kind != Weight {
			continue
		}
		k := p.Conv.Kernel
		for i, x := range w {
			if dy, dx := i/k%k-k/2, i%k-k/2; x != 0 && !p.Conv.Mask.live(dy, dx) {
				return fmt.Errorf("%w: %s is not zero at (%d, %d), which its mask hides", ErrWeights, p.Name, dy, dx)
			}
		}
	}
	return nil
}

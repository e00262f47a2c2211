package models

import (
	"errors"
	"fmt"
)

// ErrConfig is wrapped by every error about a [Config].
var ErrConfig = errors.New("models: invalid configuration")

// Config chooses an architecture and its size. Fields left zero take the values of
// the reference task, FashionMNIST at 16×16 in 4 levels.
type Config struct {
	Arch   string // "pixelcnn", the default, or "gated"
	Hidden int    // channels of the residual stream, even; 64
	Blocks int    // residual blocks; 5
	Kernel int    // the stem's kernel size, odd; 7
	Size   int    // image height and width, 4 to 64; 16
	Levels int    // grey levels, 2 to 256; 4
}

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
	return m, nil
}

// Build describes the model to b and returns its logits, [N, Levels, H, W].
func (m *Model) Build(b Builder) Value { return m.build(m.Config, b) }

// Param is one parameter tensor.
type Param struct {
	Name  string
	Shape []int
	Conv  Conv // the convolution that it belongs to
	Bias  bool
}

// Len is the number of elements.
func (p Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params lists the parameters in forward order, each weight before its bias.
func (m *Model) Params() []Param {
	var l lister
	m.Build(&l)
	return l.params
}

// lister is the Builder that notes parameters.
type lister struct{ params []Param }

func (l *lister) Image() Value          { return 0 }
func (l *lister) Relu(x Value) Value    { return x }
func (l *lister) Tanh(x Value) Value    { return x }
func (l *lister) Sigmoid(x Value) Value { return x }
func (l *lister) Add(a, _ Value) Value  { return a }
func (l *lister) Mul(a, _ Value) Value  { return a }
func (l *lister) Conv(x Value, c Conv) Value {
	l.params = append(l.params,
		Param{Name: c.Name + "_weight", Shape: []int{c.Out, c.In, c.Kernel, c.Kernel}, Conv: c},
		Param{Name: c.Name + "_bias", Shape: []int{c.Out}, Conv: c, Bias: true})
	return x
}

// Check tells whether the weights are there, each of its size, and zero where a
// mask hides them.
func (m *Model) Check() error {
	for _, p := range m.Params() {
		w := m.Weights[p.Name]
		if got, want := len(w), p.Len(); got != want {
			return fmt.Errorf("models: weight %s has %d elements, want %d", p.Name, got, want)
		}
		if p.Bias {
			continue
		}
		k := p.Conv.Kernel
		for i, x := range w {
			if dy, dx := i/k%k-k/2, i%k-k/2; x != 0 && !p.Conv.Mask.live(dy, dx) {
				return fmt.Errorf("models: weight %s is not zero at (%d, %d), which its mask hides", p.Name, dy, dx)
			}
		}
	}
	return nil
}

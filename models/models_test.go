package models

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestTaps(t *testing.T) {
	for _, c := range []struct {
		kernel int
		mask   Mask
		want   []Tap
	}{
		{3, MaskA, []Tap{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}}},
		{3, MaskB, []Tap{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0}}},
		{1, MaskA, nil},
		{1, MaskB, []Tap{{0, 0}}},
		{3, MaskAbove, []Tap{{-1, -1}, {-1, 0}, {-1, 1}}},
		{3, MaskRows, []Tap{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0}, {0, 1}}},
		{3, MaskLeft, []Tap{{0, -1}}},
		{3, MaskRow, []Tap{{0, -1}, {0, 0}}},
		{1, Unmasked, []Tap{{0, 0}}},
	} {
		if got := (Conv{Kernel: c.kernel, Mask: c.mask}).Taps(); !slices.Equal(got, c.want) {
			t.Errorf("kernel %d, mask %d: taps %v, want %v", c.kernel, c.mask, got, c.want)
		}
	}
	// The stem of the reference model uses 24 of 49.
	if n := len((Conv{Kernel: 7, Mask: MaskA}).Taps()); n != 24 {
		t.Errorf("7×7 A has %d taps, want 24", n)
	}
}

func TestParams(t *testing.T) {
	m, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, p := range m.Params() {
		total += p.Len()
	}
	// The PyTorch model of the same layers has 74,820:
	// 3,200 + 5·(2,080 + 9,248 + 2,112) + 4,160 + 260.
	if total != 74_820 {
		t.Errorf("%d parameters, want 74820", total)
	}
}

// trace is a Builder that writes the network down.
type trace struct{ lines []string }

func (t *trace) add(s string) Value {
	t.lines = append(t.lines, s)
	return Value(len(t.lines) - 1)
}
func (t *trace) Image() Value                     { return t.add("image") }
func (t *trace) OneHot() Value                    { return t.add("onehot") }
func (t *trace) Embed(_ Value, e Embedding) Value { return t.add(e.Name) }
func (t *trace) Conv(_ Value, c Conv) Value       { return t.add(c.Name) }
func (t *trace) Relu(Value) Value                 { return t.add("relu") }
func (t *trace) Tanh(Value) Value                 { return t.add("tanh") }
func (t *trace) Sigmoid(Value) Value              { return t.add("sigmoid") }
func (t *trace) Add(_, _ Value) Value             { return t.add("add") }
func (t *trace) Mul(_, _ Value) Value             { return t.add("mul") }

func TestNetworks(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Blocks: 1}, "image stem relu block1_reduce relu block1_spatial relu block1_expand add relu head relu logits"},
		{
			Config{Blocks: 1, Input: OneHot, Classes: 10},
			"onehot stem relu block1_reduce relu block1_spatial block1_class relu block1_expand add relu head relu logits",
		},
		{Config{Arch: "gated", Blocks: 1, Classes: 2}, "image stem_vertical stem_horizontal stem_link add " +
			"block1_filter_vertical block1_filter_class block1_filter_horizontal block1_filter_link add " +
			"block1_gate_vertical block1_gate_class block1_gate_horizontal block1_gate_link add " +
			"tanh sigmoid mul block1_out add relu head relu logits"},
	} {
		m, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		var b trace
		if out := m.Build(&b); int(out) != len(b.lines)-1 {
			t.Errorf("%+v: the result is value %d of %d", c.config, out, len(b.lines))
		}
		if got := strings.Join(b.lines, " "); got != c.want {
			t.Errorf("%+v: network %s, want %s", c.config, got, c.want)
		}
	}
}

// TestNotMade: what New did not make has no layers to ask.
func TestNotMade(t *testing.T) {
	for _, m := range []*Model{nil, {}} {
		if err := m.Valid(); !errors.Is(err, ErrConfig) {
			t.Errorf("valid: error %v", err)
		}
		if err := m.Check(); !errors.Is(err, ErrConfig) {
			t.Errorf("check: error %v", err)
		}
		if p := m.Params(); p != nil {
			t.Errorf("parameters %v", p)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		config Config
		names  string
	}{
		{Config{Arch: "transformer"}, "transformer"},
		{Config{Hidden: 63}, "hidden"},
		{Config{Hidden: -2}, "hidden"},
		{Config{Blocks: -1}, "blocks"},
		{Config{Kernel: 4}, "kernel"},
		{Config{Kernel: 1}, "kernel"},
		{Config{Size: 3}, "size"},
		{Config{Size: 65}, "size"},
		{Config{Levels: 1}, "levels"},
		{Config{Levels: 257}, "levels"},
		{Config{Classes: 1}, "classes"},
		{Config{Classes: -1}, "classes"},
		{Config{Classes: 257}, "classes"},
		{Config{Input: "binary"}, "input"},
		{Config{InputScale: -1}, "input scale"},
		{Config{Input: OneHot, InputScale: 1}, "input scale"},
		{Config{Hidden: 4096, Blocks: 1000}, "hidden 4096, blocks 1000 and kernel 7 make 54"}, // 10⁹ of them
	} {
		_, err := New(c.config)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%+v: error %v, want ErrConfig that names %s", c.config, err, c.names)
		}
	}
}

func TestCheck(t *testing.T) {
	m, err := New(Config{Hidden: 2, Blocks: 1, Kernel: 3})
	if err != nil {
		t.Fatal(err)
	}
	if m.Check() == nil {
		t.Error("a model without weights passed")
	}
	m.Weights = map[string][]float32{}
	for _, p := range m.Params() {
		m.Weights[p.Name] = make([]float32, p.Len())
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	hidden := m.Weights["stem_weight"]
	hidden[4] = 1 // the centre, which mask A hides
	if err := m.Check(); !errors.Is(err, ErrWeights) || !strings.Contains(err.Error(), "stem_weight") {
		t.Errorf("error %v, want an ErrWeights about stem_weight", err)
	}
}

// reach is a Builder whose values are the offsets (dy, dx) of the pixels that a value
// depends on, in a grid of 2·radius+1.
type reach struct{ values []map[Tap]bool }

func (r *reach) keep(v map[Tap]bool) Value {
	r.values = append(r.values, v)
	return Value(len(r.values) - 1)
}

func (r *reach) Image() Value                     { return r.keep(map[Tap]bool{{}: true}) }
func (r *reach) OneHot() Value                    { return r.Image() }
func (r *reach) Embed(x Value, _ Embedding) Value { return x }
func (r *reach) Relu(x Value) Value               { return x }
func (r *reach) Tanh(x Value) Value               { return x }
func (r *reach) Sigmoid(x Value) Value            { return x }
func (r *reach) Mul(a, b Value) Value             { return r.Add(a, b) }

func (r *reach) Add(a, b Value) Value {
	sum := map[Tap]bool{}
	for _, v := range []Value{a, b} {
		for p := range r.values[v] {
			sum[p] = true
		}
	}
	return r.keep(sum)
}

func (r *reach) Conv(x Value, c Conv) Value {
	sum := map[Tap]bool{}
	for _, t := range c.Taps() {
		for p := range r.values[x] {
			sum[Tap{p.DY + t.DY, p.DX + t.DX}] = true
		}
	}
	return r.keep(sum)
}

// TestReceptiveField: a pixel sees none that is not before it. The gated model sees
// all that are within reach, the plain one has a blind spot to the upper right.
func TestReceptiveField(t *testing.T) {
	field := func(arch string) map[Tap]bool {
		m, err := New(Config{Arch: arch, Hidden: 2, Kernel: 5, Blocks: 3})
		if err != nil {
			t.Fatal(err)
		}
		r := &reach{}
		return r.values[m.Build(r)]
	}
	plain, gated := field("pixelcnn"), field("gated")
	for _, f := range []map[Tap]bool{plain, gated} {
		for p := range f {
			if p.DY > 0 || p.DY == 0 && p.DX >= 0 {
				t.Fatalf("a pixel sees (%d, %d)", p.DY, p.DX)
			}
		}
	}
	// The stem reaches 2, each of three blocks 1 more: 5 rows up, 5 columns to a side.
	const r = 5
	for dy := -r; dy <= 0; dy++ {
		for dx := -r; dx <= r; dx++ {
			if before := dy < 0 || dx < 0; gated[Tap{dy, dx}] != before {
				t.Errorf("gated: pixel (%d, %d) seen: %v, want %v", dy, dx, !before, before)
			}
		}
	}
	// The row above the plain stem's right half: (-1, 3) needs a step right in the
	// pixel's own row, which no mask allows, after the stem's two columns.
	for _, p := range []Tap{{-1, 4}, {-1, 5}, {-2, 5}} {
		if plain[p] {
			t.Errorf("plain: pixel (%d, %d) is seen, which should be in the blind spot", p.DY, p.DX)
		}
	}
	if !plain[Tap{-1, 2}] || !plain[Tap{-5, 5}] {
		t.Error("plain: a pixel within the field is not seen")
	}
}

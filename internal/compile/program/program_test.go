package program_test

import (
	"reflect"
	"slices"
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/program"
)

// TestPlan: the numbers of a program of a convolution, an attention and a dense layer over 2×3
// pixels, by hand.
func TestPlan(t *testing.T) {
	size := ir.Sized(2, 3)
	picture := &ir.Unit{Kind: ir.Picture, Channels: 1, Full: size, Dom: size}
	conv := &ir.Unit{ // three taps of 1×4 weights, of which the third is a summand
		Kind: ir.Linear, Channels: 4, Dom: size,
		Args: []ir.Arg{{Src: picture, Access: ir.Shift{DX: -1}}, {Src: picture, Access: ir.Shift{DY: -1}}, {Src: picture, Access: ir.Here}}, Weights: [][]float32{make([]float32, 4), make([]float32, 4), nil},
	}
	// Six places, of which each sees those before it, 0 + 1 + … + 5 = 15 in all.
	before := &ir.Mask{W: 3}
	for i := range 6 {
		before.Sees = append(before.Sees, []ir.Span{{From: 0, To: i}}[:min(1, i)])
	}
	past := ir.Attend(before)
	values := &ir.Unit{Kind: ir.Linear, Channels: 2, Dom: size}
	attention := &ir.Unit{ // 4 multiply-adds a place for its score, 2 for its value
		Kind: ir.Attention, Channels: 2, Heads: 1, Dom: size,
		Args: []ir.Arg{{Src: conv, Access: ir.Here}, {Src: conv, Access: past}, {Src: values, Access: past}},
	}
	dense := &ir.Unit{Kind: ir.Dense, Channels: 5, Dom: size, Args: []ir.Arg{{Src: values, Access: past}}} // 2·5 a place
	draw := func(phase, pixel int) program.Draw { return program.Draw{Phase: phase, Pixel: pixel} }
	p := &program.Program{
		Height: 2, Width: 3, Channels: 2, Phases: 2, Outputs: 8, Slope: 2,
		Units: []*ir.Unit{picture, conv, values, attention, dense},
		Layers: []ir.Layer{
			{MACs: 100},
			{MACs: 11},
		},
		Caches: []program.Cache{{Channels: 1, Slots: 10}, {Channels: 4, Slots: 6, Heads: 2}},
		Steps: []program.Step{
			{Runs: make([]program.Run, 1), Draws: []program.Draw{draw(0, 0), draw(0, 1), draw(1, 0)}},
			{Runs: make([]program.Run, 3), Draws: []program.Draw{draw(1, 1), draw(1, 3)}},
			{Runs: make([]program.Run, 2), Draws: []program.Draw{draw(0, 2), draw(0, 4), draw(0, 5), draw(1, 2)}},
		},
	}
	want := program.Plan{
		Slope: 2, Steps: 3, Width: 2, Stages: 3, Layers: p.Layers,
		PassMACs: 111, LoopMACs: 111 * 6 * 2,
		MACs:       2*4*6 + 15*(4+2) + 15*2*5,
		CacheBytes: 4 * (10*1 + 6*4),
	}
	if got := p.Plan(); !reflect.DeepEqual(got, want) {
		t.Errorf("plan is\n%+v\nwant\n%+v", got, want)
	}
	attention.Self = true // each of six pixels sees itself besides
	attention.Args = append(attention.Args, ir.Arg{Src: conv, Access: ir.Here}, ir.Arg{Src: values, Access: ir.Here})
	if got := p.Plan().MACs; got != want.MACs+6*(4+2) {
		t.Errorf("%d multiply-adds with pixels that see themselves, want %d", got, want.MACs+6*(4+2))
	}
	if got, want := p.Wave(), []int{0, 1, 2, 1, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("pixels are drawn in steps %v, want %v", got, want)
	}
	for phase, want := range []int{0, 1} {
		if from, to := p.Drawn(phase); from != want || to != want+1 {
			t.Errorf("phase %d draws channels %d to %d, want %d alone", phase, from, to, want)
		}
	}
	p.Phases = 1
	if from, to := p.Drawn(0); from != 0 || to != 2 {
		t.Errorf("one phase draws channels %d to %d, want all two", from, to)
	}
}

// TestShape: how long caches that are kept by heads and what is seen of them are in a step.
func TestShape(t *testing.T) {
	p := &program.Program{Caches: []program.Cache{
		{Channels: 6, Slots: 100, Heads: 2},             // as long as the step says
		{Channels: 6, Slots: 70, Heads: 2, Fixed: true}, // made of conditions
		{Channels: 3, Slots: 20},                        // by slots
	}}
	for i, want := range []bool{true, false, false} {
		if got := p.Caches[i].Grows(); got != want {
			t.Errorf("cache %d grows: %v, want %v", i, got, want)
		}
	}
	for _, c := range []struct {
		mask   program.Mask
		length int
		want   []int
	}{
		{program.Mask{Cache: 0, Heads: 1}, 64, []int{1, 1, 64}},
		{program.Mask{Cache: 0, Heads: 2, Own: 1}, 64, []int{2, 1, 65}},
		{program.Mask{Cache: 0, Heads: 2, Own: 1}, 128, []int{2, 1, 101}}, // no longer than it has slots
		{program.Mask{Cache: 1, Heads: 1}, 64, []int{1, 1, 70}},
		{program.Mask{Cache: 0, Heads: 1, Weights: 5}, 64, []int{64, 6, 5}},
	} {
		if got := p.Shape(c.mask, c.length); !slices.Equal(got, c.want) {
			t.Errorf("%+v is %v in a step of length %d, want %v", c.mask, got, c.length, c.want)
		}
	}
	if !p.Grows() {
		t.Error("a program with a cache that grows does not")
	}
	if p.Caches = p.Caches[1:]; p.Grows() {
		t.Error("a program without a cache that grows does")
	}
	if got := (program.Condition{Channels: 3}).Size(); got != 3 {
		t.Errorf("a condition of three channels is %d numbers", got)
	}
	if got := (program.Condition{Channels: 3, Slots: []int{4, -1}}).Size(); got != 6 {
		t.Errorf("a condition of three channels at two places is %d numbers", got)
	}
}

package schedule_test

import (
	"testing"

	"pixelcnn/internal/compile/ir"
	"pixelcnn/internal/compile/schedule"
)

// tap is a read of unit from, the picture being 0, at a position relative to the reader's.
type tap struct{ from, dy, dx int }

// chain is a network of units over h×w pixels, the last of which is the output. Unit i reads
// the taps of layers[i-1].
func chain(h, w int, layers ...[]tap) (*ir.Network, []*ir.Unit) {
	size := ir.Sized(h, w)
	all := []*ir.Unit{{Kind: ir.Picture, Channels: 1, Full: size, Dom: size}}
	for _, taps := range layers {
		u := &ir.Unit{Kind: ir.Linear, Channels: 1, Full: size, Dom: size}
		for _, t := range taps {
			u.Args = append(u.Args, ir.Arg{Src: all[t.from], Access: ir.Shift{DY: t.dy, DX: t.dx}, Valid: size})
			u.Weights = append(u.Weights, []float32{1})
		}
		all = append(all, u)
	}
	net := &ir.Network{Pictures: all[:1], Outputs: all[len(all)-1:]}
	net.Order()
	return net, all
}

// TestFind: slopes, steps, rows, stages and ages of networks with few taps, by hand from
// at[v] ≥ at[u] + dx + slope·dy, and one more where u is the picture.
func TestFind(t *testing.T) {
	block := func(from int) []tap { return []tap{{from, -1, 1}, {from, 0, 0}} }
	for name, c := range map[string]struct {
		h, w     int
		layers   [][]tap
		slope    int
		raster   bool
		from, to int // the times of the first and the last step
		stages   [][]int
		ages     []int // of what each unit reads through its first tap
	}{
		// The example of docs/sampling.md: at(stem) ≥ 3 − s + 1 holds with times of 0 from s = 4
		// on; the blocks read what is above to the right, by 1 − s, or their own pixel. So a
		// picture takes 16 + 4·15 steps. The stem is 3 − 4 = 1 behind the pixel it reads.
		"the reference model": {
			16, 16,
			[][]tap{{{0, -1, 3}, {0, 0, -1}}, block(1), block(2), {{3, 0, 0}}},
			4, false, 0, 75,
			[][]int{{1, 2, 3, 4}},
			[]int{1, 3, 3, 0},
		},
		// Unit 2 reads unit 1 to its right in its own row: at(1) ≥ 2 − s, at(2) ≥ at(1) + 1 and
		// at(3) = at(2) ≤ 0 give s = 3, at(1) = −1. Both are computed in one step, unit 1 before.
		"a look to the right": {
			3, 4,
			[][]tap{{{0, -1, 1}}, {{1, 0, 1}}, {{2, 0, 0}, {0, 0, -1}}},
			3, false, -1, 3 + 3*2,
			[][]int{{1}, {2, 3}},
			[]int{1, 0, 0},
		},
		// at(3) ≥ 1 − s + 3 + 1 would need s = 5, which is more than the width. So pixels are drawn
		// row by row, a row in 4 steps. Units 1 to 3 depend on the row above alone and are computed by
		// whole rows, at the time of the row's first pixel; the last pixel reads what is 3 steps old.
		"too far to the right": {
			3, 4,
			[][]tap{{{0, -1, 0}}, {{1, 0, 3}}, {{2, 0, 1}}, {{3, 0, 0}, {0, 0, -1}}},
			4, true, 0, 3 + 4*2,
			[][]int{{1}, {2}, {3}, {4}},
			[]int{4, 0, 0, 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			net, units := chain(c.h, c.w, c.layers...)
			s, ok := schedule.Find(net, units, false)
			if !ok || s.Slope != c.slope || s.Raster != c.raster {
				t.Fatalf("slope %d, raster %v, found %v, want %d, %v", s.Slope, s.Raster, ok, c.slope, c.raster)
			}
			if from, to := s.Span(); from != c.from || to != c.to {
				t.Errorf("steps from %d to %d, want %d to %d", from, to, c.from, c.to)
			}
			if len(s.Stages) != len(c.stages) {
				t.Fatalf("%d stages, want %d", len(s.Stages), len(c.stages))
			}
			for i, want := range c.stages {
				for _, k := range want {
					if s.Of(units[k]) != i {
						t.Errorf("unit %d is in stage %d, want %d", k, s.Of(units[k]), i)
					}
				}
			}
			for i, want := range c.ages {
				u := units[i+1]
				if got := s.Age(u, u.Args[0]); got != want {
					t.Errorf("what unit %d reads is %d steps old, want %d", i+1, got, want)
				}
			}
		})
	}
}

// TestWave: the pixels of a step, by hand.
func TestWave(t *testing.T) {
	// Slope 3, unit 1 a step ahead of the others; see TestFind.
	net, units := chain(3, 4, []tap{{0, -1, 1}}, []tap{{1, 0, 1}}, []tap{{2, 0, 0}, {0, 0, -1}})
	wave, _ := schedule.Find(net, units, false)
	// Rows of unit 1, pixels of unit 4.
	net, rows := chain(3, 4, []tap{{0, -1, 0}}, []tap{{1, 0, 3}}, []tap{{2, 0, 1}}, []tap{{3, 0, 0}, {0, 0, -1}})
	raster, _ := schedule.Find(net, rows, false)
	for _, c := range []struct {
		s    *schedule.Schedule
		unit *ir.Unit
		time int
		want schedule.Wave
	}{
		{wave, units[3], 0, schedule.Wave{Y: 0, X: 0, DY: -1, DX: 3, N: 1}},
		{wave, units[3], 3, schedule.Wave{Y: 1, X: 0, DY: -1, DX: 3, N: 2}}, // and (0, 3)
		{wave, units[3], 4, schedule.Wave{Y: 1, X: 1, DY: -1, DX: 3, N: 1}}, // (0, 4) is no pixel
		{wave, units[1], 3, schedule.Wave{Y: 1, X: 1, DY: -1, DX: 3, N: 1}},
		{wave, units[3], 9, schedule.Wave{Y: 2, X: 3, DY: -1, DX: 3, N: 1}},
		{wave, units[3], 10, schedule.Wave{}},
		{raster, rows[4], 6, schedule.Wave{Y: 1, X: 2, DY: -1, DX: 4, N: 1}},
		{raster, rows[1], 4, schedule.Wave{Y: 1, DX: 1, N: 4}},
		{raster, rows[1], 5, schedule.Wave{}},
	} {
		if got := c.s.Wave(c.unit, c.time); got != c.want {
			t.Errorf("unit %d at time %d: %v, want %v", c.unit.ID, c.time, got, c.want)
		}
	}
}

// TestFindNone: outputs that see their own pixel have no time before they are drawn from.
func TestFindNone(t *testing.T) {
	net, units := chain(3, 4, []tap{{0, 0, 0}})
	if s, ok := schedule.Find(net, units, false); ok {
		t.Errorf("slope %d", s.Slope)
	}
}

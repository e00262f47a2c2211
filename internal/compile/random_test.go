package compile_test

import (
	"errors"
	"strings"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/compile/ir"
)

// TestRandom: every graph of the family compiles, and none that looks ahead does,
// whatever else is in it. That the programs compute what the graphs do is tested
// where there is a runtime to run them with, in sampler.
func TestRandom(t *testing.T) {
	for seed := range uint64(300) {
		m := compiletest.Random(seed, false)
		if _, err := compile.Compile(m.Model, compile.Options{}); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		m = compiletest.Random(seed, true)
		_, err := compile.Compile(m.Model, compile.Options{})
		var look *compile.CausalityError
		if !errors.As(err, &look) || !errors.Is(err, compile.ErrNotCausal) {
			t.Errorf("seed %d, with tap (%d, %d) of %s open: error %v", seed, m.DY, m.DX, m.Opened, err)
			continue
		}
		if want := (ir.Shift{DY: m.DY, DX: m.DX}).String(); !strings.Contains(look.Node, m.Opened) || look.Reads != want {
			t.Errorf("seed %d: blamed %s, %s, it is %s, %s", seed, look.Node, look.Reads, m.Opened, want)
		}
	}
}

// TestRandomAttention: every graph with attention compiles, and one of whose masks looks ahead
// by one entry is refused with the pixel that sees it.
func TestRandomAttention(t *testing.T) { refuses(t, compiletest.RandomAttention) }

// TestRandomDense: the same for masked dense layers and one weight.
func TestRandomDense(t *testing.T) { refuses(t, compiletest.RandomDense) }

func refuses(t *testing.T, random func(seed uint64, open bool) *compiletest.Attending) {
	for seed := range uint64(300) {
		m := random(seed, false)
		if _, err := compile.Compile(m.Model.Model, compile.Options{}); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		m = random(seed, true)
		_, err := compile.Compile(m.Model.Model, compile.Options{})
		var look *compile.CausalityError
		var other *compile.UnsupportedError
		if errors.As(err, &other) && m.Levels == m.Width && m.Levels == m.Height {
			continue // what is open makes levels out of rows
		}
		if !errors.As(err, &look) {
			t.Errorf("seed %d, with a mask or a weight open at pixel %d: error %v", seed, m.Reader, err)
			continue
		}
		if y, x := m.Reader/m.Width, m.Reader%m.Width; look.Y != y || look.X != x || look.FromY != y || look.FromX != x {
			t.Errorf("seed %d: the mask is open at row %d, column %d: %v", seed, y, x, err)
		}
	}
}

// TestLattice: the same for graphs over several lattices, of pictures with channels, in joint
// and in sub-pixel order.
func TestLattice(t *testing.T) {
	blamed, kinds := 0, map[string]int{}
	for seed := range uint64(300) {
		m := compiletest.Lattice(seed, false)
		opt := compile.Options{Picture: "x", SubPixel: m.SubPixel}
		p, err := compile.Compile(m.Model.Model, opt)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if m.SubPixel {
			opt.SubPixel = false
			if _, err := compile.Compile(m.Model.Model, opt); !errors.Is(err, compile.ErrNotCausal) {
				t.Errorf("seed %d: in joint order: error %v", seed, err)
			}
			opt.SubPixel = true
		}
		if got := len(p.Wave()); got != m.Height*m.Width {
			t.Errorf("seed %d: %d pixels", seed, got)
		}
		for _, kind := range kindsOf(p) {
			kinds[kind]++
		}
		m = compiletest.Lattice(seed, true)
		_, err = compile.Compile(m.Model.Model, opt)
		var look *compile.CausalityError
		if !errors.As(err, &look) || !errors.Is(err, compile.ErrNotCausal) {
			t.Errorf("seed %d, with tap (%d, %d) of %s open: error %v", seed, m.DY, m.DX, m.Opened, err)
			continue
		}
		if strings.Contains(look.Node, `"`+m.Opened+`"`) {
			blamed++
		}
	}
	// Where channels are opened to each other, other nodes look as guilty.
	if t.Logf("%d of 300 are blamed on the convolution that was opened", blamed); blamed < 200 {
		t.Error("they are too few")
	}
	t.Log(kinds)
	for _, kind := range []string{"waves", "in raster order", "lattices of four pixels", "unequal lattices", "attended", "attended, sub-pixel", "attended coarsely", "conditioned", "crossed", "attended and crossed"} {
		if kinds[kind] < 5 {
			t.Errorf("only %d are %s", kinds[kind], kind)
		}
	}
}

// kindsOf is what a program has of what graphs over lattices may have.
func kindsOf(p *compile.Program) (kinds []string) {
	is := map[string]bool{"conditioned": p.Conditions != nil, "in raster order": p.Raster, "waves": !p.Raster && p.Slope > 1}
	lattices := p.Network.Lattices(p.Units)
	for i, u := range p.Units {
		l := lattices[i]
		is["lattices of four pixels"] = is["lattices of four pixels"] || l.X >= 4*lattices[0].X
		is["unequal lattices"] = is["unequal lattices"] || l.X != l.Y
		if u.Kind == ir.Attention {
			if u.Args[1].Src.Static() {
				is["crossed"] = true
				continue
			}
			is["attended"] = true
			is["attended, sub-pixel"] = p.Phases > 1
			is["attended coarsely"] = is["attended coarsely"] || l.X > lattices[0].X
		}
	}
	is["attended and crossed"] = is["attended"] && is["crossed"]
	for kind, so := range is {
		if so {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

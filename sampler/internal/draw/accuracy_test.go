package draw

import (
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
)

// TestAccuracy: how far a boundary may be off, by hand.
func TestAccuracy(t *testing.T) {
	middle := at(0.5, 0.01)
	middle.spread = 0.5
	edge := at(0.0001, 1e-5)
	edge.spread = 0.01
	for _, c := range []struct {
		name string
		seen []float64 // how far the middle was off
		at   boundary
		want float64
	}{
		{"nothing is known", nil, middle, 0.01},
		{"three that were exact", []float64{0, 0, 0}, middle, 0.005},
		{"one of them at a sixteenth of its bound", []float64{0, 0.000625, 0}, middle, 0.005}, // of 0.01·√2/2 and twice that, or the half
		{"the usual", []float64{0.002, 0.002, 0.002}, middle, 0.005},                          // of 0.01·√((1 + 3·256·0.04)/4) and 0.004, or the half
		{"twice the largest", []float64{0.003, 0, 0}, middle, 0.006},                          // of 0.01·√((1 + 256·0.09)/4)
		{"next to 0", []float64{0.003, 0, 0}, edge, 1e-5 * math.Sqrt(24.04) / 2},              // twice the largest is 0.012·0.01
		{"more than the bound", []float64{0.02}, middle, 0.04},                                // of 0.01·√((1 + 256·4)/2)
	} {
		var a Accuracy
		for _, off := range c.seen {
			a.See(off, middle.Off, middle.spread)
		}
		m := a.Margin()
		if !m.covers(c.at, c.want*(1-1e-9)) || m.covers(c.at, c.want*(1+1e-9)) {
			t.Errorf("%s: %+v is not a margin of %v", c.name, m, c.want)
		}
	}
	var a Accuracy
	if a.See(0, 0, 0.5); a.Margin() != unknown {
		t.Errorf("a boundary without a bound: %+v", a.Margin())
	}
}

// TestMeasured: near ties that are settled, at once or at the end, tell how exact outputs are, and
// then fewer are near.
func TestMeasured(t *testing.T) {
	head := likelihood.Categorical{Depth: 2}
	how, err := Parameters{}.For(head, 2)
	if err != nil {
		t.Fatal(err)
	}
	const n = 24
	for _, postponed := range []bool{false, true} {
		// Exact logits of 0 and 1e-7 where float32 has none: the boundary is at
		// 1/(1 + e^1e-7) = 0.5 − 2.5e-8, of a bound of (1e-5 + 1e-10)/4.
		settle := leaning()
		share := 2.5e-8 / 2.500025e-6
		// Each logit moves it by a quarter of what it is off by, both by √2/4 of that.
		want := Margin{share: math.Sqrt((1 + 256*n*share*share) / (n + 1)), spread: 2 * 2.5e-8 / (math.Sqrt2 / 4), doubt: 0.2}
		b := NewBatch(head, []Row{{How: how, Levels: make([]uint16, n)}}, n, settle)
		if postponed {
			b.Postpone(nil)
		}
		for k := range n {
			if level := b.Symbol(0, k, []float32{0, 0}, 1, 0.5); level != 1 {
				t.Fatalf("level %d", level)
			}
		}
		if _, _, _, ok := b.Settle(); !ok {
			t.Fatal("not settled")
		}
		// What is less than grain does not count.
		if got := settle.known.Margin(); math.Abs(got.share-want.share) > 1e-6 || math.Abs(got.spread-want.spread) > 1e-12 || got.doubt != want.doubt {
			t.Fatalf("postponed %v: %+v, want %+v", postponed, got, want)
		}
		b = NewBatch(head, []Row{{How: how, Levels: make([]uint16, n)}}, n, settle)
		for _, c := range []struct {
			off  float64 // of 2.5e-6, of which a fifth is left in doubt
			near bool
		}{{0.9, false}, {0.3, false}, {0.15, true}, {-0.15, true}, {-0.3, false}} {
			if b.Level(how, 1, []float64{0, 0}, nil, 0.5+c.off*2.5e-6); b.tie != c.near {
				t.Errorf("postponed %v: u = 0.5 + %g·2.5e-6: near tie %v", postponed, c.off, b.tie)
			}
		}
	}
}

// TestUnmeasured: what decides beside the boundaries says nothing about these.
func TestUnmeasured(t *testing.T) {
	head := likelihood.Categorical{Depth: 4}
	for name, c := range map[string]struct {
		p       Parameters
		outputs []float32
		exact   []float64 // the same
	}{
		"the likeliest":         {Parameters{Greedy: true}, []float32{1, 1, 0, 0}, []float64{1, 1, 0, 0}},
		"the last that is left": {Parameters{TopK: 1}, []float32{1, 1, 0, 0}, []float64{1, 1, 0, 0}},
		"rivals at T next to 0": {Parameters{Temperature: 1e-9}, []float32{1, 1, 0, 0}, []float64{1, 1, 0, 0}},
		"the end of the levels": {Parameters{}, []float32{0, 0, -800, -800}, []float64{0, 0, -800, -800}},
	} {
		how, err := c.p.For(head, 1)
		if err != nil {
			t.Fatal(err)
		}
		settle := settling{func(int) []float64 { return c.exact }, &Accuracy{}}
		b := NewBatch(head, []Row{{How: how, Levels: make([]uint16, 1)}}, 1, settle)
		if b.Symbol(0, 0, c.outputs, 1, math.Nextafter(1, 0)); !b.tie {
			t.Errorf("%s: no near tie", name)
		}
		if got := settle.known.Margin(); got != unknown {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOff: how far a boundary was off is told of the same boundary, beyond what the sum of
// weights is rounded to.
func TestOff(t *testing.T) {
	between := func(level int, lower, lowerOff, upper, upperOff float64) drawn {
		return drawn{level, at(lower, lowerOff), at(upper, upperOff)}
	}
	const grain = 0x1p-45
	for _, c := range []struct {
		name       string
		u          float64
		was, exact drawn
		share      float64
		ok         bool
	}{
		{"the end of the level", 0.7, between(3, 0.5, 0.01, 0.75, 0.02), between(3, 0.4, 0.01, 0.74, 0.02), 0.5, true},
		{"its beginning", 0.51, between(3, 0.5, 0.01, 0.75, 0.02), between(3, 0.504, 0.01, 0.74, 0.02), 0.4, true},
		{"the level before, exactly", 0.51, between(3, 0.5, 0.01, 0.75, 0.02), between(2, 0.3, 0.01, 0.52, 0.02), 2, true},
		{"the level after, exactly", 0.74, between(3, 0.5, 0.01, 0.75, 0.02), between(4, 0.73, 0.01, 0.8, 0.02), 1, true},
		{"another boundary", 0.74, between(3, 0.5, 0.01, 0.75, 0.02), between(2, 0.5, 0.01, 0.76, 0.02), 0, false},
		{"a level far away", 0.74, between(3, 0.5, 0.01, 0.75, 0.02), between(9, 0.5, 0.01, 0.76, 0.02), 0, false},
		{"no boundaries", 0.74, drawn{}, between(0, 0, 0, 0.76, 0.02), 0, false},
		{"the ends of all levels", 0.99, between(3, 0.5, 0.01, 1, 0), between(3, 0.5, 0.01, 1, 0), 0, false},
		{"less than grain", 0x1p-40, between(1, 0x1p-40-0x1p-45, 0x1p-57, 0.75, 0.02), between(1, 0x1p-40, 0x1p-57, 0.75, 0.02), 0, true},
		{"more than grain", 0x1p-40, between(1, 0x1p-40-0x1p-43, 0x1p-44, 0.75, 0.02), between(1, 0x1p-40, 0x1p-44, 0.75, 0.02), 1, true},
	} {
		b, off, ok := c.was.off(c.u, grain, &c.exact)
		if share := off / b.Off; ok != c.ok || ok && math.Abs(share-c.share) > 1e-10 {
			t.Errorf("%s: %v of %+v, %v, want %v, %v", c.name, off, b, ok, c.share, c.ok)
		}
	}
}

// TestSpread: the spread of boundaries is the root of the sum of squares of what each logit moves
// them by.
func TestSpread(t *testing.T) {
	const levels, step = 12, 1e-5
	head := likelihood.Categorical{Depth: levels}
	rng := rand.New(rand.NewPCG(2, 3))
	d := NewDrawer(head)
	for _, p := range []Parameters{{}, {Temperature: 0.5}, {Temperature: 3}, {TopK: 5}, {Temperature: 2, TopP: 0.9}} {
		how, err := p.For(head, 1)
		if err != nil {
			t.Fatal(err)
		}
		largest := 0.0
		for range 200 {
			logits := make([]float64, levels)
			for k := range logits {
				logits[k] = 3 * rng.NormFloat64()
			}
			u := rng.Float64()
			level := d.Level(how, how.Temperature, logits, nil, u)
			d.spread()
			got := [2]boundary{d.drawn.lower, d.drawn.upper}
			var squares [2]float64
			for k := range logits {
				var ends [2]drawn
				for i, by := range []float64{-step, 2 * step} {
					logits[k] += by
					if again := d.Level(how, how.Temperature, logits, nil, u); again != level {
						t.Fatalf("level %d, and %d then", level, again)
					}
					ends[i] = d.drawn
				}
				logits[k] -= step
				squares[0] += math.Pow((ends[1].lower.At-ends[0].lower.At)/(2*step), 2)
				squares[1] += math.Pow((ends[1].upper.At-ends[0].upper.At)/(2*step), 2)
			}
			for i, b := range got {
				largest = max(largest, math.Abs(b.spread-math.Sqrt(squares[i])))
			}
		}
		if largest > 1e-8 {
			t.Errorf("%+v: off by %g", p, largest)
		}
		t.Logf("%+v: off by %g at most", p, largest)
	}
}

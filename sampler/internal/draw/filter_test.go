package draw

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/signature"
)

// oneToFour are logits with probabilities 1/10, 2/10, 3/10 and 4/10.
var oneToFour = []float32{0, float32(math.Log(2)), float32(math.Log(3)), float32(math.Log(4))}

func TestSteering(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	// Where levels first change, as u goes from 0 to 1: {0.3, 2} means level 2 from 0.3 on.
	type from struct {
		u     float64
		level int
	}
	for _, c := range []struct {
		name        string
		params      Parameters
		logits      []float32
		temperature float64
		want        []from
	}{
		{"nothing", Parameters{}, oneToFour, 1, []from{{0, 0}, {0.1, 1}, {0.3, 2}, {0.6, 3}}},
		{"top-k 1", Parameters{TopK: 1}, oneToFour, 1, []from{{0, 3}}},
		{"top-k 2", Parameters{TopK: 2}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"top-k 3", Parameters{TopK: 3}, oneToFour, 1, []from{{0, 1}, {2. / 9, 2}, {5. / 9, 3}}},
		{"top-k of all", Parameters{TopK: 4}, oneToFour, 1, []from{{0, 0}, {0.1, 1}, {0.3, 2}, {0.6, 3}}},
		{"top-k, equal ones by level", Parameters{TopK: 2}, []float32{1, 5, 5, 5}, 1, []from{{0, 1}, {0.5, 2}}},
		{"top-k where temperature makes all alike", Parameters{TopK: 1}, []float32{-80, 80, 0}, 1e30, []from{{0, 1}}},
		// 4/10 and 3/10 are 0.7 together.
		{"top-p 0.39", Parameters{TopP: 0.39}, oneToFour, 1, []from{{0, 3}}},
		{"top-p 0.65", Parameters{TopP: 0.65}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"top-p 0.75", Parameters{TopP: 0.75}, oneToFour, 1, []from{{0, 1}, {2. / 9, 2}, {5. / 9, 3}}},
		{"top-p 1", Parameters{TopP: 1}, oneToFour, 1, []from{{0, 0}, {0.1, 1}, {0.3, 2}, {0.6, 3}}},
		{"the least top-p", Parameters{TopP: math.SmallestNonzeroFloat64}, oneToFour, 1, []from{{0, 3}}},
		// 0.6·4/10 is 0.24, 0.4·4/10 is 0.16.
		{"min-p 0.6", Parameters{MinP: 0.6}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"min-p 0.4", Parameters{MinP: 0.4}, oneToFour, 1, []from{{0, 1}, {2. / 9, 2}, {5. / 9, 3}}},
		{"min-p 1", Parameters{MinP: 1}, []float32{5, 3, 5}, 1, []from{{0, 0}, {0.5, 2}}},
		// T = 1/2 squares the odds: 1, 4, 9, 16 of 30; 16/30 and 25/30 are 0.53 and 0.83.
		{"top-p after the temperature", Parameters{TopP: 0.8}, oneToFour, 0.5, []from{{0, 2}, {9. / 25, 3}}},
		{"min-p after the temperature", Parameters{MinP: 0.5}, oneToFour, 0.5, []from{{0, 2}, {9. / 25, 3}}},
		// top-k 3 leaves 2/9, 3/9 and 4/9, of which the last two are 0.78.
		{"top-p of what top-k leaves", Parameters{TopK: 3, TopP: 0.75}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"min-p of what top-k leaves", Parameters{TopK: 3, MinP: 0.6}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"min-p of what top-p leaves", Parameters{TopP: 0.75, MinP: 0.6}, oneToFour, 1, []from{{0, 2}, {3. / 7, 3}}},
		{"an impossible level stays so", Parameters{TopK: 3}, []float32{-inf, 0, -inf, 0}, 1, []from{{0, 1}, {0.5, 3}}},
		{"greedy", Parameters{Greedy: true}, oneToFour, 1, []from{{0, 3}}},
		{"greedy, two alike", Parameters{Greedy: true}, []float32{0, 7, 7, 1}, 1, []from{{0, 1}}},
		{"greedy, NaN", Parameters{Greedy: true}, []float32{0, 7, nan}, 1, []from{{0, -1}}},
		{"greedy, infinity", Parameters{Greedy: true}, []float32{0, inf}, 1, []from{{0, -1}}},
		{"top-k, NaN", Parameters{TopK: 1}, []float32{nan, 7, 3}, 1, []from{{0, -1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := testDrawer(c.params, c.temperature, len(c.logits))
			for i, w := range c.want {
				next := 1.0
				if i+1 < len(c.want) {
					next = c.want[i+1].u
				}
				for _, u := range []float64{w.u + 1e-6, (w.u + next) / 2, next - 1e-6} {
					if got := d.level(c.logits, 1, u); got != w.level {
						t.Errorf("u = %g: level %d, want %d", u, got, w.level)
					}
				}
				if w.level < 0 {
					continue
				}
				// Its probability is the length of its range.
				if got, want := math.Exp(d.LogProb(w.level)), next-w.u; math.Abs(got-want) > 1e-6 {
					t.Errorf("level %d has probability %g, want %g", w.level, got, want)
				}
			}
		})
	}
}

// TestFiltersNest: of random logits, what a stronger filter leaves is among what a
// weaker one does, and the likeliest level always is.
func TestFiltersNest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	left := func(s Parameters, logits []float32) (levels []int) {
		d := testDrawer(s, 0.8, len(logits))
		d.level(logits, 1, 0)
		for k, w := range d.weights {
			if w > 0 {
				levels = append(levels, k)
			}
		}
		return levels
	}
	for range 500 {
		logits := make([]float32, 2+rng.IntN(20))
		for k := range logits {
			logits[k] = float32(rng.NormFloat64() * 2)
		}
		best := slices.Index(logits, slices.Max(logits))
		p := rng.Float64()
		k := 1 + rng.IntN(len(logits))
		for _, c := range []struct{ strong, weak Parameters }{
			{Parameters{TopK: k}, Parameters{TopK: min(k+1, len(logits))}},
			{Parameters{TopP: p * 0.9}, Parameters{TopP: p}},
			{Parameters{MinP: p}, Parameters{MinP: p * 0.9}},
			{Parameters{TopK: k, TopP: p, MinP: p}, Parameters{TopK: k}},
			{Parameters{TopK: k, TopP: p, MinP: p}, Parameters{MinP: p}},
		} {
			strong, weak := left(c.strong, logits), left(c.weak, logits)
			if !slices.Contains(strong, best) {
				t.Fatalf("%+v leaves %v of %v", c.strong, strong, logits)
			}
			for _, level := range strong {
				if !slices.Contains(weak, level) {
					t.Fatalf("%+v leaves %v, %+v only %v, of %v", c.strong, strong, c.weak, weak, logits)
				}
			}
		}
		if n := len(left(Parameters{TopK: k}, logits)); n != k {
			t.Fatalf("top-k %d leaves %d of %v", k, n, logits)
		}
	}
}

func TestTemperatures(t *testing.T) {
	got := Parameters{Temperature: 1, TemperatureEnd: 0.6}.temperatures(5)
	want := []float64{1, 0.9, 0.8, 0.7, 0.6}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for k := range want {
		if math.Abs(got[k]-want[k]) > 1e-15 {
			t.Errorf("row %d: %g, want %g", k, got[k], want[k])
		}
	}
	for _, c := range []Parameters{{Temperature: 0.7}, {Temperature: 0.7, TemperatureEnd: 0.7}} {
		if got := c.temperatures(5); got != nil {
			t.Errorf("%+v: %v, want nil: all alike", c, got)
		}
	}
	if got := (Parameters{Temperature: 0.7, TemperatureEnd: 2}).temperatures(1); got != nil {
		t.Errorf("one row: %v, want nil: all alike", got)
	}
}

func TestCheckSteering(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		cfg  Parameters
		says string // "" where it is valid
	}{
		{Parameters{}, ""},
		{Parameters{Temperature: 0.5, TemperatureEnd: 2, TopK: 3, TopP: 0.9, MinP: 0.1}, ""},
		{Parameters{TemperatureEnd: 0.5}, ""},
		{Parameters{TopP: 1, MinP: 1}, ""},
		{Parameters{Greedy: true}, ""},
		{Parameters{Temperature: -1}, "temperature is -1"},
		{Parameters{Temperature: nan}, "temperature is NaN"},
		{Parameters{Temperature: inf}, "temperature is +Inf"},
		{Parameters{TemperatureEnd: -1}, "temperature end is -1"},
		{Parameters{TemperatureEnd: nan}, "temperature end is NaN"},
		{Parameters{TemperatureEnd: inf}, "temperature end is +Inf"},
		{Parameters{TopK: -1}, "top-k is -1"},
		{Parameters{TopP: -0.1}, "top-p is -0.1"},
		{Parameters{TopP: 1.1}, "top-p is 1.1"},
		{Parameters{TopP: nan}, "top-p is NaN"},
		{Parameters{MinP: -0.1}, "min-p is -0.1"},
		{Parameters{MinP: 1.1}, "min-p is 1.1"},
		{Parameters{MinP: nan}, "min-p is NaN"},
		{Parameters{Greedy: true, Temperature: 1}, "greedy and temperature exclude"},
		{Parameters{Greedy: true, TemperatureEnd: 1}, "greedy and temperature end exclude"},
		{Parameters{Greedy: true, TopK: 1}, "greedy and top-k exclude"},
		{Parameters{Greedy: true, TopP: 1}, "greedy and top-p exclude"},
		{Parameters{Greedy: true, MinP: 1}, "greedy and min-p exclude"},
		{Parameters{Greedy: true, MinP: nan}, "min-p is NaN"},
	} {
		err := c.cfg.Check()
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%+v: %v", c.cfg, err)
		case c.says != "" && (!errors.Is(err, signature.ErrConfig) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%+v: error %v, want signature.ErrConfig that says %q", c.cfg, err, c.says)
		}
	}
}

func BenchmarkLevelSteered(b *testing.B) {
	for _, c := range []struct {
		name   string
		params Parameters
	}{
		{"greedy", Parameters{Greedy: true}},
		{"top-k", Parameters{TopK: 2}},
		{"top-p", Parameters{TopP: 0.9}},
		{"min-p", Parameters{MinP: 0.1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := testDrawer(c.params, 0.7, 4)
			b.ReportAllocs()
			for b.Loop() {
				d.level(oneToFour, 1, 0.6)
			}
		})
	}
}

// TestTies: where logits within the rounding of an engine would have drawn another
// level, the draw is a near tie, whatever the steering; settings and coins are chosen
// to lie at the edges.
func TestTies(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	const levels = 5
	names := []string{"plain", "greedy", "top-k", "top-p", "min-p", "all"}
	changed, ties := map[string]int{}, map[string]int{}
	for range 200_000 {
		exact := make([]float64, levels)
		for k := range exact {
			exact[k] = rng.NormFloat64() * 2
		}
		if rng.IntN(2) == 0 { // two levels about alike
			exact[rng.IntN(levels)] = exact[rng.IntN(levels)] + 1e-5*rng.NormFloat64()
		}
		temperature := 0.3 + rng.Float64()
		near := 1 + 1e-5*rng.NormFloat64()
		// The probabilities, the likeliest first.
		p := make([]float64, levels)
		sum := 0.0
		for k, l := range exact {
			p[k] = math.Exp(l / temperature)
			sum += p[k]
		}
		slices.SortFunc(p, func(a, b float64) int { return cmp.Compare(b, a) })
		rank := rng.IntN(levels)
		cumulative := 0.0
		for _, x := range p[:rank+1] {
			cumulative += x / sum
		}
		for i, s := range []Parameters{
			{},
			{Greedy: true},
			{TopK: 1 + rank},
			{TopP: min(1, cumulative*near)},
			{MinP: min(1, p[rank]/p[0]*near)},
			{TopK: 4, TopP: min(1, cumulative*near), MinP: min(1, p[rank]/p[0]*near)},
		} {
			name := names[i]
			d := testDrawer(s, temperature, levels)
			d.pick(exact, 0.5)
			u := rng.Float64()
			if rng.IntN(2) == 0 && !s.Greedy { // next to a boundary
				u = 0
				for _, w := range d.weights[:1+rng.IntN(levels-1)] {
					u += w / d.sum
				}
				u = min(max(0, u+1e-6*rng.NormFloat64()), math.Nextafter(1, 0))
			}
			want := d.pick(exact, u)
			off := make([]float64, levels)
			for k, l := range exact {
				off[k] = l + (2*rng.Float64()-1)*likelihood.Rounding/2*(1+math.Abs(l))
			}
			got := d.pick(off, u)
			if d.tie {
				ties[name]++
			}
			if got != want {
				changed[name]++
				if !d.tie {
					t.Fatalf("%s %+v, T = %g, u = %g: level %d of logits about %v, %d of these, and no near tie", name, s, temperature, u, got, exact, want)
				}
			}
		}
	}
	t.Logf("other levels %v, near ties %v", changed, ties)
	for _, name := range names {
		if changed[name] < 100 || ties[name] > 180_000 {
			t.Errorf("%s: %d other levels and %d near ties tell nothing", name, changed[name], ties[name])
		}
	}
}

// TestTieOfRounding: a coin within rounding of a boundary is a near tie, however little
// the level behind it weighs.
func TestTieOfRounding(t *testing.T) {
	d := testDrawer(Parameters{}, 1, 2)
	for _, c := range []struct {
		behind, u float64 // the second level's logit; the first one's is 0
		tie       bool
	}{
		{-36.7, math.Nextafter(1, 0), true}, // e^-36.7 is about 2^-53
		{-36.7, 1 - 1e-9, false},
		{-800, math.Nextafter(1, 0), true}, // and e^-800 is nothing
	} {
		if d.pick([]float64{0, c.behind}, c.u); d.tie != c.tie {
			t.Errorf("the other level has %g, u = 1-%g: near tie %v", c.behind, 1-c.u, d.tie)
		}
	}
}

// TestNoTies: settings far from any edge are no near ties.
func TestNoTies(t *testing.T) {
	for _, s := range []Parameters{
		{},
		{Greedy: true},
		{TopK: 2},
		{TopK: 4},
		{TopP: 0.5},
		{TopP: 0.99},
		{MinP: 0.6},
		{MinP: 0.1},
		{TopK: 2, TopP: 0.9},
		{TopK: 2, MinP: 0.1},
		{TopK: 3, TopP: 0.7, MinP: 0.1},
		{MinP: 1},
	} {
		d := testDrawer(s, 0.7, 4)
		if d.level(oneToFour, 1, 0.62); d.tie {
			t.Errorf("%+v: a near tie", s)
		}
	}
}

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

func TestParameters(t *testing.T) {
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

func TestCheck(t *testing.T) {
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
		{Parameters{Filters: "min-p,temperature,top-k,top-p", Temperature: 2, TopK: 1, TopP: 0.5, MinP: 0.5}, ""},
		{Parameters{Filters: "top-k", TopK: 1000, Temperature: 1}, ""},
		{Parameters{Filters: "top-k,"}, `filters is "top-k,": "" is none of temperature,top-k,top-p,min-p`},
		{Parameters{Filters: "top-k,Top-p"}, `"Top-p" is none of`},
		{Parameters{Filters: "top-k,top-p,top-k"}, "top-k is there twice"},
		{Parameters{Filters: "top-k", Temperature: 0.5}, `filters is "top-k", which leaves out temperature, and that is set`},
		{Parameters{Filters: "top-k", TemperatureEnd: 0.5}, "leaves out temperature"},
		{Parameters{Filters: "top-p", TopK: 5}, "leaves out top-k"},
		{Parameters{Filters: "top-k", TopP: 0.5}, "leaves out top-p"},
		{Parameters{Filters: "top-k", MinP: 0.5}, "leaves out min-p"},
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

func BenchmarkLevelFiltered(b *testing.B) {
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
// level, the draw is a near tie, whatever the parameters; settings and uniforms are chosen
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

// orders are all orders of filters, and of parts of them.
func orders() (all []string) {
	names := strings.Split(DefaultFilters, ",")
	var add func(have []string)
	add = func(have []string) {
		if len(have) > 0 {
			all = append(all, strings.Join(have, ","))
		}
		for _, name := range names {
			if !slices.Contains(have, name) {
				add(append(slices.Clip(have), name))
			}
		}
	}
	add(nil)
	return all
}

// apply does what filters say, step by step, and returns the probabilities of the levels. edge is the
// least distance of a number from a bound that decides, as a share.
func apply(p Parameters, logits []float64) (probs []float64, edge float64) {
	probs = make([]float64, len(logits))
	for k, l := range logits {
		probs[k] = math.Exp(l)
	}
	normalise := func() {
		sum := 0.0
		for _, x := range probs {
			sum += x
		}
		for k := range probs {
			probs[k] /= sum
		}
	}
	edge = math.Inf(1)
	near := func(a, b float64) { edge = min(edge, math.Abs(a/b-1)) }
	for _, name := range p.order() {
		normalise()
		order := make([]int, len(probs))
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probs[b], probs[a]) })
		switch name {
		case "temperature":
			for k := range probs {
				probs[k] = math.Pow(probs[k], 1/cmp.Or(p.Temperature, 1))
			}
		case "top-k":
			if p.TopK > 0 && p.TopK < len(probs) {
				if out := probs[order[p.TopK]]; out > 0 {
					near(probs[order[p.TopK-1]], out)
				}
				for _, k := range order[p.TopK:] {
					probs[k] = 0
				}
			}
		case "top-p":
			sum := 0.0
			for _, k := range order {
				if p.TopP > 0 && sum > 0 {
					near(sum, p.TopP)
				}
				if p.TopP > 0 && sum >= p.TopP {
					probs[k] = 0
				}
				sum += probs[k]
			}
		case "min-p":
			most := probs[order[0]]
			for k, x := range probs {
				if p.MinP > 0 && x > 0 {
					near(x/most, p.MinP)
				}
				if x < p.MinP*most {
					probs[k] = 0
				}
			}
		}
	}
	normalise()
	return probs, edge
}

// TestOrder: filters in any order leave what they leave one after the other, and the levels that are left
// have the probabilities that they have then.
func TestOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 0))
	all := orders()
	differ := 0
	for i := range 60_000 {
		logits := make([]float64, 2+rng.IntN(12))
		for k := range logits {
			logits[k] = rng.NormFloat64() * 2
		}
		full := Parameters{Temperature: 0.2 + 2*rng.Float64(), TopK: 1 + rng.IntN(len(logits)+1), TopP: rng.Float64(), MinP: rng.Float64() * rng.Float64()}
		p := Parameters{Filters: all[i%len(all)]}
		for _, name := range p.order() {
			switch name {
			case "temperature":
				p.Temperature = full.Temperature
			case "top-k":
				p.TopK = full.TopK
			case "top-p":
				p.TopP = full.TopP
			case "min-p":
				p.MinP = full.MinP
			}
		}
		want, edge := apply(p, logits)
		if edge < 1e-9 {
			continue
		}
		d := testDrawer(p, cmp.Or(p.Temperature, 1), len(logits))
		d.pick(logits, 0.5)
		for k, x := range want {
			switch got := d.weights[k] / d.sum; {
			case (got == 0) != (x == 0), math.Abs(got-x) > 1e-12:
				t.Fatalf("%+v of %v: level %d has probability %g, want %g", p, logits, k, got, x)
			case x > 0 && math.Abs(d.LogProb(k)-math.Log(x)) > 1e-9:
				t.Fatalf("%+v of %v: level %d has log-probability %g, want %g", p, logits, k, d.LogProb(k), math.Log(x))
			}
		}
		usual := p
		usual.Filters = ""
		if other, _ := apply(usual, logits); slices.ContainsFunc(want, func(x float64) bool {
			return !slices.ContainsFunc(other, func(y float64) bool { return math.Abs(x-y) < 1e-9 })
		}) {
			differ++
		}
	}
	t.Logf("%d are other than in the usual order", differ)
	if differ < 5000 {
		t.Errorf("only %d are other than in the usual order", differ)
	}
}

// TestOrderTies: where logits within the rounding of an engine would have drawn another level, the draw is
// a near tie, for each order of filters; bounds are chosen to be edges, before the temperature or after it.
func TestOrderTies(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 0))
	const levels = 5
	all := slices.DeleteFunc(orders(), func(order string) bool { return len(order) < len(DefaultFilters) })
	changed, ties := 0, 0
	const times = 200_000
	for i := range times {
		exact := make([]float64, levels)
		for k := range exact {
			exact[k] = rng.NormFloat64() * 2
		}
		if rng.IntN(2) == 0 { // two levels about alike
			exact[rng.IntN(levels)] = exact[rng.IntN(levels)] + 1e-5*rng.NormFloat64()
		}
		temperature := 0.3 + 2*rng.Float64()
		s := Parameters{Filters: all[i%len(all)], Temperature: temperature}
		if rng.IntN(2) == 0 {
			s.TopK = 1 + rng.IntN(levels)
		}
		// A bound is next to what the filters before it make of the levels.
		for _, name := range s.order() {
			if name != "top-p" && name != "min-p" || rng.IntN(3) == 0 {
				continue
			}
			before, _, _ := strings.Cut(s.Filters, name)
			r := s
			r.Filters = strings.TrimSuffix(before, ",")
			p := make([]float64, levels)
			for k, l := range exact {
				p[k] = math.Exp(l)
			}
			if r.Filters != "" {
				p, _ = apply(r, exact)
			}
			slices.SortFunc(p, func(a, b float64) int { return cmp.Compare(b, a) })
			rank, sum, have := rng.IntN(levels), 0.0, 0.0
			for k, x := range p {
				sum += x
				if k <= rank {
					have += x
				}
			}
			near := 1 + 1e-5*rng.NormFloat64()
			if name == "top-p" {
				s.TopP = min(1, have/sum*near)
			} else {
				s.MinP = min(1, p[rank]/p[0]*near)
			}
		}
		d := testDrawer(s, temperature, levels)
		u := rng.Float64()
		want := d.pick(exact, u)
		off := make([]float64, levels)
		for k, l := range exact {
			off[k] = l + (2*rng.Float64()-1)*likelihood.Rounding/2*(1+math.Abs(l))
		}
		got := d.pick(off, u)
		if d.tie {
			ties++
		}
		if got != want {
			changed++
			if !d.tie {
				t.Fatalf("%+v, u = %g: level %d of logits about %v, %d of these, and no near tie", s, u, got, exact, want)
			}
		}
	}
	t.Logf("%d other levels, %d near ties", changed, ties)
	if changed < 1000 || ties > times*9/10 {
		t.Errorf("%d other levels and %d near ties tell nothing", changed, ties)
	}
}

// TestTieOfRounding: a uniform within rounding of a boundary is a near tie, however little
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

package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/modeltest"
	"pixelcnn/models"
)

func TestPackRoundTrip(t *testing.T) {
	for _, c := range []models.Config{
		{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 2},
		{Hidden: 10, Blocks: 2, Kernel: 5, Size: 8, Levels: 7},
		{},
	} {
		m := modeltest.Random(t, c, 3)
		l := newPacking(m)
		vec, err := l.pack(m.Weights)
		if err != nil {
			t.Fatal(err)
		}
		got := l.unpack(vec)
		for _, p := range m.Params() {
			if !slices.Equal(got[p.Name], m.Weights[p.Name]) {
				t.Errorf("%+v: %s changed", c, p.Name)
			}
		}
	}
}

// TestPackOrder checks a kernel by hand: 2 channels in, 3 out, of 3×3 taps the four
// before the centre. Dense element (out, in, y, x) is numbered 1000·out + 100·in + 10·y + x.
func TestPackOrder(t *testing.T) {
	n := net(func(b models.Builder) models.Value {
		return b.Conv(b.Image(), models.Conv{Name: "c", In: 2, Out: 3, Kernel: 3, Mask: models.MaskA})
	})
	dense := make([]float32, 3*2*9)
	for o := range 3 {
		for i := range 2 {
			for _, yx := range []int{0, 1, 2, 10} {
				dense[(o*2+i)*9+yx/10*3+yx%10] = float32(1000*o + 100*i + yx)
			}
		}
	}
	l := newPacking(n)
	vec, err := l.pack(map[string][]float32{"c_weight": dense, "c_bias": {7, 8, 9}})
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{
		0, 1000, 2000, 1, 1001, 2001, 2, 1002, 2002, 10, 1010, 2010,
		100, 1100, 2100, 101, 1101, 2101, 102, 1102, 2102, 110, 1110, 2110,
	}
	if got := vec[:24]; !slices.Equal(got, want) {
		t.Errorf("weight %v, want %v", got, want)
	}
	if got := vec[32:36]; !slices.Equal(got, []float32{7, 8, 9, 0}) {
		t.Errorf("bias at the next cache line: %v", got)
	}
	if l.len%(adamChunks*align) != 0 {
		t.Errorf("length %d cannot be cut in %d", l.len, adamChunks)
	}
}

func TestPackRefuses(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 2, Blocks: 1, Kernel: 3, Size: 4}, 1)
	l := newPacking(m)
	m.Weights["stem_weight"][4] = 1
	if _, err := l.pack(m.Weights); err == nil || !strings.Contains(err.Error(), "stem_weight has 1 entries that its mask hides") {
		t.Errorf("a weight at a masked tap: error %v", err)
	}
	delete(m.Weights, "stem_weight")
	if _, err := l.pack(m.Weights); err == nil || !strings.Contains(err.Error(), "stem_weight has 0 elements, want 18") {
		t.Errorf("a missing weight: error %v", err)
	}
}

// TestInitial checks range and spread of the initial weights, and that a seed gives
// the same ones always.
func TestInitial(t *testing.T) {
	m, err := models.New(models.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := newPacking(m)
	w := l.unpack(l.initial(5, FanIn))
	for _, p := range m.Params() {
		bound := 1 / math.Sqrt(float64(p.Conv.In*len(p.Conv.Taps())))
		low, high, live := 1.0, -1.0, 0
		for _, x := range w[p.Name] {
			if x != 0 {
				low, high = min(low, float64(x)/bound), max(high, float64(x)/bound)
				live++
			}
		}
		want := p.Conv.Out
		if p.Kind == models.Weight {
			want *= p.Conv.In * len(p.Conv.Taps())
		}
		if live != want || low < -1 || high > 1 || live > 1000 && (low > -0.95 || high < 0.95) {
			t.Errorf("%s: %d weights from %v to %v of the bound %v, want %d", p.Name, live, low, high, bound, want)
		}
	}
	if got := fmt.Sprintf("%.5f", w["stem_bias"][:3]); got != "[-0.06525 -0.16571 -0.08446]" {
		t.Errorf("weights of seed 5 changed: %s", got)
	}
	if slices.Equal(l.initial(1, FanIn), l.initial(2, FanIn)) {
		t.Error("two seeds give the same weights")
	}
}

// TestInitBound has the bounds of the reference model's first layers by hand: a stem of
// 24 live taps, 1 channel to 64; a 3×3 of 5 live taps, 32 to 32.
func TestInitBound(t *testing.T) {
	m, err := models.New(models.Config{Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]float64{ // fan-in, glorot
		"stem_weight":           {0.204124, 0.062017}, // 1/√24, √(6/(65·24))
		"stem_bias":             {0.204124, 0},
		"block1_spatial_weight": {0.079057, 0.136931}, // 1/√160, √(6/(64·5))
		"block1_class_table":    {0, 0},
	}
	seen := 0
	for _, p := range m.Params() {
		w, ok := want[p.Name]
		if !ok {
			continue
		}
		seen++
		for i, init := range []Init{FanIn, Glorot} {
			if got := init.bound(p); math.Abs(got-w[i]) > 1e-6 {
				t.Errorf("%s, %s: bound %v, want %v", p.Name, init, got, w[i])
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d parameters found", seen, len(want))
	}
}

package encoding

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestValues(t *testing.T) {
	for _, c := range []struct {
		scale  Scale
		levels int
		want   []float32
	}{
		{Scale{}, 2, []float32{0, 1}},
		{Scale{}, 4, []float32{0, 1. / 3, 2. / 3, 1}},
		{Scale{Offset: -0.5}, 2, []float32{-0.5, 0.5}},
		{Scale{Factor: 1}, 3, []float32{0, 1, 2}},
		{Scale{Factor: 2. / 255, Offset: -1}, 256, nil},
	} {
		got := c.scale.Values(c.levels)
		if c.want != nil && !slices.Equal(got, c.want) {
			t.Errorf("%+v of %d levels: %v, want %v", c.scale, c.levels, got, c.want)
		}
		if _, _, err := Fit(got); err != nil {
			t.Errorf("%+v of %d levels: %v", c.scale, c.levels, err)
		}
	}
}

func TestFit(t *testing.T) {
	factor, offset, err := Fit([]float32{-1, -0.5, 0})
	if factor != 0.5 || offset != -1 || err != nil {
		t.Errorf("got %v, %v, %v", factor, offset, err)
	}
	for _, uneven := range [][]float32{{1, 1, 1}, {0, 3, 4}} {
		if _, _, err := Fit(uneven); !errors.Is(err, ErrUneven) {
			t.Errorf("%v: %v", uneven, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Scale{{Factor: math.NaN()}, {Factor: math.Inf(1)}, {Offset: math.NaN()}, {Offset: math.Inf(-1)}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := (Scale{Factor: -1, Offset: 3}).Check(); err != nil {
		t.Error(err)
	}
}

// A level that is shown as a byte is read as itself again.
func TestShade(t *testing.T) {
	for levels := 2; levels <= 256; levels++ {
		for level := range levels {
			grey := Shade(level, levels, 256)
			if got := Quantise(uint64(grey), 1, levels); got != level {
				t.Fatalf("level %d of %d is the byte %d, which is level %d", level, levels, grey, got)
			}
			if Invert(Invert(level, levels), levels) != level {
				t.Fatalf("level %d of %d, inverted twice", level, levels)
			}
		}
		if first, last := Shade(0, levels, 256), Shade(levels-1, levels, 256); first != 0 || last != 255 {
			t.Errorf("%d levels: from %d to %d", levels, first, last)
		}
	}
	for level, want := range []int{0, 1, 1, 1} {
		if got := Shade(level, 4, 2); got != want {
			t.Errorf("level %d of 4 in black and white: %d, want %d", level, got, want)
		}
	}
}

func TestQuantise(t *testing.T) {
	for _, c := range []struct {
		sum, whole uint64
		levels     int
		want       int
	}{{0, 1, 4, 0}, {63, 1, 4, 0}, {64, 1, 4, 1}, {255, 1, 4, 3}, {255 * 9, 9, 256, 255}, {575, 9, 4, 0}, {576, 9, 4, 1}} {
		if got := Quantise(c.sum, c.whole, c.levels); got != c.want {
			t.Errorf("%d/%d in %d levels: %d, want %d", c.sum, c.whole, c.levels, got, c.want)
		}
	}
}

func TestOfUnit(t *testing.T) {
	for v, want := range map[float64]int{0: 0, 0.2499: 0, 0.25: 1, 0.9999: 3, 1: 3} {
		if got := OfUnit(v, 4); got != want {
			t.Errorf("%v of 4 levels is %d, want %d", v, got, want)
		}
	}
}

func TestRatio(t *testing.T) {
	if got := Ratio(1, 4); got != 3 {
		t.Errorf("a layer trained on levels 0 to 3: %v, want 3", got)
	}
	if got := Steps(4) * Unit(4); got != 1 {
		t.Errorf("steps times unit: %v", got)
	}
}

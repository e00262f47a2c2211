package main

import (
	"image/color"
	"slices"
	"testing"

	"pixelcnn/dataset"
)

func TestParseSpan(t *testing.T) {
	for _, c := range []struct {
		text     string
		from, to int // -1: an error
	}{
		{"8", 0, 8},
		{"1", 0, 1},
		{"10", 0, 10},
		{"4..7", 4, 7},
		{"4..", 4, 10},
		{"..4", 0, 4},
		{"0..10", 0, 10},
		{"", -1, 0},
		{"..", -1, 0},
		{"0", -1, 0},
		{"11", -1, 0},
		{"7..4", -1, 0},
		{"4..4", -1, 0},
		{"-1..4", -1, 0},
		{"x", -1, 0},
		{"1..2..3", -1, 0},
	} {
		from, to, err := parseSpan(c.text, 10)
		if (err != nil) != (c.from < 0) || err == nil && (from != c.from || to != c.to) {
			t.Errorf("%q: %d..%d, error %v; want %d..%d", c.text, from, to, err, c.from, c.to)
		}
	}
}

func TestAddGiven(t *testing.T) {
	mask := make([]bool, 12) // 3×4
	for _, keep := range []string{"rows:1..2", "cols:3.."} {
		if err := addGiven(mask, keep, 3, 4, dataset.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	want := []bool{
		false, false, false, true,
		true, true, true, true,
		false, false, false, true,
	}
	if !slices.Equal(mask, want) {
		t.Errorf("%v, want %v", mask, want)
	}
}

func TestPalette(t *testing.T) {
	rgb := func(r, g, b uint8) color.Color { return color.RGBA{r, g, b, 0xff} }
	for _, c := range []struct {
		text string
		n    int
		want []color.Color
	}{
		{"grey", 2, []color.Color{rgb(0, 0, 0), rgb(255, 255, 255)}},
		{"grey", 4, []color.Color{rgb(0, 0, 0), rgb(85, 85, 85), rgb(170, 170, 170), rgb(255, 255, 255)}},
		{"inverse", 3, []color.Color{rgb(255, 255, 255), rgb(128, 128, 128), rgb(0, 0, 0)}},
		{"#000000,#ff0000,0000ff", 3, []color.Color{rgb(0, 0, 0), rgb(255, 0, 0), rgb(0, 0, 255)}},
		{"000000,ff0000,0000ff", 5, []color.Color{rgb(0, 0, 0), rgb(128, 0, 0), rgb(255, 0, 0), rgb(128, 0, 128), rgb(0, 0, 255)}},
		{"gameboy", 4, []color.Color{rgb(0x0f, 0x38, 0x0f), rgb(0x30, 0x62, 0x30), rgb(0x8b, 0xac, 0x0f), rgb(0x9b, 0xbc, 0x0f)}},
	} {
		var p palette
		if err := p.Set(c.text); err != nil {
			t.Fatal(err)
		}
		if got := p.colours(c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s, %d colours: %v, want %v", c.text, c.n, got, c.want)
		}
	}
	for name := range palettes {
		var p palette
		if err := p.Set(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFileOf(t *testing.T) {
	for _, c := range []struct {
		pattern string
		index   uint64
		want    string // "": it is no pattern
	}{
		{"img-%04d.png", 7, "img-0007.png"},
		{"img-%d.png", 12345, "img-12345.png"},
		{"50%/img-%02d.png", 123, "50%/img-123.png"},
		{"50%.png", 0, ""},
		{"%s.png", 0, ""},
		{"%4d.png", 0, ""},
		{"%00d.png", 0, ""},
	} {
		if isPattern(c.pattern) != (c.want != "") {
			t.Errorf("%s: pattern %v", c.pattern, isPattern(c.pattern))
		} else if got := fileOf(c.pattern, c.index); c.want != "" && got != c.want {
			t.Errorf("%s: %s, want %s", c.pattern, got, c.want)
		}
	}
}

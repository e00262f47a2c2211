package format

import (
	"errors"
	"image/color"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var meta = Meta{
	Format: "1", Arch: "pixelcnn", Levels: 4, Height: 16, Width: 16, Order: "raster", Classes: []string{"T-shirt/top", "a,b"}, Dataset: "fashion-mnist",
	DatasetSHA256: "ab", Preprocess: "resize", Command: "trainer", Seed: 1<<64 - 1, Epochs: 10, NatsPerDim: 0.305,
	ClassPrior: []float64{1. / 3, 2. / 3}, PixelScale: 1. / 3, PixelOffset: -0.5, Label: "label", VerifyMaxDiff: 4.77e-06, VerifyReaders: []string{"ONNX Runtime 1.24.1", "another, too"},
	Channels: 1, Head: "logistic-mixture", Mixtures: 10, Input: "one-hot", Output: "logits", Colour: PaletteIndex,
	Palette: []color.NRGBA{{0, 0, 0, 0xff}, {0xff, 0x88, 0, 0xff}, {1, 2, 3, 0x80}, {}},
}

func TestRoundTrip(t *testing.T) {
	got, err := Parse(meta.Props())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meta, got); diff != "" {
		t.Error(diff)
	}
	if got := meta.Props()["pixelcnn.nll_bits_per_dim"]; got != "0.440022" {
		t.Errorf("bits per dim %s, want 0.440022 = 0.305/ln 2", got)
	}
}

func TestParseForeign(t *testing.T) {
	got, err := Parse(map[string]string{"something": "else"})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(Meta{}, got); diff != "" {
		t.Error(diff)
	}
}

// TestUnknown: what is not known of a file from elsewhere is not written; a seed of 0 is known of one that was trained.
func TestUnknown(t *testing.T) {
	foreign := Meta{Levels: 4, Height: 2, Width: 3}.Props()
	trained := Meta{Levels: 4, Height: 2, Width: 3, Arch: "pixelcnn"}.Props()
	for key, want := range map[string]string{"arch": "pixelcnn", "seed": "0", "epochs": "0"} {
		if got, ok := foreign[prefix+key]; ok {
			t.Errorf("a file from elsewhere has %s %q", key, got)
		}
		if got := trained[prefix+key]; got != want {
			t.Errorf("a trained one has %s %q, want %q", key, got, want)
		}
	}
}

// TestErrorsAreShort: of a property that is as long as a file, an error tells the beginning.
func TestErrorsAreShort(t *testing.T) {
	for _, key := range []string{"format", "levels", "order", "classes", "class_prior", "seed", "nll_nats_per_dim"} {
		props := maps.Clone(meta.Props())
		props["pixelcnn."+key] = strings.Repeat("é", 1<<20)
		_, err := Parse(props)
		if want := `"` + strings.Repeat("é", 100) + `…"`; !errors.Is(err, ErrMetadata) || len(err.Error()) > 400 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.500v, want ErrMetadata with %s", key, err, want)
		}
	}
	for text, want := range map[string]string{"": "", strings.Repeat("x", 100): strings.Repeat("x", 100)} {
		if got := Cut(text); got != want {
			t.Errorf("%q: cut to %q", text, got)
		}
	}
}

// TestPalette: colours are as people write them, and of the file's levels.
func TestPalette(t *testing.T) {
	if got, want := meta.Props()["pixelcnn.palette"], `["#000000","#ff8800","#01020380","#00000000"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	props := meta.Props()
	props["pixelcnn.palette"] = `["000000","#FF8800","01020380","#00000000"]`
	got, err := Parse(props)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meta.Palette, got.Palette); diff != "" {
		t.Error(diff)
	}
}

// TestColour: which colours go with how many channels.
func TestColour(t *testing.T) {
	for _, c := range []struct {
		colour   string
		channels int
		ok       bool
	}{
		{"", 1, true},
		{"", 2, true},
		{"", 3, true},
		{Grey, 0, true},
		{Grey, 1, true},
		{Grey, 3, false},
		{RGB, 0, false},
		{RGB, 1, false},
		{RGB, 2, false},
		{RGB, 3, true},
		{RGB, 4, true},
		{RGB, 5, false},
		{PaletteIndex, 3, false},
	} {
		m := meta
		m.Colour, m.Channels, m.Palette = c.colour, c.channels, nil
		if _, err := Parse(m.Props()); (err == nil) != c.ok {
			t.Errorf("%q with %d channels: error %v", c.colour, c.channels, err)
		}
	}
	m := meta
	m.Colour = Grey
	if _, err := Parse(m.Props()); !errors.Is(err, ErrMetadata) {
		t.Errorf("a palette that has no use: error %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{"format", "2"},
		{"levels", "1"},
		{"height", "0"},
		{"width", "x"},
		{"order", "snake"},
		{"seed", "-1"},
		{"epochs", "many"},
		{"pixel_scale", "0"},
		{"pixel_scale", "NaN"},
		{"pixel_offset", ""},
		{"pixel_offset", "1e999"},
		{"classes", "a,b"},
		{"nll_nats_per_dim", "low"},
		{"nll_nats_per_dim", "NaN"},
		{"verify_max_diff", "-Inf"},
		{"verify_readers", "x"},
		{"verify_max_diff", "x"},
		{"verify_max_diff", ""},
		{"class_prior", "1"},
		{"class_prior", "[]"},
		{"class_prior", "null"},
		{"class_prior", "[1]"},
		{"class_prior", "[0.5,0.25,0.25]"},
		{"class_prior", "[1.5,-0.5]"},
		{"class_prior", "[0.5,0.50001]"},
		{"class_prior", "[1e999,0]"},
		{"class_prior", "[NaN,1]"},
		{"levels", "65537"},
		{"channels", "0"},
		{"channels", "65"},
		{"channels", "RGB"},
		{"mixtures", "0"},
		{"mixtures", "ten"},
		{"colour", "sepia"},
		{"colour", "rgb"},
		{"colour", "grey"},
		{"palette", ""},
		{"palette", "null"},
		{"palette", "#000000"},
		{"palette", `["#000000","#ff8800","#ffffff"]`},
		{"palette", `["#000000","#ff8800","#ffffff","#fff"]`},
		{"palette", `["#000000","#ff8800","#ffffff","white"]`},
	} {
		props := maps.Clone(meta.Props())
		props["pixelcnn."+c.key] = c.value
		_, err := Parse(props)
		if !errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), "pixelcnn."+c.key) {
			t.Errorf("%s = %s: error %v, want ErrMetadata that names it", c.key, c.value, err)
		}
	}
}

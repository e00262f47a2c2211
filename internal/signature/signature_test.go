package signature

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature/encoding"
)

// network is one convolution from a picture of 3×5 pixels to outputs of a shape.
func network(metadata map[string]string, output ...onnx.Dim) *onnx.Model {
	g := &onnx.Graph{}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(3), onnx.Fixed(5))
	y := g.Op("Conv", onnx.Attrs{"pads": []int64{0, 1, 0, 0}}, x, onnx.Const("w", onnx.NewTensor([]float32{1, 0, 2, 0}, 2, 1, 1, 2)))
	g.Output(y, "y", onnx.Float32, output...)
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Metadata: metadata, Graph: g}
}

var nlhw = []onnx.Dim{onnx.Free("n"), onnx.Fixed(2), onnx.Fixed(3), onnx.Fixed(5)}

// with makes the metadata of a file of this project, with more: keys and values by turns.
func with(more ...string) map[string]string {
	m := map[string]string{
		"pixelcnn.format": "1", "pixelcnn.levels": "2", "pixelcnn.height": "3", "pixelcnn.width": "5", "pixelcnn.order": "raster",
	}
	for i := 0; i < len(more); i += 2 {
		m["pixelcnn."+more[i]] = more[i+1]
	}
	return m
}

// TestScale: metadata say what a level is in the input. The project's own scale is a
// division, whose last bits are the trainer's.
func TestScale(t *testing.T) {
	for _, c := range []struct {
		metadata map[string]string
		want     encoding.Scale
	}{
		{with(), encoding.Scale{}},
		{with("pixel_scale", "1", "pixel_offset", "0"), encoding.Scale{}},
		{with("pixel_scale", "2", "pixel_offset", "-1"), encoding.Scale{Factor: 2, Offset: -1}},
		{with("pixel_scale", "1", "pixel_offset", "0.5"), encoding.Scale{Factor: 1, Offset: 0.5}},
	} {
		s, err := Read(network(c.metadata, nlhw...), Options{}, nil)
		if err != nil || s.Scale != c.want {
			t.Errorf("%v: %+v, %v, want %+v", c.metadata, s.Scale, err, c.want)
		}
	}
	if _, err := Read(network(with("label", "class"), nlhw...), Options{}, nil); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), `"class"`) {
		t.Errorf("a label that is not there: %v", err)
	}
}

// TestFindings: each part of a signature says how it was found out.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name     string
		metadata map[string]string
		opt      Options
		want     Finding
	}{
		{"a file from elsewhere", nil, Options{}, Finding{Part: "input scale", Value: "level/(levels−1)", Why: "assumed; the file does not say", Flag: "--pixel-range"}},
		{"one of the trainer's of before", with(), Options{}, Finding{Part: "input scale", Value: "level/(levels−1)", Why: "as in every file of this format that does not say"}},
		{"one of the trainer's", with("pixel_scale", "1", "pixel_offset", "0"), Options{}, Finding{Part: "input scale", Value: "level·1 + 0", Why: "by its metadata"}},
		{"a flag that says otherwise", with("pixel_scale", "1", "pixel_offset", "0"), Options{Scale: encoding.Scale{Factor: 2, Offset: -1}}, Finding{Part: "input scale", Value: "level·2 + -1", Why: "as it was set"}},
		{"a flag", nil, Options{Scale: encoding.Scale{Factor: 2, Offset: -1}}, Finding{Part: "input scale", Value: "level·2 + -1", Why: "as it was set"}},
		{"the head", nil, Options{}, Finding{Part: "head", Value: "categorical", Why: "an output for each level"}},
		{"the layout", nil, Options{}, Finding{Part: "layout", Value: "[batch, levels, height, width]", Why: "by the picture's 3×5"}},
	} {
		s, err := Read(network(c.metadata, nlhw...), c.opt, nil)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if !slices.Contains(s.Findings, c.want) {
			t.Errorf("%s: %+v, want %+v among them", c.name, s.Findings, c.want)
		}
	}
}

// TestOutputAt: where a pixel's outputs are, for each layout, by hand.
func TestOutputAt(t *testing.T) {
	two, three, five, n := onnx.Fixed(2), onnx.Fixed(3), onnx.Fixed(5), onnx.Free("n")
	for _, c := range []struct {
		output     []onnx.Dim
		at, stride int // of pixel 4 of image 1
	}{
		{[]onnx.Dim{n, two, three, five}, 1*2*15 + 4, 15},
		{[]onnx.Dim{n, three, five, two}, 1*2*15 + 4, 15}, // they are brought into the one order
		{[]onnx.Dim{n, two, onnx.Fixed(1), three, five}, 1*2*15 + 4, 15},
	} {
		s, err := Read(network(nil, c.output...), Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if at, stride := s.OutputAt(1, 4); at != c.at || stride != c.stride {
			t.Errorf("%v: at %d, stride %d, want %d, %d", s.OutputLayout, at, stride, c.at, c.stride)
		}
	}
}

// TestFeed: levels as the network reads them.
func TestFeed(t *testing.T) {
	s, err := Read(network(nil, nlhw...), Options{Scale: encoding.Scale{Factor: 2, Offset: -1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := s.Feed(2)
	f.Set(1, 14, 1)
	got := f.Tensors()[0]
	want := slices.Repeat([]float32{-1}, 30)
	want[29] = 1
	if !slices.Equal(got.Shape, []int{2, 1, 3, 5}) || !slices.Equal(got.Floats(), want) {
		t.Errorf("%v %v", got.Shape, got.Floats())
	}
	if s.Others(0, nil) != nil {
		t.Error("a model without classes has conditions")
	}
}

func TestRefused(t *testing.T) {
	for says, change := range map[string]func(m *onnx.Model){
		"--output-name y; or --output-name z": func(m *onnx.Model) {
			m.Graph.Output(m.Graph.Op("Identity", nil, m.Graph.Outputs[0]), "z", onnx.Float32, nlhw...)
		},
		"is bool":         func(m *onnx.Model) { m.Graph.Inputs[0].DType = onnx.Bool },
		"2 levels, not 7": func(m *onnx.Model) { m.Metadata = with("levels", "7") },
		"has shape":       func(m *onnx.Model) { m.Graph.Outputs[0].Shape = []onnx.Dim{onnx.Free("n"), onnx.Fixed(7)} },
	} {
		m := network(nil, slices.Clone(nlhw)...)
		change(m)
		if _, err := Read(m, Options{}, nil); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want ErrModel that says %q", err, says)
		}
	}
}

package export_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// written is a random model and its file.
func written(t *testing.T, c models.Config, seed uint64) (*models.Model, []byte) {
	t.Helper()
	m := modeltest.Random(t, c, seed)
	var b bytes.Buffer
	if err := export.Write(&b, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

// TestWeights: what is written is read back, and the model of it has the same logits.
func TestWeights(t *testing.T) {
	for i, c := range configs {
		m, file := written(t, c, uint64(i))
		w, err := export.Weights(file, c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		for name, want := range m.Weights {
			for k, x := range want {
				if got := w[name][k]; math.Abs(float64(got-x)) > 1e-7*math.Abs(float64(x)) {
					t.Fatalf("%+v: %s[%d] is %v, want %v", c, name, k, got, x)
				}
			}
		}
		again, err := models.New(c)
		if err != nil {
			t.Fatal(err)
		}
		again.Weights = w
		x := make([]float64, c.Size*c.Size)
		for k := range x {
			x[k] = float64(k%c.Levels) / float64(c.Levels-1)
		}
		want := modeltest.ClassLogits(m, x, 0)
		for k, got := range modeltest.ClassLogits(again, x, 0) {
			if math.Abs(got-want[k]) > 1e-6*(1+math.Abs(want[k])) {
				t.Fatalf("%+v: logit %d is %v, want %v", c, k, got, want[k])
			}
		}
	}
}

// TestWeightsOfAnotherScale: a file does not say with which scale it was trained, and need not.
func TestWeightsOfAnotherScale(t *testing.T) {
	c := models.Config{Arch: "gated", Hidden: 2, Blocks: 1, Kernel: 3, Size: 4, Levels: 3}
	m, file := written(t, c, 1)
	c.InputScale = 0.25 // half of the file's 1/2
	w, err := export.Weights(file, c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range m.Weights {
		factor := float32(1)
		if name == "stem_vertical_weight" || name == "stem_horizontal_weight" {
			factor = 2
		}
		for k, x := range want {
			if w[name][k] != factor*x {
				t.Fatalf("%s[%d] is %v, want %v", name, k, w[name][k], factor*x)
			}
		}
	}
}

func TestWeightsRefuses(t *testing.T) {
	base := models.Config{Hidden: 4, Blocks: 2, Kernel: 5, Size: 6, Levels: 4}
	_, file := written(t, base, 1)
	change := func(f func(*models.Config)) models.Config {
		c := base
		f(&c)
		return c
	}
	edited := func(f func(*onnx.Model)) []byte {
		m, err := onnx.Unmarshal(file)
		if err != nil {
			t.Fatal(err)
		}
		f(m)
		b, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stem := func(m *onnx.Model) []float32 { return m.Graph.Nodes[0].Inputs[1].Const.Data.([]float32) }
	for _, c := range []struct {
		name   string
		file   []byte
		config models.Config
		want   string
	}{
		{"arch", file, change(func(c *models.Config) { c.Arch = "gated" }), "its architecture is pixelcnn, not gated"},
		{"size", file, change(func(c *models.Config) { c.Size = 8 }), "its images are 6×6, not 8×8"},
		{"levels", file, change(func(c *models.Config) { c.Levels = 8 }), "it has 4 levels, not 8"},
		{"hidden", file, change(func(c *models.Config) { c.Hidden = 6 }), "stem_weight is [4 1 5 5], not [6 1 5 5]"},
		{"kernel", file, change(func(c *models.Config) { c.Kernel = 3 }), "stem_weight is [4 1 5 5], not [4 1 3 3]"},
		{"input", file, change(func(c *models.Config) { c.Input = models.OneHot }), "stem_weight is [4 1 5 5], not [4 4 5 5]"},
		{"classes", file, change(func(c *models.Config) { c.Classes = 3 }), "it has no block1_class_table"},
		{"more blocks", file, change(func(c *models.Config) { c.Blocks = 3 }), "it has no block3_reduce_weight"},
		{"fewer blocks", file, change(func(c *models.Config) { c.Blocks = 1 }), "it has block2_"},
		{"no ONNX", []byte("P6 1 1 255"), base, "not an ONNX file"},
		{"foreign", edited(func(m *onnx.Model) { m.Metadata = nil }), base, "not a file that the trainer wrote"},
		{"not finite", edited(func(m *onnx.Model) { stem(m)[0] = float32(math.NaN()) }), base, "stem_weight has a weight that is not finite"},
		{"hidden by the mask", edited(func(m *onnx.Model) { stem(m)[24] = 1 }), base, "stem_weight is not zero at (2, 2)"},
	} {
		_, err := export.Weights(c.file, c.config)
		if !errors.Is(err, models.ErrWeights) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

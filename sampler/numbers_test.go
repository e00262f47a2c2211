package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// written is a model's file.
func written(t *testing.T, m *models.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOverflowAtPixel has a model whose logits overflow at the pixels two rows below one
// that is not 0, and nowhere else. Whatever draws, the error names the image and the
// first such pixel.
func TestOverflowAtPixel(t *testing.T) {
	m := modeltest.Random(t, models.Config{Hidden: 4, Blocks: 1, Kernel: 5, Size: 6, Levels: 3}, 1)
	for at := 0; at < len(m.Weights["stem_weight"]); at += 25 {
		m.Weights["stem_weight"][at+2] = 3e38 // of the pixel two rows above
	}
	for name, w := range m.Weights {
		if strings.HasSuffix(name, "_reduce_weight") {
			clear(w) // so that it is after all spatial layers that they overflow
		}
	}
	for i := range m.Weights["head_weight"] {
		m.Weights["head_weight"][i] = 100
	}
	copy(m.Weights["logits_bias"], []float32{-1e6, -1e6, 1e6}) // the topmost level is certain
	model := written(t, m)
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		cfg.Threads = 1
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		names := func(err error, where string) {
			t.Helper()
			if !errors.Is(err, sampler.ErrLogits) || !strings.HasSuffix(err.Error(), where) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want ErrLogits at %s", err, where)
			}
		}
		names(s.Fill(context.Background(), 5, make([]uint16, 36)), "image 5, row 2, column 0")
		// Of two images, the first is all 0 and the second is 2 at row 1, column 4.
		two := make([]uint16, 72)
		two[36+6+4] = 2
		_, err = s.LogProb(context.Background(), two)
		names(err, "image 1, row 3, column 4")
		if lp, err := s.LogProb(context.Background(), two[:36]); err != nil || math.IsInf(lp[0], 0) {
			t.Errorf("log-probability %v, %v of an image where nothing overflows", lp, err)
		}
		// All but the last pixel are given, of an image that is 0 but at row 3, column 5.
		last := make([]uint16, 36)
		last[3*6+5] = 2
		mask := make([]bool, 36)
		for k := range 35 {
			mask[k] = true
		}
		for _, err := range s.Samples(context.Background(), sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: last, Mask: mask}}) {
			names(err, "image 0, row 5, column 5")
		}
	})
}

// TestColdImages draws at the smallest temperatures from a model two of whose levels have
// the same logits but for rounding, and are the likeliest: every engine draws the same,
// and each image has its log-probability.
func TestColdImages(t *testing.T) {
	for _, c := range []struct {
		name   string
		factor float32
		want   float64 // log-probability of a pixel
	}{
		{"alike", 1, -math.Ln2},
		{"almost alike", 1 + 2e-7, 0},
	} {
		m := modeltest.Random(t, small, 2)
		w, b := m.Weights["logits_weight"], m.Weights["logits_bias"]
		for i := range small.Hidden {
			w[small.Hidden+i] = w[i] * c.factor
		}
		b[0], b[1] = 50, 50*c.factor
		model := written(t, m)
		for _, temperature := range []float64{math.SmallestNonzeroFloat64, 1e-30} {
			var want []sampler.Sample
			orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
				cfg.Temperature, cfg.Seed = temperature, 3
				s, err := opened(rt, model, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				var got []sampler.Sample
				for sample, err := range s.Samples(context.Background(), sampler.Request{N: 8}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, sample)
					if math.Abs(sample.LogProbDrawn-49*c.want) > 1e-9 {
						t.Errorf("%s, T = %g: log-probability %g, want %g", c.name, temperature, sample.LogProbDrawn, 49*c.want)
					}
				}
				if want == nil {
					want = got
				}
				for i, sample := range got {
					if !slices.Equal(sample.Levels, want[i].Levels) {
						t.Errorf("%s, T = %g: another image %d", c.name, temperature, i)
					}
				}
			})
		}
	}
}

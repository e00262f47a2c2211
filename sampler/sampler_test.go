package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// file exports a model of random weights.
func file(t testing.TB, c models.Config, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, seed), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// draw draws n images from a fresh sampler.
func draw(t testing.TB, model []byte, cfg settings, n int) []uint16 {
	t.Helper()
	s, err := opened(env, model, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	levels := make([]uint16, n*s.Signature().Height*s.Signature().Width)
	if err := s.Fill(context.Background(), 0, levels); err != nil {
		t.Fatal(err)
	}
	return levels
}

var small = models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 7, Levels: 5}

// TestSameBytes: image i of a seed is the same whatever the batch, the threads, the engine,
// the order and the runtime.
func TestSameBytes(t *testing.T) {
	model := file(t, small, 1)
	want := draw(t, model, settings{Engine: sampler.Full, Batch: 1, Threads: 1, Seed: 5}, 23)
	for _, cfg := range []settings{
		{Batch: 4},
		{Batch: 23},
		{Batch: 100, Threads: 3},
		{Threads: 1},
		{Threads: 2},
		{Engine: sampler.Full, Batch: 7, Threads: 5},
		{Raster: true, Batch: 5, Threads: 2},
	} {
		cfg.Seed = 5
		if got := draw(t, model, cfg, 23); !slices.Equal(got, want) {
			t.Errorf("%+v draws other images", cfg)
		}
	}
	orders(t, func(t *testing.T, rt onnx.Runtime, cfg settings) {
		cfg.Seed = 5
		s, err := opened(rt, model, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := make([]uint16, len(want)); s.Fill(context.Background(), 0, got) != nil || !slices.Equal(got, want) {
			t.Error("other images")
		}
	})
	if slices.Equal(draw(t, model, settings{Seed: 6}, 23), want) {
		t.Error("another seed draws the same images")
	}
	s, err := opened(env, model, settings{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	part := make([]uint16, 5*49)
	if err := s.Fill(context.Background(), 11, part); err != nil || !slices.Equal(part, want[11*49:16*49]) {
		t.Errorf("images 11 to 15 differ when drawn alone (error %v)", err)
	}
}

// TestDrawFollowsModel: the product of a draw's conditional probabilities, as the forward
// graph sees them, is what LogProb returns, and the draw follows them: each pixel is
// the one that its uniform picks from the reference evaluation's logits.
func TestDrawFollowsModel(t *testing.T) {
	c := models.Config{Hidden: 6, Blocks: 1, Kernel: 3, Size: 5, Levels: 3}
	m := modeltest.Random(t, c, 3)
	levels := draw(t, file(t, c, 3), settings{Seed: 9, Temperature: 0.8}, 2)
	s, err := opened(env, file(t, c, 3), settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logProb, err := s.LogProb(context.Background(), levels)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		image := make([]float64, 25)
		for k, l := range levels[i*25 : (i+1)*25] {
			image[k] = float64(l) / 2
		}
		logits := modeltest.Logits(m, image)
		rng := rand.New(rand.NewPCG(9, uint64(i)))
		uniforms := make([]float64, 25)
		for k := range uniforms {
			uniforms[k] = rng.Float64()
		}
		want := 0.0
		for k := range 25 {
			var p, cold [3]float64
			sum, coldSum := 0.0, 0.0
			for l := range 3 {
				p[l] = math.Exp(logits[l*25+k])
				cold[l] = math.Exp(logits[l*25+k] / 0.8)
				sum += p[l]
				coldSum += cold[l]
			}
			level := levels[i*25+k]
			want += math.Log(p[level] / sum)
			below := 0.0
			for l := range level {
				below += cold[l] / coldSum
			}
			if u := uniforms[k]; u < below-1e-5 || u > below+cold[level]/coldSum+1e-5 {
				t.Errorf("image %d, pixel %d: level %d for uniform %g, whose range is %g to %g", i, k, level, u, below, below+cold[level]/coldSum)
			}
		}
		if math.Abs(logProb[i]-want) > 1e-4 {
			t.Errorf("image %d: log-probability %g, want %g", i, logProb[i], want)
		}
	}
}

// TestTemperatureNarrows: the entropy of the drawn levels, pixel by pixel over many
// images, falls with the temperature.
func TestTemperatureNarrows(t *testing.T) {
	model := file(t, small, 2)
	last := math.Inf(1)
	for _, temperature := range []float64{3, 1, 0.5, 0.1} {
		const n = 300
		levels := draw(t, model, settings{Temperature: temperature}, n)
		entropy := 0.0
		for pixel := range 49 {
			var count [5]float64
			for i := range n {
				count[levels[i*49+pixel]]++
			}
			for _, c := range count {
				if c > 0 {
					entropy -= c / n * math.Log(c/n) / 49
				}
			}
		}
		t.Logf("T = %g: %.3f nats/dim", temperature, entropy)
		if entropy > last-0.1 {
			t.Errorf("T = %g: entropy %.3f nats/dim after %.3f", temperature, entropy, last)
		}
		last = entropy
	}
}

func TestImages(t *testing.T) {
	model := file(t, small, 1)
	want := draw(t, model, settings{}, 3)
	s, err := opened(env, model, settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i := 0
	for img, err := range s.Images(context.Background(), 3) {
		if err != nil {
			t.Fatal(err)
		}
		for k, grey := range img.(*image.Gray).Pix {
			// Five levels are 0, 63.75, 127.5, 191.25, 255, rounded up.
			if g := [5]uint8{0, 64, 128, 192, 255}[want[i*49+k]]; grey != g {
				t.Fatalf("image %d, pixel %d: grey %d, want %d", i, k, grey, g)
			}
		}
		i++
	}
	if i != 3 {
		t.Errorf("%d images, want 3", i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range s.Images(ctx, 3) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := file(t, small, 1)
	change := func(change func(*onnx.Model)) []byte {
		m, err := onnx.Unmarshal(good)
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	foreign := func(m *onnx.Model) { m.Metadata = nil }
	for _, c := range []struct {
		name  string
		model []byte
		cfg   settings
		is    error
		says  string
	}{
		{"temperature", good, settings{Temperature: -1}, sampler.ErrConfig, "temperature"},
		{"temperature NaN", good, settings{Temperature: math.NaN()}, sampler.ErrConfig, "temperature"},
		{"temperature Inf", good, settings{Temperature: math.Inf(1)}, sampler.ErrConfig, "temperature"},
		{"batch", good, settings{Batch: -1}, sampler.ErrConfig, "batch"},
		{"threads", good, settings{Threads: -1}, sampler.ErrConfig, "threads"},
		{"engine", good, settings{Engine: "steam"}, sampler.ErrConfig, "steam"},
		{"scale", good, settings{PixelScale: math.Inf(1)}, sampler.ErrConfig, "scale"},
		{"empty", nil, settings{}, sampler.ErrModel, "ONNX"},
		{"text", []byte("no model"), settings{}, sampler.ErrModel, "ONNX"},
		{"truncated", good[:len(good)-9], settings{}, sampler.ErrModel, "ONNX"},
		{
			"three channels", change(func(m *onnx.Model) { foreign(m); m.Graph.Inputs[0].Shape[1] = onnx.Fixed(3) }),
			settings{},
			sampler.ErrModel, "3 channels",
		},
		{
			"integer input", change(func(m *onnx.Model) { m.Graph.Inputs[0].DType = onnx.Int64 }),
			settings{},
			sampler.ErrModel, "image",
		},
		{
			"free height", change(func(m *onnx.Model) { foreign(m); m.Graph.Inputs[0].Shape[2] = onnx.Free("h") }),
			settings{},
			sampler.ErrModel, "height",
		},
		{
			"logits of another size", change(func(m *onnx.Model) { m.Graph.Outputs[0].Shape[3] = onnx.Fixed(3) }),
			settings{},
			sampler.ErrModel, "logits",
		},
		{
			"metadata of another height", change(func(m *onnx.Model) { m.Metadata["pixelcnn.height"] = "9" }),
			settings{},
			sampler.ErrModel, "height",
		},
		{
			"metadata of other levels", change(func(m *onnx.Model) { m.Metadata["pixelcnn.levels"] = "9" }),
			settings{},
			sampler.ErrModel, "levels",
		},
		{
			"unknown operator", change(func(m *onnx.Model) { m.Graph.Nodes[1].Op = "Abracadabra" }),
			settings{},
			sampler.ErrModel, "Abracadabra",
		},
		{"two outputs", change(func(m *onnx.Model) {
			foreign(m)
			m.Graph.Output(m.Graph.Op("Identity", nil, m.Graph.Outputs[0]), "more", onnx.Float32, m.Graph.Outputs[0].Shape...)
		}), settings{}, sampler.ErrModel, "--output-name logits; or --output-name more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := opened(env, c.model, c.cfg)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v that says %q", err, c.is, c.says)
			}
		})
	}
}

// TestNaN: weights that make the logits NaN end the draw with the pixel named.
func TestNaN(t *testing.T) {
	m := modeltest.Random(t, small, 1)
	var b bytes.Buffer
	if err := export.Write(&b, m, export.Meta{}); err != nil {
		t.Fatal(err)
	}
	s, err := opened(env, modeltest.Spoil(t, b.Bytes(), "logits_bias", math.NaN()), settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Fill(context.Background(), 0, make([]uint16, 49))
	if !errors.Is(err, sampler.ErrLogits) || !strings.Contains(err.Error(), "row 0, column 0") {
		t.Errorf("error %v, want ErrLogits at row 0, column 0", err)
	}
	if _, err := s.LogProb(context.Background(), make([]uint16, 49)); !errors.Is(err, sampler.ErrLogits) {
		t.Errorf("error %v, want ErrLogits", err)
	}
	if _, err := s.LogProb(context.Background(), []uint16{1}); !errors.Is(err, sampler.ErrConfig) {
		t.Errorf("error %v for a part of an image, want ErrConfig", err)
	}
	if err := s.Fill(context.Background(), 0, make([]uint16, 50)); !errors.Is(err, sampler.ErrConfig) {
		t.Errorf("error %v for a part of an image, want ErrConfig", err)
	}
}

// TestForeign reads a PyTorch file, whose input is scaled already: its logits must
// be those that PyTorch gave.
func TestForeign(t *testing.T) {
	for _, name := range []string{"pixelcnn_torch.onnx", "torch_gated_crop.onnx"} {
		model, err := os.ReadFile(filepath.Join("testdata", "foreign", name))
		if err != nil {
			t.Fatal(err)
		}
		one := draw(t, model, settings{Batch: 1, Threads: 1}, 3)
		if three := draw(t, model, settings{Batch: 3}, 3); !slices.Equal(one, three) {
			t.Errorf("%s: other images for another batch", name)
		}
	}
}

package onefile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/export"
	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onefile"
	"pixelcnn/internal/onefile/onefiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/models"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var env *runtime.Env

func TestMain(m *testing.M) { runtimetest.Main(m, &env) }

// values are the input values of a model of this project.
func values(levels int) []float32 {
	v := make([]float32, levels)
	for k := range v {
		v[k] = float32(k) / float32(levels-1)
	}
	return v
}

// build compiles a model file and writes it as one graph.
func build(t testing.TB, file []byte, how compile.Options, opt onefile.Options) (*compile.Program, onnx.Session) {
	t.Helper()
	m, err := onnx.Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	how.Latency = true
	p, err := compile.Compile(m, how)
	if err != nil {
		t.Fatal(err)
	}
	opt.Head, opt.Values = likelihood.Categorical{Depth: p.Outputs}, values(p.Outputs)
	one, err := onefile.Build(p, opt)
	if err != nil {
		t.Fatal(err)
	}
	s, err := env.Load(one, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

// run draws n images of seed 3 and gives their log-probabilities, too. more are the
// inputs after the temperature.
func run(t testing.TB, p *compile.Program, s onnx.Session, n int, temperature float64, more ...*onnx.Tensor) ([]uint8, []float32) {
	t.Helper()
	pixels := p.Height * p.Width
	uniforms := make([]float64, n*pixels)
	for i := range n {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		for k := range pixels {
			uniforms[i*pixels+k] = rng.Float64()
		}
	}
	levels, logprob := make([]uint8, n*pixels), make([]float32, n)
	inputs := append([]*onnx.Tensor{onnx.NewTensor(uniforms, n, p.Height, p.Width), onnx.NewTensor([]float64{temperature}, 1)}, more...)
	b, err := s.Bind(inputs, []*onnx.Tensor{onnx.NewTensor(levels, n, p.Height, p.Width), onnx.NewTensor(logprob, n)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return levels, logprob
}

// samples draws the same with the sampler.
func samples(t testing.TB, file []byte, req sampler.Request) (levels []uint16, logprob []float64) {
	t.Helper()
	req.Seed = 3
	s, err := sampler.Open(env, file, sampler.Config{Head: "categorical"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			t.Fatal(err)
		}
		levels, logprob = append(levels, sample.Levels...), append(logprob, sample.LogProb)
	}
	return levels, logprob
}

// same compares images and log-probabilities.
func same(t *testing.T, pixels int, levels []uint8, want []uint16, logprob []float32, wantLog []float64) {
	t.Helper()
	for i := range wantLog {
		got, want := onefiletest.Levels(levels[i*pixels:(i+1)*pixels]), want[i*pixels:(i+1)*pixels]
		if !slices.Equal(got, want) {
			t.Errorf("image %d is\n%v, the sampler's\n%v", i, got, want)
			return
		}
		if d := float64(logprob[i]) - wantLog[i]; !(d < 1e-3 && d > -1e-3) {
			t.Errorf("image %d has log-probability %v, with the sampler %v", i, logprob[i], wantLog[i])
		}
	}
}

// TestRandom draws from graphs of all kinds, in waves and, where one of two is, in
// raster order, for which some need whole rows at a time.
func TestRandom(t *testing.T) {
	for seed := range uint64(60) {
		m := compiletest.Random(seed, false)
		file, err := onnx.Marshal(m.Model)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			temperature := []float64{1, 0.6, 1.7}[seed%3]
			n := 1 + int(seed%4)
			p, s := build(t, file, compile.Options{Raster: seed%2 == 1}, onefile.Options{})
			defer s.Close()
			levels, logprob := run(t, p, s, n, temperature)
			want, wantLog := samples(t, file, sampler.Request{N: n, Parameters: sampler.Parameters{Temperature: temperature}})
			same(t, p.Height*p.Width, levels, want, logprob, wantLog)
		})
	}
}

// TestAttention draws from graphs with attention and with masked dense layers: what is kept of
// the pixels before goes round the loop.
func TestAttention(t *testing.T) {
	for kind, random := range map[string]func(uint64, bool) *compiletest.Attending{
		"attention": compiletest.RandomAttention, "dense": compiletest.RandomDense,
	} {
		for seed := range uint64(16) {
			t.Run(fmt.Sprint(kind, seed), func(t *testing.T) {
				m := random(seed, false).Model
				m.Metadata = format.Meta{
					Arch: "random", Levels: m.Levels, Height: m.Height, Width: m.Width, Channels: 1, Head: "categorical",
					InputLayout: "NCHW", OutputLayout: "NLHW",
				}.Props()
				file, err := onnx.Marshal(m.Model)
				if err != nil {
					t.Fatal(err)
				}
				n := 1 + int(seed%3)
				p, s := build(t, file, compile.Options{}, onefile.Options{})
				defer s.Close()
				levels, logprob := run(t, p, s, n, 1)
				want, wantLog := samples(t, file, sampler.Request{N: n})
				same(t, p.Height*p.Width, levels, want, logprob, wantLog)
			})
		}
	}
}

// TestLattice draws from graphs over several lattices.
func TestLattice(t *testing.T) {
	for seed := range uint64(60) {
		m := compiletest.Lattice(seed, false)
		if m.Channels > 1 || m.Condition != nil {
			continue
		}
		m.Metadata = format.Meta{
			Arch: "random", Levels: m.Levels, Height: m.Height, Width: m.Width, Channels: 1, Head: "categorical",
			InputLayout: "NCHW", OutputLayout: "NLHW",
		}.Props()
		file, err := onnx.Marshal(m.Model.Model)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := 1 + int(seed%4)
			p, s := build(t, file, compile.Options{Raster: seed%2 == 1}, onefile.Options{})
			defer s.Close()
			levels, logprob := run(t, p, s, n, 1)
			want, wantLog := samples(t, file, sampler.Request{N: n})
			same(t, p.Height*p.Width, levels, want, logprob, wantLog)
		})
	}
}

// TestConditions draws from graphs over several lattices of pictures with channels and with a
// condition that is added, or that attention looks at.
func TestConditions(t *testing.T) {
	for seed := range uint64(60) {
		m := compiletest.Lattice(seed, false)
		if m.Channels == 1 && m.Condition == nil || m.Channels*m.Height*m.Width > 300 {
			continue
		}
		file, err := onnx.Marshal(m.Model.Model)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := 1 + int(seed%4)
			cfg := sampler.Config{Head: "categorical", Levels: m.Levels, Channels: m.Channels, Input: "x", OutputLayout: "N(CL)HW"}
			req := sampler.Request{N: n, Parameters: sampler.Parameters{Seed: 3}}
			if m.Condition != nil {
				x := make([]float32, n*m.Condition[0]*m.Condition[1]*m.Condition[2])
				rng := rand.New(rand.NewPCG(seed, 6))
				for i := range x {
					x[i] = rng.Float32()*2 - 1
				}
				cfg.Conditions = map[string][]int{"map": m.Condition}
				req.Conditions = map[string]*sampler.Tensor{"map": onnx.NewTensor(x, append([]int{n}, m.Condition...)...)}
			}
			model, err := sampler.Read(file, cfg)
			if err != nil {
				t.Fatal(err)
			}
			one, err := model.OneFile(false)
			if err != nil {
				t.Fatal(err)
			}
			drawn := func(file []byte, cfg sampler.Config) (levels [][]uint16, logprob []float64) {
				t.Helper()
				s, err := sampler.Open(env, file, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for sample, err := range s.Samples(t.Context(), req) {
					if err != nil {
						t.Fatal(err)
					}
					levels, logprob = append(levels, sample.Levels), append(logprob, sample.LogProb)
				}
				return levels, logprob
			}
			want, wantLog := drawn(file, cfg)
			got, gotLog := drawn(one, sampler.Config{})
			for i := range want {
				if !slices.Equal(got[i], want[i]) || !(math.Abs(gotLog[i]-wantLog[i]) < 1e-3*float64(m.Channels)) {
					t.Errorf("image %d, of log-probability %v, is\n%v, the sampler's, %v,\n%v", i, gotLog[i], got[i], wantLog[i], want[i])
				}
			}
		})
	}
}

func exported(t testing.TB, c models.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, modeltest.Random(t, c, 5), export.Meta{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestClasses draws from class-conditional models of this project.
func TestClasses(t *testing.T) {
	for _, c := range []models.Config{
		{Hidden: 8, Blocks: 2, Kernel: 5, Size: 7, Levels: 5, Classes: 3},
		{Arch: "gated", Hidden: 8, Blocks: 3, Kernel: 5, Size: 9, Levels: 3, Classes: 4, Input: models.OneHot},
	} {
		t.Run(c.Arch, func(t *testing.T) {
			file := exported(t, c)
			classes := make([][]*onnx.Tensor, c.Classes)
			for k := range classes {
				classes[k] = []*onnx.Tensor{onnx.NewTensor([]int64{int64(k)}, 1)}
			}
			p, s := build(t, file, compile.Options{}, onefile.Options{Classes: classes})
			defer s.Close()
			list := []int{2, 0, 1, 1, 2}
			class := []int64{2, 0, 1, 1, 2}
			levels, logprob := run(t, p, s, len(list), 1, onnx.NewTensor(class, len(list)))
			want, wantLog := samples(t, file, sampler.Request{N: len(list), Classes: list})
			same(t, p.Height*p.Width, levels, want, logprob, wantLog)
		})
	}
}

// TestInpainting keeps a part of a picture, a different one for each image.
func TestInpainting(t *testing.T) {
	file := exported(t, models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 8, Levels: 4})
	p, s := build(t, file, compile.Options{}, onefile.Options{Inpainting: true})
	defer s.Close()
	rng := rand.New(rand.NewPCG(7, 7))
	const n, pixels = 6, 64
	init, keep := make([]uint8, n*pixels), make([]bool, n*pixels)
	for i := range init {
		init[i], keep[i] = uint8(rng.IntN(4)), rng.IntN(6) < i/pixels // none of the first image
	}
	levels, logprob := run(t, p, s, n, 0.8, onnx.NewTensor(init, n, 8, 8), onnx.NewTensor(keep, n, 8, 8))
	for i := range n {
		part := func(from int) (int, int) { return from * pixels, (from + 1) * pixels }
		a, z := part(i)
		want, wantLog := samples(t, file, sampler.Request{
			First: uint64(i), N: 1, Parameters: sampler.Parameters{Temperature: 0.8},
			Inpainting: sampler.Inpainting{Picture: onefiletest.Levels(init[a:z]), Mask: keep[a:z]},
		})
		same(t, pixels, levels[a:z], want, logprob[i:i+1], wantLog)
	}
}

// TestTemperatures goes to both ends: nearly greedy and nearly uniform.
func TestTemperatures(t *testing.T) {
	file := exported(t, models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 8, Levels: 256})
	p, s := build(t, file, compile.Options{}, onefile.Options{})
	defer s.Close()
	for _, temperature := range []float64{1e-30, 1e-3, 0.5, 20, 1e6} {
		levels, logprob := run(t, p, s, 4, temperature)
		want, wantLog := samples(t, file, sampler.Request{N: 4, Parameters: sampler.Parameters{Temperature: temperature}})
		same(t, p.Height*p.Width, levels, want, logprob, wantLog)
	}
}

// TestUnsupported: values that cannot be told apart, and classes of unknown number.
func TestUnsupported(t *testing.T) {
	m, err := onnx.Unmarshal(exported(t, models.Config{Hidden: 8, Blocks: 2, Kernel: 5, Size: 7, Levels: 3, Classes: 3}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(m, compile.Options{Latency: true})
	if err != nil {
		t.Fatal(err)
	}
	class := [][]*onnx.Tensor{{onnx.NewTensor([]int64{0}, 1)}}
	for name, opt := range map[string]onefile.Options{
		"no classes":    {Values: values(3)},
		"equal values":  {Values: []float32{1, 1, 1}, Classes: class},
		"uneven values": {Values: []float32{0, 0.1, 1}, Classes: class},
	} {
		opt.Head = likelihood.Categorical{Depth: 3}
		if _, err := onefile.Build(p, opt); !errors.Is(err, onefile.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := onefile.Build(p, onefile.Options{Head: likelihood.Categorical{Depth: 3}, Values: values(3), Classes: class}); err != nil {
		t.Error(err)
	}
}

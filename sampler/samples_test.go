package sampler_test

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onnx"
	"pixelcnn/models"
	"pixelcnn/sampler"
)

// samples collects what is requested.
func samples(t testing.TB, s *set, req sampler.Request) []sampler.Sample {
	t.Helper()
	var all []sampler.Sample
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sample)
	}
	if len(all) != req.N {
		t.Fatalf("%d images, want %d", len(all), req.N)
	}
	return all
}

// TestLogProbs compares the log-probabilities that come with a draw with those of the
// model in float64 loops, under several options.
func TestLogProbs(t *testing.T) {
	c := models.Config{Hidden: 6, Blocks: 1, Kernel: 3, Size: 5, Levels: 4}
	m := modeltest.Random(t, c, 3)
	model := file(t, c, 3)
	for _, cfg := range []settings{
		{},
		{Temperature: 0.6},
		{Temperature: 2, TemperatureEnd: 0.5},
		{TopK: 2},
		{Temperature: 1.5, TopP: 0.7},
		{MinP: 0.5},
		{Greedy: true},
	} {
		for _, cfg.Engine = range engines {
			s := open(t, model, cfg)
			for _, sample := range samples(t, s, sampler.Request{First: 7, N: 3}) {
				asIs, asDrawn := reference(m, sample.Levels, cfg)
				if math.Abs(sample.LogProb-asIs) > 1e-4 || math.Abs(sample.LogProbDrawn-asDrawn) > 1e-4 {
					t.Errorf("%+v: log-probabilities %.6f and %.6f, want %.6f and %.6f", cfg, sample.LogProb, sample.LogProbDrawn, asIs, asDrawn)
				}
				scored, err := s.LogProb(context.Background(), sample.Levels)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(sample.LogProb-scored[0]) > 1e-4 {
					t.Errorf("%+v: drawn with log-probability %.6f, scored with %.6f", cfg, sample.LogProb, scored[0])
				}
			}
		}
	}
}

// reference computes the log-probabilities of an image under a model, as it is and
// under a config, the slow and obvious way.
func reference(m *models.Model, levels []uint16, cfg settings) (asIs, asDrawn float64) {
	image := make([]float64, len(levels))
	for k, l := range levels {
		image[k] = float64(l) / float64(m.Levels-1)
	}
	all := modeltest.Logits(m, image)
	for k, level := range levels {
		softmax := func(temperature float64) []float64 {
			p := make([]float64, m.Levels)
			sum := 0.0
			for l := range p {
				p[l] = math.Exp(all[l*len(levels)+k] / temperature)
				sum += p[l]
			}
			for l := range p {
				p[l] /= sum
			}
			return p
		}
		asIs += math.Log(softmax(1)[level])
		temperature := cmp.Or(cfg.Temperature, 1)
		if cfg.TemperatureEnd != 0 {
			temperature += float64(k/m.Size) / float64(m.Size-1) * (cfg.TemperatureEnd - temperature)
		}
		p := softmax(temperature)
		order := make([]int, m.Levels)
		for l := range order {
			order[l] = l
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
		if cfg.Greedy {
			continue // certain
		}
		keep, before := 0.0, 0.0
		for rank, l := range order {
			if cfg.TopK > 0 && rank >= cfg.TopK || cfg.TopP > 0 && before >= cfg.TopP || p[l] < cfg.MinP*p[order[0]] {
				if l == int(level) {
					return asIs, math.Inf(-1)
				}
				continue
			}
			keep += p[l]
			before += p[l]
		}
		asDrawn += math.Log(p[level] / keep)
	}
	return asIs, asDrawn
}

// TestSamples: they are the images that Draw draws, whatever the part.
func TestSamples(t *testing.T) {
	model := file(t, small, 1)
	for _, engine := range engines {
		cfg := settings{Engine: engine, Temperature: 0.9, TemperatureEnd: 0.5, TopK: 4, Batch: 3, Threads: 2}
		want := draw(t, model, cfg, 20)
		s := open(t, model, cfg)
		for _, part := range []struct{ first, n int }{{0, 20}, {0, 7}, {7, 13}, {19, 1}, {3, 0}} {
			for i, sample := range samples(t, s, sampler.Request{First: uint64(part.first), N: part.n}) {
				at := part.first + i
				if sample.Index != uint64(at) || !slices.Equal(sample.Levels, want[at*49:(at+1)*49]) {
					t.Errorf("images from %d: number %d differs", part.first, sample.Index)
				}
			}
		}
	}
}

// TestLevelsOnly: the same images without log-probabilities; BestOf has them anyway.
func TestLevelsOnly(t *testing.T) {
	s := open(t, file(t, small, 1), settings{Temperature: 0.8})
	for _, best := range []int{1, 3} {
		want := samples(t, s, sampler.Request{N: 4, BestOf: best})
		for i, got := range samples(t, s, sampler.Request{N: 4, BestOf: best, LevelsOnly: true}) {
			if !slices.Equal(got.Levels, want[i].Levels) || (got.LogProb == 0) != (best == 1) {
				t.Errorf("best of %d, image %d: log-probability %g, or other levels", best, i, got.LogProb)
			}
		}
	}
}

// TestBestOf: each image is the likeliest of its candidates.
func TestBestOf(t *testing.T) {
	s := open(t, file(t, small, 1), settings{Batch: 2, Threads: 2})
	all := samples(t, s, sampler.Request{N: 30})
	for i, got := range samples(t, s, sampler.Request{First: 1, N: 5, BestOf: 5}) {
		candidates := all[(i+1)*5 : (i+2)*5]
		want := slices.MaxFunc(candidates, func(a, b sampler.Sample) int { return cmp.Compare(a.LogProb, b.LogProb) })
		if got.Index != uint64(i+1) || !slices.Equal(got.Levels, want.Levels) {
			t.Errorf("image %d (number %d) has log-probability %g, the best of the candidates %g", i+1, got.Index, got.LogProb, want.LogProb)
		}
	}
}

func TestProgress(t *testing.T) {
	s := open(t, file(t, small, 1), settings{Engine: sampler.Full, Batch: 2, Threads: 3})
	var mu sync.Mutex
	most, calls := 0, 0
	samples(t, s, sampler.Request{N: 9, BestOf: 2, Progress: func(done, all int) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		most = max(most, done)
		if all != 9*2*49 {
			t.Errorf("%d pixels in all, want %d", all, 9*2*49)
		}
	}})
	if most != 9*2*49 || calls != 9*49 {
		t.Errorf("%d pixels done in %d steps, want %d in %d", most, calls, 9*2*49, 9*49)
	}
}

func TestRequestRefused(t *testing.T) {
	model := file(t, small, 1)
	picture, mask := make([]uint16, 49), make([]bool, 49)
	bright := slices.Repeat([]uint16{5}, 49)
	mask[10] = true
	for _, c := range []struct {
		cfg  settings
		req  sampler.Request
		says string
	}{
		{settings{}, sampler.Request{N: -1}, "number of images is -1"},
		{settings{}, sampler.Request{N: 1, BestOf: -1}, "best-of is -1"},
		{settings{Greedy: true}, sampler.Request{N: 1, BestOf: 2}, "greedy and best-of"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: picture}}, "needs a mask"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Particles: 4}}, "needs a mask"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: picture[1:], Mask: mask}}, "48 symbols"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask[1:]}}, "mask 48"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: bright, Mask: mask}}, "level 5 in row 1, column 3"},
		{settings{}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask, Particles: -1}}, "particles is -1"},
		{settings{Greedy: true}, sampler.Request{N: 1, Inpainting: sampler.Inpainting{Picture: picture, Mask: mask, Particles: 2}}, "greedy and particles"},
	} {
		s := open(t, model, c.cfg)
		refused := func(what string, err error) {
			if !errors.Is(err, sampler.ErrConfig) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want ErrConfig that says %q", what, err, c.says)
			}
		}
		for _, err := range s.Samples(context.Background(), c.req) {
			refused("samples", err)
		}
		for _, err := range s.Steps(context.Background(), c.req) {
			refused("steps", err)
		}
	}
	open(t, model, settings{TopK: 6}) // all levels
	open(t, model, settings{TopK: 5})
}

// TestConcurrent does everything at once on one sampler; run it with -race.
func TestConcurrent(t *testing.T) {
	model := file(t, small, 1)
	ctx := context.Background()
	backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
		s, err := opened(rt, model, settings{Engine: engine, Batch: 2, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want := draw(t, model, settings{Engine: engine}, 6)
		mask := make([]bool, 49)
		for k := range mask {
			mask[k] = k%3 == 0
		}
		inpainting := sampler.Inpainting{Picture: want[:49], Mask: mask, Particles: 3}
		inpainted := samples(t, s, sampler.Request{N: 2, Inpainting: inpainting})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				levels := make([]uint16, len(want))
				if err := s.Fill(ctx, 0, levels); err != nil || !slices.Equal(levels, want) {
					t.Errorf("%s: Draw: other images, or error %v", engine, err)
				}
			})
			wg.Go(func() {
				for i, sample := range samples(t, s, sampler.Request{N: 6}) {
					if !slices.Equal(sample.Levels, want[i*49:(i+1)*49]) {
						t.Errorf("%s: Samples: another image %d", engine, i)
					}
				}
			})
			wg.Go(func() {
				i := 0
				for img, err := range s.Images(ctx, 6) {
					if err != nil || !reflect.DeepEqual(img, s.Signature().Image(want[i*49:(i+1)*49])) {
						t.Errorf("%s: Images: another image %d, or error %v", engine, i, err)
					}
					i++
				}
			})
			wg.Go(func() {
				var last []uint16
				for step, err := range s.Steps(ctx, sampler.Request{N: 6}) {
					if err != nil {
						t.Error(err)
					}
					last = step.Levels
				}
				if !slices.Equal(last, want) {
					t.Errorf("%s: Steps: other images", engine)
				}
			})
			wg.Go(func() {
				i := 0
				for sample, err := range s.Inpaint(ctx, inpainting, 2) {
					if err != nil || !slices.Equal(sample.Levels, inpainted[i].Levels) {
						t.Errorf("%s: Inpaint: another image %d, or error %v", engine, i, err)
					}
					i++
				}
			})
			wg.Go(func() {
				if _, err := s.LogProb(ctx, want); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// TestInterleaved: two samplers and two draws of one, each image in turn, know nothing of each
// other.
func TestInterleaved(t *testing.T) {
	model := file(t, small, 1)
	for _, engine := range engines {
		one := open(t, model, settings{Engine: engine, Seed: 1, Batch: 1})
		other := open(t, model, settings{Engine: engine, Seed: 2, Temperature: 0.5, Batch: 1})
		draws := []*set{one, other, one}
		var next []func() (sampler.Sample, error, bool)
		for _, s := range draws {
			pull, stop := iter.Pull2(s.Samples(context.Background(), sampler.Request{N: 4}))
			defer stop()
			next = append(next, pull)
		}
		for i := range 4 {
			for k, s := range draws {
				got, err, _ := next[k]()
				alone := make([]uint16, 49)
				if err := errors.Join(err, s.Fill(context.Background(), uint64(i), alone)); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Levels, alone) {
					t.Errorf("%s: image %d of draw %d is not the one drawn alone", engine, i, k)
				}
			}
		}
	}
}

// counting is a runtime that counts runs and ends a context at one of them.
type counting struct {
	onnx.Runtime
	mu     sync.Mutex
	runs   int
	last   int
	cancel context.CancelFunc
}

func (c *counting) Load(model *onnx.Model, opt onnx.SessionOptions) (onnx.Session, error) {
	s, err := c.Runtime.Load(model, opt)
	return countingSession{s, c}, err
}

type countingSession struct {
	onnx.Session
	c *counting
}

func (s countingSession) Bind(in, out []*onnx.Tensor) (onnx.Binding, error) {
	b, err := s.Session.Bind(in, out)
	return countingBinding{b, s.c}, err
}

type countingBinding struct {
	onnx.Binding
	c *counting
}

func (b countingBinding) Run(ctx context.Context) error {
	b.c.mu.Lock()
	if b.c.runs++; b.c.runs == b.c.last {
		b.c.cancel()
	}
	b.c.mu.Unlock()
	return b.Binding.Run(ctx)
}

// TestCancel: once the context ends, none of the five parts of a draw goes on.
func TestCancel(t *testing.T) {
	model := file(t, small, 1)
	const threads, parts = 2, 5
	mask := make([]bool, 49)
	mask[48] = true
	inpainting := sampler.Inpainting{Picture: make([]uint16, 49), Mask: mask, Particles: 4}
	backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
		for name, use := range map[string]func(context.Context, *set) error{
			"Draw": func(ctx context.Context, s *set) error { return s.Fill(ctx, 0, make([]uint16, 20*49)) },
			"Samples": func(ctx context.Context, s *set) (last error) {
				for _, err := range s.Samples(ctx, sampler.Request{N: 20}) {
					last = err
				}
				return last
			},
			"Images": func(ctx context.Context, s *set) (last error) {
				for _, err := range s.Images(ctx, 20) {
					last = err
				}
				return last
			},
			"Steps": func(ctx context.Context, s *set) (last error) {
				for _, err := range s.Steps(ctx, sampler.Request{N: 20}) {
					last = err
				}
				return last
			},
			"Inpaint": func(ctx context.Context, s *set) (last error) {
				for _, err := range s.Inpaint(ctx, inpainting, 20) {
					last = err
				}
				return last
			},
			"LogProb": func(ctx context.Context, s *set) error {
				_, err := s.LogProb(ctx, make([]uint16, 2000*49))
				return err
			},
		} {
			ctx, cancel := context.WithCancel(context.Background())
			const last = 9
			c := &counting{Runtime: rt, last: last, cancel: cancel}
			s, err := opened(c, model, settings{Engine: engine, Batch: 4, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if err := use(ctx, s); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %s: error %v, want context.Canceled", engine, name, err)
			}
			if c.runs > last+parts {
				t.Errorf("%s, %s: %d runs after the end of the context", engine, name, c.runs-last)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			cancel()
		}
	})
}

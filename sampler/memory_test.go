package sampler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// deep is a model of so many layers that read the row above, each of which has a cache.
func deep(t testing.TB, size, layers int) []byte {
	t.Helper()
	g := &onnx.Graph{}
	n, s := onnx.Free("n"), onnx.Fixed(size)
	x := g.Input("x", onnx.Float32, n, onnx.Fixed(1), s, s)
	x = g.Op("Conv", onnx.Attrs{"pads": []int64{0, 1, 0, 0}}, x, onnx.Const("", onnx.NewTensor([]float32{1, 0, -1, 0}, 2, 1, 1, 2)))
	for range layers {
		w := onnx.Const("", onnx.NewTensor([]float32{0.5, 0.5, -0.5, 0.5}, 2, 1, 2, 1))
		x = g.Op("Tanh", nil, g.Op("Conv", onnx.Attrs{"pads": []int64{1, 0, 0, 0}, "group": int64(2)}, x, w))
	}
	g.Output(x, "logits", onnx.Float32, n, onnx.Fixed(2), s, s)
	b, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// limited is a runtime with a limit of its own on what the sampler takes.
type limited struct {
	onnx.Runtime
	memory int64
}

func (l limited) Limits() onnx.Limits { return onnx.Limits{Memory: l.memory} }

// TestMemory: what a draw keeps is held to the limit: batches become smaller, the images
// stay the same, and what cannot be made smaller is an error.
func TestMemory(t *testing.T) {
	model := deep(t, 8, 20)
	free, err := opened(env, model, settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	const n = 23
	want := make([]uint16, n*64)
	if err := free.Fill(context.Background(), 0, want); err != nil {
		t.Fatal(err)
	}
	const full = 64 * (4 + 4*2 + 8) // what the full engine takes for an image
	for _, c := range []struct {
		memory int64
		cfg    settings
		used   sampler.Engine
		over   bool
	}{
		{memory: sampler.Need(free.Sampler, n), cfg: settings{Threads: 1}, used: sampler.Incremental},
		{memory: sampler.Need(free.Sampler, n), cfg: settings{Threads: 1, Batch: n}, used: sampler.Incremental},
		{memory: sampler.Need(free.Sampler, n) - 1, cfg: settings{Threads: 1}, used: sampler.Incremental},
		{memory: sampler.Need(free.Sampler, n) - 1, cfg: settings{Threads: 1, Batch: n}, used: sampler.Incremental, over: true},
		{memory: 2 * sampler.Need(free.Sampler, 6), cfg: settings{Threads: 4}, used: sampler.Incremental},
		{memory: 2 * sampler.Need(free.Sampler, 6), cfg: settings{Threads: 4, Batch: 6}, used: sampler.Incremental},
		{memory: sampler.Need(free.Sampler, 1), cfg: settings{Threads: 3}, used: sampler.Incremental},
		{memory: sampler.Need(free.Sampler, 1), cfg: settings{Threads: 3, Batch: 2}, used: sampler.Incremental, over: true},
		{memory: sampler.Need(free.Sampler, 1) - 1, cfg: settings{Threads: 3}, used: sampler.Full},
		{memory: 3 * full, cfg: settings{Engine: sampler.Full, Threads: 1}, used: sampler.Full},
		{memory: 3 * full, cfg: settings{Engine: sampler.Full, Threads: 1, Batch: 4}, used: sampler.Full, over: true},
	} {
		t.Run(fmt.Sprint(c.memory, c.cfg.Engine, c.cfg.Threads, c.cfg.Batch), func(t *testing.T) {
			s, err := opened(limited{env, c.memory}, model, c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			used, why := s.Engine()
			if used != c.used || errors.Is(why, onnx.ErrLimit) != (used == sampler.Full && c.cfg.Engine == "") {
				t.Errorf("engine %v, because %v", used, why)
			}
			got := make([]uint16, len(want))
			err = s.Fill(context.Background(), 0, got)
			var limit *onnx.LimitError
			switch {
			case c.over:
				if !errors.As(err, &limit) || limit.Limit != "Memory" || limit.Max != c.memory || limit.Have <= c.memory {
					t.Errorf("error %v", err)
				}
			case err != nil || !slices.Equal(got, want):
				t.Errorf("other images, error %v", err)
			}
			if used == sampler.Incremental {
				for k := 1; k < 5; k++ { // other sizes leave no more behind
					_ = s.Fill(context.Background(), 0, got[:64*k])
				}
				if held := sampler.Held(s.Sampler); held > c.memory {
					t.Errorf("idle workers hold %d bytes of %d", held, c.memory)
				}
			}
		})
	}
	_, err = opened(limited{env, sampler.Need(free.Sampler, 1) - 1}, model, settings{Engine: sampler.Incremental})
	if !errors.Is(err, sampler.ErrModel) || !errors.Is(err, onnx.ErrLimit) {
		t.Errorf("error %v where one image does not fit, want ErrModel and ErrLimit", err)
	}
}

// TestMemoryOfAny: the limits of whichever runtime it is count.
func TestMemoryOfAny(t *testing.T) {
	rt, err := runtime.OpenAny(runtime.PureGo, runtime.Config{Limits: runtime.Limits{Memory: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	s, err := opened(rt, deep(t, 8, 20), settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if used, why := s.Engine(); used != sampler.Full || !errors.Is(why, runtime.ErrLimit) {
		t.Errorf("engine %v, because %v", used, why)
	}
}

// stopping is a runtime that ends a context when it has bound so often.
type stopping struct {
	onnx.Runtime
	binds *int
	at    int
	stop  context.CancelFunc
}

func (s stopping) Load(model *onnx.Model, opt onnx.SessionOptions) (onnx.Session, error) {
	session, err := s.Runtime.Load(model, opt)
	return stoppingSession{session, s}, err
}

type stoppingSession struct {
	onnx.Session
	stopping
}

func (s stoppingSession) Bind(inputs, outputs []*onnx.Tensor) (onnx.Binding, error) {
	if *s.binds++; *s.binds == s.at {
		s.stop()
	}
	return s.Session.Bind(inputs, outputs)
}

// TestCancelBeforeFirstStep: a draw that has not begun, since it still prepares its
// steps, ends as soon as one that has.
func TestCancelBeforeFirstStep(t *testing.T) {
	for _, n := range []int{1, 10} {
		ctx, stop := context.WithCancel(context.Background())
		binds := 0
		s, err := opened(stopping{env, &binds, 3, stop}, deep(t, 16, 5), settings{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		binds = 0
		for _, when := range []string{"at the third binding", "before the first"} {
			if err := s.Fill(ctx, 0, make([]uint16, n*256)); !errors.Is(err, context.Canceled) || binds != 3 {
				t.Errorf("%d images, canceled %s: error %v after %d bindings in all, want 3", n, when, err, binds)
			}
		}
		if err := s.Fill(context.Background(), 0, make([]uint16, n*256)); err != nil {
			t.Errorf("%d images, drawn after all: %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

//go:build cgo

package runtime

import (
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pixelcnn/internal/onnx"
)

func run(t testing.TB, b onnx.Binding) {
	t.Helper()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// The runtime reads and writes the caller's slices, at each Run anew.
func TestRunInPlace(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	a, b, out := []float32{1, 2, 3}, []float32{10, 20, 30}, make([]float32, 3)
	bound := bind(t, s, []*onnx.Tensor{onnx.NewTensor(a, 1, 3), onnx.NewTensor(b, 1, 3)}, []*onnx.Tensor{onnx.NewTensor(out, 1, 3)})
	run(t, bound)
	if want := []float32{21, 42, 63}; !slices.Equal(out, want) {
		t.Errorf("got %v, want %v", out, want)
	}
	a[0], b[2] = -1, 0
	run(t, bound)
	if want := []float32{19, 42, 3}; !slices.Equal(out, want) {
		t.Errorf("after a change: got %v, want %v", out, want)
	}
}

func TestEveryElementType(t *testing.T) {
	env := openEnv(t)
	identity(t, env, []float32{0, -1.5, 3e38})
	identity(t, env, []float64{0, -1.5, 1e300})
	identity(t, env, []int64{0, -1, 1 << 62})
	identity(t, env, []int32{0, -1, 1 << 30})
	identity(t, env, []int8{0, -128, 127})
	identity(t, env, []uint8{0, 255, 1})
	identity(t, env, []bool{true, false, true})
}

func identity[T onnx.Element](t *testing.T, env *Env, x []T) {
	t.Helper()
	y := make([]T, len(x))
	tx, ty := onnx.NewTensor(x, len(x)), onnx.NewTensor(y, len(y))
	run(t, bind(t, load(t, env, identityModel(tx.DType())), []*onnx.Tensor{tx}, []*onnx.Tensor{ty}))
	if !slices.Equal(x, y) {
		t.Errorf("%v: got %v, want %v", tx.DType(), y, x)
	}
}

// Views of one slice, overlapping, the same twice, beside an output in it.
func TestViews(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	cache := []float32{1, 2, 3, 4, 5, 6, 0, 0, 0}
	view := func(i int) *onnx.Tensor { return onnx.NewTensor(cache[i:i+3], 1, 3) }
	overlap := bind(t, s, []*onnx.Tensor{view(1), view(2)}, []*onnx.Tensor{view(6)})
	same := bind(t, s, []*onnx.Tensor{view(0), view(0)}, []*onnx.Tensor{view(6)})
	run(t, overlap)
	if want := []float32{1, 2, 3, 4, 5, 6, 2 + 2*3, 3 + 2*4, 4 + 2*5}; !slices.Equal(cache, want) {
		t.Errorf("overlapping: got %v, want %v", cache, want)
	}
	run(t, same)
	if want := []float32{1, 2, 3, 4, 5, 6, 3, 6, 9}; !slices.Equal(cache, want) {
		t.Errorf("the same twice: got %v, want %v", cache, want)
	}
}

func TestEmptyTensors(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	empty := func() *onnx.Tensor { return onnx.NewTensor([]float32{}, 0, 3) }
	run(t, bind(t, s, []*onnx.Tensor{empty(), empty()}, []*onnx.Tensor{empty()}))
}

// A binding keeps its slices alive and in their place when nobody else does.
func TestBindingHoldsItsSlices(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	const n = 1000
	fresh := func(v float32) *onnx.Tensor {
		return onnx.NewTensor(slices.Repeat([]float32{v}, 3*n), n, 3)
	}
	out := make([]float32, 3*n)
	b := bind(t, s, []*onnx.Tensor{fresh(1), fresh(10)}, []*onnx.Tensor{onnx.NewTensor(out, n, 3)})
	for range 20 {
		goruntime.GC()
		fresh(-1000)
		run(t, b)
	}
	for i, v := range out {
		if v != 21 {
			t.Fatalf("element %d is %v, want 21", i, v)
		}
	}
}

// A binding that is dropped open is a leak and nothing worse.
func TestDroppedBinding(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	func() {
		x := onnx.NewTensor(make([]float32, 3), 1, 3)
		if _, err := s.Bind([]*onnx.Tensor{x, x}, []*onnx.Tensor{onnx.NewTensor(make([]float32, 3), 1, 3)}); err != nil {
			t.Fatal(err)
		}
	}()
	for range 3 {
		goruntime.GC()
	}
	dropped := 0
	held.Range(func(b, _ any) bool {
		dropped++
		closeOK(t, b.(*binding))
		return true
	})
	if dropped != 1 {
		t.Errorf("%d bindings are held, want the dropped one", dropped)
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	s := load(t, openEnv(t), manyModel(5))
	b := bind(t, s, blocks(5), blocks(5))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": ctx} {
		if n := testing.AllocsPerRun(100, func() {
			if err := b.Run(ctx); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}

// blocks are n tensors for manyModel.
func blocks(n int) []*onnx.Tensor {
	out := make([]*onnx.Tensor, n)
	for i := range out {
		out[i] = onnx.NewTensor(make([]float32, 32), 4, 8)
	}
	return out
}

// Both ways of running a graph give the same result.
func TestRunCancellable(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	a, out := []float32{1, 2, 3}, make([]float32, 3)
	b := bind(t, s, []*onnx.Tensor{onnx.NewTensor(a, 1, 3), onnx.NewTensor(a, 1, 3)}, []*onnx.Tensor{onnx.NewTensor(out, 1, 3)}).(*binding)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, long := range []bool{true, false} {
		short := false
		for i := 0; i < 1000 && !short; i++ { // a busy machine may take long for one, not for all
			clear(out)
			b.long = long
			if err := b.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if want := []float32{3, 6, 9}; !slices.Equal(out, want) {
				t.Fatalf("long %v: got %v, want %v", long, out, want)
			}
			short = !b.long
		}
		if !short {
			t.Error("short runs were taken for long ones")
		}
	}
}

func TestEndedContext(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	x, out := onnx.NewTensor([]float32{1, 1, 1}, 1, 3), make([]float32, 3)
	b := bind(t, s, []*onnx.Tensor{x, x}, []*onnx.Tensor{onnx.NewTensor(out, 1, 3)})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if !slices.Equal(out, make([]float32, 3)) {
		t.Errorf("an ended context ran the graph: %v", out)
	}
}

// Cancelling stops a graph that would take many seconds, at the next operator; the
// binding runs again afterwards, and Close waits for it.
func TestCancelLongRun(t *testing.T) {
	const size, steps = 256, 10000
	s := load(t, openEnv(t), longModel(size, steps))
	zeros := func() *onnx.Tensor { return onnx.NewTensor(make([]float32, size*size), size, size) }
	b := bind(t, s, []*onnx.Tensor{zeros(), zeros()}, []*onnx.Tensor{zeros()})
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		start := time.Now()
		err := b.Run(ctx)
		took := time.Since(start)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %v: error %v, want the context's", took, err)
		}
		if took > 4*time.Second { // a busy machine; to the end it is twice that on an idle one
			t.Errorf("stopped after %v, want soon after 50 ms", took)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	ran, closed := make(chan error), make(chan error)
	go func() { ran <- b.Run(ctx) }()
	time.Sleep(20 * time.Millisecond)
	go func() { closed <- b.Close() }()
	select {
	case <-closed:
		t.Error("Close did not wait for Run")
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// Bindings of one session run at once, and one cancels without disturbing others.
func TestConcurrentRuns(t *testing.T) {
	s := load(t, openEnv(t), sumModel())
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			v := float32(g)
			in, out := []float32{v, v, v}, make([]float32, 3)
			x := onnx.NewTensor(in, 1, 3)
			b, err := s.Bind([]*onnx.Tensor{x, x}, []*onnx.Tensor{onnx.NewTensor(out, 1, 3)})
			if err != nil {
				t.Error(err)
				return
			}
			defer closeOK(t, b)
			for i := range 300 {
				b.(*binding).long = i%3 == 0
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 0 {
					go cancel()
				}
				err := b.Run(ctx)
				cancel()
				if errors.Is(err, context.Canceled) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if want := []float32{3 * v, 3 * v, 3 * v}; !slices.Equal(out, want) {
					t.Errorf("got %v, want %v", out, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestPassed: an output that is an input is written like any other.
func TestPassed(t *testing.T) {
	for _, nodes := range []int{0, 2} {
		g := &onnx.Graph{Name: "passed"}
		x := g.Input("x", onnx.Float32, onnx.Free("n"))
		y := x
		for range nodes {
			y = g.Op("Identity", nil, y)
		}
		if nodes > 0 {
			g.Output(y, "y", onnx.Float32, onnx.Free("n"))
		} else {
			g.Outputs = append(g.Outputs, x)
		}
		s, err := openEnv(t).Load(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, 2)
		b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor([]float32{3, 5}, 2)}, []*onnx.Tensor{onnx.NewTensor(out, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(t.Context()); err != nil || out[0] != 3 || out[1] != 5 {
			t.Errorf("%d nodes: %v, error %v", nodes, out, err)
		}
		if err := errors.Join(b.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

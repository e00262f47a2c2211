package goruntime_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"pixelcnn/internal/onnx"
)

// network is some products, convolutions and sums, of n images of 4×6.
func network(t testing.TB, rng *rand.Rand) []byte {
	random := func(shape ...int) *onnx.Value {
		return onnx.Const("", tensorOf(onnx.Float32, shape, func(int) float64 { return rng.NormFloat64() }))
	}
	return graph(t, func(g *onnx.Graph) {
		n := onnx.Free("n")
		x := g.Input("x", onnx.Float32, n, onnx.Fixed(3), onnx.Fixed(4), onnx.Fixed(6))
		pads := onnx.Attrs{"pads": []int64{1, 1, 1, 1}}
		a := g.Op("Relu", nil, g.Op("Conv", pads, x, random(20, 3, 3, 3), random(20)))
		c := g.Op("Relu", nil, g.Op("Add", nil, g.Op("Conv", pads, a, random(20, 20, 3, 3)), a))
		rows := g.Op("Transpose", onnx.Attrs{"perm": []int64{0, 2, 3, 1}}, c)
		rows = g.Op("Reshape", nil, rows, onnx.Const("", list(-1, 20)))
		p := g.Op("Gemm", nil, rows, random(20, 40), random(40))
		q := g.Op("MatMul", nil, g.Op("Concat", onnx.Attrs{"axis": int64(1)}, g.Op("Tanh", nil, p), rows), random(60, 20))
		q = g.Op("Add", nil, g.Op("Add", nil, q, random(20)), rows)
		g.Output(g.Op("Softmax", nil, q), "y", onnx.Float32, onnx.Free("rows"), onnx.Fixed(20))
	})
}

// tensors for n images of network's.
func networkTensors(rng *rand.Rand, n int) (x, y *onnx.Tensor) {
	x = tensorOf(onnx.Float32, d(n, 3, 4, 6), func(int) float64 { return rng.NormFloat64() })
	return x, onnx.NewTensor(make([]float32, n*24*20), n*24, 20)
}

// An image's result is the same bits in any batch and with any number of threads.
func TestBatchInvariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	file := network(t, rng)
	const n = 37
	x, want := networkTensors(rng, n)
	run(t, bind(t, load(t, file, onnx.SessionOptions{}), []*onnx.Tensor{x}, []*onnx.Tensor{want}))
	for _, threads := range []int{1, 2, 5} {
		s := load(t, file, onnx.SessionOptions{Threads: threads})
		for _, batch := range []int{1, 2, 5, 16, n} {
			for i := 0; i < n; i += batch {
				k := min(batch, n-i)
				part := onnx.NewTensor(x.Floats()[i*72:(i+k)*72], k, 3, 4, 6)
				_, got := networkTensors(rng, k)
				b, err := s.Bind([]*onnx.Tensor{part}, []*onnx.Tensor{got})
				if err != nil {
					t.Fatal(err)
				}
				run(t, b)
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				for j, v := range got.Floats() {
					if w := want.Floats()[i*480+j]; v != w {
						t.Fatalf("%d threads, batch %d: element %d of image %d is %g, want %g", threads, batch, j, i, v, w)
					}
				}
			}
		}
	}
}

// Bindings of one session run at the same time.
func TestConcurrentBindings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := load(t, network(t, rng), onnx.SessionOptions{Threads: 2})
	var group sync.WaitGroup
	for n := 1; n <= 6; n++ {
		x, y := networkTensors(rng, n)
		_, want := networkTensors(rng, n)
		run(t, bind(t, s, []*onnx.Tensor{x}, []*onnx.Tensor{want}))
		group.Go(func() {
			for range 5 {
				b, err := s.Bind([]*onnx.Tensor{x}, []*onnx.Tensor{y})
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					clear(y.Floats())
					if err := b.Run(context.Background()); err != nil {
						t.Error(err)
					}
					if distance(y, want) != 0 {
						t.Errorf("%d images differ from those alone", n)
					}
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestRunDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	file := network(t, rng)
	for _, threads := range []int{1, 2} {
		s := load(t, file, onnx.SessionOptions{Threads: threads})
		x, y := networkTensors(rng, 3)
		b := bind(t, s, []*onnx.Tensor{x}, []*onnx.Tensor{y})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if n := testing.AllocsPerRun(20, func() { run(t, b) }); n != 0 {
			t.Errorf("%d threads: %g allocations a run", threads, n)
		}
		if n := testing.AllocsPerRun(20, func() { _ = b.Run(ctx) }); n != 0 {
			t.Errorf("%d threads, with a context: %g allocations a run", threads, n)
		}
	}
}

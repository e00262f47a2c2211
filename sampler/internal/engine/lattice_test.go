package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/runtime"
	"pixelcnn/sampler/internal/draw"
	"pixelcnn/sampler/internal/engine"
)

// latticeRows are n images of a model to draw, with conditions of their own.
func latticeRows(t *testing.T, m *compiletest.LatticeModel, sig *signature.Signature, n int) ([]draw.Row, []uint16) {
	t.Helper()
	how, err := draw.Parameters{Seed: 7}.For(sig.Head, sig.Height)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	symbols := sig.Height * sig.Width * sig.Channels
	levels := make([]uint16, n*symbols)
	rows := make([]draw.Row, n)
	for i := range rows {
		rows[i] = draw.Row{Image: uint64(i), How: how, Levels: levels[i*symbols : (i+1)*symbols]}
		if m.Condition != nil {
			size := m.Condition[0] * m.Condition[1] * m.Condition[2]
			x := make([]float32, size)
			for k := range x {
				x[k] = rng.Float32()*2 - 1
			}
			rows[i].Conditions = []*onnx.Tensor{onnx.NewTensor(x, m.Condition...)}
		}
	}
	return rows, levels
}

// TestLattices: over lattices, in joint and in sub-pixel order, with conditions, no symbol
// differs from what the whole network draws: on both runtimes, one image and several at a time,
// in waves and in raster order.
func TestLattices(t *testing.T) {
	goRuntime, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := compiletest.Lattice(seed, false)
			opt := signature.Options{Head: "categorical", Levels: m.Levels, Channels: m.Channels, Input: "x", OutputLayout: "N(CL)HW"}
			if m.Condition != nil {
				opt.Conditions = map[string][]int{"map": m.Condition}
			}
			sig, err := signature.Read(m.Model.Model, opt, env)
			if err != nil {
				t.Fatal(err)
			}
			if sig.SubPixel != m.SubPixel {
				t.Fatalf("sub-pixel order %v, should be %v", sig.SubPixel, m.SubPixel)
			}
			const n = 6
			drawn := func(rt onnx.Runtime, opt engine.Options, batch int) []uint16 {
				t.Helper()
				e, err := engine.Open(rt, sig, opt)
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if e.Settler == nil {
					t.Fatal("near ties are not settled")
				}
				rows, levels := latticeRows(t, m, sig, n)
				if err := e.Draw(context.Background(), rows, engine.Run{Batch: batch, Threads: 1}); err != nil {
					t.Fatal(err)
				}
				return levels
			}
			want := drawn(env, engine.Options{Engine: engine.NameFull, Threads: 1}, n)
			for name, rt := range map[string]onnx.Runtime{"onnxruntime": env, "go": goRuntime} {
				if name == "go" && m.Condition != nil && !runs(rt, m.Model.Model) {
					continue
				}
				for _, raster := range []bool{false, true} {
					for _, batch := range []int{1, n} {
						got := drawn(rt, engine.Options{Engine: engine.NameIncremental, Raster: raster, Threads: 1}, batch)
						if !slices.Equal(got, want) {
							t.Errorf("%s, raster %v, batch %d: it draws other images than the whole network", name, raster, batch)
						}
						counts[name]++
					}
				}
			}
		})
	}
	t.Log(counts)
}

// runs tells whether a runtime has all of a model's operators.
func runs(rt onnx.Runtime, m *onnx.Model) bool {
	s, err := rt.Load(m, onnx.SessionOptions{})
	if err == nil {
		s.Close()
	}
	return err == nil
}

// TestAhead: where a graph is refused, what the error says is so: the outputs at one pixel change
// with the level of the other. In a few of these small networks nothing comes through all the
// relus on the way.
func TestAhead(t *testing.T) {
	const n = 100
	dead := 0
	for seed := range uint64(n) {
		m := compiletest.Lattice(seed, true)
		_, err := compile.Compile(m.Model.Model, compile.Options{Picture: "x", SubPixel: m.SubPixel})
		look, ok := err.(*compile.CausalityError)
		if !ok {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s, err := env.Load(m.Model.Model, onnx.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pixels, outputs := m.Height*m.Width, m.Channels*m.Levels
		seen := false
		rng := rand.New(rand.NewPCG(seed, 5))
		for try := 0; try < 300 && !seen; try++ {
			x := make([]float32, m.Channels*pixels)
			for i := range x {
				x[i] = rng.Float32()
			}
			var before, after []float32
			for _, y := range []*[]float32{&before, &after} {
				*y = make([]float32, outputs*pixels)
				in := []*onnx.Tensor{onnx.NewTensor(x, 1, m.Channels, m.Height, m.Width)}
				if m.Condition != nil {
					in = append(in, onnx.NewTensor(make([]float32, m.Condition[0]*m.Condition[1]*m.Condition[2]), append([]int{1}, m.Condition...)...))
				}
				b, err := s.Bind(in, []*onnx.Tensor{onnx.NewTensor(*y, 1, outputs, m.Height, m.Width)})
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
				b.Close()
				for c := range m.Channels {
					if look.FromChannel < 0 || c == look.FromChannel {
						x[c*pixels+look.FromY*m.Width+look.FromX] = 1 - x[c*pixels+look.FromY*m.Width+look.FromX]
					}
				}
			}
			for k := range outputs {
				if look.Channel < 0 || k/m.Levels == look.Channel {
					at := k*pixels + look.Y*m.Width + look.X
					seen = seen || before[at] != after[at]
				}
			}
		}
		if !seen {
			t.Logf("seed %d: %v: but they do not", seed, look)
			dead++
		}
		s.Close()
	}
	if dead > n/20 {
		t.Errorf("%d of %d do not", dead, n)
	}
}

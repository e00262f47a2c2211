package train

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"pixelcnn/internal/onnx"
	"pixelcnn/models"
)

// references are the models that steps are timed of.
var references = []struct {
	name  string
	model models.Config
}{
	{"pixelcnn=64", models.Config{Hidden: 64}},
	{"pixelcnn=128", models.Config{Hidden: 128}},
	{"gated=64", models.Config{Arch: "gated"}},
}

// BenchmarkPass times passes on one thread and, after each, its products alone, and reports
// the least values in ms and their ratio, which other work on the machine hardly touches.
func BenchmarkPass(b *testing.B) {
	for _, c := range append(references, struct {
		name  string
		model models.Config
	}{"demo", models.Config{Kernel: 21, Input: models.OneHot}}) {
		for _, rt := range runtimes {
			b.Run(c.name+"/"+rt.name, func(b *testing.B) {
				m, err := models.New(c.model)
				if err != nil {
					b.Fatal(err)
				}
				data := stripes(64, m.Size, m.Levels)
				tr, err := New(rt.runtime(), m, data, Config{Threads: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer tr.Close()
				e := tr.engine
				products := bindProducts(b, e)[0]
				index := make([]int, e.images)
				least := [2]time.Duration{time.Hour, time.Hour}
				for b.Loop() {
					start := time.Now()
					if _, err := e.run(0, passKey{passKind{e.images, true}, 1, 0}, data, index); err != nil {
						b.Fatal(err)
					}
					middle := time.Now()
					if err := products.Run(context.Background()); err != nil {
						b.Fatal(err)
					}
					least = [2]time.Duration{min(least[0], middle.Sub(start)), min(least[1], time.Since(middle))}
				}
				_, macs := MultiplyAdds(m)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(least[0].Seconds()*1e3, "ms/pass-min")
				b.ReportMetric(least[1].Seconds()*1e3, "ms/gemm-min")
				b.ReportMetric(least[0].Seconds()/least[1].Seconds(), "pass/gemm")
				b.ReportMetric(2*float64(macs)*float64(e.images)/float64(least[0].Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

// BenchmarkStep times training steps at batch 128 and, after each, its products alone:
// those of the forward pass, three times, as plain products on the same threads. It
// reports the medians and the least values in ms, and the ratio of the medians.
func BenchmarkStep(b *testing.B) {
	for _, c := range references {
		for _, rt := range runtimes {
			b.Run(c.name+"/"+rt.name, func(b *testing.B) {
				m, err := models.New(c.model)
				if err != nil {
					b.Fatal(err)
				}
				const batch = 128
				tr, err := New(rt.runtime(), m, stripes(batch, m.Size, m.Levels), Config{Batch: batch})
				if err != nil {
					b.Fatal(err)
				}
				defer tr.Close()
				products := stepProducts(b, tr.engine)
				var steps, gemms []float64
				for i := 0; b.Loop() || i < 3; i++ {
					s, err := tr.take(context.Background())
					if err != nil {
						b.Fatal(err)
					}
					t := time.Now()
					products()
					if i > 0 { // the first makes the bindings
						steps = append(steps, s.Duration.Seconds()*1e3)
						gemms = append(gemms, time.Since(t).Seconds()*1e3)
					}
				}
				slices.Sort(steps)
				slices.Sort(gemms)
				middle := len(steps) / 2
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(steps[middle], "ms/step")
				b.ReportMetric(steps[0], "ms/step-min")
				b.ReportMetric(gemms[middle], "ms/gemm")
				b.ReportMetric(gemms[0], "ms/gemm-min")
				b.ReportMetric(steps[middle]/gemms[middle], "step/gemm")
			})
		}
	}
}

// BenchmarkUpdate times the update alone, of the reference model, with what may be
// turned on. Flips are made with the batch: see BenchmarkFlipped of package dataset.
func BenchmarkUpdate(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"plain", Config{}},
		{"ema", Config{EMA: 0.999}},
		{"weight-decay", Config{WeightDecay: 0.01}},
		{"clip", Config{ClipNorm: 1}},
		{"all", Config{EMA: 0.999, WeightDecay: 0.01, ClipNorm: 1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m, err := models.New(models.Config{})
			if err != nil {
				b.Fatal(err)
			}
			c.cfg.Batch = 128
			tr, err := New(env(), m, stripes(128, m.Size, m.Levels), c.cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer tr.Close()
			if _, err := tr.take(context.Background()); err != nil {
				b.Fatal(err)
			}
			least := time.Hour
			for b.Loop() {
				start := time.Now()
				if _, err := tr.engine.update(1, 1e-3, 2); err != nil {
					b.Fatal(err)
				}
				least = min(least, time.Since(start))
			}
			b.ReportMetric(least.Seconds()*1e3, "ms-min")
		})
	}
}

// stepProducts returns a function that multiplies as much as a step of 128 images.
func stepProducts(b *testing.B, e *engine) func() {
	bindings := bindProducts(b, e)
	runs := 128 / e.images / len(bindings)
	return func() {
		err := (&engine{threads: len(bindings)}).parallel(context.Background(), len(bindings), func(_, i int) error {
			for range runs {
				if err := bindings[i].Run(context.Background()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// bindProducts binds what multiplies as much as a pass, for each processor.
func bindProducts(b *testing.B, e *engine) []onnx.Binding {
	g := &onnx.Graph{}
	var in, out [][]int           // shapes
	left := map[int]*onnx.Value{} // by depth
	for i, z := range newPass(e.model, e.packing, shapeOf(e.model, e.images), true).gemms {
		if !z.forward {
			continue
		}
		if left[z.depth] == nil {
			in = append(in, []int{z.rows, z.depth})
			left[z.depth] = g.Input(fmt.Sprintf("a%d", z.depth), onnx.Float32, onnx.Shape(z.rows, z.depth)...)
		}
		for k := range 3 {
			in = append(in, []int{z.depth, z.cols})
			w := g.Input(fmt.Sprintf("w%d_%d", i, k), onnx.Float32, onnx.Shape(z.depth, z.cols)...)
			out = append(out, []int{z.rows, z.cols})
			g.Output(g.Op("MatMul", nil, left[z.depth], w), fmt.Sprintf("y%d_%d", i, k), onnx.Float32, onnx.Shape(z.rows, z.cols)...)
		}
	}
	s, err := load(e.rt, g, onnx.SessionOptions{})
	if err != nil {
		b.Fatal(err)
	}
	tensors := func(shapes [][]int) (ts []*onnx.Tensor) {
		for _, z := range shapes {
			ts = append(ts, onnx.NewTensor(make([]float32, z[0]*z[1]), z...))
		}
		return ts
	}
	var bindings []onnx.Binding
	for range goruntime.GOMAXPROCS(0) {
		bound, err := s.Bind(tensors(in), tensors(out))
		if err != nil {
			b.Fatal(err)
		}
		bindings = append(bindings, bound)
	}
	b.Cleanup(func() {
		for _, bound := range bindings {
			_ = bound.Close()
		}
		_ = s.Close()
	})
	return bindings
}

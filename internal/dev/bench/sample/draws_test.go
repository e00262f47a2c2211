package sample

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// batches are the numbers of images that are drawn at once. The full loop draws no more
// than fullMost: with more an image costs it the same.
var batches = []int{1, 16, 64, 256, 1024}

const (
	fullMost = 64
	dense    = 64 // images of the forward pass that draws are compared with
)

// way is a way to draw, with a contestant for each of batches; nil where it has none.
type way struct {
	name string
	s    *sampler.Sampler
	at   []*contestant
}

// draws is the contest of ways to draw.
type draws struct {
	ways  []*way // ways[0] is the full loop
	dense *contestant
	plan  *sampler.Plan
}

func (m *machine) draws(c *contest) (*draws, error) {
	d := &draws{}
	for _, w := range []struct {
		name string
		rt   onnx.Runtime
		cfg  sampler.Config
		most int
	}{
		{"full loop, ONNX Runtime", m.ort, sampler.Config{Engine: sampler.Full}, fullMost},
		{"incremental, raster, ONNX Runtime", m.ort, sampler.Config{Engine: sampler.Incremental, Raster: true}, 1024},
		{"incremental, wavefront, ONNX Runtime", m.ort, sampler.Config{Engine: sampler.Incremental}, 1024},
		{"incremental, wavefront, Go", m.inGo, sampler.Config{Engine: sampler.Incremental}, 1024},
	} {
		s, err := m.open(w.rt, w.cfg)
		if err != nil {
			return nil, err
		}
		to := &way{name: w.name, s: s}
		d.ways = append(d.ways, to)
		for _, n := range batches {
			if n > w.most {
				to.at = append(to.at, nil)
				continue
			}
			to.at = append(to.at, c.add(fmt.Sprintf("%s, %d", w.name, n), drawing(s, n)))
		}
	}
	model, err := sampler.Read(m.model, sampler.Config{})
	if err != nil {
		return nil, err
	}
	if d.plan, err = model.Plan(); err != nil {
		return nil, err
	}
	run, err := m.pass(model.Signature, dense)
	if err != nil {
		return nil, err
	}
	d.dense = c.add("dense forward pass", run)
	return d, nil
}

// drawing draws n images of s.
func drawing(s *sampler.Sampler, n int) func(context.Context) error {
	levels := make([]uint16, n*s.Signature().Pixels())
	return func(ctx context.Context) error {
		return s.Draw(ctx, sampler.Request{N: n, Parameters: sampler.Parameters{Seed: 1}}, levels)
	}
}

// pass is one forward pass of the whole network over n images by ONNX Runtime.
func (m *machine) pass(sig *sampler.Signature, n int) (func(context.Context) error, error) {
	session, err := m.ort.Load(sig.Model(), onnx.SessionOptions{Threads: m.threads})
	if err != nil {
		return nil, err
	}
	outputs := make([]float32, n*sig.Pixels()*sig.Head.Outputs())
	run, err := session.Bind(sig.Feed(n).Tensors(), []*onnx.Tensor{onnx.NewTensor(outputs, sig.OutputShape(n)...)})
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	m.closers = append(m.closers, run.Close, session.Close)
	return run.Run, nil
}

// header begins a table with a column for each of batches.
func header(first string) {
	fmt.Printf("\n| %s |", first)
	for _, n := range batches {
		fmt.Printf(" %d |", n)
	}
	fmt.Print("\n|---|")
	for range batches {
		fmt.Print("---|")
	}
	fmt.Println()
}

func (d *draws) print(peers []*way) {
	header("images/s (range), by images drawn at once")
	for _, w := range append(d.ways, peers...) {
		fmt.Printf("| %s |", w.name)
		for i, k := range w.at {
			if k == nil {
				fmt.Print(" |")
				continue
			}
			rate := func(seconds float64) float64 { return float64(batches[i]) / seconds }
			fmt.Printf(" %s (%s) |", figure(rate(k.seconds())), k.spread(rate))
		}
		fmt.Println()
	}
	header(fmt.Sprintf("times the full loop (at most %d images)", fullMost))
	for _, w := range d.ways[1:] {
		d.multiples(w, w.name, d.ways[0])
	}
	for _, p := range peers {
		for _, w := range d.ways[2:] {
			d.multiples(w, w.name+", against "+p.name, p)
		}
	}
	ms := func(seconds float64) float64 { return seconds * 1e3 }
	fmt.Printf("\nOne dense forward pass of %d images: %.1f ms (%s). Drawing %d images takes, of that:", dense,
		ms(d.dense.seconds()), d.dense.spread(ms), dense)
	for _, w := range d.ways[1:] {
		for i, n := range batches {
			if n == dense {
				fmt.Printf(" %s %.1f ms, %.2f times;", w.name, ms(w.at[i].seconds()), w.at[i].over(d.dense))
			}
		}
	}
	fmt.Println()
}

// multiples prints how many times as fast as base w draws an image. Where base was not
// measured at so many images, what it takes for the most is meant.
func (d *draws) multiples(w *way, name string, base *way) {
	fmt.Printf("| %s |", name)
	var last *contestant
	images := 0
	for i, k := range w.at {
		if base.at[i] != nil {
			last, images = base.at[i], batches[i]
		}
		if base.at[i] == nil && batches[i] < fullMost {
			fmt.Print(" |")
			continue
		}
		fmt.Printf(" %s |", figure(last.over(k)*float64(batches[i])/float64(images)))
	}
	fmt.Println()
}

// printAllocations counts what the incremental engine allocates once its tensors are
// bound.
func (d *draws) printAllocations(ctx context.Context) error {
	header("allocations an image (bytes)")
	for _, w := range d.ways[1:] {
		fmt.Printf("| %s |", w.name)
		for _, n := range batches {
			run := drawing(w.s, n)
			for range 3 { // each processor binds
				if err := run(ctx); err != nil {
					return err
				}
			}
			const runs = 5
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			for range runs {
				if err := run(ctx); err != nil {
					return err
				}
			}
			goruntime.ReadMemStats(&after)
			images := float64(runs * n)
			fmt.Printf(" %.2f (%.0f) |", float64(after.Mallocs-before.Mallocs)/images, float64(after.TotalAlloc-before.TotalAlloc)/images)
		}
		fmt.Println()
	}
	return nil
}

package sample

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/compile"
	"pixelcnn/internal/onnx"
)

// limits are bare matrix products of ONNX Runtime, on as many threads as draws have: a
// big square one, and those of a step.
type limits struct {
	threads      int
	square, step *contestant
	squareFLOPs  float64 // of a run, all threads together
	stepFLOPs    float64
	stepRows     int
}

const (
	side    = 1024 // of the square factors
	chunk   = 64   // images that a step is for
	repeats = 10   // of the products in a run, so that starting goroutines does not count
)

// product is the shape of a matrix product, [rows, k] × [k, n].
type product struct{ rows, k, n int }

func (m *machine) products(c *contest) (*limits, error) {
	step, err := m.stepProducts()
	if err != nil {
		return nil, err
	}
	l := &limits{threads: m.threads, stepRows: step[0].rows}
	enter := func(name string, of []product) (k *contestant, flops float64, err error) {
		run, err := m.multiply(m.ort, of)
		if err != nil {
			return nil, 0, err
		}
		for _, p := range of {
			flops += 2 * float64(p.rows) * float64(p.k) * float64(p.n) * float64(m.threads*repeats)
		}
		return c.add(name, run), flops, nil
	}
	if l.square, l.squareFLOPs, err = enter("square product", []product{{side, side, side}}); err != nil {
		return nil, err
	}
	l.step, l.stepFLOPs, err = enter("products of a step", step)
	return l, err
}

// stepProducts are the matrix products of the widest step of a chunk of images.
func (m *machine) stepProducts() ([]product, error) {
	model, err := onnx.Unmarshal(m.model)
	if err != nil {
		return nil, err
	}
	p, err := compile.Compile(model, compile.Options{})
	if err != nil {
		return nil, err
	}
	var all []product
	for _, s := range p.Stages {
		for _, node := range s.Model.Graph.Nodes {
			if node.Op != "Gemm" && node.Op != "MatMul" {
				continue
			}
			if b := onnx.Sizes(node.Inputs[1].Shape); len(b) == 2 {
				all = append(all, product{s.MaxWidth * chunk, b[0], b[1]})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("a step of %s has no matrix products", m.settings.model)
	}
	return all, nil
}

// multiply runs products in a single-threaded session on each thread, with constant
// right-hand sides, as the sampler's steps are run.
func (m *machine) multiply(rt onnx.Runtime, of []product) (func(context.Context) error, error) {
	g := &onnx.Graph{Name: "products"}
	var inputs []*onnx.Value
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = rng.Float32() - 0.5
		}
		return x
	}
	for i, p := range of {
		at := slices.IndexFunc(of, func(q product) bool { return q.rows == p.rows && q.k == p.k })
		if at == i {
			inputs = append(inputs, g.Input(fmt.Sprintf("a%d", i), onnx.Float32, onnx.Fixed(p.rows), onnx.Fixed(p.k)))
		} else {
			inputs = append(inputs, inputs[at])
		}
		product := g.Op("MatMul", nil, inputs[i], onnx.Const("", onnx.NewTensor(random(p.k*p.n), p.k, p.n)))
		g.Output(product, fmt.Sprintf("c%d", i), onnx.Float32, onnx.Fixed(p.rows), onnx.Fixed(p.n))
	}
	model := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
	session, err := rt.Load(model, onnx.SessionOptions{})
	if err != nil {
		return nil, err
	}
	var runs []onnx.Binding
	var closers []func() error
	for range m.threads {
		var in, out []*onnx.Tensor
		for _, info := range session.Inputs() {
			in = append(in, onnx.NewTensor(random(info.Shape[0]*info.Shape[1]), info.Shape...))
		}
		for _, info := range session.Outputs() {
			out = append(out, onnx.NewTensor(make([]float32, info.Shape[0]*info.Shape[1]), info.Shape...))
		}
		run, err := session.Bind(in, out)
		if err != nil {
			return nil, err
		}
		runs, closers = append(runs, run), append(closers, run.Close)
	}
	m.closers = append(append(m.closers, closers...), session.Close)
	return func(ctx context.Context) error {
		var g errgroup.Group
		for _, run := range runs {
			g.Go(func() error {
				for range repeats {
					if err := run.Run(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return g.Wait()
	}, nil
}

func (l *limits) print(d *draws) {
	rate := func(flops float64) func(float64) float64 {
		return func(seconds float64) float64 { return flops / seconds / 1e9 }
	}
	square, step := rate(l.squareFLOPs), rate(l.stepFLOPs)
	flops := 2 * float64(d.plan.MACs)
	best, bestFLOPs, of := l.step, l.stepFLOPs, "a step's"
	if square(l.square.seconds()) > step(l.step.seconds()) {
		best, bestFLOPs, of = l.square, l.squareFLOPs, "the square"
	}
	fmt.Printf("\nONNX Runtime's products on %d threads: those of a step, %d rows, %.0f GFLOP/s (%s); %d×%d by %d×%d %.0f GFLOP/s (%s). "+
		"The limit is the %.1f million live multiply-adds of an image at the rate of %s products, the faster: %.1f µs an image.\n",
		l.threads, l.stepRows, step(l.step.seconds()), l.step.spread(step), side, side, side, side, square(l.square.seconds()), l.square.spread(square),
		float64(d.plan.MACs)/1e6, of, flops/bestFLOPs*best.seconds()*1e6)
	header("time over the limit")
	for _, w := range d.ways[1:] {
		fmt.Printf("| %s |", w.name)
		for i, k := range w.at {
			fmt.Printf(" %.2f |", k.over(best)*bestFLOPs/flops/float64(batches[i]))
		}
		fmt.Println()
	}
}

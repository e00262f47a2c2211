package likelihood_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// check holds a head to what every head promises: probabilities that add up to 1, an
// error bound that holds, nodes that compute what LogProbs does, and a gradient that is
// that of finite differences.
func check(t *testing.T, rt onnx.Runtime, head likelihood.Head) {
	t.Helper()
	n, levels := head.Outputs(), head.Levels()
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	random := func() []float64 {
		o := make([]float64, n)
		for k := range o {
			o[k] = float64(float32(rng.NormFloat64() * 3))
		}
		return o
	}
	scratch := make([]float64, levels)
	logProb := func(o []float64, level int) float64 {
		lp, _ := likelihood.LogSoftmax(head.LogProbs(o, nil, scratch), level)
		return lp
	}
	for range 50 {
		o := random()
		before := append([]float64(nil), o...)
		logs := append([]float64(nil), head.LogProbs(o, nil, make([]float64, levels))...)
		size, sum := 0.0, 0.0
		for k, l := range logs {
			if o[k%n] != before[k%n] {
				t.Fatalf("%s changes its outputs", head.Name())
			}
			size = max(size, math.Abs(l))
		}
		for k := range levels {
			sum += math.Exp(logProb(o, k))
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%s: outputs %v: the probabilities have the sum %v", head.Name(), o, sum)
		}
		bound := head.Error(o, size)
		off := make([]float64, n)
		for k := range off {
			off[k] = o[k] + (2*rng.Float64()-1)*likelihood.Rounding*(1+math.Abs(o[k]))
		}
		for k, l := range head.LogProbs(off, nil, make([]float64, levels)) {
			if math.Abs(l-logs[k]) > bound*(1+1e-6) {
				t.Errorf("%s: level %d is off by %g, over the bound of %g", head.Name(), k, math.Abs(l-logs[k]), bound)
			}
		}
	}

	const rows = 40
	outputs, truth := make([]float32, rows*n), make([]float32, rows*levels)
	there := make([]int, rows)
	for i := range rows {
		for k, o := range random() {
			outputs[i*n+k] = float32(o)
		}
		there[i] = rng.IntN(levels)
		truth[i*levels+there[i]] = 1
	}
	gotLogs, gotLoss, gotGrad := runNodes(t, rt, head, outputs, truth, rows)
	worst := 0.0
	for i := range rows {
		o := make([]float64, n)
		for k := range o {
			o[k] = float64(outputs[i*n+k])
		}
		logs := head.LogProbs(o, nil, make([]float64, levels))
		for k := range levels {
			worst = max(worst, math.Abs(float64(gotLogs[i*levels+k])-logs[k]))
		}
		worst = max(worst, math.Abs(float64(gotLoss[i])-logProb(o, there[i])))
		for k := range o {
			const step = 1e-5
			x := o[k]
			o[k] = x + step
			more := logProb(o, there[i])
			o[k] = x - step
			less := logProb(o, there[i])
			o[k] = x
			worst = max(worst, math.Abs(float64(gotGrad[i*n+k])+(more-less)/(2*step)))
		}
	}
	t.Logf("%s: the nodes are off by at most %.1e", head.Name(), worst)
	if !(worst < 1e-5) {
		t.Errorf("%s: the nodes are off by %g", head.Name(), worst)
	}
}

// runNodes runs a head's nodes.
func runNodes(t *testing.T, rt onnx.Runtime, head likelihood.Head, outputs, truth []float32, rows int) (logs, loss, grad []float32) {
	t.Helper()
	n, levels := head.Outputs(), head.Levels()
	g := &onnx.Graph{Name: "head"}
	x := g.Input("outputs", onnx.Float32, onnx.Shape(rows, n)...)
	y := g.Input("truth", onnx.Float32, onnx.Shape(rows, levels)...)
	l := g.Op("Identity", nil, head.LogProbNodes(g, x))
	p, d := head.LossNodes(g, x, y, true)
	g.Output(l, "logs", onnx.Float32, onnx.Shape(rows, levels)...)
	g.Output(p, "log_prob", onnx.Float32, onnx.Shape(rows)...)
	g.Output(d, "gradient", onnx.Float32, onnx.Shape(rows, n)...)
	s, err := rt.Load(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logs, loss, grad = make([]float32, rows*levels), make([]float32, rows), make([]float32, rows*n)
	b, err := s.Bind(
		[]*onnx.Tensor{onnx.NewTensor(outputs, rows, n), onnx.NewTensor(truth, rows, levels)},
		[]*onnx.Tensor{onnx.NewTensor(logs, rows, levels), onnx.NewTensor(loss, rows), onnx.NewTensor(grad, rows, n)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return logs, loss, grad
}

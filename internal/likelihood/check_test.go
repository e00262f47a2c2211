package likelihood_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/onnx"
)

// A trial makes a head's outputs, and outputs that are off by as much as may be.
type trial struct {
	outputs func(rng *rand.Rand) []float64
	off     func(rng *rand.Rand, outputs []float64) []float64
}

// logitsOf is a trial of outputs that may be any numbers.
func logitsOf(head likelihood.Head) trial {
	return trial{
		func(rng *rand.Rand) []float64 {
			o := make([]float64, head.Outputs())
			for k := range o {
				o[k] = float64(float32(rng.NormFloat64() * 3))
			}
			return o
		},
		func(rng *rand.Rand, outputs []float64) []float64 {
			off := make([]float64, len(outputs))
			for k, o := range outputs {
				off[k] = o + (2*rng.Float64()-1)*likelihood.Rounding*(1+math.Abs(o))
			}
			return off
		},
	}
}

// check holds a head to what every head promises: probabilities that add up to 1, an
// error bound that holds, and where it draws by itself the same draws.
func check(t *testing.T, head likelihood.Head, try trial) {
	t.Helper()
	levels := head.Levels()
	rng := rand.New(rand.NewPCG(2, uint64(head.Outputs())))
	scratch := make([]float64, head.Scratch())
	worst := 0.0 // change of a log-probability, as a share of the bound of all
	for i := range 200 {
		o := try.outputs(rng)
		earlier := make([]uint16, i%head.Symbols())
		for c := range earlier {
			earlier[c] = uint16(rng.IntN(levels))
		}
		before := slices.Clone(o)
		logs := slices.Clone(head.LogProbs(o, earlier, scratch))
		size, sum := 0.0, 0.0
		for k, l := range logs {
			if !math.IsInf(l, -1) {
				size = max(size, math.Abs(l))
			}
			if levels > 256 { // too slow
				continue
			}
			lp, ok := likelihood.LogSoftmax(logs, k)
			if !ok {
				t.Fatalf("%s: outputs %v: nothing can be drawn", head.Name(), o)
			}
			sum += math.Exp(lp)
		}
		if levels <= 256 && math.Abs(sum-1) > 1e-11 {
			t.Errorf("%s: outputs %v: the probabilities have the sum %v", head.Name(), o, sum)
		}
		bound := head.Error(o, earlier, size, scratch)
		if !slices.Equal(o, before) {
			t.Fatalf("%s changes its outputs", head.Name())
		}
		each := slices.Repeat([]float64{bound}, levels)
		refiner, refines := head.(likelihood.Refiner)
		if refines {
			refiner.Errors(each, logs, o, earlier, scratch)
			if most := slices.Max(each); !(most <= bound) {
				t.Errorf("%s: a level's bound of %g is over that of all, %g", head.Name(), most, bound)
			}
		}
		// There is a constant by which all are off, but for their bounds.
		low, high := math.Inf(-1), math.Inf(1)
		for k, l := range head.LogProbs(try.off(rng, o), earlier, make([]float64, head.Scratch())) {
			if l != logs[k] {
				low, high = max(low, l-logs[k]-each[k]), min(high, l-logs[k]+each[k])
				worst = max(worst, math.Abs(l-logs[k])/bound)
			}
		}
		if low > high+1e-12 {
			t.Errorf("%s: outputs %v after %v: log-probabilities are off by more than their bounds", head.Name(), o, earlier)
		}
		if inverter, ok := head.(likelihood.Inverter); ok {
			checkInverter(t, rng, inverter, try, o, earlier, logs)
		}
	}
	t.Logf("%s of %d levels, %d channels: off by up to %.2f of the bound", head.Name(), levels, head.Symbols(), worst)
}

// checkInverter compares with the inverse CDF of logs, in the level order.
func checkInverter(t *testing.T, rng *rand.Rand, head likelihood.Inverter, try trial, o []float64, earlier []uint16, logs []float64) {
	t.Helper()
	scratch := make([]float64, head.(likelihood.Head).Scratch())
	cdf := make([]float64, len(logs))
	sum := 0.0
	for k, l := range logs {
		sum += math.Exp(l)
		cdf[k] = sum
		if k > 5 && rng.IntN(len(logs)) > 20 {
			continue // slow
		}
		if lp, ok := head.LogProb(o, earlier, k, scratch); !ok || !(math.Abs(lp-l) <= 1e-12*(1+math.Abs(l))) {
			t.Fatalf("level %d has log-probability %v, of all %v", k, lp, l)
		}
	}
	if math.Abs(sum-1) > 1e-11 {
		t.Errorf("outputs %v after %v: the probabilities have the sum %v", o, earlier, sum)
	}
	for range 50 {
		u := rng.Float64()
		if k := rng.IntN(len(logs)); rng.IntN(2) == 0 && cdf[k] < 1 { // next to a boundary
			u = min(max(0, cdf[k]+1e-6*rng.NormFloat64()), math.Nextafter(1, 0))
		}
		want, _ := slices.BinarySearchFunc(cdf, u, func(c, u float64) int {
			if c > u {
				return 1
			}
			return -1
		})
		got, tie := head.Invert(o, earlier, u, scratch)
		if got != min(want, len(cdf)-1) && math.Abs(cdf[min(got, want)]-u) > 1e-12 {
			t.Fatalf("u = %v: level %d, want %d", u, got, want)
		}
		if other, _ := head.Invert(try.off(rng, o), earlier, u, scratch); other != got && !tie {
			t.Fatalf("u = %v: level %d, of outputs that are off %d, and no near tie; outputs %v", u, got, other, o)
		}
	}
}

// checkNodes compares a head's nodes with LogProbs, and their gradient with that of finite
// differences.
func checkNodes(t *testing.T, rt onnx.Runtime, head likelihood.Head) {
	t.Helper()
	n, levels := head.Outputs(), head.Levels()
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	random := func() []float64 { return logitsOf(head).outputs(rng) }
	scratch := make([]float64, head.Scratch())
	logProb := func(o []float64, level int) float64 {
		lp, _ := likelihood.LogSoftmax(head.LogProbs(o, nil, scratch), level)
		return lp
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
		logs := slices.Clone(head.LogProbs(o, nil, scratch))
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

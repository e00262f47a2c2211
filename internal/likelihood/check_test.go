package likelihood_test

import (
	"context"
	"fmt"
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
	if planar, ok := head.(likelihood.Planar); ok {
		checkPlanar(t, rng, head, planar, try)
	}
	t.Logf("%s of %d levels, %d channels: off by up to %.2f of the bound", head.Name(), levels, head.Symbols(), worst)
}

// checkPlanar compares with LogProbs, pixel by pixel.
func checkPlanar(t *testing.T, rng *rand.Rand, head likelihood.Head, planar likelihood.Planar, try trial) {
	t.Helper()
	const pixels, stride = 3, 5
	planes := make([]float32, head.Outputs()*stride)
	outputs := make([][]float64, pixels)
	for i := range outputs {
		outputs[i] = try.outputs(rng)
		for k, o := range outputs[i] {
			planes[k*stride+i] = float32(o)
			outputs[i][k] = float64(float32(o))
		}
	}
	for c := range head.Symbols() {
		logs, top := make([]float64, head.Levels()*pixels), make([]float64, pixels)
		planar.Planes(logs, top, planes, stride, c)
		for i, o := range outputs {
			most := math.Inf(-1)
			for k, want := range head.LogProbs(o, make([]uint16, c), make([]float64, head.Scratch())) {
				if got := logs[k*pixels+i]; math.Float64bits(got) != math.Float64bits(want) {
					t.Errorf("%s: pixel %d, symbol %d: level %d has %v, want %v", head.Name(), i, c, k, got, want)
				}
				most = max(most, want)
			}
			if top[i] != most && (top[i] == top[i] || most == most) {
				t.Errorf("%s: pixel %d, symbol %d: at most %v, want %v", head.Name(), i, c, top[i], most)
			}
		}
	}
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
		lp, off, ok := head.LogProb(o, earlier, k, scratch)
		if !ok || !(math.Abs(lp-l) <= 1e-12*(1+math.Abs(l))) {
			t.Fatalf("level %d has log-probability %v, of all %v", k, lp, l)
		}
		if other, _, _ := head.LogProb(try.off(rng, o), earlier, k, scratch); !(math.Abs(other-lp) <= off+1e-12) {
			t.Errorf("level %d has log-probability %v, of outputs that are off %v, over the bound of %v", k, lp, other, off)
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
		got, lower, upper := head.Invert(o, earlier, u, scratch)
		if got != min(want, len(cdf)-1) && math.Abs(cdf[min(got, want)]-u) > 1e-12 {
			t.Fatalf("u = %v: level %d, want %d", u, got, want)
		}
		near := u-lower.At <= lower.Off+1e-12 || upper.At-u <= upper.Off+1e-12
		if other, _, _ := head.Invert(try.off(rng, o), earlier, u, scratch); other != got && !near {
			t.Fatalf("u = %v: level %d, of outputs that are off %d, and no near tie; outputs %v", u, got, other, o)
		}
	}
}

// checkNodes compares a head's nodes with LogProbs, and, of a head that learns, their
// gradient with that of finite differences.
func checkNodes(t *testing.T, rt onnx.Runtime, head likelihood.Head, try trial, learns bool) {
	t.Helper()
	const rows = 40
	n, levels, symbols := head.Outputs(), head.Levels(), head.Symbols()
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	scratch := make([]float64, head.Scratch())
	logProb := func(o []float64, levels []uint16) float64 {
		sum := 0.0
		for c, l := range levels {
			lp, _ := likelihood.LogSoftmax(head.LogProbs(o, levels[:c], scratch), int(l))
			sum += lp
		}
		return sum
	}
	outputs, truth := make([]float32, 0, rows*n), make([]float32, rows*symbols*levels)
	there := make([][]uint16, rows)
	for i := range rows {
		for _, o := range try.outputs(rng) {
			outputs = append(outputs, float32(o))
		}
		for c := range symbols {
			there[i] = append(there[i], uint16(rng.IntN(levels)))
			truth[(i*symbols+c)*levels+int(there[i][c])] = 1
		}
	}
	gotLogs, gotLoss, gotGrad := runNodes(t, rt, head, outputs, truth, there, learns)
	worst, worstLoss, worstGrad := 0.0, 0.0, 0.0
	for i := range rows {
		o := make([]float64, n)
		for k := range o {
			o[k] = float64(outputs[i*n+k])
		}
		for c := range symbols {
			logs := head.LogProbs(o, there[i][:c], scratch)
			got := make([]float64, levels)
			for k := range got {
				got[k] = gotLogs[c][i*levels+k]
			}
			// Both up to a constant.
			top, _ := likelihood.Top(logs)
			other, _ := likelihood.Top(got)
			for k, l := range logs {
				if got[k] != l { // infinite, it may be
					worst = max(worst, math.Abs(got[k]-other-(l-top))/(1+math.Abs(l-top)))
				}
			}
		}
		if !learns {
			continue
		}
		lp := logProb(o, there[i])
		worstLoss = max(worstLoss, math.Abs(float64(gotLoss[i])-lp)/(1+math.Abs(lp)))
		for k := range o {
			const step = 1e-6
			x := o[k]
			o[k] = x + step
			more := logProb(o, there[i])
			o[k] = x - step
			less := logProb(o, there[i])
			o[k] = x
			want := (less - more) / (2 * step)
			worstGrad = max(worstGrad, math.Abs(float64(gotGrad[i*n+k])-want)/(1+math.Abs(want)))
		}
	}
	t.Logf("%T of %d levels, %d channels: nodes are off by at most %.1e, the loss by %.1e, its gradient by %.1e", head, levels, symbols, worst, worstLoss, worstGrad)
	if !(worst < 1e-6 && worstLoss < 1e-6 && worstGrad < 1e-5) {
		t.Errorf("%+v: the nodes are off by %g, the loss by %g, its gradient by %g", head, worst, worstLoss, worstGrad)
	}
}

// runNodes runs a head's nodes: logs by channel, [rows, levels], and of all channels the
// log-probability and its gradient.
func runNodes(t *testing.T, rt onnx.Runtime, head likelihood.Head, outputs, truth []float32, there [][]uint16, learns bool) (logs [][]float64, loss, grad []float32) {
	t.Helper()
	n, levels, symbols, rows := head.Outputs(), head.Levels(), head.Symbols(), len(there)
	g := &onnx.Graph{Name: "head"}
	x := g.Input("outputs", onnx.Float32, onnx.Shape(rows, n)...)
	inputs := []*onnx.Tensor{onnx.NewTensor(outputs, rows, n)}
	var results []*onnx.Tensor
	result := func(v *onnx.Value, name string, shape ...int) []float32 {
		g.Output(v, name, onnx.Float32, onnx.Shape(shape...)...)
		size, _ := onnx.Size(shape)
		data := make([]float32, size)
		results = append(results, onnx.NewTensor(data, shape...))
		return data
	}
	var earlier []*onnx.Value
	for c := range symbols {
		l := g.Op("Cast", onnx.Attrs{"to": int64(onnx.Float64)}, head.LogProbNodes(g, x, earlier))
		g.Output(l, fmt.Sprint("logs", c), onnx.Float64, onnx.Shape(rows, levels)...)
		logs = append(logs, make([]float64, rows*levels))
		results = append(results, onnx.NewTensor(logs[c], rows, levels))
		if c+1 == symbols {
			break
		}
		e := g.Input(fmt.Sprint("earlier", c), onnx.Int64, onnx.Shape(rows)...)
		earlier = append(earlier, e)
		data := make([]int64, rows)
		for i := range data {
			data[i] = int64(there[i][c])
		}
		inputs = append(inputs, onnx.NewTensor(data, rows))
	}
	if learns {
		y := g.Input("truth", onnx.Float32, onnx.Shape(rows, symbols*levels)...)
		inputs = append(inputs, onnx.NewTensor(truth, rows, symbols*levels))
		p, d := head.LossNodes(g, x, y, true)
		loss, grad = result(p, "log_prob", rows), result(d, "gradient", rows, n)
	}
	s, err := rt.Load(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Bind(inputs, results)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return logs, loss, grad
}

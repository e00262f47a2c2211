package goruntime_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
)

// small is a runtime that refuses anything large, so that a round is short.
func small(t testing.TB) *goruntime.Runtime {
	t.Helper()
	rt, err := goruntime.New(goruntime.Config{Limits: onnx.Limits{Memory: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// FuzzLoad loads, binds and runs whatever the file holds. Nothing may panic.
func FuzzLoad(f *testing.F) {
	g := &onnx.Graph{Name: "g"}
	x := g.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(2), onnx.Fixed(3), onnx.Fixed(3))
	w := onnx.Const("w", f32(d(2, 2, 3, 3), make([]float32, 36)...))
	y := g.Op("Relu", nil, g.Op("Conv", onnx.Attrs{"pads": []int64{1, 1, 1, 1}}, x, w))
	g.Output(g.Op("Add", nil, x, y), "y", onnx.Float32, onnx.Free("n"), onnx.Fixed(2), onnx.Fixed(3), onnx.Fixed(3))
	f.Add(marshal(f, g, 17))
	rt := small(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := onnx.LoadFile(rt, file, onnx.SessionOptions{})
		if err != nil {
			return
		}
		defer s.Close()
		in, ok := blank(s.Inputs(), 2)
		out, ok2 := blank(s.Outputs(), 2)
		if ok && ok2 {
			_ = bindAndRun(s, in, out)
		}
	})
}

// blank makes tensors of zeros, with n for free dimensions.
func blank(infos []onnx.ValueInfo, n int) ([]*onnx.Tensor, bool) {
	var out []*onnx.Tensor
	total := 0
	for _, info := range infos {
		shape := slices.Clone(info.Shape)
		for i, d := range shape {
			if d < 0 {
				shape[i] = n
			}
		}
		size, err := onnx.Size(shape)
		if total += size; err != nil || size > 1<<16 || total > 1<<18 || info.Shape == nil {
			return nil, false
		}
		out = append(out, tensorOf(info.DType, shape, func(int) float64 { return 0 }))
	}
	return out, true
}

func tensorOf(t onnx.DType, shape []int, f func(i int) float64) *onnx.Tensor {
	n := (&onnx.Tensor{Shape: shape}).Len()
	switch t {
	case onnx.Float32:
		return onnx.NewTensor(fill[float32](n, f), shape...)
	case onnx.Float64:
		return onnx.NewTensor(fill[float64](n, f), shape...)
	case onnx.Int64:
		return onnx.NewTensor(fill[int64](n, f), shape...)
	case onnx.Int32:
		return onnx.NewTensor(fill[int32](n, f), shape...)
	case onnx.Int8:
		return onnx.NewTensor(fill[int8](n, f), shape...)
	case onnx.Uint8:
		return onnx.NewTensor(fill[uint8](n, f), shape...)
	}
	b := make([]bool, n)
	for i := range b {
		b[i] = f(i) > 0
	}
	return onnx.NewTensor(b, shape...)
}

func fill[T float32 | float64 | int64 | int32 | int8 | uint8](n int, f func(i int) float64) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(f(i))
	}
	return out
}

func bindAndRun(s onnx.Session, in, out []*onnx.Tensor) error {
	b, err := s.Bind(in, out)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return b.Run(ctx)
}

// randomCase draws a node: mostly senseless, now and then right.
func randomCase(rng *rand.Rand) *opCase {
	ops := goruntime.Operators()
	c := &opCase{op: ops[rng.IntN(len(ops))], opset: 11 + rng.Int64N(11), attrs: onnx.Attrs{}}
	number := func() int64 {
		if rng.IntN(20) == 0 {
			return []int64{math.MaxInt64, math.MinInt64, math.MaxInt32, 1 << 40, -1 << 31, 1 << 24}[rng.IntN(6)]
		}
		return rng.Int64N(6) - 2
	}
	ints := func() []int64 {
		out := make([]int64, rng.IntN(5))
		for i := range out {
			out[i] = number()
		}
		return out
	}
	types := []onnx.DType{onnx.Float32, onnx.Float32, onnx.Float32, onnx.Float32, onnx.Int64, onnx.Int64, onnx.Int32, onnx.Float64, onnx.Uint8, onnx.Int8, onnx.Bool}
	dtype := types[rng.IntN(len(types))]
	rank := rng.IntN(5)
	base := make([]int, rank)
	for i := range base {
		base[i] = 1 + rng.IntN(4)
	}
	tensor := func() *onnx.Tensor {
		t := dtype
		shape := slices.Clone(base)
		switch rng.IntN(6) {
		case 0:
			t = types[rng.IntN(len(types))]
		case 1, 2: // sizes, axes or indices
			list := ints()
			return onnx.NewTensor(list, len(list))
		}
		for i := range shape {
			if rng.IntN(4) == 0 {
				shape[i] = rng.IntN(4)
			}
		}
		shape = shape[rng.IntN(len(shape)+1)/3:]
		return tensorOf(t, shape, func(int) float64 { return float64(rng.IntN(7) - 2) })
	}
	for range rng.IntN(5) {
		if rng.IntN(12) == 0 {
			c.in = append(c.in, nil)
			continue
		}
		c.in = append(c.in, tensor())
	}
	for range 1 + rng.IntN(8)/6 {
		c.want = append(c.want, tensor())
	}
	for _, a := range strings.Fields(goruntime.Attributes(c.op)) {
		name, kind, _ := strings.Cut(a, ":")
		if rng.IntN(2) == 0 {
			continue
		}
		if rng.IntN(30) == 0 {
			kind = string("ifstIF"[rng.IntN(6)])
		}
		switch kind {
		case "i":
			c.attrs[name] = number()
		case "f":
			c.attrs[name] = float32(number()) / 2
		case "s":
			c.attrs[name] = []string{"constant", "edge", "reflect", "wrap", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "tanh", "x"}[rng.IntN(10)]
		case "t":
			c.attrs[name] = tensor()
		case "I":
			c.attrs[name] = ints()
		case "F":
			c.attrs[name] = []float32{1, 2}
		}
	}
	return c
}

// checkCase runs a random node with arguments that come at run and with constants.
// Both may fail, but not panic; where both give a result it is the same.
func checkCase(t *testing.T, rt *goruntime.Runtime, c *opCase) (worked bool) {
	t.Helper()
	var results [2][]*onnx.Tensor
	for k, known := range []func(int) bool{func(i int) bool { return i > 0 }, func(int) bool { return true }} {
		file, inputs := c.model(t, known)
		// The declared shape of the result is a guess; a wrong one says what is right.
		for range 2 {
			got, err := evaluate(rt, file, inputs, c.want)
			var shape *goruntime.ShapeError
			var dtype *goruntime.TypeError
			switch {
			case errors.As(err, &shape) && len(c.want) == 1:
				if n, err := onnx.Size(shape.Want); err != nil || n > 1<<16 {
					return false
				}
				c.want[0] = tensorOf(c.want[0].DType(), shape.Want, func(int) float64 { return 0 })
				file, inputs = c.model(t, known)
			case errors.As(err, &dtype) && len(c.want) == 1:
				c.want[0] = tensorOf(dtype.Want, c.want[0].Shape, func(int) float64 { return 0 })
				file, inputs = c.model(t, known)
			case err == nil:
				results[k] = got
			}
		}
	}
	if results[0] == nil || results[1] == nil {
		return false
	}
	for i, a := range results[0] {
		if distance(a, results[1][i]) != 0 {
			t.Errorf("%s (operator set %d) with %v of %v: %v at run, %v folded", c.op, c.opset, c.attrs, c.in, a, results[1][i])
		}
	}
	return true
}

func TestRandomNodes(t *testing.T) {
	rt := small(t)
	rng := rand.New(rand.NewPCG(1, 0))
	worked := map[string]int{}
	for range 4000 {
		c := randomCase(rng)
		if checkCase(t, rt, c) {
			worked[c.op]++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("operators that worked: %d of %d: %v", len(worked), len(goruntime.Operators()), worked)
	if len(worked) < len(goruntime.Operators())/2 {
		t.Errorf("only %d operators ever worked", len(worked))
	}
}

func FuzzNode(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	rt := small(f)
	f.Fuzz(func(t *testing.T, a, b uint64) { checkCase(t, rt, randomCase(rand.New(rand.NewPCG(a, b)))) })
}

// Files with a few bytes changed are refused or run.
func TestBrokenFiles(t *testing.T) {
	file, err := os.ReadFile("../../sampler/testdata/foreign/torch_gated_crop.onnx")
	if err != nil {
		t.Fatal(err)
	}
	rt := small(t)
	rng := rand.New(rand.NewPCG(2, 0))
	loaded := 0
	for range 150 {
		b := bytes.Clone(file)
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] = byte(rng.IntN(256))
		}
		s, err := onnx.LoadFile(rt, b, onnx.SessionOptions{})
		if err != nil {
			continue
		}
		loaded++
		in, ok := blank(s.Inputs(), 2)
		out, ok2 := blank(s.Outputs(), 2)
		if ok && ok2 {
			_ = bindAndRun(s, in, out)
		}
		_ = s.Close()
	}
	if loaded == 0 {
		t.Error("none of the files loaded")
	}
}

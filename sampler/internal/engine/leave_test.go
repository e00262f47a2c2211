package engine

import (
	"context"
	"slices"
	"testing"

	"pixelcnn/internal/compile/compiletest"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler/internal/draw"
)

// TestLeave: rows that nobody wants any more are left out from the next step on, and where a
// smaller worker is idle it goes on with the others, which come out the same.
func TestLeave(t *testing.T) {
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	sigs, conditions := map[string]*signature.Signature{}, map[string][]*onnx.Tensor{}
	for _, name := range pretrained.Names() {
		file, err := pretrained.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Unmarshal(file)
		if err != nil {
			t.Fatal(err)
		}
		if sigs[name], err = signature.Read(m, signature.Options{}, rt); err != nil {
			t.Fatal(err)
		}
	}
	sigs["cross-attention"], conditions["cross-attention"] = crossing(t, rt)
	for name, sig := range sigs {
		e, err := NewIncremental(rt, network(sig), CompileOptions(sig, false), newSlots(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		how, err := draw.Parameters{Seed: 3}.For(sig.Head, sig.Height)
		if err != nil {
			t.Fatal(err)
		}
		const many, few = 16, 5
		gone := make(chan struct{})
		rows := func() []draw.Row {
			all := make([]draw.Row, many)
			for i := range all {
				all[i] = draw.Row{Image: uint64(i), Class: i % 10, How: how, Levels: make([]uint16, sig.Symbols())}
				if given := conditions[name]; given != nil {
					all[i].Conditions = given[i : i+1]
				}
				if i%3 != 1 { // all but 1, 4, 7, 10 and 13
					all[i].Done = gone
				}
			}
			return all
		}
		want := rows()
		if err := e.Draw(context.Background(), want, Run{Threads: 1}); err != nil {
			t.Fatal(err)
		}
		if err := e.Draw(context.Background(), rows()[:8], Run{Threads: 1}); err != nil { // makes a smaller worker
			t.Fatal(err)
		}
		got := rows()
		step, leave, before, after := 0, len(e.throughput.program.Steps)/3, 0, 0
		err = e.Draw(context.Background(), got, Run{Threads: 1, After: func(symbols int) error {
			switch step++; {
			case step < leave:
			case step == leave:
				before = symbols
				close(gone)
			case after == 0:
				after = symbols
			}
			if large := len(e.pool.idle[many]); step > leave != (large == 1) {
				t.Fatalf("%s: after step %d, with rows that left after step %d, %d workers for all rows are idle", name, step, leave, large)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if before%many != 0 || before == 0 || after%few != 0 || after == 0 || after%many == 0 {
			t.Errorf("%s: the step in which rows left drew %d symbols, the next one %d", name, before, after)
		}
		for i := range got {
			if same := slices.Equal(got[i].Levels, want[i].Levels); same != (got[i].Done == nil) {
				t.Errorf("%s: row %d is as if nobody had left: %v", name, i, same)
			}
		}
	}
}

// crossing is convolutions whose pixels look at a map, and sixteen such maps.
func crossing(t *testing.T, rt onnx.Runtime) (*signature.Signature, []*onnx.Tensor) {
	t.Helper()
	const c, levels, places, size = 6, 4, 5, 9
	f := compiletest.NewForms("cross", 15)
	x := f.Input("x", onnx.Float32, onnx.Free("n"), onnx.Fixed(1), onnx.Fixed(size), onnx.Fixed(size))
	memory := f.Input("map", onnx.Float32, onnx.Free("n"), onnx.Fixed(places), onnx.Fixed(c))
	y := f.Op("Tanh", nil, f.Masked(x, 1, c, 3, false, nil))
	q := f.Transpose(f.Reshape(y, 0, c, -1), 0, 2, 1)
	weights := f.Op("Softmax", onnx.Attrs{"axis": int64(-1)}, f.Op("MatMul", nil, q, f.Transpose(memory, 0, 2, 1)))
	z := f.Reshape(f.Transpose(f.Op("MatMul", nil, weights, memory), 0, 2, 1), 0, c, size, size)
	f.Output(f.Point(f.Op("Add", nil, y, z), c, levels), "logits", onnx.Float32, onnx.Free("n"), onnx.Fixed(levels), onnx.Fixed(size), onnx.Fixed(size))
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: f.Graph}
	sig, err := signature.Read(m, signature.Options{Head: "categorical", Levels: levels, Input: "x", Conditions: map[string][]int{"map": {places, c}}}, rt)
	if err != nil {
		t.Fatal(err)
	}
	var maps []*onnx.Tensor
	for range 16 {
		given := f.Random(places, c).Const
		for i := range given.Floats() {
			given.Floats()[i] *= 4
		}
		maps = append(maps, given)
	}
	return sig, maps
}

package mutate

import (
	"math"
	"math/rand/v2"

	"pixelcnn/internal/onnx"
)

// material is what mutants are made of.
type material struct {
	seed         uint64
	small, large []model
}

// model is a file to begin with.
type model struct {
	name string
	file []byte
}

// mutant is the file of a case, and the name of the model that it was.
func (m *material) mutant(number int) (file []byte, from string) {
	r := &random{rand.New(rand.NewPCG(m.seed, uint64(number)))}
	base := m.pick(r)
	file = base.file
	// Edits of the graph come first: what comes after may leave no graph to edit.
	edits, fields, spans := 0, 0, 0
	for range 1 + r.IntN(3) {
		switch k := r.IntN(10); {
		case k < 5:
			edits++
		case k < 8:
			fields++
		default:
			spans++
		}
	}
	if edits > 0 {
		file = editGraph(r, file, edits)
	}
	for range fields {
		file = editFields(r, file, m.pick(r).file)
	}
	for range spans {
		file = editSpans(r, file, m.pick(r).file)
	}
	return file, base.name
}

// pick takes a large model once in a hundred times: a case with one takes long.
func (m *material) pick(r *random) model {
	if r.IntN(100) == 0 {
		return choose(r, m.large)
	}
	return choose(r, m.small)
}

// random makes choices.
type random struct{ *rand.Rand }

// choose takes one of a list that is not empty.
func choose[T any](r *random, list []T) T { return list[r.IntN(len(list))] }

// one tells whether something that happens once in n times does.
func (r *random) one(n int) bool { return r.IntN(n) == 0 }

// integer is one that something may not have been made for.
func (r *random) integer() int64 {
	return choose(r, []int64{
		-1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 64, 100, 255, 256, -2, -3, -4, -9, 1 << 15, 1 << 16, 1 << 20, 1<<20 + 1,
		math.MaxInt32, math.MaxInt32 - 1, 1 << 31, math.MinInt32, 1 << 32, 1<<32 + 1, 1 << 40, 1 << 62, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1,
	})
}

// size is a dimension, mostly of a usual size.
func (r *random) size() int {
	if r.one(10) {
		return choose(r, []int{0, 31, 128, 1000, 1 << 16, 1 << 20, math.MaxInt32})
	}
	return 1 + r.IntN(6)
}

// float is one that something may not have been made for.
func (r *random) float() float32 {
	return choose(r, []float32{
		0, 1, -1, 0.5, 2, -3, 5, 1e-30, 1e30, -1e30, 1e-45, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	})
}

// dtype is an element type.
func (r *random) dtype() onnx.DType {
	return choose(r, []onnx.DType{onnx.Float32, onnx.Float64, onnx.Int64, onnx.Int32, onnx.Int8, onnx.Uint8, onnx.Bool})
}

// editSpans changes bytes, whatever they mean; other is another file.
func editSpans(r *random, file, other []byte) []byte {
	if len(file) == 0 {
		return file
	}
	out := append([]byte{}, file...)
	// span is a part of a file, mostly a short one.
	span := func(b []byte) (from, to int) {
		if len(b) == 0 {
			return 0, 0
		}
		from = r.IntN(len(b))
		most := len(b) - from
		if !r.one(4) {
			most = min(most, 64)
		}
		return from, from + 1 + r.IntN(most)
	}
	switch r.IntN(7) {
	case 0, 1:
		for range 1 + r.IntN(8) {
			out[r.IntN(len(out))] ^= 1 << r.IntN(8)
		}
	case 2:
		for range 1 + r.IntN(4) {
			out[r.IntN(len(out))] = choose(r, []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.IntN(256))})
		}
	case 3:
		out = out[:r.IntN(len(out))]
	case 4:
		from, to := span(out)
		out = append(out[:from], out[to:]...)
	case 5:
		from, to := span(other)
		at, end := span(out)
		if r.one(2) {
			end = min(len(out), at+to-from) // of the same length: lengths around it stay right
		}
		out = append(append(append([]byte{}, out[:at]...), other[from:to]...), out[end:]...)
	default:
		a, b := span(out)
		c, d := span(out)
		if b > c {
			a, b, c, d = c, d, a, b
		}
		if b > c {
			return out[:b]
		}
		swapped := append([]byte{}, out[:a]...)
		for _, part := range [][]byte{out[c:d], out[b:c], out[a:b], out[d:]} {
			swapped = append(swapped, part...)
		}
		out = swapped
	}
	return out
}

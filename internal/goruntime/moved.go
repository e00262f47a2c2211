package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// moved says that a value is made of elements of another one and of zeros: element i is
// element places()[i] of from, or zero where that is negative.
type moved struct {
	from   *value
	places func() []int32
}

// setMoved notes how y is made. Nothing is computed before it is asked for.
func (v *value) setMoved(from *value, places func() []int32) {
	if from.dtype == onnx.Float32 && !from.known && max(from.count, v.count) <= maxPlaces {
		v.moved = &moved{from, places}
	}
}

// whole is what v shows all of, in the same order: itself, or what it is a view of.
func (v *value) whole() *value {
	if r, from := v.root(); from == 0 && r.count == v.count {
		return r
	}
	return v
}

// source is the value that v's elements are moved from, which is not moved itself: v
// where they are not.
func (v *value) source() *value {
	for {
		w := v.whole()
		if w.moved == nil {
			return v
		}
		v = w.moved.from
	}
}

// places are where in its source the elements of v are, which is moved; negative for zeros.
func (v *value) places() []int32 {
	m := v.whole().moved
	at := m.places()
	if m.from.whole().moved == nil {
		return at
	}
	from := m.from.places()
	for i, k := range at {
		if k >= 0 {
			at[i] = from[k]
		}
	}
	return at
}

// gathered notes that v is a Gather of x along its first axis.
func (v *value) gathered(x *value, rows []int64) {
	d, inner := int64(x.shape[0]), product(x.shape[1:])
	if slices.ContainsFunc(rows, func(r int64) bool { return r < -d || r >= d }) {
		return
	}
	v.setMoved(x, func() []int32 {
		at := make([]int32, 0, v.count)
		for _, r := range rows {
			for i := range inner {
				at = append(at, int32(int((r+d)%d)*inner+i))
			}
		}
		return at
	})
}

// padded notes that v is a Concat, along the first axis, of one value and of zeros.
func (v *value) padded(parts []*value) {
	var x *value
	first, at := 0, 0
	for _, part := range parts {
		if !part.isZero() {
			if x != nil {
				return
			}
			x, first = part, at
		}
		at += part.count
	}
	if x == nil {
		return
	}
	v.setMoved(x, func() []int32 {
		at := slices.Repeat([]int32{-1}, v.count)
		for i := range x.count {
			at[first+i] = int32(i)
		}
		return at
	})
}

// isZero tells whether v is known to be zeros throughout.
func (v *value) isZero() bool {
	return v.known && v.dtype == onnx.Float32 && !slices.ContainsFunc(v.floats(), func(x float32) bool { return x != 0 })
}

// turned notes that v is a Transpose of x, of which a step in each of v's dimensions
// goes so many elements further.
func (v *value) turned(x *value, steps []int) {
	v.setMoved(x, func() []int32 {
		at := make([]int32, 0, v.count)
		l := newLoops(v.shape, strides(v.shape), steps)
		l.each(func() {
			for r := range l.rows {
				for i := range l.n {
					at = append(at, int32(l.at[1]+r*l.row[1]+i*l.step[1]))
				}
			}
		})
		return at
	})
}

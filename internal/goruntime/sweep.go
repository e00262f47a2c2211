package goruntime

import (
	"slices"
	"unsafe"

	"pixelcnn/internal/onnx"
)

// sweepLen is how many elements of a result are computed at a time by steps that work
// element by element. Several of them in turn take the same elements, which then are in
// the first-level cache.
const sweepLen = 1024

// maxSweep is how many steps are joined at most.
const maxSweep = 64

// elementwise adds a step that computes each element of y, of float32, from the same
// elements of other values, or from the only one that they have: f gets so many of each.
func (p *binder) elementwise(n *node, y *value, args []*value, f func(dst []float32, args [][]float32)) {
	spread := make([][]float32, len(args)) // of values of one element
	for i, v := range args {
		if v.count != y.count {
			spread[i] = make([]float32, min(sweepLen, y.count))
		}
	}
	now := make([][]float32, len(args))
	part := func(lo, hi int) {
		for i, v := range args {
			if spread[i] == nil {
				now[i] = v.floats()[lo:hi]
				continue
			}
			if lo == 0 {
				x := v.floats()[0]
				for k := range spread[i] {
					spread[i][k] = x
				}
			}
			now[i] = spread[i][:hi-lo]
		}
		f(y.floats()[lo:hi], now)
	}
	s := &step{part: part, reads: args, writes: []*value{y}, overwrites: true}
	s.run = sweep([]*step{s})
	p.add(n, s)
}

// sweeps tells whether arguments of those shapes are one for each element of a result.
func sweeps(y *value, args ...*value) bool {
	return y.dtype == onnx.Float32 && !slices.ContainsFunc(args, func(v *value) bool {
		return v.dtype != onnx.Float32 || v.count != 1 && !slices.Equal(v.shape, y.shape)
	})
}

// sweep runs the steps by parts, all steps on a part before the next.
func sweep(steps []*step) func(*workers) error {
	n := steps[0].writes[0].count
	return func(*workers) error {
		for lo := 0; lo < n; lo += sweepLen {
			for _, s := range steps {
				s.part(lo, min(lo+sweepLen, n))
			}
		}
		return nil
	}
}

// joinSweeps makes one step of those that follow each other and work element by element.
// All values must have their place.
func joinSweeps(steps []*step) []*step {
	var out []*step
	for len(steps) > 0 {
		n := 1
		for n < min(len(steps), maxSweep) && swept(steps[:n+1]) {
			n++
		}
		s := steps[0]
		if n > 1 {
			s = &step{node: s.node, run: sweep(steps[:n])}
			for _, t := range steps[:n] {
				s.reads, s.writes = append(s.reads, t.reads...), append(s.writes, t.writes...)
			}
		}
		out = append(out, s)
		steps = steps[n:]
	}
	return out
}

// swept tells whether steps may be run by parts: they work on as many elements, and what
// they touch shares no memory, or all of it.
func swept(steps []*step) bool {
	var values []*value
	for _, s := range steps {
		if s.part == nil || s.writes[0].count != steps[0].writes[0].count {
			return false
		}
		values = append(append(values, s.reads...), s.writes...)
	}
	last := steps[len(steps)-1]
	for _, v := range append(slices.Clone(last.reads), last.writes...) {
		for _, w := range values {
			a, b := v.extent(), w.extent()
			if a != b && a[0] < b[1] && b[0] < a[1] {
				return false
			}
		}
	}
	return true
}

// extent is where a value's elements begin and end in memory.
func (v *value) extent() [2]uintptr {
	f := v.floats()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(f)))
	return [2]uintptr{at, at + 4*uintptr(len(f))}
}

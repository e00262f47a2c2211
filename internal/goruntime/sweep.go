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

// sweeper is a step that computes each element of y, of float32, from the same elements
// of at most two other values, or from the only one that they have.
type sweeper struct {
	f     func(dst []float32, args [][]float32) // of so many of each
	y     []float32
	args  [2][]float32
	n     int
	whole bool // what there is is passed on as it is

	now    [2][]float32
	spread [2][]float32 // of values of one element, so many of it
	result *value
	values []*value
}

// elementwise adds such a step.
func (p *binder) elementwise(n *node, y *value, args []*value, f func(dst []float32, args [][]float32)) {
	e := &sweeper{f: f, n: len(args), result: y, values: args}
	for i, v := range args {
		if v.count != y.count {
			e.spread[i] = make([]float32, min(sweepLen, y.count))
		}
	}
	p.add(n, &step{run: e.run, part: e.part, place: e.place, reads: args, writes: []*value{y}, overwrites: true})
}

// place looks up where everything is: small steps are done sooner than it is looked up.
func (e *sweeper) place() {
	e.y = e.result.floats()
	e.whole = len(e.y) <= sweepLen
	for i, v := range e.values {
		e.args[i] = v.floats()
		e.whole = e.whole && e.spread[i] == nil
	}
}

func (e *sweeper) run(*workers) error {
	for lo := 0; lo < len(e.y); lo += sweepLen {
		e.part(lo, min(lo+sweepLen, len(e.y)))
	}
	return nil
}

func (e *sweeper) part(lo, hi int) {
	if e.whole {
		e.f(e.y, e.args[:e.n])
		return
	}
	for i := range e.n {
		spread := e.spread[i]
		if spread == nil {
			e.now[i] = e.args[i][lo:hi]
			continue
		}
		if lo == 0 {
			x := e.args[i][0]
			for k := range spread {
				spread[k] = x
			}
		}
		e.now[i] = spread[:hi-lo]
	}
	e.f(e.y[lo:hi], e.now[:e.n])
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
	parts := make([]func(lo, hi int), len(steps))
	for i, s := range steps {
		parts[i] = s.part
	}
	return func(*workers) error {
		for lo := 0; lo < n; lo += sweepLen {
			for _, part := range parts {
				part(lo, min(lo+sweepLen, n))
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

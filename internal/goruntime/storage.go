package goruntime

import (
	"slices"

	"pixelcnn/internal/onnx"
)

// align is what places in the shared memory are multiples of, in elements: a cache
// line.
const align = 16

// placement is where the values of a binding lie in the memory of a run: those of type
// float32 that are made on the way, which share it where they are not needed at the
// same time.
type placement struct {
	size  int // of the memory, in elements
	slots []slot
}

// slot is a value's place.
type slot struct {
	data  *[]float32
	at, n int
}

// place finds where the values of a binding lie. Local values of other types, of which there
// are few, get memory of their own. The results are needed after the last step.
func (p *binder) place(results []*value) (*placement, error) {
	type span struct {
		v           *value
		first, last int
	}
	var spans []*span
	var views []*value
	of := map[*value]*span{}
	visit := func(v *value, i int) {
		if v.of != nil {
			views = append(views, v)
		}
		v, _ = v.root()
		if !v.local || v.data != nil {
			return
		}
		s := of[v]
		if s == nil {
			s = &span{v: v, first: i}
			of[v] = s
			spans = append(spans, s)
		}
		s.last = i
	}
	for i, s := range p.steps {
		for _, v := range s.writes {
			visit(v, i)
		}
		for _, v := range s.reads {
			visit(v, i)
		}
	}
	for _, v := range results {
		visit(v, len(p.steps))
	}

	var a arena
	at := make(map[*value]int, len(spans))
	next := 0
	var alive []*span
	for i, s := range p.steps {
		alive = slices.DeleteFunc(alive, func(x *span) bool {
			if x.last >= i {
				return false
			}
			if x.v.count > 0 {
				a.free(at[x.v], x.v.count)
			}
			return true
		})
		for ; next < len(spans) && spans[next].first == i; next++ {
			x := spans[next]
			if x.v.dtype != onnx.Float32 {
				if err := p.spend(bytes(x.v.dtype) * int64(x.v.count)); err != nil {
					return nil, err
				}
				x.v.data = allocate(x.v.dtype, x.v.count)
				continue
			}
			if y := heir(s, x.v); y != nil && of[y] != nil && of[y].last == i {
				if k := slices.Index(alive, of[y]); k >= 0 {
					at[x.v] = at[y]
					alive[k] = x
					continue
				}
			}
			if x.v.count > 0 {
				at[x.v] = a.take(x.v.count)
			}
			alive = append(alive, x)
		}
	}
	if err := p.spend(4 * int64(a.size)); err != nil {
		return nil, err
	}
	l := &placement{size: a.size}
	for _, x := range spans {
		if x.v.dtype == onnx.Float32 {
			x.v.data = new([]float32)
			l.add(x.v, at[x.v])
		}
	}
	for _, v := range views {
		r, from := v.root()
		switch s := of[r]; {
		case v.data != nil:
		case s == nil || r.dtype != onnx.Float32:
			v.data = part(r.data, from, v.count)
		default:
			v.data = new([]float32)
			l.add(v, at[r]+from)
		}
	}
	return l, nil
}

func (l *placement) add(v *value, at int) {
	l.slots = append(l.slots, slot{v.data.(*[]float32), at, v.count})
}

// use puts the values into a memory.
func (l *placement) use(memory []float32) {
	for _, s := range l.slots {
		*s.data = memory[s.at : s.at+s.n : s.at+s.n]
	}
}

// heir is the argument of a step whose memory its result v may take over.
func heir(s *step, v *value) *value {
	if s.writes[0] != v || s.over == nil && (!s.overwrites || len(s.writes) != 1) {
		return nil
	}
	for _, x := range s.reads {
		r, _ := x.root()
		if s.over != nil && x != s.over || !r.local || r.dtype != v.dtype || r.count != v.count {
			continue
		}
		reads, whole := 0, true
		for _, y := range s.reads {
			if root, _ := y.root(); root == r {
				reads++
				whole = whole && y.count == r.count
			}
		}
		if whole && (s.over == nil || reads == 1) {
			return r
		}
	}
	return nil
}

func (p *binder) spend(n int64) error {
	if p.memory -= n; p.memory < 0 {
		return ErrTooLarge
	}
	return nil
}

// arena hands out parts of a memory that grows, the smallest that is free and large
// enough first.
type arena struct {
	size int
	gaps []gap // sorted by place, none next to another
}

type gap struct{ at, n int }

func round(n int) int { return (n + align - 1) / align * align }

func (a *arena) take(n int) int {
	n = round(n)
	best := -1
	for i, g := range a.gaps {
		if g.n >= n && (best < 0 || g.n < a.gaps[best].n) {
			best = i
		}
	}
	if best < 0 {
		// A gap at the end can grow.
		at := a.size
		if last := len(a.gaps) - 1; last >= 0 && a.gaps[last].at+a.gaps[last].n == a.size {
			at = a.gaps[last].at
			a.gaps = a.gaps[:last]
		}
		a.size = at + n
		return at
	}
	at := a.gaps[best].at
	if a.gaps[best].at, a.gaps[best].n = at+n, a.gaps[best].n-n; a.gaps[best].n == 0 {
		a.gaps = slices.Delete(a.gaps, best, best+1)
	}
	return at
}

func (a *arena) free(at, n int) {
	n = round(n)
	i := 0
	for i < len(a.gaps) && a.gaps[i].at < at {
		i++
	}
	a.gaps = slices.Insert(a.gaps, i, gap{at, n})
	if i+1 < len(a.gaps) && at+n == a.gaps[i+1].at {
		a.gaps[i].n += a.gaps[i+1].n
		a.gaps = slices.Delete(a.gaps, i+1, i+2)
	}
	if i > 0 && a.gaps[i-1].at+a.gaps[i-1].n == at {
		a.gaps[i-1].n += a.gaps[i].n
		a.gaps = slices.Delete(a.gaps, i, i+1)
	}
}

package goruntime

// loops walks several arrays together, in row-major order of a common shape. Each
// array has a step per dimension: 0 where it is repeated, negative where it is read
// backwards. Dimensions are joined where they can be. The last two that are left,
// rows of n elements, are for the caller to loop over.
type loops struct {
	rows, n   int
	row, step [maxOperands]int // from row to row, from element to element
	at        [maxOperands]int // where the arrays are now

	dims  []int
	steps [maxOperands][]int
	base  [maxOperands]int
	index []int
	count int // arrays
	empty bool
}

// maxOperands are a result and three arguments.
const maxOperands = 4

// newLoops makes loops over a shape; steps are given per array and dimension.
func newLoops(shape []int, steps ...[]int) *loops {
	l := &loops{rows: 1, n: 1, count: len(steps)}
	for i, d := range shape {
		if d == 0 {
			l.empty = true
		}
		if d == 1 {
			continue
		}
		last := len(l.dims) - 1
		joined := last >= 0
		for k, s := range steps {
			joined = joined && l.steps[k][last] == s[i]*d
		}
		if !joined {
			l.dims = append(l.dims, 1)
			last++
		}
		l.dims[last] *= d
		for k, s := range steps {
			l.steps[k] = append(l.steps[k][:last], s[i])
		}
	}
	for k := range steps {
		l.step[k] = 1
	}
	l.n = l.pop(&l.step)
	l.rows = l.pop(&l.row)
	l.index = make([]int, len(l.dims))
	return l
}

// pop takes off the last dimension; 1 where there is none.
func (l *loops) pop(steps *[maxOperands]int) int {
	last := len(l.dims) - 1
	if last < 0 {
		return 1
	}
	for k := range l.count {
		steps[k] = l.steps[k][last]
		l.steps[k] = l.steps[k][:last]
	}
	d := l.dims[last]
	l.dims = l.dims[:last]
	return d
}

// each calls f with l.at set to the first of each lot of rows.
func (l *loops) each(f func()) {
	if l.empty {
		return
	}
	l.at = l.base
	for {
		f()
		k := len(l.dims) - 1
		for ; k >= 0; k-- {
			l.index[k]++
			if l.index[k] < l.dims[k] {
				for o := range l.count {
					l.at[o] += l.steps[o][k]
				}
				break
			}
			for o := range l.count {
				l.at[o] -= l.steps[o][k] * (l.dims[k] - 1)
			}
			l.index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// broadcastSteps are the steps of an array of a shape that is repeated to another,
// to which it broadcasts.
func broadcastSteps(from, to []int) []int {
	steps := make([]int, len(to))
	s := strides(from)
	for i, d := range from {
		if d != 1 {
			steps[i+len(to)-len(from)] = s[i]
		}
	}
	return steps
}

// broadcast is the common shape of several, by numpy's rules.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[i+rank-len(s)]
			if *o == 1 {
				*o = d
			} else if d != 1 && d != *o {
				return nil, errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out, nil
}

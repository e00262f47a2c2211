package goruntime

import "pixelcnn/internal/goruntime/kernel"

// vectorFunctions are those that are computed in float32, many at a time.
var vectorFunctions = map[string]func(dst, a, b []float32){
	"Add": kernel.Add, "Sum": kernel.Add, "Mean": kernel.Add, "Sub": kernel.Sub, "Mul": kernel.Mul, "Div": kernel.Div,
	"Max": kernel.Max, "Min": kernel.Min,
}

// rowsFunction is one of lots of rows and a row for each lot.
type rowsFunction func(dst, a []float32, nextA int, row []float32, nextRow, rows, columns int)

// rowsFunctions are those that do not care which argument is the row.
var rowsFunctions = map[string]rowsFunction{"Add": kernel.AddRows}

// vectorPairs is pairs of a function of vectors, or of rows and one row where there is one; nil
// where an argument is repeated element by element.
func vectorPairs(y, a, b *value, vector func(dst, a, b []float32), rowsAndRow rowsFunction) func(*workers) error {
	l := newLoops(y.shape, strides(y.shape), broadcastSteps(a.shape, y.shape), broadcastSteps(b.shape, y.shape))
	if l.step[1] == 0 || l.step[2] == 0 {
		return nil
	}
	x, z := newOperand(l, 1), newOperand(l, 2)
	rows, n := l.rows, l.n
	if x.side && z.side && l.row[0] == n { // all rows at once
		rows, n = 1, n*rows
	} else {
		x.repeated, z.repeated, rowsAndRow = nil, nil, nil
	}
	if rowsAndRow != nil && (x.repeated == nil) != (z.repeated == nil) {
		if x.repeated != nil {
			a, b = b, a
			l = newLoops(y.shape, strides(y.shape), broadcastSteps(a.shape, y.shape), broadcastSteps(b.shape, y.shape))
		}
		return func(*workers) error {
			dst, x, z := y.floats(), a.floats(), b.floats()
			if len(l.dims) == 1 { // as a rule, and all lots at once
				rowsAndRow(dst, x, l.steps[1][0], z, l.steps[2][0], l.rows, l.n)
				return nil
			}
			l.each(func() { rowsAndRow(dst[l.at[0]:][:n], x[l.at[1]:], 0, z[l.at[2]:], 0, l.rows, l.n) })
			return nil
		}
	}
	return func(*workers) error {
		dst := y.floats()
		x.data, z.data = a.floats(), b.floats()
		l.each(func() {
			d, x, z := dst[l.at[0]:], x.at(l.at[1]), z.at(l.at[2])
			for r := range rows {
				vector(d[r*l.row[0]:][:n], x[r*l.row[1]:][:n], z[r*l.row[2]:][:n])
			}
		})
		return nil
	}
}

// operand is an argument of vectorPairs.
type operand struct {
	data     []float32
	n        int
	side     bool      // its rows lie side by side, or can: they are few, and all the same
	repeated []float32 // those rows; nil where they are read as they lie
}

func newOperand(l *loops, i int) *operand {
	o := &operand{n: l.n, side: l.row[i] == l.n}
	if l.row[i] == 0 && l.rows*l.n <= sweepLen {
		o.side, o.repeated = true, make([]float32, l.rows*l.n)
	}
	return o
}

// at is what there is from some element on.
func (o *operand) at(i int) []float32 {
	if o.repeated == nil {
		return o.data[i:]
	}
	for n := copy(o.repeated, o.data[i:][:o.n]); n < len(o.repeated); {
		n += copy(o.repeated[n:], o.repeated[:n])
	}
	return o.repeated
}

// spread is a function of vectors of which one may have a single element. That is first written
// throughout the result, which thus must not share memory with the other.
func spread(vector func(dst, a, b []float32)) binary[float32, float32] {
	return func(dst, a, b []float32) error {
		fill := func(v []float32) []float32 {
			if len(v) == len(dst) {
				return v
			}
			for i := range dst {
				dst[i] = v[0]
			}
			return dst
		}
		vector(dst, fill(a), fill(b))
		return nil
	}
}

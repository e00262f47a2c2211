package kernel

// Add writes a + b, element by element. Like every function of vectors it panics
// where the slices differ in length; dst may be one of the others.
func Add(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	add(dst, a, b)
}

// AddRows writes a + row, lot by lot: to each of a lot's rows, of so many columns, is added the lot's
// row. From lot to lot it is nextA and nextRow numbers further; where that is 0, all have the same.
// It panics where slices are too short.
func AddRows(dst, a []float32, nextA int, row []float32, nextRow, rows, columns int) {
	lot := rows * columns
	if len(dst) == 0 {
		return
	}
	if min(rows, columns, nextA, nextRow) < 0 || lot == 0 || len(dst)%lot != 0 {
		panic("kernel: no whole number of lots of rows")
	}
	lots := len(dst) / lot
	_, _ = a[(lots-1)*nextA+lot-1], row[(lots-1)*nextRow+columns-1]
	done := addRows(dst, a, nextA, row, nextRow, rows, columns)
	if done == columns {
		return
	}
	for l := range lots {
		dst, a, row := dst[l*lot:][:lot], a[l*nextA:], row[l*nextRow:]
		for at := 0; at < lot; at += columns {
			for i := done; i < columns; i++ {
				dst[at+i] = a[at+i] + row[i]
			}
		}
	}
}

// Sub writes a - b.
func Sub(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	sub(dst, a, b)
}

// Mul writes a · b.
func Mul(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	mul(dst, a, b)
}

// Div writes a / b.
func Div(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	div(dst, a, b)
}

// Max writes the larger of a and b, and what is not a number if either is not.
func Max(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	larger(dst, a, b)
}

// Min writes the smaller of a and b, and what is not a number if either is not.
func Min(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	smaller(dst, a, b)
}

// Relu writes max(a, 0); what is not a number stays.
func Relu(dst, a []float32) {
	same(dst, a)
	relu(dst, a)
}

// Sqrt writes the square root of a, rounded once.
func Sqrt(dst, a []float32) {
	same(dst, a)
	sqrt(dst, a)
}

// Exp writes e^a, within 1.1 ulp.
func Exp(dst, a []float32) {
	same(dst, a)
	exp(dst, a)
}

// Elu writes a where that is over 0, else e^a − 1, within 2 ulp.
func Elu(dst, a []float32) {
	same(dst, a)
	elu(dst, a)
}

// Erf writes the error function of a, within 7 ulp and 4e-7.
func Erf(dst, a []float32) {
	same(dst, a)
	erf(dst, a)
}

// Sigmoid writes 1/(1 + e^-a), within 2.5 ulp, or 0 where that is below the normal
// numbers.
func Sigmoid(dst, a []float32) {
	same(dst, a)
	sigmoid(dst, a)
}

// Tanh writes the hyperbolic tangent of a, within 2.5 ulp.
func Tanh(dst, a []float32) {
	same(dst, a)
	tanh(dst, a)
}

// TanhSigmoid writes tanh(a) · sigmoid(b), within 4 ulp, or 5 where |b| is over 16. It is 0 where
// b is below -88; sigmoid(b) is below the normal numbers there.
func TanhSigmoid(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	tanhSigmoid(dst, a, b)
}

// FastTanhSigmoid is [TanhSigmoid] within 2e-7, which next to 0 is more than a few ulp.
func FastTanhSigmoid(dst, a, b []float32) {
	same(dst, a)
	same(dst, b)
	fastTanhSigmoid(dst, a, b)
}

func same(a, b []float32) {
	if len(a) != len(b) {
		panic("kernel: vectors of different lengths")
	}
}

package kernel

// Neighbouring outputs of a convolution with two or three taps need fewer products than they
// have taps, by S. Winograd's minimal algorithms (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2016, section 4): four of them 5 or 6 in place of 8 or 12, eight
// 9 or 10 in place of 16 or 24. Both the inputs and the taps are taken for coefficients of
// polynomials, and multiplied at so many points: the first of a list, and infinity. Sums are
// rounded with up to ten, of eight outputs up to some fifty times the error of plain ones.

// winogradPoints are the points beside infinity.
var winogradPoints = [...]float64{0, 1, -1, 2, -2, 0.5, -0.5, -4. / 3, 0.75}

// WinogradTaps writes the transform of two or three taps: for every point the value of their
// polynomial over what the transform of inputs leaves out. One tap is its own.
func WinogradTaps(dst, taps []float64) {
	if len(taps) == 1 {
		dst[0] = taps[0]
		return
	}
	finite := winogradPoints[:len(dst)-1]
	for j, p := range finite {
		value, scale := 0.0, 1.0
		for k := range taps {
			value = float64(value*p) + taps[len(taps)-1-k]
		}
		for k, q := range finite {
			if k != j {
				scale *= p - q
			}
		}
		dst[j] = value / scale
	}
	dst[len(finite)] = taps[len(taps)-1]
}

// winogradOfInputs transforms so many pixels.
func winogradOfInputs(points int, d [10]float32) [10]float32 {
	switch points {
	case 1:
		return d
	case 5:
		return in42(d)
	case 6:
		return in43(d)
	case 9:
		return in82(d)
	}
	return in83(d)
}

// winogradOfSums makes outputs of so many products.
func winogradOfSums(points int, m [10]float32) [8]float32 {
	switch points {
	case 1:
		return [8]float32{m[0]}
	case 5:
		return out42(m)
	case 6:
		return out43(m)
	case 9:
		return out82(m)
	}
	return out83(m)
}

func in42(d [10]float32) [10]float32 {
	t := d[3] - d[1]
	return [10]float32{
		fma(2, d[0]-d[2], t),
		t - float32(d[1]+d[2]),
		fma(3, d[1]-d[2], t),
		t,
		fma(-2, t, d[4]-d[2]),
	}
}

func out42(m [10]float32) [8]float32 {
	s, d := m[1]+m[2], m[1]-m[2]
	return [8]float32{float32(m[0]+s) + m[3], fma(2, m[3], d), fma(4, m[3], s), fma(8, m[3], d) + m[4]}
}

func in43(d [10]float32) [10]float32 {
	a, b := fma(-4, d[2], d[4]), fma(-4, d[1], d[3])
	c, e := d[4]-d[2], d[3]-d[1]
	return [10]float32{
		fma(4, d[0], fma(-5, d[2], d[4])),
		a + b, a - b,
		fma(2, e, c), fma(-2, e, c),
		fma(4, d[1], fma(-5, d[3], d[5])),
	}
}

func out43(m [10]float32) [8]float32 {
	s, d := m[1]+m[2], m[1]-m[2]
	s2, d2 := m[3]+m[4], m[3]-m[4]
	return [8]float32{float32(m[0]+s) + s2, fma(2, d2, d), fma(4, s2, s), fma(8, d2, d) + m[5]}
}

// The points −4/3 and 3/4 have no partner with the other sign; what has them for roots is multiplied
// in first: of two taps x + 4/3, of three x² + 7/12·x − 1. The other points are the roots of
// x⁷ − 5.25x⁵ + 5.25x³ − x.

// inPairs are the transforms at 0, ±1, ±2 and ±1/2.
func inPairs(q [8]float32) (v [10]float32) {
	v[0] = fma(5.25, q[2]-q[4], q[6]-q[0])
	even, odd := fma(-4.25, q[4], q[6]+q[2]), fma(-4.25, q[3], q[5]+q[1])
	v[1], v[2] = even+odd, even-odd
	even, odd = fma(0.25, q[2], fma(-1.25, q[4], q[6])), fma(0.25, q[1], fma(-1.25, q[3], q[5]))
	v[3], v[4] = fma(2, odd, even), fma(-2, odd, even)
	even, odd = fma(4, q[2], fma(-5, q[4], q[6])), fma(4, q[1], fma(-5, q[3], q[5]))
	v[5], v[6] = fma(0.5, odd, even), fma(-0.5, odd, even)
	return v
}

// inRest is all but what has −4/3, 3/4 and infinity for roots, from d1 on.
func inRest(d []float32) float32 { return fma(5.25, d[3]-d[5], d[7]-d[1]) }

func in82(d [10]float32) [10]float32 {
	var q [8]float32
	for i := range q {
		q[i] = fma(4./3, d[i], d[i+1])
	}
	v := inPairs(q)
	e0, e1 := inRest(d[:]), inRest(d[1:])
	v[7], v[8] = e0, fma(4./3, e0, e1)
	return v
}

func in83(d [10]float32) [10]float32 {
	var q [8]float32
	for i := range q {
		q[i] = fma(7./12, d[i+1], d[i+2]-d[i])
	}
	v := inPairs(q)
	e0, e1, e2 := inRest(d[:]), inRest(d[1:]), inRest(d[2:])
	v[7], v[8], v[9] = fma(-0.75, e0, e1), fma(4./3, e0, e1), fma(7./12, e1, e2-e0)
	return v
}

// outPairs are the outputs of 0, ±1, ±2, ±1/2 and so many points alone, without that of infinity.
func outPairs(m [10]float32, alone int) (y [8]float32) {
	s1, d1, s2, d2, s3, d3 := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4], m[5]+m[6], m[5]-m[6]
	y[0] = float32(m[0]+s1) + float32(s2+s3)
	for i := 1; i < len(y); i++ {
		a, b, c := d1, d2, d3
		if i%2 == 0 {
			a, b, c = s1, s2, s3
		}
		y[i] = fma(winogradPowers[1][i], c, fma(winogradPowers[0][i], b, a))
	}
	for k := range alone {
		y[0] += m[7+k]
		for i := 1; i < len(y); i++ {
			y[i] = fma(winogradPowers[2+k][i], m[7+k], y[i])
		}
	}
	return y
}

// winogradPowers are those of the points 2, 1/2, −4/3 and 3/4.
var winogradPowers = func() (p [4][8]float32) {
	for k, x := range []float64{2, 0.5, -4. / 3, 0.75} {
		power := 1.0
		for i := range p[k] {
			p[k][i] = float32(power)
			power *= x
		}
	}
	return p
}()

func out82(m [10]float32) [8]float32 {
	y := outPairs(m, 1)
	y[7] += m[8]
	return y
}

func out83(m [10]float32) [8]float32 {
	y := outPairs(m, 2)
	y[7] += m[9]
	return y
}
